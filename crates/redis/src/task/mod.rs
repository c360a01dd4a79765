//! The one task of a process: listens to its circuits, to Redis and to its operators.

use std::collections::VecDeque;
use std::mem::Discriminant;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until};
use tower_circuit_breaker::CircuitRegistry;
use tower_circuit_breaker::fleet::FleetOrder;
use tower_circuit_breaker_fleet::changes::Changes;
use tower_circuit_breaker_fleet::counts::{Counts, FleetRate};
use tower_circuit_breaker_fleet::node::Node;
use tower_circuit_breaker_fleet::order::Order;
use tower_circuit_breaker_fleet::outbox::Outbox;
use tower_circuit_breaker_fleet::reach::Reach;
use tower_circuit_breaker_fleet::request::{Ask, Request};
use tower_circuit_breaker_fleet::time::Timestamp;

use crate::error::{SyncError, Why};
use crate::fault::Fault;
use crate::health::{Monitor, SyncStatus};
use crate::inbox::Push;
use crate::kind::SyncErrorKind;
use crate::link::Connector;
use crate::look::{LastLook, Looks};
use crate::presence::Presence;
use crate::session::{Heard, Session};
use crate::task::renewal::Renewal;

mod exchange;
mod hear;
mod looks;
mod renewal;
mod rounds;

/// What the task is given.
pub(super) struct Parts {
    pub(super) registry: CircuitRegistry,
    pub(super) node: Node,
    pub(super) fleet_rate: Option<FleetRate>,
    pub(super) outbox: Arc<Outbox>,
    pub(super) connector: Connector,
    pub(super) session: Option<Session>,
    pub(super) pushes: mpsc::Receiver<Push>,
    pub(super) orders: mpsc::Receiver<Order<SyncError>>,
    pub(super) monitor: Arc<Monitor>,
    /// What operators are shown.
    pub(super) shown: LastLook,
    pub(super) poll: Duration,
    pub(super) seed: u64,
}

pub(super) struct Task {
    parts: Parts,
    start: Instant,
    random: Rng,
    /// The one exchange in flight, or the attempt to connect.
    work: Option<Work>,
    /// Of the connection, or of the next.
    generation: u64,
    /// The number of the last attempt to connect: the generation of what comes of it.
    attempt: u64,
    lagged: u64,
    oversized: u64,
    /// When Redis last answered, or let this process in.
    heard: Instant,
    /// What Redis' clock said, in milliseconds, and when.
    clock: Option<(u64, Instant)>,
    next_attempt: Instant,
    next_poll: Instant,
    next_merge: Instant,
    counts: Option<Counts>,
    /// What has been read, and which partitions have changed since.
    changes: Changes,
    /// When all is read, whatever has changed.
    next_full: Instant,
    looks: Looks,
    presence: Presence,
    renewal: Renewal,
    /// What Redis has refused to write, and until when that is believed.
    refused: Option<(Discriminant<Ask>, Instant)>,
    due: Option<Instant>,
    /// The partitions whose numbers of changes have yet to be asked for in this round, and how many of
    /// these questions are not answered yet.
    uncounted: Vec<u16>,
    counting: usize,
    /// What is to be asked besides: of partitions that have changed, or that have no number.
    besides: Vec<Ask>,
    /// The circuits of this round of reading that have yet to be asked for.
    unread: VecDeque<Arc<str>>,
    /// Whether all answers of this round were good.
    round: Round,
    commands: VecDeque<Waiting>,
    /// The callers that wait for the next round, and for the present one.
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

/// A command, and the caller that waits for it.
struct Waiting {
    circuit: Arc<str>,
    order: FleetOrder,
    done: oneshot::Sender<Result<(), SyncError>>,
}

/// What work has come to.
enum Done {
    Connected(Result<Session, Why>),
    Asked { requests: Arc<[Request]>, heard: Heard, sent: Timestamp },
}

/// The questions of one exchange: as many as Redis answers in about a millisecond.
const BATCH: usize = 512;

impl Task {
    pub(super) fn new(parts: Parts) -> Self {
        let now = Instant::now();
        let partitions = parts.session.as_ref().map_or(1, Session::partitions);
        Self {
            start: now,
            random: Rng::with_seed(parts.seed),
            work: None,
            generation: parts.session.as_ref().map_or(0, |session| session.generation),
            attempt: 0,
            lagged: 0,
            oversized: 0,
            heard: now,
            clock: None,
            next_attempt: now,
            next_poll: now,
            next_merge: now,
            counts: parts.fleet_rate.map(|rule| Counts::new(rule, partitions)),
            changes: Changes::new(partitions),
            next_full: now,
            looks: Looks::new(now),
            presence: Presence::new(now),
            renewal: Renewal::default(),
            refused: None,
            due: None,
            uncounted: Vec::new(),
            counting: 0,
            besides: Vec::new(),
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
        let link = if self.parts.session.is_some() { Reach::Up } else { Reach::Down };
        let (now, registry) = (self.now(), &self.parts.registry);
        let due = self.parts.node.attend(|name| registry.get(name), link, now);
        self.due = due.map(|due| self.start + Duration::from_nanos(due.as_nanos()));
    }

    /// When there is something to do without being asked.
    fn wake(&self) -> Instant {
        let next = if self.parts.session.is_none() {
            self.next_attempt
        } else {
            let merge = self.counts.as_ref().map(|_| self.next_merge);
            let others = [self.next_poll, self.presence.next()];
            let others = others.into_iter().chain(self.looks.due());
            others.chain(merge).min().unwrap_or(self.next_poll)
        };
        let next = self.renewal.due().map_or(next, |due| due.min(next));
        // While work is in flight, its end says when to go on.
        let next = if self.work.is_some() { None } else { Some(next) };
        let far = || Instant::now() + Duration::from_secs(3600);
        next.into_iter().chain(self.due).min().unwrap_or_else(far)
    }

    fn obey(&mut self, order: Order<SyncError>) {
        match order {
            Order::Ready(ready) => {
                let [next, _] = &mut self.waiting;
                // A caller that has given up waiting takes no room.
                next.retain(|waiting| !waiting.is_closed());
                next.push(ready);
                self.read_all();
            }
            Order::Look => self.looks.want(),
            Order::Command { circuit, order, done } => {
                if self.parts.session.is_none() {
                    let _ = done.send(Err(SyncError::new(self.away())));
                    return;
                }
                self.commands.push_back(Waiting { circuit, order, done });
            }
        }
    }

    /// Has all read now, whatever has changed.
    fn read_all(&mut self) {
        self.next_full = Instant::now();
        self.next_poll = self.next_full;
    }

    /// That Redis cannot be asked now, and why.
    pub(super) fn away(&self) -> Fault {
        let last = self.parts.monitor.last_error();
        let why = last.map_or_else(String::new, |last| format!(": {last}"));
        Fault::new(SyncErrorKind::Unreachable, &format!("there is no connection now{why}"))
    }

    /// Takes what circuits have done.
    fn collect(&mut self) {
        for (name, change) in self.parts.outbox.take() {
            if let Some(circuit) = self.parts.registry.get(&name) {
                self.parts.node.changed(&circuit, &change);
            }
        }
    }

    fn now(&self) -> Timestamp {
        since(self.start)
    }

    /// A time drawn at random, below `most`.
    fn up_to(&mut self, most: Duration) -> Duration {
        let nanos = u64::try_from(most.as_nanos()).unwrap_or(u64::MAX).max(1);
        Duration::from_nanos(self.random.u64(..) % nanos)
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
