//! The one task of a process: listens to its circuits, to Redis and to its operators.

use std::collections::VecDeque;
use std::pin::Pin;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until};

use crate::circuit::Circuit;
use crate::engine::backoff::Dice;
use crate::engine::time::Timestamp;
use crate::fleet::FleetCommand;
use crate::redis::counts::{Counts, MERGE};
use crate::redis::error::{SyncError, SyncErrorKind, Why};
use crate::redis::health::{Monitor, SyncStatus};
use crate::redis::link::{Answer, Connector, Push, Pushed, Session};
use crate::redis::node::{Link, Node};
use crate::redis::outbox::Outbox;
use crate::redis::record::Word;
use crate::redis::request::{Ask, Request};
use crate::registry::CircuitRegistry;
use crate::sync::{Arc, AtomicU64, Ordering};

/// What handles ask of the task.
#[derive(Debug)]
pub(super) enum Order {
    /// Tell me when everything has been read from Redis, from now on.
    Ready(oneshot::Sender<()>),
    Command {
        circuit: Arc<str>,
        command: FleetCommand,
        done: oneshot::Sender<Result<(), SyncError>>,
    },
}

/// What the task is given.
pub(super) struct Parts {
    pub(super) registry: CircuitRegistry,
    pub(super) node: Node,
    pub(super) counts: Option<Counts>,
    pub(super) outbox: Arc<Outbox>,
    pub(super) connector: Connector,
    pub(super) session: Option<Session>,
    pub(super) pushes: mpsc::Receiver<Push>,
    pub(super) orders: mpsc::Receiver<Order>,
    pub(super) monitor: Arc<Monitor>,
    pub(super) poll: Duration,
    pub(super) seed: u64,
}

pub(super) struct Task {
    parts: Parts,
    start: Instant,
    dice: Dice,
    /// The one exchange under way, or the attempt to connect.
    work: Option<Work>,
    /// Of the connection, or of the next.
    generation: u64,
    missed: u64,
    next_attempt: Instant,
    next_poll: Instant,
    next_merge: Instant,
    due: Option<Instant>,
    /// The circuits of this round of reading that have yet to be asked for.
    unread: VecDeque<Arc<str>>,
    /// Whether all answers of this round were good.
    round: Round,
    commands: VecDeque<Waiting>,
    /// Who waits for the next round, and for the present one.
    waiting: [Vec<oneshot::Sender<()>>; 2],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Round {
    Over,
    Good,
    /// All has been read, and some of it was no record.
    Odd,
    Bad,
}

type Work = Pin<Box<dyn Future<Output = Done> + Send>>;

/// A command, and who waits for it.
struct Waiting {
    circuit: Arc<str>,
    command: FleetCommand,
    done: oneshot::Sender<Result<(), SyncError>>,
}

/// What work has come to.
enum Done {
    Connected(Result<Session, Why>),
    Asked { session: Session, requests: Arc<[Request]>, answers: Vec<Answer>, sent: Timestamp },
}

/// The questions of one exchange: as many as Redis answers in about a millisecond.
const BATCH: usize = 512;

/// The shortest time between two attempts to connect; as much again is drawn by lot.
const ATTEMPT: Duration = Duration::from_secs(1);

impl Task {
    pub(super) fn new(parts: Parts) -> Self {
        let now = Instant::now();
        Self {
            start: now,
            dice: Dice::new(parts.seed),
            work: None,
            generation: parts.session.as_ref().map_or(0, |session| session.generation),
            missed: 0,
            next_attempt: now,
            next_poll: now,
            next_merge: now,
            due: None,
            unread: VecDeque::new(),
            round: Round::Over,
            commands: VecDeque::new(),
            waiting: [Vec::new(), Vec::new()],
            parts,
        }
    }

    /// Runs until the last handle is gone.
    pub(super) async fn run(mut self) {
        loop {
            // Also when messages come faster than they are heard.
            self.collect();
            self.attend();
            self.begin_work();
            let wake = self.wake();
            let parts = &mut self.parts;
            tokio::select! {
                biased;
                done = finished(&mut self.work) => self.finish(done),
                order = parts.orders.recv() => match order {
                    Some(order) => self.obey(order),
                    None => return,
                },
                Some(push) = parts.pushes.recv() => self.hear_all(push),
                () = parts.outbox.filled() => {}
                () = sleep_until(wake) => {}
            }
            self.notice_missed();
        }
    }

