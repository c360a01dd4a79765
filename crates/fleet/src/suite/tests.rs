//! A store that keeps all guarantees, and twelve of which each breaks one.

#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use crate::record::Word;
use crate::request::{Ask, Reply, Request};
use crate::store::{Change, Gone, MemoryStore, Refused, Store};
use crate::suite::{Guarantee, run};
use crate::terms::Terms;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Planted {
    LostLease,
    DoubleGrant,
    StaleRead,
    TimeGoesBack,
    LostMessage,
    DoubledMessage,
    ReorderedMessages,
    EpochUsedTwice,
    VoteCountedTwice,
    NumberGoesBack,
    LeaseWithoutEnd,
    Silence,
}

/// A store in memory with one fault.
struct Faulty {
    store: MemoryStore,
    planted: Planted,
    asked: u64,
    heard: u64,
    /// Of each circuit, what stood there before.
    before: HashMap<Arc<str>, Word>,
    late: VecDeque<Change>,
}

impl Faulty {
    fn new(store: MemoryStore, planted: Planted) -> Self {
        let (before, late) = (HashMap::new(), VecDeque::new());
        Self { store, planted, asked: 0, heard: 0, before, late }
    }

    fn spoil_request(&self, terms: &mut Terms, request: &mut Request) {
        match (self.planted, &mut request.ask) {
            (Planted::DoubleGrant, Ask::Lease { .. }) => terms.fleet_probes += 1,
            (Planted::LostLease, Ask::Read) => self.store.forget_leases(&request.circuit),
            (Planted::LeaseWithoutEnd, Ask::Lease { lasts, .. }) => {
                *lasts = Duration::from_secs(1_000_000);
            }
            (Planted::VoteCountedTwice, Ask::Vote { .. }) => {
                terms.who.vote = format!("again-{}", self.asked);
                terms.who.number = self.asked;
            }
            _ => {}
        }
    }

    fn spoil_reply(&mut self, request: &Request, reply: &mut Reply) {
        match (self.planted, &request.ask) {
            (Planted::StaleRead, Ask::Read) => {
                if let Some(word) = reply.word.clone() {
                    let before = self.before.insert(Arc::clone(&request.circuit), word);
                    reply.word = before.or_else(|| reply.word.take());
                }
            }
            (Planted::NumberGoesBack, Ask::Changes { .. }) => reply.number %= 4,
            (Planted::TimeGoesBack, _) => {
                if let Some(word) = &mut reply.word {
                    word.left += Duration::from_millis(50 * (self.asked % 7));
                }
            }
            (Planted::EpochUsedTwice, _) => {
                reply.word = reply.word.take().map(|word| coarse(&word));
            }
            _ => {}
        }
    }
}

/// The same with an epoch that the next has, too.
fn coarse(word: &Word) -> Word {
    let epoch = word.record.epoch();
    let line = word.record.to_string();
    let line = line.replacen(&epoch.to_string(), &(epoch / 4 * 4).to_string(), 1);
    Word { record: line.parse().unwrap(), left: word.left, age: word.age }
}

impl Store for Faulty {
    async fn ask(
        &mut self,
        terms: &Terms,
        batch: &[Request],
    ) -> Result<Vec<Result<Reply, Refused>>, Gone> {
        let mut answers = Vec::new();
        for request in batch {
            self.asked += 1;
            if self.planted == Planted::Silence && self.asked > 100 {
                std::future::pending::<()>().await;
            }
            let (mut terms, mut request) = (terms.clone(), request.clone());
            self.spoil_request(&mut terms, &mut request);
            let one = self.store.ask(&terms, std::slice::from_ref(&request)).await?;
            for mut answer in one {
                if let Ok(reply) = &mut answer {
                    self.spoil_reply(&request, reply);
                }
                answers.push(answer);
            }
        }
        Ok(answers)
    }

    async fn changed(&mut self) -> Change {
        if let Some(late) = self.late.pop_front() {
            return late;
        }
        let change = self.store.changed().await;
        self.heard += 1;
        if self.heard % 3 != 0 {
            return change;
        }
        match self.planted {
            Planted::LostMessage => self.store.changed().await,
            Planted::DoubledMessage => {
                self.late.push_back(change.clone());
                change
            }
            Planted::ReorderedMessages => {
                let next = self.store.changed().await;
                self.late.push_back(change);
                next
            }
            _ => change,
        }
    }
}

async fn broken_by(planted: Planted) -> Vec<Guarantee> {
    let store = MemoryStore::new();
    let broken = run(|| std::future::ready(Faulty::new(store.clone(), planted))).await;
    broken.iter().map(|broken| broken.guarantee()).collect()
}

#[tokio::test(start_paused = true)]
async fn a_store_in_memory_keeps_all() {
    for partitions in [1, 16] {
        let store = MemoryStore::with_partitions(partitions);
        let broken = run(|| std::future::ready(store.clone())).await;
        assert!(broken.is_empty(), "{partitions}: {broken:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn each_planted_fault_is_found_by_the_guarantee_that_it_breaks() {
    let faults = [
        (Planted::LostLease, Guarantee::Leases),
        (Planted::DoubleGrant, Guarantee::Leases),
        (Planted::StaleRead, Guarantee::Reads),
        (Planted::TimeGoesBack, Guarantee::Clock),
        (Planted::LostMessage, Guarantee::Stream),
        (Planted::DoubledMessage, Guarantee::Stream),
        (Planted::ReorderedMessages, Guarantee::Stream),
        (Planted::EpochUsedTwice, Guarantee::Epochs),
        (Planted::VoteCountedTwice, Guarantee::Votes),
        (Planted::NumberGoesBack, Guarantee::Changes),
        (Planted::LeaseWithoutEnd, Guarantee::Leases),
        (Planted::Silence, Guarantee::Stream),
    ];
    for (planted, guarantee) in faults {
        let broken = broken_by(planted).await;
        assert!(broken.contains(&guarantee), "{planted:?}: {broken:?}");
        let exact = !matches!(planted, Planted::Silence | Planted::EpochUsedTwice);
        let others = broken.iter().filter(|broken| **broken != guarantee).count();
        assert!(!exact || others <= 1, "{planted:?} breaks more than that: {broken:?}");
    }
}
