//! Race models of what stands around the engine; see `engine::explore`.

#![allow(clippy::panic, clippy::unwrap_used, reason = "these are tests")]

use std::convert::Infallible;
use std::future::Ready;
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use tower_service::Service;

use crate::builder::CircuitBuilder;
use crate::circuit::Circuit;
use crate::clock::Clock;
use crate::engine::explore::{Depth, explore, race, race_of_three};
use crate::engine::state::Override;
use crate::event::CircuitEvent;
use crate::service::CircuitBreaker;
use crate::sync::{Arc, AtomicU64, Bug, Mutex, Ordering, lock};

struct Stopped;

impl Clock for Stopped {
    fn now(&self) -> Duration {
        Duration::ZERO
    }

    fn never_goes_back(&self) -> bool {
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

/// A task that polls a breaker around [`Busy`].
struct Task {
    service: CircuitBreaker<Busy>,
    woken: Arc<Woken>,
}

struct Woken(AtomicU64);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(1, Ordering::Release);
    }
}

impl Task {
    fn new(circuit: &Circuit) -> Self {
        let service = CircuitBreaker::new(Busy, circuit.clone());
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
    explore(Depth::Every, 20, &[Bug::AskedOnce], || {
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
    explore(Depth::Every, 20, &[Bug::AskedOnce], || {
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
    explore(Depth::Every, 50, &[Bug::OutOfOrder, Bug::TwoTellers], || {
        let (circuit, told) = circuit_that_tells();
        let (a, b) = (circuit.clone(), circuit);
        race(move || a.force_open(), move || b.force_closed());
        assert_chain(&told, 2);
    });
}

/// The same with three.
#[test]
fn a_listener_hears_three_changes_in_order() {
    explore(Depth::Three, 50, &[Bug::OutOfOrder, Bug::TwoTellers], || {
        let (circuit, told) = circuit_that_tells();
        let (a, b, c) = (circuit.clone(), circuit.clone(), circuit);
        race_of_three(move || a.force_open(), move || b.force_closed(), move || c.observe());
        assert_chain(&told, 3);
    });
}
