//! Race models of what stands around the engine; see `engine::explore`.

#![allow(clippy::panic, clippy::unwrap_used, reason = "these are tests")]

use std::convert::Infallible;
use std::future::{Future, Ready, pending, ready};
use std::pin::pin;
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use tower_service::Service;

use crate::circuit::Circuit;
use crate::circuit::builder::CircuitBuilder;
use crate::circuit::classify::ErrorsAsFailures;
use crate::clock::Clock;
use crate::engine::explore::{Depth, explore, race, race_of_three};
use crate::engine::state::{CircuitState, Override};
use crate::events::event::CircuitEvent;
use crate::service::completion::AtResult;
use crate::service::rejection::Typed;
use crate::service::service::CircuitBreaker;
use crate::service::shared::Shared;
use crate::service::wait::timer::Timer;
use crate::sync::{Arc, AtomicU64, Mutex, Ordering, lock};

mod group;
mod keyed;
mod listeners;
mod registry;

struct Stopped;

impl Clock for Stopped {
    fn now(&self) -> Duration {
        Duration::ZERO
    }

    fn is_monotonic(&self) -> bool {
        true
    }
}

fn circuit() -> CircuitBuilder {
    Circuit::builder("api").clock(Stopped).consecutive_failures(1)
}

/// Is never ready.
struct Busy;

impl Service<()> for Busy {
    type Response = ();
    type Error = Infallible;
    type Future = Ready<Result<(), Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Pending
    }

    fn call(&mut self, (): ()) -> Self::Future {
        unreachable!("never ready")
    }
}

/// Is always ready.
struct Idle;

impl Service<()> for Idle {
    type Response = ();
    type Error = Infallible;
    type Future = Ready<Result<(), Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, (): ()) -> Self::Future {
        ready(Ok(()))
    }
}

/// A task that polls a breaker.
struct Task<S> {
    service: CircuitBreaker<S>,
    woken: Arc<Woken>,
}

struct Woken(AtomicU64);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(1, Ordering::Release);
    }
}

impl Task<Busy> {
    fn new(circuit: &Circuit) -> Self {
        Self::around(CircuitBreaker::new(Busy, circuit.clone()))
    }
}

impl Task<Idle> {
    /// One that waits for the circuit; its alarm never rings.
    fn waiting(circuit: &Circuit) -> Self {
        let arm: Timer = |_| Box::pin(pending());
        let shared = Shared::new(circuit.clone(), ErrorsAsFailures, Typed).with_timer(Some(arm));
        Self::around(CircuitBreaker::from_handle(Idle, shared, AtResult))
    }

    /// The same, with a slot reserved.
    fn ready(circuit: &Circuit) -> Self {
        let (task, polled) = Self::waiting(circuit).polled();
        assert!(polled.is_ready());
        task
    }

    /// Calls, and says whether the call was admitted.
    fn called(mut self) -> bool {
        let answer = pin!(self.service.call(()));
        let waker = Waker::from(self.woken);
        matches!(answer.poll(&mut Context::from_waker(&waker)), Poll::Ready(Ok(())))
    }
}

impl<S: Service<(), Response = (), Error = Infallible>> Task<S> {
    fn around(service: CircuitBreaker<S>) -> Self {
        Self { service, woken: Arc::new(Woken(AtomicU64::new(0))) }
    }

    fn polled(mut self) -> (Self, Poll<()>) {
        let waker = Waker::from(Arc::clone(&self.woken));
        let polled = self.service.poll_ready(&mut Context::from_waker(&waker));
        (self, polled.map(|ready| ready.unwrap()))
    }

    fn is_woken(&self) -> bool {
        self.woken.0.load(Ordering::Acquire) == 1
    }
}

/// Rule 20: a task that begins to wait while the circuit trips sees the trip or is woken.
#[test]
fn a_waiter_against_a_trip() {
    explore(Depth::Every, 20, &["asked-once"], || {
        let circuit = circuit().build();
        let task = Task::new(&circuit);
        let ((task, polled), ()) = race(move || task.polled(), move || circuit.trip());
        assert!(polled.is_ready() || task.is_woken());
        assert!(task.polled().1.is_ready(), "to reject");
    });
}

