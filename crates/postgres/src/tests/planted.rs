//! Broken copies of the store: the suite finds each by the guarantee that it breaks.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use tokio::task::JoinSet;
use tower_circuit_breaker_fleet::request::{Ask, Reply, Request};
use tower_circuit_breaker_fleet::store::{Change, Gone, Refused, Store};
use tower_circuit_breaker_fleet::suite::{self, Guarantee};
use tower_circuit_breaker_fleet::terms::Terms;
use tower_circuit_breaker_fleet::word::Word;

use crate::statements::Statements;
use crate::store::PostgresStore;
use crate::tests::server::Server;
use crate::tests::suite::store;

/// What is wrong with a copy.
#[derive(Debug, Clone, Copy)]
enum Planted {
    /// In a statement: what stands there, and what stands in its place.
    Text(fn(&mut Statements) -> &mut String, &'static str, &'static str),
    /// In what is made of answers and messages.
    Way(Way),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    StaleRead,
    LostMessage,
    DoubledMessage,
    ReorderedMessages,
    Silence,
}

/// A store over which things go wrong.
struct Faulty {
    store: PostgresStore,
    way: Option<Way>,
    before: HashMap<Arc<str>, Word>,
    late: VecDeque<Change>,
    heard: u32,
}

impl Store for Faulty {
    async fn ask(
        &mut self,
        terms: &Terms,
        batch: &[Request],
    ) -> Result<Vec<Result<Reply, Refused>>, Gone> {
        let mut answers = self.store.ask(terms, batch).await?;
        for (request, answer) in batch.iter().zip(&mut answers) {
            let is_read = self.way == Some(Way::StaleRead) && request.ask == Ask::Read;
            let Some(reply) = answer.as_mut().ok().filter(|_| is_read) else {
                continue;
            };
            if let Some(word) = reply.word.clone() {
                let before = self.before.insert(Arc::clone(&request.circuit), word);
                reply.word = before.or_else(|| reply.word.take());
            }
        }
        Ok(answers)
    }

    async fn changed(&mut self) -> Change {
        if let Some(late) = self.late.pop_front() {
            return late;
        }
        if self.way == Some(Way::Silence) {
            return std::future::pending().await;
        }
        let change = self.store.changed().await;
        self.heard += 1;
        if self.heard % 3 != 0 {
            return change;
        }
        match self.way {
            Some(Way::LostMessage) => self.store.changed().await,
            Some(Way::DoubledMessage) => {
                self.late.push_back(change.clone());
                change
            }
            Some(Way::ReorderedMessages) => {
                let next = self.store.changed().await;
                self.late.push_back(change);
                next
            }
            _ => change,
        }
    }
}

const FAULTS: [(&str, Planted, Guarantee); 16] = [
    // A lease is forgotten.
    (
        "lost-lease",
        Planted::Text(|st| &mut st.lease, "WHERE (l ->> 2)::bigint > ms AND", "WHERE false AND"),
        Guarantee::Leases,
    ),
    (
        "double-grant",
        Planted::Text(|st| &mut st.lease, "taken < $7", "taken <= $7"),
        Guarantee::Leases,
    ),
    ("stale-read", Planted::Way(Way::StaleRead), Guarantee::Reads),
    // What is left of an open time grows.
    (
        "time-goes-back",
        Planted::Text(|st| &mut st.read, "/ 1000 AS ms", "/ 1000 - (random() * 100)::int AS ms"),
        Guarantee::Clock,
    ),
    ("lost-message", Planted::Way(Way::LostMessage), Guarantee::Stream),
    ("doubled-message", Planted::Way(Way::DoubledMessage), Guarantee::Stream),
    ("reordered-messages", Planted::Way(Way::ReorderedMessages), Guarantee::Stream),
    (
        "epoch-used-twice",
        Planted::Text(|st| &mut st.command, " + 1, us)", ", us / 100000000 * 100000000)"),
        Guarantee::Epochs,
    ),
    (
        "vote-counted-twice",
        Planted::Text(
            |st| &mut st.vote,
            "jsonb_build_object($11,",
            "jsonb_build_object($11 || random(),",
        ),
        Guarantee::Votes,
    ),
    (
        "number-goes-back",
        Planted::Text(|st| &mut st.changes, "SELECT changes,", "SELECT changes % 4,"),
        Guarantee::Changes,
    ),
    (
        "lease-without-end",
        Planted::Text(|st| &mut st.lease, "ms + $5", "ms + $5 + 1000000000"),
        Guarantee::Leases,
    ),
    ("silence", Planted::Way(Way::Silence), Guarantee::Stream),
    // Without the lock a step is two, and each of those that wait goes by what was before.
    (
        "no-lock",
        Planted::Text(
            |st| &mut st.lease,
            " FOR NO KEY UPDATE",
            " AND pg_sleep(0.05)::text IS NOT NULL",
        ),
        Guarantee::Steps,
    ),
    (
        "verdict-on-an-old-epoch",
        Planted::Text(|st| &mut st.settle, "epoch > $4 OR", ""),
        Guarantee::Verdicts,
    ),
    (
        "sums-of-all-time",
        Planted::Text(
            |st| &mut st.merge,
            "WHERE bucket BETWEEN us / 1000 / $6 - $7 + 1 AND us / 1000 / $6 ",
            "",
        ),
        Guarantee::Sums,
    ),
    (
        "name-that-is-not-noticed",
        Planted::Text(|st| &mut st.announce, "before.number <> $3", "before.number = $3"),
        Guarantee::Names,
    ),
];

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs postgres: run by tests/run.sh"]
async fn each_planted_fault_is_found_by_the_guarantee_that_it_breaks() {
    let server = Server::start().await;
    let mut tasks = JoinSet::new();
    for (name, planted, guarantee) in FAULTS {
        let url = server.url();
        tasks.spawn(async move {
            let connect = || async {
                let store = store(&url, name, |statements| spoil(statements, planted)).await;
                let way = if let Planted::Way(way) = planted { Some(way) } else { None };
                let (before, late) = (HashMap::new(), VecDeque::new());
                Faulty { store, way, before, late, heard: 0 }
            };
            let broken = suite::run(connect).await;
            let found: Vec<_> = broken.iter().map(|broken| broken.guarantee()).collect();
            assert!(found.contains(&guarantee), "{name}: {broken:#?}");
            eprintln!("{name}: {found:?}");
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
}

fn spoil(statements: &mut Statements, planted: Planted) {
    if let Planted::Text(statement, stands, planted) = planted {
        let text = statement(statements);
        assert!(text.contains(stands), "{stands} does not stand in {text}");
        *text = text.replace(stands, planted);
    }
}