    /// Sees to circuits whose open time is nearly over.
    fn attend(&mut self) {
        let link = if self.parts.session.is_some() { Link::Up } else { Link::Down };
        let (now, registry) = (self.now(), &self.parts.registry);
        let due = self.parts.node.attend(|name| registry.get(name), link, now);
        self.due = due.map(|due| self.start + Duration::from_nanos(due.as_nanos()));
    }

    /// When there is something to do without being asked.
    fn wake(&self) -> Instant {
        let next = if self.parts.session.is_none() {
            self.next_attempt
        } else if self.parts.counts.is_some() {
            self.next_poll.min(self.next_merge)
        } else {
            self.next_poll
        };
        // While work is under way, its end says when to go on.
        let next = if self.work.is_some() { None } else { Some(next) };
        let far = || Instant::now() + Duration::from_secs(3600);
        next.into_iter().chain(self.due).min().unwrap_or_else(far)
    }

    fn begin_work(&mut self) {
        if self.work.is_some() {
            return;
        }
        let now = Instant::now();
        match self.parts.session.clone() {
            Some(session) => self.begin_exchange(session, now),
            None if now >= self.next_attempt => {
                self.generation += 1;
                // Circuits come and go also while nothing can be read.
                let registry = &self.parts.registry;
                let now_here = |name: &str| registry.get(name).is_some();
                self.parts.node.forget(now_here, since(self.start));
                let (connector, generation) = (self.parts.connector.clone(), self.generation);
                self.put_off_attempt(now);
                self.work =
                    Some(Box::pin(
                        async move { Done::Connected(connector.connect(generation).await) },
                    ));
            }
            None => {}
        }
    }

    fn begin_exchange(&mut self, session: Session, now: Instant) {
        if now >= self.next_poll && self.round == Round::Over {
            self.begin_round(now);
        }
        let requests: Arc<[Request]> = self.questions(now).into();
        if requests.is_empty() {
            return;
        }
        let sent = self.now();
        self.work = Some(Box::pin(async move {
            let (session, answers) = session.ask(Arc::clone(&requests)).await;
            Done::Asked { session, requests, answers, sent }
        }));
    }

    /// Reads everything from Redis, to know what no message told.
    fn begin_round(&mut self, now: Instant) {
        let circuits = self.parts.registry.circuits();
        let registry = &self.parts.registry;
        let is_here = |name: &str| registry.get(name).is_some();
        self.parts.node.forget(is_here, since(self.start));
        if let Some(counts) = &mut self.parts.counts {
            counts.forget(is_here);
        }
        self.parts.node.keep_forced();
        self.parts.node.ask_again();
        self.unread = circuits.iter().map(|circuit| Arc::clone(circuit.shared_name())).collect();
        self.round = Round::Good;
        let [next, present] = &mut self.waiting;
        present.append(next);
        self.next_poll = now + self.parts.poll + self.up_to(self.parts.poll);
    }

    /// What to ask in the next exchange: what is urgent first.
    fn questions(&mut self, now: Instant) -> Vec<Request> {
        let node = &self.parts.node;
        let command = |waiting: &Waiting| {
            let (circuit, command) = (Arc::clone(&waiting.circuit), waiting.command);
            let known = node.epoch(&circuit);
            Request { circuit, ask: Ask::Command { known, command } }
        };
        let mut requests: Vec<_> = self.commands.iter().map(command).collect();
        requests.extend(self.parts.node.requests(BATCH, self.now()));
        if let Some(counts) = self.parts.counts.as_mut().filter(|_| now >= self.next_merge) {
            let circuits = self.parts.registry.circuits();
            requests.extend(circuits.iter().filter_map(|circuit| counts.request(circuit)));
            self.next_merge = now + MERGE;
        }
        let room = BATCH.saturating_sub(requests.len()).max(1).min(self.unread.len());
        let read = |circuit| Request { circuit, ask: Ask::Read };
        requests.extend(self.unread.drain(..room).map(read));
        if requests.is_empty() {
            self.end_round(Instant::now());
        }
        requests
    }

