//! A store in memory with one fault.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use tower_circuit_breaker::fleet::FleetCommand;

use crate::partition::MOST_PARTITIONS;
use crate::record::Cause;
use crate::request::{Ask, Merge, Reply, Request};
use crate::store::{Change, Gone, MemoryStore, Refused, Store};
use crate::terms::Terms;
use crate::word::Word;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Planted {
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
    VerdictRaisesNoNumber,
    NumberOfAnotherPartition,
    LeaseOfHalfTheTime,
    VoteOfATenthOfTheWindow,
    RateNeedsAQuorum,
    TwoStepsWhereTwoAskAtOnce,
    StreamOfCommandsAlone,
    OverrideWithoutEnd,
    SecondLeaseForWhoAsksAgain,
    KnownIsIgnoredByVotes,
    ResetIsAnotherOverride,
}

/// A store in memory with one fault, which is in all its clones.
#[derive(Clone)]
pub(super) struct Faulty {
    store: MemoryStore,
    planted: Planted,
    asked: u64,
    heard: u64,
    /// Of each circuit, what stood there before.
    before: HashMap<Arc<str>, Word>,
    late: VecDeque<Change>,
    all: Arc<OfAll>,
}

/// What all processes have to do with.
#[derive(Default)]
struct OfAll {
    /// So many are asking now.
    asking: AtomicI64,
    /// So many changes were not counted.
    uncounted: AtomicI64,
}

impl Faulty {
    pub(super) fn new(planted: Planted) -> Self {
        let store = MemoryStore::with_partitions(MOST_PARTITIONS);
        let (before, late, all) = (HashMap::new(), VecDeque::new(), Arc::default());
        Self { store, planted, asked: 0, heard: 0, before, late, all }
    }

    fn spoil_request(&self, terms: &mut Terms, request: &mut Request) {
        match (self.planted, &mut request.ask) {
            (Planted::DoubleGrant, Ask::Lease { .. }) => terms.fleet_probes += 1,
            (Planted::LostLease, Ask::Read) => self.store.forget_leases(&request.circuit),
            (Planted::LeaseWithoutEnd, Ask::Lease { lasts, .. }) => {
                *lasts = Duration::from_secs(1_000_000);
            }
            (Planted::VoteCountedTwice, Ask::Vote { .. }) => {
                terms.identity.vote = format!("again-{}", self.asked);
                terms.identity.number = self.asked;
            }
            (Planted::LeaseOfHalfTheTime, Ask::Lease { lasts, .. }) => *lasts /= 2,
            (Planted::VoteOfATenthOfTheWindow, _) => terms.vote_window /= 10,
            (Planted::RateNeedsAQuorum, Ask::Vote { cause, .. }) => *cause = Cause::Votes,
            (Planted::KnownIsIgnoredByVotes, Ask::Vote { known, .. }) => *known = 0,
            (Planted::OverrideWithoutEnd, Ask::Command { command, .. }) => without_end(command),
            (Planted::NumberOfAnotherPartition, ask) => beside(ask),
            (Planted::TwoStepsWhereTwoAskAtOnce, Ask::Lease { .. }) => {
                let is_alone = self.all.asking.load(Ordering::SeqCst) == 1;
                terms.fleet_probes += u32::from(!is_alone);
            }
            (Planted::SecondLeaseForWhoAsksAgain, Ask::Lease { .. }) => {
                let is_second = terms.fleet_probes > 1;
                terms.identity.number += if is_second { self.asked * 1000 } else { 0 };
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
            (Planted::ResetIsAnotherOverride, _) => {
                reply.word = reply.word.take().map(|word| without_serial(&word));
            }
            (Planted::VerdictRaisesNoNumber, Ask::Settle { .. } | Ask::Restore { .. }) => {
                self.all.uncounted.fetch_add(reply.code, Ordering::SeqCst);
            }
            (Planted::VerdictRaisesNoNumber, Ask::Changes { .. }) => {
                reply.number -= self.all.uncounted.load(Ordering::SeqCst);
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

/// The same as a process writes that gives no serials.
fn without_serial(word: &Word) -> Word {
    let (mut line, cause) = (word.record.to_string(), word.record.cause.as_str());
    if let Some(serial) = word.record.serial() {
        line = line.replace(&format!(" {serial} {cause} "), &format!(" 0 {cause} "));
    }
    Word { record: line.parse().unwrap(), left: word.left, age: word.age }
}

fn without_end(command: &mut FleetCommand) {
    if let FleetCommand::ForceOpen { lasting } | FleetCommand::ForceClosed { lasting } = command {
        *lasting = None;
    }
}

/// The same of the next partition.
fn beside(ask: &mut Ask) {
    let (Ask::Changes { partition }
    | Ask::Begin { partition }
    | Ask::Merge(Merge { partition, .. })) = ask
    else {
        return;
    };
    *partition = (*partition + 1) % MOST_PARTITIONS;
}

impl Store for Faulty {
    async fn ask(
        &mut self,
        terms: &Terms,
        batch: &[Request],
    ) -> Result<Vec<Result<Reply, Refused>>, Gone> {
        self.all.asking.fetch_add(1, Ordering::SeqCst);
        tokio::task::yield_now().await;
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
        self.all.asking.fetch_sub(1, Ordering::SeqCst);
        Ok(answers)
    }

    async fn changed(&mut self) -> Change {
        if let Some(late) = self.late.pop_front() {
            return late;
        }
        let mut change = self.store.changed().await;
        while self.planted == Planted::StreamOfCommandsAlone && !is_commanded(&change) {
            change = self.store.changed().await;
        }
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
                let mut next = self.store.changed().await;
                while circuit(&next) != circuit(&change) {
                    self.late.push_back(next);
                    next = self.store.changed().await;
                }
                self.late.push_back(change);
                next
            }
            _ => change,
        }
    }
}

fn circuit(change: &Change) -> Option<&str> {
    match change {
        Change::Circuit(_, circuit) => Some(circuit),
        Change::Missed | Change::Gone => None,
    }
}

fn is_commanded(change: &Change) -> bool {
    let Change::Circuit(word, _) = change else {
        return true;
    };
    matches!(word.record.cause, Cause::Operator | Cause::Reset)
}
