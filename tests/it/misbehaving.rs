//! Predicates and listeners that panic, again and again, or do not return.

use std::future::{Ready, ready};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Context, Poll, Waker};

use futures_util::FutureExt;
use tower::{Layer, Service};
use tower_circuit_breaker::{
    Circuit, CircuitBreakerLayer, CircuitEvent, CircuitState, Error, Interest, Listener,
    SlidingWindow,
};

use crate::listeners::everything;
use crate::support::{Inner, SECOND, calls, circuit, fail, ready_to_probe, rejection, succeed};

/// Says whether a call failed, but panics each third time.
fn panics_each_third_time(result: &Result<(), &str>, asked: &AtomicUsize) -> bool {
    if asked.fetch_add(1, Ordering::SeqCst) % 3 == 2 {
        std::panic::panic_any("the predicate");
    }
    result.is_err()
}

/// Fails each even request.
fn answer(request: usize) -> Ready<Result<(), &'static str>> {
    ready(if request % 2 == 0 { Err("even") } else { Ok(()) })
}

/// One call; true when it panicked.
fn panics<S: Service<usize>>(service: &mut S, request: usize) -> bool {
    let call = || {
        assert!(service.poll_ready(&mut Context::from_waker(Waker::noop())).is_ready());
        drop(service.call(request).now_or_never().expect("it answers at once"));
    };
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(()) => false,
        Err(payload) => {
            assert_eq!(payload.downcast_ref(), Some(&"the predicate"), "request {request}");
            true
        }
    }
}

#[test]
#[cfg_attr(panic = "abort", ignore = "catches a panic")]
fn a_predicate_that_panics_each_third_time_reaches_only_those_callers() {
    let (circuit, _) = circuit(|b| b.failure_count(u32::MAX).window(SlidingWindow::count(100)));
    let (inner, asked) = (Inner::new(answer), AtomicUsize::new(0));
    let counter = inner.counter();
    let mut service = CircuitBreakerLayer::new(circuit.clone())
        .failure_if(|result: &Result<(), &'static str>| panics_each_third_time(result, &asked))
        .layer(inner);

    for request in 1..=30 {
        assert_eq!(panics(&mut service, request), request % 3 == 0, "request {request}");
    }

    let snapshot = circuit.snapshot();
    let totals = snapshot.totals;
    assert_eq!(calls(&counter), 30);
    assert_eq!((totals.successes, totals.failures, totals.abandoned), (10, 10, 10));
    assert_eq!((snapshot.window.calls, snapshot.window.failures), (20, 10));
}

#[test]
#[cfg_attr(panic = "abort", ignore = "catches a panic")]
fn a_predicate_that_panics_on_probes_does_not_wedge_the_recovery() {
    let (circuit, clock) = circuit(|b| b.probes(4).failed_probes_allowed(9));
    let asked = AtomicUsize::new(0);
    let mut service = CircuitBreakerLayer::new(circuit.clone())
        .failure_if(|result: &Result<(), &'static str>| panics_each_third_time(result, &asked))
        .layer(Inner::new(|_: usize| ready(Ok(()))));
    ready_to_probe(&circuit, &clock);

    let panicked = (0..5).filter(|request| panics(&mut service, *request)).count();

    assert_eq!(panicked, 1);
    assert_eq!(circuit.state(), CircuitState::Closed, "four of five probes passed");
    let totals = circuit.snapshot().totals;
    assert_eq!((totals.successes, totals.failures, totals.abandoned), (4, 0, 1));
}

#[test]
#[cfg_attr(panic = "abort", ignore = "catches a panic")]
fn a_predicate_that_panics_on_an_error_of_poll_ready_leaves_the_call_abandoned() {
    struct NeverReady;
    impl Service<()> for NeverReady {
        type Response = ();
        type Error = &'static str;
        type Future = Ready<Result<(), &'static str>>;

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), &'static str>> {
            Poll::Ready(Err("gone"))
        }

        fn call(&mut self, (): ()) -> Self::Future {
            unreachable!("it is never ready")
        }
    }
    let (circuit, clock) = circuit(|b| b);
    let mut service = CircuitBreakerLayer::new(circuit.clone())
        .failure_if(|_: &Result<(), &'static str>| std::panic::panic_any("the predicate"))
        .layer(NeverReady);
    ready_to_probe(&circuit, &clock);

    let caught = catch_unwind(AssertUnwindSafe(|| {
        service.poll_ready(&mut Context::from_waker(Waker::noop())).is_ready()
    }));

    assert_eq!(caught.unwrap_err().downcast_ref(), Some(&"the predicate"));
    assert_eq!(circuit.snapshot().totals.abandoned, 1);
    assert!(circuit.try_acquire().is_ok(), "the slot is free again");
}

/// Hears everything, and does something about it.
struct Hears<F>(F);

impl<F: Fn(&CircuitEvent) + Send + Sync + 'static> Listener for Hears<F> {
    fn on_event(&self, event: &CircuitEvent) {
        (self.0)(event);
    }

    fn interest(&self) -> Interest {
        Interest::CHANGES | Interest::CALLS | Interest::REJECTIONS
    }
}

