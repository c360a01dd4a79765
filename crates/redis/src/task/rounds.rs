//! Rounds of reading: what has changed is read, and once a minute all.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;
use tower_circuit_breaker::fleet::Member;
use tower_circuit_breaker_fleet::changes::Changes;
use tower_circuit_breaker_fleet::counts::Counts;
use tower_circuit_breaker_fleet::request::{Ask, Request};

use crate::health::SyncStatus;
use crate::kind::SyncErrorKind;
use crate::session::Answer;
use crate::task::{Round, Task, since};

/// How often all is read, whatever has changed; half as much again is drawn at random at most.
const FULL: Duration = Duration::from_secs(40);

impl Task {
    /// Asks what has changed since the last round; what has is read.
    pub(super) fn begin_round(&mut self, now: Instant) {
        let registry = &self.parts.registry;
        let is_here = |name: &str| registry.get(name).is_some();
        self.parts.node.forget(is_here, since(self.start));
        self.changes.forget(is_here);
        if let Some(counts) = &mut self.counts {
            counts.forget(is_here);
        }
        self.parts.node.ask_again();
        if now >= self.next_full {
            self.changes.forget_all();
            self.parts.node.keep_forced(since(self.start));
            self.next_full = now + FULL + self.up_to(FULL / 2);
        }
        self.uncounted = (0..self.changes.partitions()).collect();
        self.round = Round::Good;
        let [next, present] = &mut self.waiting;
        present.append(next);
        self.next_poll = now + self.parts.poll + self.up_to(self.parts.poll);
    }

    /// The questions that begin a round, and those that its answers have led to.
    pub(super) fn questions_of_round(&mut self) -> Vec<Request> {
        let uncounted = std::mem::take(&mut self.uncounted);
        self.counting += uncounted.len();
        let numbers = uncounted.into_iter().map(|partition| Ask::Changes { partition });
        let asks = self.besides.drain(..).chain(numbers);
        asks.map(|ask| Request { circuit: "".into(), ask }).collect()
    }

    /// A partition's number of changes was answered; what the last one tells is read next.
    pub(super) fn counted(&mut self, partition: u16, answer: &Answer) {
        let reply = answer.as_ref().ok();
        let number = reply.filter(|reply| reply.code == 1).map(|reply| reply.number);
        if reply.is_some_and(|reply| reply.code == 0) {
            self.besides.push(Ask::Begin { partition });
        }
        if self.changes.is_news(partition, number) {
            // That calls fail is a change, too.
            self.besides.extend(self.counts.as_ref().map(|counts| counts.question(partition)));
        }
        self.changes.heard(partition, number);
        self.counting = self.counting.saturating_sub(1);
        if self.counting == 0 && self.uncounted.is_empty() {
            self.read_what_is_due();
        }
    }

    fn read_what_is_due(&mut self) {
        let now = self.now();
        for circuit in self.parts.registry.circuits() {
            let name = circuit.shared_name();
            if self.changes.is_due(name) {
                self.unread.push_back(Arc::clone(name));
            } else {
                self.parts.node.remind(&circuit, now);
            }
        }
    }

    /// Whether nothing of this round is to be asked, or waits for its answer.
    pub(super) fn is_round_done(&self) -> bool {
        self.uncounted.is_empty() && self.counting == 0 && self.unread.is_empty()
    }

    /// All that was asked in this round has been answered.
    pub(super) fn end_round(&mut self, now: Instant) {
        let round = std::mem::replace(&mut self.round, Round::Over);
        if matches!(round, Round::Good | Round::Odd) {
            self.changes.end_round();
        }
        let [next, present] = &mut self.waiting;
        match round {
            Round::Over => {}
            Round::Good => {
                self.parts.monitor.agree(now);
                self.renewal.cured();
                tell_all(present);
                // Two of one name are not well, though Redis is; nor is one that takes no writes.
                let is_refused = self.refused.is_some_and(|(_, until)| now < until);
                let is_well = self.name_fault(now).is_none() && !is_refused;
                if self.parts.session.is_some() && is_well {
                    self.parts.monitor.enter(SyncStatus::Connected, now);
                }
            }
            Round::Odd => tell_all(present),
            Round::Bad => next.append(present),
        }
    }

    /// What was not answered is asked again over the next connection.
    pub(super) fn break_round_off(&mut self, now: Instant) {
        self.unread.clear();
        self.uncounted.clear();
        self.besides.clear();
        self.counting = 0;
        self.looks.break_off();
        self.round = self.round.after(SyncErrorKind::Unreachable);
        self.end_round(now);
    }

    /// A connection to a store of so many partitions: all is read anew.
    pub(super) fn begin_anew(&mut self, partitions: u16) {
        if partitions != self.changes.partitions() {
            self.changes = Changes::new(partitions);
            self.counts = self.parts.fleet_rate.map(|rule| Counts::new(rule, partitions));
        }
        self.read_all();
    }
}

impl Round {
    /// What it is after this has gone wrong.
    pub(super) const fn after(self, kind: SyncErrorKind) -> Self {
        match (self, kind) {
            (Self::Over, _) => Self::Over,
            (Self::Good | Self::Odd, SyncErrorKind::Foreign) => Self::Odd,
            _ => Self::Bad,
        }
    }
}

fn tell_all(waiting: &mut Vec<oneshot::Sender<()>>) {
    for waiting in waiting.drain(..) {
        // A caller that no longer waits does not want to know.
        let _ = waiting.send(());
    }
}
