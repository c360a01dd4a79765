//! Random interleavings of nodes, of what is lost, doubled and comes late, without Redis.

#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::time::Duration;

use proptest::prelude::*;
use tower_circuit_breaker::fleet::FleetCommand;
use tower_circuit_breaker::{Circuit, CircuitBuilder, CircuitState, ManualClock};

use self::process::{Process, Replies};
use self::steps::{Fate, Step, Worth, any_step, calm_step};
use crate::identity::Identity;
use crate::reach::Reach;
use crate::request::Ask;
use crate::store::ledger::Ledger;
use crate::terms::Terms;
use crate::time::Timestamp;
use crate::view::Lease;
use crate::word::Word;
use crate::words::Words;

mod apart;
mod late;
mod process;
mod steps;
mod turns;
mod upkeep;

const NODES: usize = 3;

struct Fleet {
    clock: ManualClock,
    now: u64,
    store: Ledger,
    saved: Ledger,
    terms: Terms,
    processes: Vec<Process>,
    messages: Vec<Word>,
    /// Whether Redis has kept every lease.
    leases_kept: bool,
}

const OPEN_FOR: Duration = Duration::from_secs(4);
const HOLD: Duration = Duration::from_millis(750);

impl Fleet {
    fn new(quorum: u32, fleet_probes: u32) -> Self {
        Self::with(quorum, fleet_probes, 1, |circuit| circuit.open_for(OPEN_FOR))
    }

    fn with(
        quorum: u32,
        fleet_probes: u32,
        at_once: u32,
        set: impl Fn(CircuitBuilder) -> CircuitBuilder,
    ) -> Self {
        let clock = ManualClock::new();
        let circuit = || set(Circuit::builder("api").consecutive_failures(1).clock(clock.clone()));
        let processes = (0..NODES).map(|at| Process::new(at, circuit(), at_once)).collect();
        Self {
            clock,
            // Not near the beginning of time: epochs are microseconds of Redis' clock.
            now: 1_000_000,
            store: Ledger::default(),
            saved: Ledger::default(),
            terms: Terms {
                identity: Identity::named("none", 0),
                quorum,
                fleet_probes,
                vote_window: Duration::from_secs(10),
            },
            processes,
            messages: Vec::new(),
            leases_kept: true,
        }
    }

    fn take(&mut self, step: &Step) {
        let now = self.timestamp();
        match step {
            Step::Call(at, worth) => {
                if let Some(begun) = self.processes[*at].begin(now) {
                    begun.permit.record(worth.outcome());
                }
            }
            Step::Begin(at) => {
                let process = &mut self.processes[*at];
                let begun = process.begin(now);
                process.begun.extend(begun);
            }
            Step::End(at, worth) => {
                if let Some(begun) = self.processes[*at].begun.pop() {
                    begun.permit.record(worth.outcome());
                }
            }
            Step::Drop(at) => drop(self.processes[*at].begun.pop()),
            Step::Exchange(at, fate) => self.exchange(*at, *fate, false),
            Step::Poll(at) => self.exchange(*at, Fate::Arrives, true),
            Step::Deliver { node, message, copies } => {
                if !self.messages.is_empty() && self.processes[*node].link == Reach::Up {
                    let word = self.messages[message % self.messages.len()].clone();
                    for _ in 0..*copies {
                        self.processes[*node].heard(&word, now);
                    }
                }
            }
            Step::Late(at) => {
                let process = &mut self.processes[*at];
                if let Some((answers, sent)) = process.late.pop() {
                    process.answered(&answers, true, sent, now);
                }
            }
            Step::Advance(millis) => {
                self.now += millis;
                self.clock.advance(Duration::from_millis(*millis));
            }
            Step::Stop(at, millis) => self.stop(*at, *millis),
            Step::Cut(at) => self.processes[*at].link = Reach::Down,
            Step::Refuse(at) => self.processes[*at].is_refused = true,
            Step::Mend(at) => self.processes[*at].mend(),
            Step::Flush => {
                self.store.flush();
                self.leases_kept = false;
            }
            Step::Save => self.saved = self.store.clone(),
            Step::Load => {
                self.store.load(&self.saved);
                self.leases_kept = false;
            }
            Step::Operate(at, command) => self.operate(*at, *command),
        }
        self.messages.append(&mut self.store.published);
        self.attend();
        self.check();
    }

    /// The others go on meanwhile.
    fn stop(&mut self, at: usize, millis: u64) {
        const TURN: u64 = 250;
        self.processes[at].is_stopped = true;
        let turns = std::iter::successors(Some(millis), |left| left.checked_sub(TURN));
        for left in turns {
            self.take(&Step::Advance(TURN.min(left)));
            for other in (0..NODES).filter(|other| *other != at) {
                self.take(&Step::Exchange(other, Fate::Arrives));
            }
        }
        let now = self.timestamp();
        drop(self.processes[at].begin(now));
        self.processes[at].is_stopped = false;
    }

    fn terms_of(&self, at: usize) -> Terms {
        Terms { identity: self.processes[at].identity.clone(), ..self.terms.clone() }
    }

    fn timestamp(&self) -> Timestamp {
        Timestamp::ZERO.after(Duration::from_millis(self.now))
    }

    fn attend(&mut self) {
        let now = self.timestamp();
        for process in self.processes.iter_mut().filter(|process| !process.is_stopped) {
            process.collect();
            let circuit = process.circuit.clone();
            process.node.attend(|_| Some(circuit.clone()), process.link, now);
        }
    }

