//! The task of a link: listens to its circuits, to the store and to its operators.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until};
use tower_circuit_breaker::CircuitRegistry;
use tower_circuit_breaker::fleet::{FleetOrder, FleetUnreachable, Member};

use crate::changes::Changes;
use crate::counts::Counts;
use crate::link::clock::{at, since};
use crate::link::round::Round;
use crate::link::settings::Settings;
use crate::node::Node;
use crate::options::Options;
use crate::order::Order;
use crate::outbox::Outbox;
use crate::reach::Reach;
use crate::request::{Ask, Merge, Reply, Request};
use crate::store::{Change, Gone, Refused, Store};
use crate::terms::Terms;
use crate::time::Timestamp;
use crate::words::Words;

pub(super) struct Driver<S> {
    store: S,
    registry: CircuitRegistry,
    node: Node,
    changes: Changes,
    outbox: Arc<Outbox>,
    orders: mpsc::Receiver<Order<FleetUnreachable>>,
    terms: Terms,
    start: Instant,
    poll: Duration,
    next_poll: Instant,
    /// When all is read, whatever has changed.
    next_full: Instant,
    /// Whether the store answered last.
    reach: Reach,
    /// Whether its stream has ended.
    is_deaf: bool,
    waiting: Vec<oneshot::Sender<()>>,
    counts: Option<Counts>,
    /// How often what calls meet is merged, and when it is next.
    merge: Duration,
    next_merge: Instant,
    /// What jitter is drawn from.
    random: u64,
}

/// What the store answers to a batch.
type Answers = Result<Vec<Result<Reply, Refused>>, Gone>;

/// How often all is read, whatever has changed.
const FULL: Duration = Duration::from_secs(60);

/// The requests of one batch.
const BATCH: usize = 512;

impl<S: Store> Driver<S> {
    pub(super) fn new(
        store: S,
        registry: CircuitRegistry,
        outbox: Arc<Outbox>,
        orders: mpsc::Receiver<Order<FleetUnreachable>>,
        settings: Settings,
    ) -> Self {
        let (now, terms) = (Instant::now(), settings.terms().clone());
        let options = Options {
            hold: settings.hold,
            lease: settings.probe_lease,
            vote_window: terms.vote_window,
            seed: terms.identity.number,
        };
        let merge = settings.fleet_rate.map_or(Duration::ZERO, |(_, every)| every);
        let rule = settings.fleet_rate.map(|(rule, _)| rule);
        Self {
            store,
            registry,
            node: Node::new(options),
            changes: Changes::new(settings.partitions),
            outbox,
            orders,
            start: now,
            poll: settings.poll_interval,
            next_poll: now,
            next_full: now,
            reach: Reach::Up,
            is_deaf: false,
            waiting: Vec::new(),
            counts: rule.map(|rule| Counts::new(rule, settings.partitions)),
            merge,
            next_merge: now,
            random: terms.identity.number,
            terms,
        }
    }

    /// Runs until the last handle is gone.
    pub(super) async fn run(mut self) {
        loop {
            self.collect();
            let due = self.attend();
            self.exchange().await;
            if Instant::now() >= self.next_poll {
                self.poll().await;
            }
            if self.counts.is_some() && Instant::now() >= self.next_merge {
                self.merge().await;
            }
            let merge = self.counts.as_ref().map(|_| self.next_merge);
            let wakes = [Some(self.next_poll), due, merge].into_iter().flatten();
            let wake = wakes.min().unwrap_or(self.next_poll);
            let is_deaf = self.is_deaf;
            tokio::select! {
                order = self.orders.recv() => match order {
                    Some(order) => self.obey(order).await,
                    None => return,
                },
                change = self.store.changed(), if !is_deaf => self.hear(change),
                () = self.outbox.filled() => {}
                () = sleep_until(wake) => {}
            }
        }
    }

    /// Takes what circuits have done.
    fn collect(&mut self) {
        collect(&self.outbox, &self.registry, &mut self.node);
    }

    /// Sees to circuits whose open time is nearly over; gives when to come back.
    fn attend(&mut self) -> Option<Instant> {
        let (now, registry) = (self.now(), &self.registry);
        let due = self.node.attend(|name| registry.get(name), self.reach, now)?;
        Some(at(self.start, due))
    }

