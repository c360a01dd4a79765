//! The task of a link: listens to its circuits, to the store and to its operators.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until};
use tower_circuit_breaker::CircuitRegistry;
use tower_circuit_breaker::fleet::{FleetOrder, FleetUnreachable, Member};

use crate::changes::Changes;
use crate::link::settings::Settings;
use crate::node::Node;
use crate::options::Options;
use crate::order::Order;
use crate::outbox::Outbox;
use crate::reach::Reach;
use crate::request::{Ask, Reply, Request};
use crate::store::{Change, Store};
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
}

/// How long an open circuit waits, beyond its time, for the store to answer whether it may probe.
const HOLD: Duration = Duration::from_millis(750);

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
            hold: HOLD,
            lease: settings.probe_lease,
            vote_window: terms.vote_window,
            seed: terms.who.number,
        };
        let mut node = Node::new(options);
        node.join(Timestamp::ZERO);
        Self {
            store,
            registry,
            node,
            changes: Changes::new(settings.partitions),
            outbox,
            orders,
            terms,
            start: now,
            poll: settings.poll_interval,
            next_poll: now,
            next_full: now,
            reach: Reach::Up,
            is_deaf: false,
            waiting: Vec::new(),
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
            let wake = due.map_or(self.next_poll, |due| due.min(self.next_poll));
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
        for (name, change) in self.outbox.take() {
            if let Some(circuit) = self.registry.get(&name) {
                self.node.changed(&circuit, &change);
            }
        }
    }

    /// Sees to circuits whose open time is nearly over; gives when to come back.
    fn attend(&mut self) -> Option<Instant> {
        let (now, registry) = (self.now(), &self.registry);
        let due = self.node.attend(|name| registry.get(name), self.reach, now)?;
        Some(self.start + Duration::from_nanos(due.as_nanos()))
    }

    /// Asks what circuits have given to ask.
    async fn exchange(&mut self) {
        let requests = self.node.requests(BATCH, self.now());
        if !requests.is_empty() && self.reach == Reach::Up {
            self.ask(&requests).await;
        }
    }

    /// Asks what has changed, and reads that.
    async fn poll(&mut self) {
        let now = Instant::now();
        self.next_poll = now + self.poll;
        self.node.ask_again();
        let registry = &self.registry;
        let is_here = |name: &str| registry.get(name).is_some();
        self.node.forget(is_here, since(self.start));
        self.changes.forget(is_here);
        if now >= self.next_full {
            self.next_full = now + FULL;
            self.changes.forget_all();
            self.node.keep_forced(since(self.start));
        }
        let about = |ask| Request { circuit: "".into(), ask };
        let partitions = 0..self.changes.partitions();
        let numbers: Vec<_> =
            partitions.map(|partition| about(Ask::Changes { partition })).collect();
        let is_whole = self.ask(&numbers).await && self.read_what_is_due().await;
        if is_whole {
            self.changes.end_round();
            for waiting in self.waiting.drain(..) {
                // A caller that no longer waits does not want to know.
                let _ = waiting.send(());
            }
        }
    }

    async fn read_what_is_due(&mut self) -> bool {
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

    /// Asks in batches; gives whether all was answered.
    async fn ask(&mut self, requests: &[Request]) -> bool {
        let mut is_whole = true;
        for batch in requests.chunks(BATCH) {
            let sent = self.now();
            let answers = self.store.ask(&self.terms, batch).await;
            self.reach = if answers.is_ok() { Reach::Up } else { Reach::Down };
            let mut answers = answers.map(Vec::into_iter).ok();
            for request in batch {
                let answer = answers.as_mut().and_then(Iterator::next);
                let reply = answer.and_then(Result::ok);
                is_whole &= reply.is_some();
                self.answered(request, reply.as_ref(), sent).await;
            }
        }
        is_whole
    }

    async fn answered(&mut self, request: &Request, reply: Option<&Reply>, sent: Timestamp) {
        if let Ask::Changes { partition } = request.ask {
            let number = reply.filter(|reply| reply.code == 1).map(|reply| reply.number);
            self.changes.heard(partition, number);
            if reply.is_some_and(|reply| reply.code == 0) {
                let begin = Request { circuit: "".into(), ask: Ask::Begin { partition } };
                // What it was is known by the next poll.
                let _ = self.store.ask(&self.terms, &[begin]).await;
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
        let answers = self.store.ask(&self.terms, std::slice::from_ref(&request)).await;
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

fn since(start: Instant) -> Timestamp {
    Timestamp::ZERO.after(start.elapsed())
}