/// Rule 20, where a call takes the last slot for probes.
#[test]
fn a_waiter_against_the_last_probe() {
    explore(Depth::Every, 20, &["asked-once"], || {
        let circuit = circuit().build();
        circuit.trip_for(Duration::ZERO);
        let task = Task::new(&circuit);
        let ((task, polled), probe) =
            race(move || task.polled(), move || circuit.try_acquire().unwrap());
        assert!(polled.is_ready() || task.is_woken());
        assert!(task.polled().1.is_ready(), "to reject");
        drop(probe);
    });
}

/// Rule 21: a task that begins to wait for the circuit while a reservation is given back gets the
/// slot or is woken.
#[test]
fn a_waiter_for_a_slot_against_a_reservation_given_back() {
    explore(Depth::Every, 20, &["asked-once"], || {
        let circuit = circuit().build();
        circuit.trip_for(Duration::ZERO);
        let (reserved, task) = (Task::ready(&circuit), Task::waiting(&circuit));
        let ((task, polled), ()) = race(move || task.polled(), move || drop(reserved));
        assert!(polled.is_ready() || task.is_woken());
        assert!(task.polled().1.is_ready(), "the slot is free, or its own");
    });
}

/// The same against a probe that ends and decides nothing.
#[test]
fn a_waiter_for_a_slot_against_a_probe_that_is_dropped() {
    explore(Depth::Every, 20, &["asked-once"], || {
        let circuit = circuit().build();
        circuit.trip_for(Duration::ZERO);
        let probe = circuit.try_acquire().unwrap();
        let task = Task::waiting(&circuit);
        let ((task, polled), ()) = race(move || task.polled(), move || drop(probe));
        assert!(polled.is_ready() || task.is_woken());
        assert!(task.polled().1.is_ready());
    });
}

/// The same against the end of the open epoch.
#[test]
fn a_waiter_for_admission_against_a_reset() {
    explore(Depth::Every, 20, &["asked-once"], || {
        let circuit = circuit().build();
        circuit.trip();
        let task = Task::waiting(&circuit);
        let ((task, polled), ()) = race(move || task.polled(), move || circuit.reset());
        assert!(polled.is_ready() || task.is_woken());
        assert!(task.polled().1.is_ready());
    });
}

/// Two tasks wait for one slot: one has it, the other waits to be woken.
#[test]
fn two_waiters_for_one_slot() {
    explore(Depth::Every, 20, &["old-word"], || {
        let circuit = circuit().build();
        circuit.trip_for(Duration::ZERO);
        let [a, b] = [Task::waiting(&circuit), Task::waiting(&circuit)];
        let ((a, first), (b, second)) = race(move || a.polled(), move || b.polled());
        assert!(first.is_ready() != second.is_ready());
        let (winner, other) = if first.is_ready() { (a, b) } else { (b, a) };
        assert!(!other.is_woken());
        drop(winner);
        assert!(other.is_woken() && other.polled().1.is_ready());
    });
}

/// A task that waits, polled once.
fn asleep(circuit: &Circuit) -> Task<Idle> {
    let (task, polled) = Task::waiting(circuit).polled();
    assert!(polled.is_pending() && !task.is_woken());
    task
}

/// Rule 21: a task that waits is dropped while a slot comes free, perhaps just after it was woken for
/// it: the next is awake for that.
#[test]
fn a_waiter_that_goes_against_the_slot_that_it_is_woken_for() {
    explore(Depth::Every, 20, &["kept-wake"], || {
        let circuit = circuit().build();
        circuit.trip_for(Duration::ZERO);
        let probe = circuit.try_acquire().unwrap();
        let [first, second] = [(); 2].map(|()| asleep(&circuit));
        race(move || drop(first), move || drop(probe));
        assert!(second.is_woken());
        assert!(second.polled().1.is_ready());
    });
}

/// Rule 21: a woken task takes its slot while another one comes free, which nobody is woken for where
/// that is seen first: the next is awake for that.
#[test]
fn a_waiter_that_takes_a_slot_against_another_that_comes_free() {
    explore(Depth::Every, 20, &["kept-wake"], || {
        let circuit = circuit().concurrent_probes(2).build();
        circuit.trip_for(Duration::ZERO);
        let [freed, probe] = [(); 2].map(|()| circuit.try_acquire().unwrap());
        let [first, second] = [(); 2].map(|()| asleep(&circuit));
        drop(freed);
        assert!(first.is_woken() && !second.is_woken());
        let ((first, polled), ()) = race(move || first.polled(), move || drop(probe));
        assert!(polled.is_ready());
        assert!(second.is_woken());
        assert!(second.polled().1.is_ready());
        drop(first);
    });
}

