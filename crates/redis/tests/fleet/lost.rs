//! Redis goes while the fleet's circuit is open and the upstream is still down: each process lets
//! through what it would without a fleet, and no more.

use std::time::Duration;

use tokio::task::{JoinHandle, JoinSet};
use tokio::time::Instant;
use tower_circuit_breaker::{Circuit, CircuitState};
use tower_circuit_breaker_redis::{SyncErrorKind, SyncStatus};

use crate::nodes::{Node, all_are, call_all, fail, registry, until, until_within, watch_for};
use crate::server::Server;

/// How Redis is lost, and how it comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Loss {
    Killed,
    Hung,
    ReadOnly,
    WithoutRights,
}

/// How long it is gone every day, and how long the upstream is still down once it is back.
const GONE: Duration = Duration::from_secs(12);
const BACK: Duration = Duration::from_secs(2);

/// It goes once, and comes back once.
const FLAPS: usize = 2;

impl Loss {
    fn begin(self, server: &mut Server) {
        match self {
            Self::Killed => server.kill(),
            Self::Hung => server.freeze(),
            Self::ReadOnly => assert_eq!(server.cli(&["replicaof", "127.0.0.1", "1"]), "OK"),
            Self::WithoutRights => {
                let rights = ["-evalsha", "-getrange", "-time", "-subscribe"];
                let user = ["acl", "setuser", "default"];
                assert_eq!(server.cli(&[user.as_slice(), &rights].concat()), "OK");
            }
        }
    }

    async fn end(self, server: &mut Server) {
        match self {
            Self::Killed => server.run().await,
            Self::Hung => server.thaw(),
            Self::ReadOnly => assert_eq!(server.cli(&["replicaof", "no", "one"]), "OK"),
            Self::WithoutRights => {
                assert_eq!(server.cli(&["acl", "setuser", "default", "+@all"]), "OK");
            }
        }
    }

    fn is_noticed(self, node: &Node) -> bool {
        match self {
            Self::Killed | Self::Hung => node.status() == SyncStatus::Disconnected,
            Self::ReadOnly => node.errors(SyncErrorKind::ReadOnly) > 0,
            Self::WithoutRights => node.errors(SyncErrorKind::NoPermission) > 0,
        }
    }
}

/// Calls that never rest, to an upstream that is down; gives the moments at which it was called.
fn knock(circuit: &Circuit, end: Instant) -> JoinHandle<Vec<Instant>> {
    let circuit = circuit.clone();
    tokio::spawn(async move {
        let mut calls = Vec::new();
        while Instant::now() < end {
            let _ = circuit
                .call(async {
                    calls.push(Instant::now());
                    Err::<(), _>("down")
                })
                .await;
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        calls
    })
}

/// It is gone for so long.
async fn loses(loss: Loss, open_for: Duration, gone: Duration) {
    let mut server = Server::start().await;
    let nodes = Node::join_all(2, &server.url(), open_for).await;
    let lone = registry(open_for).get_or_create("api");
    fail(&nodes[0].api);
    fail(&lone);
    until("all open", || all_are(&nodes, CircuitState::Open)).await;

    loss.begin(&mut server);
    let end = Instant::now() + gone + BACK;
    let alone = knock(&lone, end);
    let callers: Vec<_> = nodes.iter().map(|node| knock(&node.api, end)).collect();
    until(&format!("{loss:?} is noticed"), || nodes.iter().all(|n| loss.is_noticed(n))).await;
    watch_for((end - BACK).duration_since(Instant::now())).await;
    loss.end(&mut server).await;

    let is_gone = |call: &&Instant| **call < end - BACK;
    let alone = alone.await.unwrap();
    let alone_meanwhile = alone.iter().filter(is_gone).count();
    let alone = alone.len();
    // So many it could have let through, whatever else the machine had to do.
    let most =
        alone.max(usize::try_from((gone + BACK).as_millis() / open_for.as_millis()).unwrap());
    for (caller, node) in callers.into_iter().zip(&nodes) {
        let (calls, name) = (caller.await.unwrap(), node.sync.node());
        let what = format!("{loss:?}, {open_for:?}, {name}: {} calls, {alone} alone", calls.len());
        eprintln!("{what}");
        assert!(calls.len() <= most + FLAPS, "{what}");
        let meanwhile = calls.iter().filter(is_gone).count();
        let goes_on = meanwhile >= alone_meanwhile / 2;
        assert!(goes_on, "{what}; meanwhile {meanwhile}, {alone_meanwhile} alone");
        let soonest = calls.windows(2).map(|two| two[1] - two[0]).min().unwrap_or(open_for);
        assert!(soonest >= open_for, "{what}, the next {soonest:?} after the last");
    }
    until_within(open_for + Duration::from_secs(20), "all recover", || {
        call_all(&nodes);
        all_are(&nodes, CircuitState::Closed)
    })
    .await;
}

/// Every loss at each of these open times, all at once: they wait more than they work.
async fn every_loss(millis: &[u64], gone: Duration) {
    let mut tasks = JoinSet::new();
    for loss in [Loss::Killed, Loss::Hung, Loss::ReadOnly, Loss::WithoutRights] {
        for millis in millis {
            tasks.spawn(loses(loss, Duration::from_millis(*millis), gone));
        }
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: run by tests/run.sh"]
async fn a_redis_that_is_lost_while_open_in_any_way_lets_no_more_calls_through_than_none() {
    every_loss(&[200, 1000], GONE).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes more than a minute: run by tests/deep.sh stores"]
async fn every_loss_at_every_open_time_lets_no_more_calls_through_than_none() {
    every_loss(&[200, 1000, 5000, 30_000], Duration::from_secs(60)).await;
}
