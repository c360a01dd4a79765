//! Random interleavings of nodes, of what is lost, doubled and comes late, without Redis.

#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::time::Duration;

use proptest::prelude::*;

use crate::circuit::Circuit;
use crate::clock::manual::ManualClock;
use crate::engine::state::CircuitState;
use crate::engine::time::Timestamp;
use crate::fleet::FleetCommand;
use crate::permit::Permit;
use crate::redis::node::store::{Store, Terms};
use crate::redis::node::{Link, Node};
use crate::redis::options::Options;
use crate::redis::outbox::{Outbox, Scribe};
use crate::redis::record::Word;
use crate::redis::request::{Ask, Reply, Request};
use crate::redis::view::Lease;
use crate::sync::Arc;
use crate::{FailureKind, Outcome};

const NODES: usize = 3;

/// One thing that happens.
#[derive(Debug, Clone)]
enum Step {
    /// A call that ends at once, well or not.
    Call(usize, Worth),
    /// A call that begins, and one that ends.
    Begin(usize),
    End(usize, Worth),
    /// The node exchanges with Redis.
    Exchange(usize, Fate),
    /// It reads what stands there.
    Poll(usize),
    /// A message that was published comes to the node, wherever in the line it stands.
    Deliver {
        node: usize,
        message: usize,
        copies: usize,
    },
    /// A reply that was late comes now.
    Late(usize),
    Advance(u64),
    Cut(usize),
    Mend(usize),
    Flush,
    /// Redis remembers what was, and forgets what came after.
    Save,
    Load,
    Operate(usize, FleetCommand),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Worth {
    Well,
    Bad,
}

/// What becomes of an exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Arrives,
    RequestLost,
    ReplyLost,
    ReplyLate,
}

/// A process.
struct Process {
    name: String,
    node: Node,
    circuit: Circuit,
    outbox: Arc<Outbox>,
    link: Link,
    begun: Vec<Permit>,
    late: Vec<(Vec<(Request, Reply)>, Timestamp)>,
    epoch: u64,
}

struct Fleet {
    clock: ManualClock,
    now: u64,
    store: Store,
    saved: Store,
    terms: Terms,
    processes: Vec<Process>,
    messages: Vec<Word>,
    /// Whether Redis has kept every lease.
    leases_kept: bool,
}

const OPEN_FOR: Duration = Duration::from_secs(4);

impl Fleet {
    fn new(quorum: usize, fleet_probes: u32) -> Self {
        let clock = ManualClock::new();
        let processes = (0..NODES).map(|at| Process::new(at, &clock)).collect();
        Self {
            clock,
            // Not near the beginning of time: epochs are microseconds of Redis' clock.
            now: 1_000_000,
            store: Store::default(),
            saved: Store::default(),
            terms: Terms { quorum, fleet_probes, vote_window_ms: 10_000 },
            processes,
            messages: Vec::new(),
            leases_kept: true,
        }
    }