/// Rule 21: a newcomer takes the slot that a task was woken for, and goes again: the task has it then,
/// or is awake for it.
#[test]
fn a_woken_waiter_against_a_newcomer() {
    explore(Depth::Every, 20, &["asked-once"], || {
        let circuit = circuit().build();
        circuit.trip_for(Duration::ZERO);
        let probe = circuit.try_acquire().unwrap();
        let first = asleep(&circuit);
        drop(probe);
        assert!(first.is_woken());
        first.woken.0.store(0, Ordering::Release);
        let newcomer = circuit.clone();
        let ((first, polled), ()) =
            race(move || first.polled(), move || drop(newcomer.try_acquire()));
        assert!(polled.is_ready() || first.is_woken());
        assert!(first.polled().1.is_ready());
        drop(circuit);
    });
}

/// A reservation is called while the circuit changes: one call, admitted or not, and no slot lost.
#[test]
fn a_reserved_call_against_a_trip() {
    explore(Depth::Every, 20, &["old-probe"], || {
        let circuit = circuit().build();
        circuit.trip_for(Duration::ZERO);
        let task = Task::ready(&circuit);
        let tripped = circuit.clone();
        let (is_admitted, ()) = race(move || task.called(), move || tripped.trip());
        assert_eq!(circuit.state(), CircuitState::Open);
        let totals = circuit.snapshot().totals;
        assert_eq!(totals.successes + totals.stale, u64::from(is_admitted));
        assert_eq!(totals.rejected, u64::from(!is_admitted));
        circuit.trip_for(Duration::ZERO);
        assert!(Task::waiting(&circuit).polled().1.is_ready());
    });
}

/// A reader that begins to wait while an event comes reads it or is woken.
#[test]
fn a_reader_of_events_against_a_change() {
    explore(Depth::Every, 10, &["reads-then-waits"], || {
        let circuit = circuit().build();
        let mut reader = circuit.subscribe();
        let woken = Arc::new(Woken(AtomicU64::new(0)));
        let waker = Waker::from(Arc::clone(&woken));
        let changed = circuit.clone();
        let ((polled, reader), ()) = race(
            move || (reader.poll_next(&mut Context::from_waker(&waker)).is_ready(), reader),
            move || changed.force_open(),
        );
        assert!(polled || woken.0.load(Ordering::Acquire) == 1);
        drop((reader, circuit));
    });
}

/// What a listener was told of overrides: from and to of each.
type Told = Arc<Mutex<Vec<(Option<Override>, Option<Override>)>>>;

fn circuit_that_tells() -> (Circuit, Told) {
    let told = Told::default();
    let log = Arc::clone(&told);
    let circuit = circuit().build();
    circuit.on_event(move |event: &CircuitEvent| {
        if let CircuitEvent::Overridden { from, to, .. } = event {
            lock(&log).push((*from, *to));
        }
    });
    (circuit, told)
}

/// Each change begins where the one before it ended.
fn assert_chain(told: &Told, changes: usize) {
    let told = lock(told).clone();
    let mut last = None;
    for (from, to) in &told {
        assert_eq!(*from, last, "{told:?}");
        last = *to;
    }
    assert_eq!(told.len(), changes, "{told:?}");
}

/// L12: two changes are told once each, and in order.
#[test]
fn a_listener_hears_two_changes_in_order() {
    explore(Depth::Three, 50, &["out-of-order", "two-tellers"], || {
        let (circuit, told) = circuit_that_tells();
        let (a, b) = (circuit.clone(), circuit);
        race(move || a.force_open(), move || b.force_closed());
        assert_chain(&told, 2);
    });
}

/// The same with three.
#[test]
fn a_listener_hears_three_changes_in_order() {
    explore(Depth::Three, 50, &["out-of-order", "two-tellers"], || {
        let (circuit, told) = circuit_that_tells();
        let (a, b, c) = (circuit.clone(), circuit.clone(), circuit);
        race_of_three(move || a.force_open(), move || b.force_closed(), move || c.observe());
        assert_chain(&told, 3);
    });
}