    fn exchange(&mut self, at: usize, fate: Fate, with_read: bool) {
        let now = self.timestamp();
        let process = &mut self.processes[at];
        process.collect();
        if let Some((requests, sent)) = process.hung.take() {
            let answers: Replies = requests.into_iter().map(|request| (request, None)).collect();
            process.answered(&answers, true, sent, now);
        }
        if process.link == Reach::Down {
            return;
        }
        if with_read {
            process.node.ask_again();
        }
        let mut requests = process.node.requests(100, now);
        if with_read {
            requests.push(process.ask(Ask::Read));
        }
        if fate == Fate::Hangs {
            process.hung = Some((requests, now));
            return;
        }
        let (mut answers, refuses) = (Vec::new(), process.is_refused);
        for request in requests {
            let is_refused = refuses && request.ask != Ask::Read;
            let reply = (fate != Fate::RequestLost && !is_refused)
                .then(|| self.terms_of(at))
                .and_then(|terms| self.store.answer(&terms, &request.ask, self.now).ok());
            answers.push((request, reply));
        }
        let process = &mut self.processes[at];
        match fate {
            Fate::Hangs => {}
            Fate::Arrives => process.answered(&answers, true, now, now),
            Fate::RequestLost | Fate::ReplyLost => process.answered(&answers, false, now, now),
            Fate::ReplyLate => {
                // It has timed out when it comes.
                process.answered(&answers, false, now, now);
                process.late.push((answers, now));
            }
        }
    }

    fn operate(&mut self, at: usize, command: FleetCommand) {
        let now = self.timestamp();
        let process = &mut self.processes[at];
        if process.link == Reach::Up && !process.is_refused {
            let known = process.node.epoch(process.circuit.name());
            let request = process.ask(Ask::Command { known, command, words: Words::default() });
            let terms = self.terms_of(at);
            let reply = self.store.answer(&terms, &request.ask, self.now).ok();
            self.processes[at].answered(&[(request, reply)], true, now, now);
        }
    }

    /// What holds at all times.
    fn check(&mut self) {
        let (now, epoch) = (self.timestamp(), self.store.epoch());
        for process in &mut self.processes {
            let known = process.node.epoch(process.circuit.name());
            assert!(known >= process.epoch, "an epoch went backwards");
            process.epoch = known;
            process.check_end(now);
        }
        let holders = self.processes.iter().filter(|process| {
            let view = process.node.views.get(process.circuit.name());
            view.is_some_and(|view| {
                let is_held = matches!(view.lease, Lease::Held { until } if until > now);
                is_held && view.epoch() == epoch
            })
        });
        if self.leases_kept {
            let holders = holders.count();
            assert!(holders <= self.terms.fleet_probes as usize, "{holders} nodes may probe");
        }
    }

    /// What polls have found is exchanged and told until there is nothing more.
    fn settle(&mut self) {
        for _ in 0..10 {
            (0..NODES).for_each(|at| self.take(&Step::Exchange(at, Fate::Arrives)));
            self.deliver_all();
        }
    }

    fn deliver_all(&mut self) {
        let now = self.timestamp();
        for word in std::mem::take(&mut self.messages) {
            self.processes.iter_mut().for_each(|process| process.heard(&word, now));
        }
    }

    /// Everything is well again; all agree after two polls each, and recover.
    fn close_after_probe(&mut self) {
        self.messages.clear();
        for process in &mut self.processes {
            process.mend();
            process.late.clear();
            process.begun.clear();
        }
        for _ in 0..2 {
            (0..NODES).for_each(|at| self.take(&Step::Poll(at)));
            self.settle();
        }
        for process in &self.processes {
            let known = process.node.epoch(process.circuit.name());
            let is_kept = self.store.record().is_some();
            assert!(
                known == self.store.epoch() || !is_kept,
                "{} knows {known}",
                process.identity.name
            );
        }
        (0..NODES).for_each(|at| self.operate(at, FleetCommand::Release));
        self.messages.clear();
        for _ in 0..50 {
            for at in 0..NODES {
                self.take(&Step::Call(at, Worth::Well));
                self.take(&Step::Poll(at));
            }
            self.take(&Step::Advance(500));
        }
        for process in &self.processes {
            assert_eq!(process.circuit.state(), CircuitState::Closed, "{}", process.identity.name);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn all_agree_and_recover_after_whatever_was_lost(
        quorum in 1..=3_u32,
        fleet_probes in 1..3_u32,
        steps in prop::collection::vec(any_step(), 0..200),
    ) {
        let mut fleet = Fleet::new(quorum, fleet_probes);

        for step in &steps {
            fleet.take(step);
        }

        fleet.close_after_probe();
    }

    #[test]
    fn no_more_probe_than_may_while_redis_answers(
        fleet_probes in 1..3_u32,
        steps in prop::collection::vec(calm_step(), 0..200),
    ) {
        let mut fleet = Fleet::new(1, fleet_probes);

        for step in &steps {
            if matches!(step, Step::Advance(_) | Step::Stop(..)) {
                // Each has its turn before time goes on, in one order or another.
                (0..NODES).for_each(|at| fleet.take(&Step::Exchange(at, Fate::Arrives)));
            }
            fleet.take(step);
            fleet.deliver_all();
            let probing = fleet
                .processes
                .iter()
                .filter(|process| process.circuit.state() == CircuitState::HalfOpen)
                .count();

            prop_assert!(probing <= fleet_probes as usize, "{probing} nodes probe");
        }
    }
}