/// Succeeds, trips, is rejected, probes and recovers: 8 events.
fn play(circuit: &Circuit, clock: &tower_circuit_breaker::ManualClock) {
    succeed(circuit);
    fail(circuit);
    rejection(circuit);
    clock.advance(30 * SECOND);
    succeed(circuit);
    circuit.observe();
}

#[test]
#[cfg_attr(panic = "abort", ignore = "catches a panic")]
fn a_listener_that_panics_at_every_event_changes_nothing() {
    let (quiet, quiet_clock) = circuit(|b| b.consecutive_failures(1));
    play(&quiet, &quiet_clock);
    let (circuit, clock) = circuit(|b| b.consecutive_failures(1));
    let panics = Arc::<AtomicUsize>::default();
    let counted = Arc::clone(&panics);
    circuit.on_event(Hears(move |_: &CircuitEvent| {
        counted.fetch_add(1, Ordering::SeqCst);
        std::panic::panic_any("a listener");
    }));
    let all = everything();
    circuit.on_event(all);

    play(&circuit, &clock);

    let (mut seen, expected) = (circuit.snapshot(), quiet.snapshot());
    assert_eq!((seen.listeners.panics, expected.listeners.panics), (8, 0));
    seen.listeners = expected.listeners;
    assert_eq!(seen, expected);
    assert_eq!(panics.load(Ordering::SeqCst), 8);
    assert_eq!(all.0.lock().unwrap().len(), 8, "the other one heard them all");
}

#[test]
#[cfg_attr(panic = "abort", ignore = "catches a panic")]
fn a_listener_that_panics_while_a_call_unwinds_is_contained() {
    let (circuit, _) = circuit(|b| b.consecutive_failures(1));
    circuit.on_event(Hears(|_: &CircuitEvent| std::panic::panic_any("a listener")));

    let caught = catch_unwind(AssertUnwindSafe(|| {
        circuit.run(|| -> Result<(), ()> { std::panic::panic_any("the call") })
    }));

    assert_eq!(caught.unwrap_err().downcast_ref(), Some(&"the call"));
    assert_eq!(circuit.state(), CircuitState::Open);
}

#[test]
fn a_listener_of_calls_that_does_not_return_holds_up_only_its_own_caller() {
    let (circuit, clock) = circuit(|b| b.consecutive_failures(1));
    let (entered, is_entered) = mpsc::channel();
    let (leave, may_leave) = mpsc::channel::<()>();
    let may_leave = Mutex::new(Some(may_leave));
    circuit.on_event(Hears(move |_: &CircuitEvent| {
        // The first event takes it, and waits.
        let first = may_leave.lock().unwrap().take();
        if let Some(may_leave) = first {
            entered.send(()).unwrap();
            let _ = may_leave.recv();
        }
    }));
    let all = everything();
    circuit.on_event(all);
    let held_up = {
        let circuit = circuit.clone();
        std::thread::spawn(move || succeed(&circuit))
    };
    is_entered.recv().unwrap();

    play(&circuit, &clock);
    assert_eq!(circuit.run(|| Err::<(), _>("down")), Err(Error::Inner("down")));
    circuit.reconfigure(Circuit::builder("").consecutive_failures(7).into_config());
    circuit.on_event(|_: &CircuitEvent| {});
    circuit.reset();

    assert!(!held_up.is_finished(), "all that happened while it was held up");
    let heard = all.0.lock().unwrap().len();
    assert_eq!(heard, 8 + 2 + 2, "but for the call of the thread that is held up");
    drop(leave);
    held_up.join().unwrap();
    assert_eq!(all.0.lock().unwrap().len(), heard + 1);
}