    fn take(&mut self, step: &Step) {
        let now = self.timestamp();
        match step {
            Step::Call(at, worth) => {
                if let Ok(permit) = self.processes[*at].circuit.try_acquire() {
                    permit.record(worth.outcome());
                }
            }
            Step::Begin(at) => {
                let process = &mut self.processes[*at];
                process.begun.extend(process.circuit.try_acquire());
            }
            Step::End(at, worth) => {
                if let Some(permit) = self.processes[*at].begun.pop() {
                    permit.record(worth.outcome());
                }
            }
            Step::Exchange(at, fate) => self.exchange(*at, *fate, false),
            Step::Poll(at) => self.exchange(*at, Fate::Arrives, true),
            Step::Deliver { node, message, copies } => {
                if !self.messages.is_empty() && self.processes[*node].link == Link::Up {
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
            Step::Cut(at) => self.processes[*at].link = Link::Down,
            Step::Mend(at) => self.processes[*at].link = Link::Up,
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

    fn timestamp(&self) -> Timestamp {
        Timestamp::ZERO.after(Duration::from_millis(self.now))
    }

    fn attend(&mut self) {
        let now = self.timestamp();
        for process in &mut self.processes {
            process.collect();
            let circuit = process.circuit.clone();
            process.node.attend(|_| Some(circuit.clone()), process.link, now);
        }
    }

    fn exchange(&mut self, at: usize, fate: Fate, with_read: bool) {
        let now = self.timestamp();
        let process = &mut self.processes[at];
        process.collect();
        if process.link == Link::Down {
            return;
        }
        if with_read {
            process.node.ask_again();
        }
        let mut requests = process.node.requests(100, now);
        if with_read {
            requests.push(process.ask(Ask::Read));
        }
        let mut answers = Vec::new();
        for request in requests {
            let reply = match fate {
                Fate::RequestLost => Reply { code: 0, number: 0, word: None },
                _ => self.store.answer(&process.name, &request, self.terms, self.now),
            };
            answers.push((request, reply));
        }
        match fate {
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
        if process.link == Link::Up {
            let known = process.node.epoch(process.circuit.name());
            let request = process.ask(Ask::Command { known, command });
            let reply = self.store.answer(&process.name, &request, self.terms, self.now);
            process.answered(&[(request, reply)], true, now, now);
        }
    }

    /// What holds at all times.
    fn check(&mut self) {
        let (now, epoch) = (self.timestamp(), self.store.epoch());
        for process in &mut self.processes {
            let known = process.node.epoch(process.circuit.name());
            assert!(known >= process.epoch, "an epoch went backwards");
            process.epoch = known;
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
    fn heal(&mut self) {
        self.messages.clear();
        for process in &mut self.processes {
            process.link = Link::Up;
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
            assert!(known == self.store.epoch() || !is_kept, "{} knows {known}", process.name);
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
            assert_eq!(process.circuit.state(), CircuitState::Closed, "{}", process.name);
        }
    }
}

impl Process {
    fn new(at: usize, clock: &ManualClock) -> Self {
        let outbox = Arc::new(Outbox::new());
        let circuit = Circuit::builder("api")
            .consecutive_failures(1)
            .open_for(OPEN_FOR)
            .clock(clock.clone())
            .listener(Scribe(Arc::clone(&outbox)))
            .build();
        let options = Options { hold: Duration::from_millis(750), lease: None };
        Self {
            name: format!("node-{at}"),
            node: Node::new(options),
            circuit,
            outbox,
            link: Link::Up,
            begun: Vec::new(),
            late: Vec::new(),
            epoch: 0,
        }
    }

    fn ask(&self, ask: Ask) -> Request {
        Request { circuit: Arc::clone(self.circuit.shared_name()), ask }
    }

    fn collect(&mut self) {
        for change in self.outbox.take().values() {
            self.node.changed(&self.circuit, change);
        }
    }

    fn heard(&mut self, word: &Word, now: Timestamp) {
        self.node.heard(&self.circuit, Some(word), now);
    }

    fn answered(
        &mut self,
        answers: &[(Request, Reply)],
        is_in_time: bool,
        sent: Timestamp,
        now: Timestamp,
    ) {
        for (request, reply) in answers {
            let reply = Some(reply).filter(|_| is_in_time);
            self.node.answered(&self.circuit, request, reply, sent, now);
        }
    }
}

impl Worth {
    const fn outcome(self) -> Outcome {
        match self {
            Self::Well => Outcome::Success,
            Self::Bad => Outcome::Failure(FailureKind::OTHER),
        }
    }
}

fn worth() -> impl Strategy<Value = Worth> {
    prop_oneof![Just(Worth::Well), Just(Worth::Bad)]
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        4 => Just(Fate::Arrives),
        1 => Just(Fate::RequestLost),
        1 => Just(Fate::ReplyLost),
        1 => Just(Fate::ReplyLate),
    ]
}

fn command() -> impl Strategy<Value = FleetCommand> {
    prop_oneof![
        Just(FleetCommand::Reset),
        Just(FleetCommand::ForceOpen),
        Just(FleetCommand::ForceClosed),
        Just(FleetCommand::Release),
    ]
}

fn millis() -> impl Strategy<Value = u64> {
    prop_oneof![0..20_u64, 50..500_u64, 1000..6000_u64]
}

/// Whatever can happen.
fn any_step() -> impl Strategy<Value = Step> {
    let node = || 0..NODES;
    prop_oneof![
        6 => (node(), worth()).prop_map(|(at, worth)| Step::Call(at, worth)),
        2 => node().prop_map(Step::Begin),
        2 => (node(), worth()).prop_map(|(at, worth)| Step::End(at, worth)),
        8 => (node(), fate()).prop_map(|(at, fate)| Step::Exchange(at, fate)),
        2 => node().prop_map(Step::Poll),
        4 => (node(), 0..50_usize, 1..3_usize)
            .prop_map(|(node, message, copies)| Step::Deliver { node, message, copies }),
        1 => node().prop_map(Step::Late),
        5 => millis().prop_map(Step::Advance),
        1 => node().prop_map(Step::Cut),
        2 => node().prop_map(Step::Mend),
        1 => prop_oneof![Just(Step::Flush), Just(Step::Save), Just(Step::Load)],
        1 => (node(), command()).prop_map(|(at, command)| Step::Operate(at, command)),
    ]
}

/// What happens while nothing is lost.
fn calm_step() -> impl Strategy<Value = Step> {
    let node = || 0..NODES;
    prop_oneof![
        6 => (node(), worth()).prop_map(|(at, worth)| Step::Call(at, worth)),
        2 => node().prop_map(Step::Begin),
        2 => (node(), worth()).prop_map(|(at, worth)| Step::End(at, worth)),
        4 => node().prop_map(|at| Step::Exchange(at, Fate::Arrives)),
        5 => (0..1500_u64).prop_map(Step::Advance),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn all_agree_and_recover_after_whatever_was_lost(
        quorum in 1..=NODES,
        fleet_probes in 1..3_u32,
        steps in prop::collection::vec(any_step(), 0..200),
    ) {
        let mut fleet = Fleet::new(quorum, fleet_probes);

        for step in &steps {
            fleet.take(step);
        }

        fleet.heal();
    }

    #[test]
    fn no_more_probe_than_may_while_redis_answers(
        fleet_probes in 1..3_u32,
        steps in prop::collection::vec(calm_step(), 0..200),
    ) {
        let mut fleet = Fleet::new(1, fleet_probes);

        for step in &steps {
            if matches!(step, Step::Advance(_)) {
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