    /// Asks what circuits have given to ask.
    async fn exchange(&mut self) {
        // What cannot be asked now is kept.
        if self.reach == Reach::Up {
            let requests = self.node.requests(BATCH, self.now());
            self.ask(&requests).await;
        }
    }

    /// Asks what has changed, and reads that.
    async fn poll(&mut self) {
        let now = Instant::now();
        self.next_poll = now + self.poll + self.up_to(self.poll);
        self.node.ask_again();
        let registry = &self.registry;
        let is_here = |name: &str| registry.get(name).is_some();
        self.node.forget(is_here, since(self.start));
        self.changes.forget(is_here);
        if let Some(counts) = &mut self.counts {
            counts.forget(is_here);
        }
        if now >= self.next_full {
            self.next_full = now + FULL;
            self.changes.forget_all();
            self.node.keep_forced(since(self.start));
        }
        let about = |ask| Request { circuit: "".into(), ask };
        let partitions = 0..self.changes.partitions();
        let numbers: Vec<_> =
            partitions.map(|partition| about(Ask::Changes { partition })).collect();
        let round = match self.ask(&numbers).await {
            Round::Whole => self.read_what_is_due().await,
            // Without the numbers nothing is known of what has changed.
            Round::Odd | Round::Broken => Round::Broken,
        };
        if round == Round::Broken {
            return;
        }
        self.changes.end_round();
        if round == Round::Whole {
            self.store.agreed();
        }
        for waiting in self.waiting.drain(..) {
            // A caller that no longer waits does not want to know.
            let _ = waiting.send(());
        }
    }

    async fn read_what_is_due(&mut self) -> Round {
        let now = self.now();
        let mut reads = Vec::new();
        for circuit in self.registry.circuits() {
            let name = circuit.shared_name();
            if self.changes.is_due(name) {
                reads.push(Request { circuit: Arc::clone(name), ask: Ask::Read });
            } else {
                self.node.remind(&circuit, now);
            }
        }
        self.ask(&reads).await
    }

    /// Adds what calls have met to the sums of the fleet.
    async fn merge(&mut self) {
        self.next_merge = Instant::now() + self.merge;
        let (now, node) = (self.now(), &self.node);
        let circuits = self.registry.circuits();
        let requests = self
            .counts
            .as_mut()
            .map(|counts| counts.requests(&circuits, |name| node.epoch(name), now));
        if self.reach == Reach::Up {
            self.ask(&requests.unwrap_or_default()).await;
        }
    }

    /// Asks in batches.
    async fn ask(&mut self, requests: &[Request]) -> Round {
        let mut round = Round::Whole;
        for batch in requests.chunks(BATCH) {
            let sent = self.now();
            let answers = self.answers(batch).await;
            let mut answers = answers.map(Vec::into_iter).ok();
            for request in batch {
                let answer = answers.as_mut().and_then(Iterator::next);
                round = round.after(request, answer.as_ref());
                self.answered(request, answer.and_then(Result::ok).as_ref(), sent).await;
            }
        }
        round
    }

    /// What the store answers. It may take its time: circuits are seen to meanwhile.
    async fn answers(&mut self, batch: &[Request]) -> Answers {
        let Self { store, registry, node, outbox, terms, start, reach, .. } = self;
        let mut asking = pin!(store.ask(terms, batch));
        let answers = loop {
            collect(outbox, registry, node);
            let due = node.attend(|name| registry.get(name), *reach, since(*start));
            let wake = due.map_or_else(|| Instant::now() + FULL, |due| at(*start, due));
            tokio::select! {
                biased;
                answers = &mut asking => break answers,
                () = outbox.filled() => {}
                () = sleep_until(wake) => {}
            }
        };
        *reach = if answers.is_ok() { Reach::Up } else { Reach::Down };
        if answers.is_ok() {
            // The first time counts.
            node.join(since(*start));
        }
        answers
    }

