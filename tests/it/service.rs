//! Rules 15, 16, 18, 22, 23 and 25: `call`, its future, and what may be inside.

use std::cell::Cell;
use std::convert::Infallible;
use std::future::{Future, Ready, pending, ready};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use tower::{Layer, Service, ServiceExt, service_fn};
use tower_circuit_breaker::{
    BoxError, Circuit, CircuitBreaker, CircuitBreakerLayer, CircuitState, Error, FailureKind,
    Outcome, RejectReason,
};

use crate::support::{Inner, SECOND, calls, circuit, ready_to_probe};

fn ready_now<S: Service<Req>, Req>(service: &mut S) {
    let mut cx = Context::from_waker(Waker::noop());
    assert!(matches!(service.poll_ready(&mut cx), Poll::Ready(Ok(()))));
}

pub(crate) fn poll_now<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("still pending"),
    }
}

pub(crate) fn failing() -> Inner<fn(()) -> Ready<Result<(), BoxError>>> {
    Inner::new(|()| ready(Err("down".into())))
}

#[test]
fn admission_is_decided_in_call() {
    let (circuit, clock) = circuit(|b| b);
    let inner = Inner::new(|()| pending::<Result<(), Infallible>>());
    let counter = inner.counter();
    let mut service = CircuitBreaker::new(inner, circuit.clone());
    ready_to_probe(&circuit, &clock);
    ready_now(&mut service);

    let unpolled = service.call(());

    assert_eq!(circuit.state(), CircuitState::HalfOpen, "before any poll");
    assert_eq!(calls(&counter), 1, "the inner call runs before `call` returns");
    drop(unpolled);
    assert_eq!(circuit.snapshot().totals.abandoned, 1);
}

#[test]
fn a_rejected_call_does_not_reach_the_inner() {
    let (circuit, _) = circuit(|b| b.consecutive_failures(3));
    let inner = failing();
    let counter = inner.counter();
    let mut service = CircuitBreaker::new(inner, circuit.clone());

    let results: Vec<_> = (0..10)
        .map(|_| {
            ready_now(&mut service);
            poll_now(service.call(()))
        })
        .collect();

    assert_eq!(calls(&counter), 3);
    assert!(results[..3].iter().all(|result| matches!(result, Err(Error::Inner(_)))));
    assert!(results[3..].iter().all(|result| matches!(result, Err(Error::Rejected(_)))));
    assert_eq!(circuit.snapshot().totals.rejected, 7);
}

