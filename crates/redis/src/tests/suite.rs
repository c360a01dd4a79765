//! What every store guarantees, on a real Redis and on a Redis Cluster.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tower_circuit_breaker_fleet::identity::Identity;
use tower_circuit_breaker_fleet::request::{Reply, Request};
use tower_circuit_breaker_fleet::store::{Change, Gone, Refused, Store};
use tower_circuit_breaker_fleet::suite;
use tower_circuit_breaker_fleet::terms::Terms;
use tower_circuit_breaker_fleet::word::Word;

use crate::inbox::{Inbox, Push, Pushed};
use crate::link::Connector;
use crate::scripts::Commands;
use crate::session::Session;
use crate::target::Places;
use crate::tests::server;
use crate::tests::shards::Shards;

/// One connection, asked by the rules of whoever asks.
struct LinkedStore {
    session: Session,
    pushes: mpsc::Receiver<Push>,
}

impl LinkedStore {
    async fn to(url: &str) -> Self {
        let (inbox, pushes) = Inbox::new();
        let (timeout, vote_window) = (Duration::from_secs(5), Duration::from_secs(10));
        let identity = Identity::named("suite", 0);
        let connector = Connector {
            target: Places::new(url.to_owned()).target().unwrap(),
            prefix: "suite".to_owned(),
            terms: Terms { identity, quorum: 1, vote_window, fleet_probes: 1 },
            timeout,
            inbox,
        };
        let session = connector.connect(0).await.unwrap();
        Self { session, pushes }
    }
}

impl Store for LinkedStore {
    async fn ask(
        &mut self,
        terms: &Terms,
        batch: &[Request],
    ) -> Result<Vec<Result<Reply, Refused>>, Gone> {
        let commands = Commands { keys: self.session.commands.keys.clone(), terms: terms.clone() };
        let session = Session { commands: Arc::new(commands), ..self.session.clone() };
        let heard = session.ask(batch.into()).await;
        if heard.is_lost {
            return Err(Gone::new("the connection is lost"));
        }
        let answers = heard.answers.into_iter();
        Ok(answers.map(|answer| answer.map_err(|fault| Refused::new(fault.to_string()))).collect())
    }

    async fn changed(&mut self) -> Change {
        match self.pushes.recv().await.map(|push| push.what) {
            Some(Pushed::Message(message)) => match Word::parse_message(&message) {
                Ok((word, circuit)) => Change::Circuit(word, circuit.to_owned()),
                Err(_) => Change::Missed,
            },
            Some(Pushed::Disconnected | Pushed::Elsewhere) | None => Change::Gone,
        }
    }
}

#[tokio::test]
#[ignore = "needs redis-server: run by tests/run.sh"]
async fn redis_keeps_all_that_a_store_guarantees() {
    let server = server::Server::start().await;
    let url = server.url();

    let broken = suite::run(|| LinkedStore::to(&url)).await;

    assert!(broken.is_empty(), "{broken:?}");
}

#[tokio::test]
#[ignore = "needs redis-server: run by tests/run.sh"]
async fn a_redis_cluster_keeps_all_that_a_store_guarantees() {
    let shards = Shards::start().await;
    let url = shards.primaries[0].url();

    let broken = suite::run(|| LinkedStore::to(&url)).await;

    assert!(broken.is_empty(), "{broken:?}");
}