    async fn answered(&mut self, request: &Request, reply: Option<&Reply>, sent: Timestamp) {
        if let Ask::Merge(merge) = &request.ask {
            self.merged(merge, reply);
            return;
        }
        if let Ask::Changes { partition } = request.ask {
            let number = reply.filter(|reply| reply.code == 1).map(|reply| reply.number);
            // That calls fail is a change, too.
            let question = self.counts.as_ref().map(|counts| counts.question(partition));
            if let Some(ask) = question.filter(|_| self.changes.is_news(partition, number)) {
                let question = Request { circuit: "".into(), ask };
                let answers = self.answers(std::slice::from_ref(&question)).await;
                if let (Ask::Merge(merge), Ok(Some(Ok(reply)))) =
                    (&question.ask, answers.map(|mut answers| answers.pop()))
                {
                    self.merged(merge, Some(&reply));
                }
            }
            self.changes.heard(partition, number);
            if reply.is_some_and(|reply| reply.code == 0) {
                let begin = Request { circuit: "".into(), ask: Ask::Begin { partition } };
                // What it was is known by the next poll.
                let _ = self.answers(&[begin]).await;
            }
            return;
        }
        let now = self.now();
        let Some(circuit) = self.registry.get(&request.circuit) else {
            self.node.answered_in_vain(request);
            if let Some(word) = reply.and_then(|reply| reply.word.as_ref()) {
                self.node.overheard(&request.circuit, word, now);
            }
            return;
        };
        if request.ask == Ask::Read && reply.is_some() {
            self.changes.has_read(&request.circuit);
        }
        self.node.answered(&circuit, request, reply, sent, now);
    }

    /// The store has added `merge`: where the whole fleet meets too many failures, the circuit is to open.
    fn merged(&mut self, merge: &Merge, reply: Option<&Reply>) {
        let (Some(counts), Some(reply)) = (&mut self.counts, reply) else {
            return;
        };
        for circuit in counts.merged(merge, reply) {
            if let Some(circuit) = self.registry.get(&circuit) {
                self.node.exceeded(&circuit);
            }
        }
    }

    fn hear(&mut self, change: Change) {
        let now = self.now();
        match change {
            Change::Circuit(word, name) => match self.registry.get(&name) {
                Some(circuit) => self.node.heard(&circuit, Some(&word), now),
                None => self.node.overheard(&name, &word, now),
            },
            Change::Missed => self.read_all(),
            Change::Gone => {
                self.is_deaf = true;
                self.read_all();
            }
        }
    }

    fn read_all(&mut self) {
        self.next_full = Instant::now();
        self.next_poll = self.next_full;
    }

    async fn obey(&mut self, order: Order<FleetUnreachable>) {
        match order {
            Order::Ready(ready) => {
                self.waiting.retain(|waiting| !waiting.is_closed());
                self.waiting.push(ready);
                self.read_all();
            }
            // Nothing is read for operators.
            Order::Look => {}
            Order::Command { circuit, order, done } => {
                let given = self.give(circuit, &order).await;
                let _ = done.send(given);
            }
        }
    }

    async fn give(
        &mut self,
        circuit: Arc<str>,
        order: &FleetOrder,
    ) -> Result<(), FleetUnreachable> {
        let (known, command) = (self.node.epoch(&circuit), order.command);
        let ask = Ask::Command { known, command, words: Words::of(order) };
        let (request, sent) = (Request { circuit, ask }, self.now());
        let answers = self.answers(std::slice::from_ref(&request)).await;
        let answer = answers.map_err(|gone| FleetUnreachable::new(gone.to_string()))?.pop();
        let silent = || FleetUnreachable::new("the store gave no answer");
        let reply = answer.ok_or_else(silent)?;
        let reply = reply.map_err(|refused| FleetUnreachable::new(refused.to_string()))?;
        // The caller finds it carried out here.
        self.answered(&request, Some(&reply), sent).await;
        Ok(())
    }

    fn now(&self) -> Timestamp {
        since(self.start)
    }

    /// A time drawn at random, below `most`.
    fn up_to(&mut self, most: Duration) -> Duration {
        // Good enough that not all processes ask at the same moment.
        self.random =
            self.random.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        let share = u32::try_from(self.random >> 32).unwrap_or(0);
        most.mul_f64(f64::from(share) / f64::from(u32::MAX))
    }
}

/// The process leaves the fleet, whichever way: no circuit waits for an answer any longer.
impl<S> Drop for Driver<S> {
    // Cannot panic: it tells circuits that they go by themselves.
    fn drop(&mut self) {
        let (now, registry) = (since(self.start), &self.registry);
        self.node.leave(|name| registry.get(name), now);
        self.outbox.close();
    }
}

/// Has the node know what circuits have done.
fn collect(outbox: &Outbox, registry: &CircuitRegistry, node: &mut Node) {
    for (name, change) in outbox.take() {
        if let Some(circuit) = registry.get(&name) {
            node.changed(&circuit, &change);
        }
    }
}