#[test]
fn the_failure_predicate_sees_responses_and_errors() {
    let (circuit, _) = circuit(|b| b.consecutive_failures(2));
    let service = CircuitBreakerLayer::new(circuit.clone())
        .failure_if(|result: &Result<u16, &str>| match result {
            Ok(status) => *status >= 500,
            Err(error) => *error != "not found",
        })
        .layer(service_fn(|answer: Result<u16, &'static str>| ready(answer)));

    for (answer, failures) in
        [(Ok(200), 0), (Err("not found"), 0), (Ok(503), 1), (Ok(404), 1), (Err("reset"), 2)]
    {
        let _ = poll_now(service.clone().oneshot(answer));

        assert_eq!(circuit.snapshot().totals.failures, failures, "{answer:?}");
    }
}

#[test]
fn a_closure_can_tell_kinds_and_hints() {
    let (circuit, _) = circuit(|b| b);
    let service = CircuitBreakerLayer::new(circuit.clone())
        .classify_by(|result: &Result<u16, Infallible>| match result {
            Ok(429) => Outcome::TripFor(9 * SECOND),
            Ok(500..) => Outcome::Failure(FailureKind::new("status")),
            _ => Outcome::Success,
        })
        .layer(service_fn(|status: u16| ready(Ok(status))));

    poll_now(service.oneshot(429)).unwrap();

    assert_eq!(circuit.snapshot().retry_after, Some(9 * SECOND));
}

#[test]
#[cfg_attr(panic = "abort", ignore = "catches a panic")]
fn a_panic_in_call_is_a_failure() {
    let (circuit, _) = circuit(|b| b.consecutive_failures(1));
    let inner = service_fn(|()| -> Ready<Result<(), Infallible>> { std::panic::panic_any("call") });
    let mut service = CircuitBreaker::new(inner, circuit.clone());
    ready_now(&mut service);

    let caught = catch_unwind(AssertUnwindSafe(|| drop(service.call(()))));

    assert_eq!(caught.unwrap_err().downcast_ref(), Some(&"call"));
    assert_eq!(circuit.state(), CircuitState::Open);
    assert_eq!(circuit.snapshot().totals.failures, 1);
}

#[test]
#[cfg_attr(panic = "abort", ignore = "catches a panic")]
fn a_panic_in_poll_is_a_failure_and_releases_the_probe() {
    let (circuit, clock) = circuit(|b| b.failed_probes_allowed(1));
    let inner = service_fn(|()| {
        std::future::poll_fn(|_| -> Poll<Result<(), Infallible>> { std::panic::panic_any("poll") })
    });
    let mut service = CircuitBreaker::new(inner, circuit.clone());
    ready_to_probe(&circuit, &clock);
    ready_now(&mut service);
    let mut call = Box::pin(service.call(()));

    let caught = catch_unwind(AssertUnwindSafe(|| {
        call.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready()
    }));

    assert_eq!(caught.unwrap_err().downcast_ref(), Some(&"poll"));
    assert_eq!(circuit.snapshot().totals.failures, 1);
    assert!(circuit.try_acquire().is_ok(), "before the future is dropped");
    drop(call);
    assert_eq!(circuit.snapshot().totals.abandoned, 1, "of the second probe alone");
}

#[test]
#[cfg_attr(panic = "abort", ignore = "catches a panic")]
fn a_future_dropped_while_another_panics_is_abandoned() {
    let (circuit, _) = circuit(|b| b.consecutive_failures(1));
    let inner = service_fn(|()| pending::<Result<(), Infallible>>());
    let mut service = CircuitBreaker::new(inner, circuit.clone());
    ready_now(&mut service);

    let caught = catch_unwind(AssertUnwindSafe(|| {
        let _call = service.call(());
        std::panic::panic_any("elsewhere");
    }));

    assert!(caught.is_err());
    assert_eq!(circuit.state(), CircuitState::Closed);
    assert_eq!(circuit.snapshot().totals.abandoned, 1);
}

#[test]
fn the_outcome_is_recorded_in_the_poll_that_saw_it() {
    let (circuit, _) = circuit(|b| b.consecutive_failures(1));
    let mut service = CircuitBreaker::new(failing(), circuit.clone());
    ready_now(&mut service);
    let mut call = pin!(service.call(()));

    let polled = call.as_mut().poll(&mut Context::from_waker(Waker::noop()));

    assert!(polled.is_ready());
    assert_eq!(circuit.state(), CircuitState::Open, "although the future still lives");
}

#[test]
#[should_panic(expected = "polled after completion")]
fn a_finished_future_panics_when_polled_again() {
    let (circuit, _) = circuit(|b| b);
    let inner = service_fn(|()| std::future::poll_fn(|_| Poll::Ready(Ok::<_, Infallible>(()))));
    let mut service = CircuitBreaker::new(inner, circuit);
    ready_now(&mut service);
    let mut call = pin!(service.call(()));

    for _ in 0..2 {
        let _ = call.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    }
}

#[test]
fn layers_applied_again_share_the_circuit() {
    let (circuit, _) = circuit(|b| b.consecutive_failures(3));
    let layer = CircuitBreakerLayer::new(circuit.clone());

    for _ in 0..3 {
        let _ = poll_now(layer.clone().layer(failing()).oneshot(()));
    }

    assert_eq!(circuit.state(), CircuitState::Open);
}

/// Neither `Clone` nor `Send`; its requests are borrowed and its responses borrow from them.
struct Picky {
    seen: Rc<Cell<usize>>,
}

impl<'a> Service<&'a str> for Picky {
    type Response = &'a str;
    type Error = Infallible;
    type Future = Ready<Result<&'a str, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: &'a str) -> Self::Future {
        self.seen.set(self.seen.get() + 1);
        ready(Ok(request.trim()))
    }
}

#[test]
fn the_inner_service_need_not_be_clone_or_send_or_static() {
    let (circuit, _) = circuit(|b| b);
    let seen = Rc::new(Cell::new(0));
    let mut service = CircuitBreaker::new(Picky { seen: Rc::clone(&seen) }, circuit);
    let request = String::from("  borrowed ");
    ready_now::<_, &str>(&mut service);

    let answer = poll_now(service.call(request.as_str()));

    assert_eq!(answer, Ok("borrowed"));
    assert_eq!(seen.get(), 1);
}

#[test]
fn the_classifier_need_not_be_clone_or_send() {
    struct Counting(Rc<Cell<usize>>);
    impl<T, E> tower_circuit_breaker::Classify<T, E> for Counting {
        fn classify(&self, _: &Result<T, E>) -> Outcome {
            self.0.set(self.0.get() + 1);
            Outcome::Success
        }
    }
    let (circuit, _) = circuit(|b| b);
    let seen = Rc::new(Cell::new(0));
    let layer = CircuitBreakerLayer::new(circuit).classify_with(Counting(Rc::clone(&seen)));

    for _ in 0..2 {
        let _ = poll_now(layer.layer(failing()).oneshot(()));
    }

    assert_eq!(seen.get(), 2);
}

#[test]
fn the_services_future_is_send_when_the_inner_is() {
    fn assert_send<T: Send>(_: &T) {}

    let (circuit, _) = circuit(|b| b);
    let mut service = CircuitBreaker::new(failing(), circuit);
    ready_now(&mut service);

    assert_send(&service.call(()));
}

#[test]
fn a_rejecting_service_that_was_not_asked_does_not_panic() {
    let (circuit, _) = circuit(|b| b);
    let inner = failing();
    let counter = inner.counter();
    let mut service = CircuitBreaker::new(inner, circuit);

    let result = poll_now(service.call(()));

    assert_eq!(result.unwrap_err().rejected().unwrap().reason(), RejectReason::NotReady);
    assert_eq!(calls(&counter), 0);
}

#[test]
fn load_passes_through() {
    use tower::load::{Constant, Load};

    let circuit = Circuit::builder("api").build();
    let service = CircuitBreaker::new(Constant::new(failing(), 7), circuit);

    assert_eq!(service.load(), 7);
}

#[test]
fn closures_are_shown_by_the_name_of_their_type() {
    let (circuit, _) = circuit(|b| b);
    let layer = CircuitBreakerLayer::new(circuit)
        .failure_if(|_: &Result<(), ()>| true)
        .respond_with(|_| ());

    let shown = format!("{layer:?} {:?}", layer.layer(1));

    for part in ["CircuitBreakerLayer", "closures_are_shown", "RespondWith", "Closed", "Reject"] {
        assert!(shown.contains(part), "{part} in {shown}");
    }
}

#[test]
#[cfg_attr(panic = "abort", ignore = "catches a panic")]
fn a_panicking_classifier_leaves_the_call_abandoned() {
    let (circuit, _) = circuit(|b| b.consecutive_failures(1));
    let service = CircuitBreakerLayer::new(circuit.clone())
        .classify_with(|_: &Result<(), BoxError>| -> Outcome { std::panic::panic_any("classify") })
        .layer(failing());

    let caught = catch_unwind(AssertUnwindSafe(|| drop(poll_now(service.oneshot(())))));

    assert_eq!(caught.unwrap_err().downcast_ref(), Some(&"classify"));
    let totals = circuit.snapshot().totals;
    assert_eq!((totals.failures, totals.abandoned), (0, 1));
}

#[test]
fn neither_service_nor_error_nor_classifier_need_be_static() {
    struct Borrowing<'a>(&'a str);
    impl<'a> Service<()> for Borrowing<'a> {
        type Response = ();
        type Error = &'a str;
        type Future = Ready<Result<(), &'a str>>;

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), &'a str>> {
            Poll::Ready(Ok(()))
        }

        fn call(&mut self, (): ()) -> Self::Future {
            ready(Err(self.0))
        }
    }
    let (circuit, _) = circuit(|b| b);
    let (answer, fine) = (String::from("not found"), String::from("not found"));
    let layer =
        CircuitBreakerLayer::new(circuit.clone()).classify_with(|result: &Result<(), &str>| {
            match result {
                Err(error) if **error == *fine => Outcome::Success,
                _ => Outcome::Ignored,
            }
        });
    let mut service = layer.layer(Borrowing(&answer));
    ready_now(&mut service);

    let result = poll_now(service.call(()));

    assert_eq!(result, Err(Error::Inner("not found")));
    assert_eq!(circuit.snapshot().totals.successes, 1);
}