    fn finish(&mut self, done: Done) {
        self.work = None;
        match done {
            Done::Connected(Ok(session)) => self.connected(session),
            Done::Connected(Err(why)) => {
                self.parts.monitor.count_error(why.kind());
                self.disconnected();
            }
            Done::Asked { session, requests, answers, sent } => {
                self.asked(session, &requests, &answers, sent);
            }
        }
    }

    fn connected(&mut self, session: Session) {
        self.parts.monitor.count_connection();
        self.parts.monitor.enter(SyncStatus::Connected, Instant::now());
        self.parts.session = Some(session);
        self.next_poll = Instant::now();
    }

    fn asked(
        &mut self,
        session: Session,
        requests: &[Request],
        answers: &[Answer],
        sent: Timestamp,
    ) {
        for (request, answer) in requests.iter().zip(answers) {
            self.take(request, answer, sent);
        }
        let now = Instant::now();
        let errors = answers.iter().filter_map(|answer| answer.as_ref().err());
        // What comes after the connection was seen to end is no news of it.
        let errors = errors.filter(|_| self.parts.session.is_some());
        match errors.max_by_key(|kind| kind.ends_connection()) {
            Some(kind) if kind.ends_connection() => self.disconnected(),
            Some(_) => self.parts.monitor.enter(SyncStatus::Degraded, now),
            None => {}
        }
        // It may have loaded the scripts again.
        self.parts.session = self.parts.session.take().map(|_| session);
        if self.unread.is_empty() && self.round != Round::Over {
            self.end_round(now);
        }
    }

    /// Takes one answer.
    fn take(&mut self, request: &Request, answer: &Answer, sent: Timestamp) {
        if let Err(kind) = answer {
            self.parts.monitor.count_error(*kind);
            self.round = self.round.after(*kind);
        }
        self.pass_on(request, answer, sent);
        // Who gave the command finds it carried out here.
        if matches!(request.ask, Ask::Command { .. }) {
            self.commanded(answer);
        }
    }

    fn pass_on(&mut self, request: &Request, answer: &Answer, sent: Timestamp) {
        let Some(circuit) = self.parts.registry.get(&request.circuit) else {
            self.parts.node.answered_in_vain(request);
            return;
        };
        let now = self.now();
        if let (Ask::Count { .. }, Ok(sums)) = (&request.ask, answer) {
            self.counted(&circuit, request, [sums.code, sums.number]);
        }
        self.parts.node.answered(&circuit, request, answer.as_ref().ok(), sent, now);
    }

    fn counted(&mut self, circuit: &Circuit, request: &Request, sums: [i64; 2]) {
        let Some(counts) = &mut self.parts.counts else {
            return;
        };
        counts.added(request);
        let [calls, failures] = sums.map(|sum| u64::try_from(sum).unwrap_or(0));
        if counts.is_exceeded(calls, failures) {
            self.parts.node.exceeded(circuit);
        }
    }

    /// Answers whose command was the first: they are asked in order.
    fn commanded(&mut self, answer: &Answer) {
        if let Some(waiting) = self.commands.pop_front() {
            // Who no longer waits does not want to know.
            let answer = answer.as_ref().map(|_| ()).map_err(|kind| SyncError::new(*kind));
            let _ = waiting.done.send(answer);
        }
    }

    /// All that was asked in this round has been answered.
    fn end_round(&mut self, now: Instant) {
        let [next, present] = &mut self.waiting;
        match std::mem::replace(&mut self.round, Round::Over) {
            Round::Over => {}
            Round::Good => {
                self.parts.monitor.agree(now);
                tell_all(present);
                if self.parts.session.is_some() {
                    self.parts.monitor.enter(SyncStatus::Connected, now);
                }
            }
            Round::Odd => tell_all(present),
            Round::Bad => next.append(present),
        }
    }

    fn disconnected(&mut self) {
        let now = Instant::now();
        self.parts.session = None;
        self.unread.clear();
        self.round = self.round.after(SyncErrorKind::Unreachable);
        self.end_round(now);
        self.parts.monitor.enter(SyncStatus::Disconnected, now);
        for waiting in self.commands.drain(..) {
            let _ = waiting.done.send(Err(SyncError::new(SyncErrorKind::Unreachable)));
        }
        // Not before its time, and not all processes together.
        let soonest = self.next_attempt.max(now);
        self.next_attempt = soonest + self.up_to(ATTEMPT);
    }

