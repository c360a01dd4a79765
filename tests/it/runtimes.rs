//! Runtimes that are shut down while calls are in flight, and none at all.

use std::cell::RefCell;
use std::convert::Infallible;
use std::future::{pending, poll_fn, ready};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::runtime::{Builder, Runtime};
use tower::{Service, ServiceExt, service_fn};
use tower_circuit_breaker::{
    BoxError, Circuit, CircuitBreaker, CircuitEvent, CircuitState, Interest, Listener, Permit,
    TokioClock,
};

use crate::readiness::Asked;
use crate::support::{Inner, SECOND, calls, circuit, ready_to_probe, rejection, succeed};

fn runtimes() -> [(&'static str, Runtime); 2] {
    [
        ("current_thread", Builder::new_current_thread()),
        ("multi_thread", {
            let mut builder = Builder::new_multi_thread();
            builder.worker_threads(2);
            builder
        }),
    ]
    .map(|(name, mut builder)| (name, builder.enable_all().build().unwrap()))
}

#[test]
fn a_runtime_shut_down_with_probes_in_flight_gives_their_slots_back() {
    for (name, runtime) in runtimes() {
        let (circuit, clock) = circuit(|b| b.concurrent_probes(3).probes(3));
        ready_to_probe(&circuit, &clock);
        let inner = Inner::new(|()| pending::<Result<(), Infallible>>());
        let counter = inner.counter();
        let service = CircuitBreaker::new(inner, circuit.clone());
        runtime.block_on(async {
            for _ in 0..3 {
                tokio::spawn(service.clone().oneshot(()));
            }
            while calls(&counter) < 3 {
                tokio::task::yield_now().await;
            }
        });
        rejection(&circuit);

        drop(runtime);

        assert_eq!(circuit.snapshot().totals.abandoned, 3, "{name}");
        for _ in 0..3 {
            succeed(&circuit);
        }
        assert_eq!(circuit.state(), CircuitState::Closed, "{name}");
    }
}

#[test]
fn a_change_after_the_runtime_is_gone_wakes_tasks_that_are_no_more() {
    for (name, runtime) in runtimes() {
        let (circuit, _) = circuit(|b| b);
        let busy = Asked(|| Poll::<Result<(), BoxError>>::Pending);
        // Outlives its task, so that its waker is still known to the circuit.
        let service = Arc::new(Mutex::new(CircuitBreaker::new(busy, circuit.clone())));
        let (asked, was_asked) = tokio::sync::oneshot::channel();
        let waiting = Arc::clone(&service);
        let mut asked = Some(asked);
        runtime.spawn(poll_fn(move |cx| {
            let polled = waiting.lock().unwrap().poll_ready(cx);
            asked.take().map(|asked| asked.send(polled.is_pending()));
            polled
        }));
        assert_eq!(runtime.block_on(was_asked), Ok(true), "{name}");
        drop(runtime);

        circuit.trip();
        circuit.reset();

        succeed(&circuit);
        drop(service);
    }
}

#[test]
fn everything_works_without_a_runtime() {
    let clock = TokioClock::new();
    let circuit = Circuit::builder("api").consecutive_failures(1).clock(clock).build();
    let inner = service_fn(|fine: bool| ready(if fine { Ok(()) } else { Err("down") }));
    let service = CircuitBreaker::new(inner, circuit.clone());
    let call = |fine| service.clone().oneshot(fine).now_or_never().expect("answers at once");

    assert!(call(true).is_ok());
    assert!(call(false).is_err());
    assert!(call(true).unwrap_err().rejected().is_some());
    circuit.trip_for(Duration::ZERO);
    let held = circuit.call(pending::<Result<(), ()>>());
    assert!(held.now_or_never().is_none(), "a probe, which is dropped");
    assert!(call(true).is_ok());

    assert_eq!(circuit.state(), CircuitState::Closed);
    assert_eq!(circuit.snapshot().totals.abandoned, 1);
}

/// Hears of calls.
struct Calls(Arc<Mutex<Vec<CircuitEvent>>>);

impl Listener for Calls {
    fn on_event(&self, event: &CircuitEvent) {
        self.0.lock().unwrap().push(event.clone());
    }

    fn interest(&self) -> Interest {
        Interest::CALLS
    }
}

#[test]
#[cfg_attr(panic = "abort", ignore = "catches a panic")]
fn a_permit_can_be_dropped_anywhere() {
    thread_local! {
        static KEPT: RefCell<Option<Permit>> = const { RefCell::new(None) };
    }
    let (circuit, clock) = circuit(|b| b.consecutive_failures(9).abandoned_after(SECOND));
    let heard = Arc::default();
    circuit.on_event(Calls(Arc::clone(&heard)));
    let permit = || circuit.try_acquire().unwrap();
    let [by_a_dead_runtime, by_a_thread, by_an_unwind, by_a_runtime] = [(); 4].map(|()| permit());
    clock.advance(SECOND);

    let [(_, runtime), (_, other)] = runtimes();
    runtime.spawn(async move {
        let _permit = by_a_dead_runtime;
        pending::<()>().await;
    });
    runtime.shutdown_background();
    std::thread::spawn(|| KEPT.set(Some(by_a_thread))).join().unwrap();
    let unwound = catch_unwind(AssertUnwindSafe(|| {
        let _permit = by_an_unwind;
        std::panic::panic_any(());
    }));
    other.block_on(async { drop(by_a_runtime) });

    assert!(unwound.is_err());
    assert_eq!(heard.lock().unwrap().len(), 4, "each is told, also as its thread ends");
    assert_eq!(circuit.snapshot().totals.failures, 4);
}
