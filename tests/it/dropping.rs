//! Calls dropped at every point where they can be.

use std::convert::Infallible;
use std::future::{Future, Ready, poll_fn, ready};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use futures_util::FutureExt;
use tower::buffer::Buffer;
use tower::limit::GlobalConcurrencyLimitLayer;
use tower::{BoxError, Layer, Service, ServiceBuilder, ServiceExt, service_fn};
use tower_circuit_breaker::{
    Circuit, CircuitBreaker, CircuitBreakerLayer, CircuitState, Outcome, SlidingWindow,
};

use crate::support::{Inner, calls, circuit, ready_to_probe};

/// How often a call is polled until it answers.
const POLLS: usize = 4;

type Call<'a> = Pin<Box<dyn Future<Output = bool> + 'a>>;

/// One way to make a call, and from which poll on it is admitted.
struct Way {
    name: &'static str,
    admitted_at: usize,
    start: fn(&Circuit) -> Call<'_>,
}

const WAYS: [Way; 3] = [
    Way { name: "a service", admitted_at: 0, start: call_service },
    Way { name: "Circuit::call", admitted_at: 1, start: call_plain },
    Way { name: "Circuit::call_with", admitted_at: 1, start: call_classified },
];

/// Pending three times, then fine.
fn work() -> impl Future<Output = Result<(), Infallible>> {
    let mut polls = 0;
    poll_fn(move |_| {
        polls += 1;
        if polls < POLLS { Poll::Pending } else { Poll::Ready(Ok(())) }
    })
}

fn call_service(circuit: &Circuit) -> Call<'_> {
    let mut service = CircuitBreaker::new(service_fn(|()| work()), circuit.clone());
    assert!(poll_ready(&mut service));
    let call = service.call(());
    Box::pin(async { call.await.is_ok() })
}

fn call_plain(circuit: &Circuit) -> Call<'_> {
    Box::pin(async { circuit.call(work()).await.is_ok() })
}

fn call_classified(circuit: &Circuit) -> Call<'_> {
    let classify = |_: &Result<(), Infallible>| Outcome::Success;
    Box::pin(async move { circuit.call_with(classify, work()).await.is_ok() })
}

fn poll_ready<S: Service<()>>(service: &mut S) -> bool {
    service.poll_ready(&mut Context::from_waker(Waker::noop())).is_ready()
}

/// Polls a call `polls` times and drops it; it may answer with the last poll.
fn poll_and_drop(mut call: Call<'_>, polls: usize, which: &str) {
    for poll in 1..=polls {
        let polled = call.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        let expected = if poll == POLLS { Poll::Ready(true) } else { Poll::Pending };
        assert_eq!(polled, expected, "{which}, poll {poll}");
    }
}

/// Ended calls: successes, failures, ignored, abandoned, stale.
fn ended(circuit: &Circuit) -> [u64; 5] {
    let totals = circuit.snapshot().totals;
    [totals.successes, totals.failures, totals.ignored, totals.abandoned, totals.stale]
}

#[test]
fn a_closed_call_dropped_after_any_number_of_polls_is_counted_once() {
    for Way { name, admitted_at, start } in WAYS {
        for polls in 0..=POLLS {
            let (circuit, _) =
                circuit(|b| b.consecutive_failures(1).window(SlidingWindow::count(9)));
            let which = format!("{name}, dropped after {polls} polls");

            poll_and_drop(start(&circuit), polls, &which);

            let succeeded = u64::from(polls == POLLS);
            let abandoned = u64::from(polls >= admitted_at) - succeeded;
            assert_eq!(ended(&circuit), [succeeded, 0, 0, abandoned, 0], "{which}");
            let snapshot = circuit.snapshot();
            assert_eq!((snapshot.state, snapshot.epoch), (CircuitState::Closed, 1), "{which}");
            assert_eq!(snapshot.window.calls, succeeded, "{which}");
        }
    }
}

#[test]
fn a_probe_dropped_after_any_number_of_polls_gives_its_slot_back_at_once() {
    for Way { name, admitted_at, start } in WAYS {
        for polls in 0..=POLLS {
            let (circuit, clock) = circuit(|b| b.probes(2));
            ready_to_probe(&circuit, &clock);
            let which = format!("{name}, dropped after {polls} polls");

            poll_and_drop(start(&circuit), polls, &which);

            let succeeded = u64::from(polls == POLLS);
            let abandoned = u64::from(polls >= admitted_at) - succeeded;
            assert_eq!(ended(&circuit), [succeeded, 0, 0, abandoned, 0], "{which}");
            let slot = circuit.try_acquire();
            assert!(slot.is_ok(), "{which}: the slot is free");
            assert!(circuit.try_acquire().is_err(), "{which}: and it is the only one");
            assert_eq!(circuit.state(), CircuitState::HalfOpen, "{which}");
        }
    }
}

#[test]
fn a_probe_holds_its_slot_until_it_is_dropped() {
    for Way { name, admitted_at, start } in WAYS {
        let (circuit, clock) = circuit(|b| b);
        ready_to_probe(&circuit, &clock);
        let mut call = start(&circuit);
        for _ in 0..admitted_at {
            assert!(call.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        }

        assert!(circuit.try_acquire().is_err(), "{name}: one probe at a time");

        drop(call);
        assert!(circuit.try_acquire().is_ok(), "{name}");
    }
}

#[test]
fn a_service_dropped_before_it_is_called_counts_nothing() {
    let (circuit, clock) = circuit(|b| b);
    ready_to_probe(&circuit, &clock);
    let inner = Inner::new(|()| ready(Ok::<_, Infallible>(())));
    let counter = inner.counter();
    let mut service = CircuitBreaker::new(inner, circuit.clone());

    assert!(poll_ready(&mut service));
    drop(service);

    assert_eq!((calls(&counter), ended(&circuit)), (0, [0; 5]));
    assert_eq!(circuit.state(), CircuitState::Open, "asking takes no slot");
}

fn answer(_: ()) -> Ready<Result<(), BoxError>> {
    ready(Ok(()))
}

#[tokio::test]
async fn a_service_dropped_before_it_is_called_gives_back_what_its_inner_reserved() {
    let (circuit, _) = circuit(|b| b);
    let limit = ServiceBuilder::new()
        .layer(CircuitBreakerLayer::new(circuit.clone()).boxed())
        .layer(GlobalConcurrencyLimitLayer::new(1))
        .service(service_fn(answer));
    let buffer =
        CircuitBreakerLayer::new(circuit.clone()).boxed().layer(Buffer::new(service_fn(answer), 1));

    for _ in 0..3 {
        let ready = limit.clone().ready_oneshot().now_or_never();
        drop(ready.expect("nothing is reserved").unwrap());
        let ready = buffer.clone().ready_oneshot().now_or_never();
        drop(ready.expect("nothing is reserved").unwrap());
    }

    limit.oneshot(()).await.unwrap();
    buffer.oneshot(()).await.unwrap();
    assert_eq!(ended(&circuit), [2, 0, 0, 0, 0]);
}