    fn put_off_attempt(&mut self, now: Instant) {
        self.next_attempt = now + ATTEMPT;
    }

    fn obey(&mut self, order: Order) {
        match order {
            Order::Ready(ready) => {
                let [next, _] = &mut self.waiting;
                // Who has given up waiting takes no room.
                next.retain(|waiting| !waiting.is_closed());
                next.push(ready);
                self.next_poll = Instant::now();
            }
            Order::Command { circuit, command, done } => {
                if self.parts.session.is_none() {
                    let _ = done.send(Err(SyncError::new(SyncErrorKind::Unreachable)));
                    return;
                }
                self.commands.push_back(Waiting { circuit, command, done });
            }
        }
    }

    /// Hears `first`, and what came with it.
    fn hear_all(&mut self, first: Push) {
        self.hear(first);
        for _ in 0..BATCH {
            match self.parts.pushes.try_recv() {
                Ok(push) => self.hear(push),
                Err(_) => return,
            }
        }
    }

    fn hear(&mut self, push: Push) {
        if push.generation != self.generation {
            return;
        }
        match push.what {
            Pushed::Message(message) => match Word::parse_message(&message) {
                Ok((word, name)) => {
                    if let Some(circuit) = self.parts.registry.get(name) {
                        let now = self.now();
                        self.parts.node.heard(&circuit, Some(&word), now);
                    }
                }
                Err(_) => self.parts.monitor.count_error(SyncErrorKind::Foreign),
            },
            Pushed::Disconnected if self.parts.session.is_some() => {
                self.parts.monitor.count_error(SyncErrorKind::Unreachable);
                self.disconnected();
            }
            Pushed::Disconnected => {}
        }
    }

    /// Takes what circuits have done.
    fn collect(&mut self) {
        for (name, change) in self.parts.outbox.take() {
            if let Some(circuit) = self.parts.registry.get(&name) {
                self.parts.node.changed(&circuit, &change);
            }
        }
    }

    /// Messages came faster than they were read: what they said is read again.
    fn notice_missed(&mut self) {
        // Relaxed: it stands for itself.
        let missed = self.parts.connector.missed.load(Ordering::Relaxed);
        if missed != self.missed {
            self.parts.monitor.count_missed(missed.wrapping_sub(self.missed));
            self.missed = missed;
            self.next_poll = Instant::now();
        }
    }

    fn now(&self) -> Timestamp {
        since(self.start)
    }

    /// A time drawn by lot, below `most`.
    fn up_to(&mut self, most: Duration) -> Duration {
        let nanos = u64::try_from(most.as_nanos()).unwrap_or(u64::MAX).max(1);
        Duration::from_nanos(self.dice.roll() % nanos)
    }
}

/// The process leaves the fleet, whichever way: no circuit waits for an answer any longer.
impl Drop for Task {
    fn drop(&mut self) {
        let (now, registry) = (self.now(), &self.parts.registry);
        self.parts.node.leave(|name| registry.get(name), now);
        self.parts.outbox.close();
        self.parts.monitor.enter(SyncStatus::Stopped, Instant::now());
    }
}

impl Round {
    /// What it is after this has gone wrong.
    const fn after(self, kind: SyncErrorKind) -> Self {
        match (self, kind) {
            (Self::Over, _) => Self::Over,
            (Self::Good | Self::Odd, SyncErrorKind::Foreign) => Self::Odd,
            _ => Self::Bad,
        }
    }
}

fn tell_all(waiting: &mut Vec<oneshot::Sender<()>>) {
    for waiting in waiting.drain(..) {
        // Who no longer waits does not want to know.
        let _ = waiting.send(());
    }
}

fn since(start: Instant) -> Timestamp {
    Timestamp::ZERO.after(start.elapsed())
}

/// The end of the work, if there is any. Cancel safe.
async fn finished(work: &mut Option<Work>) -> Done {
    match work {
        Some(work) => work.await,
        None => std::future::pending().await,
    }
}

/// Counts the messages that found no room.
pub(super) fn missed() -> Arc<AtomicU64> {
    Arc::new(AtomicU64::new(0))
}
