//! `Circuit::call` and `call_with`: rules 15 to 17 for futures.

use std::future::{Future, pending, poll_fn, ready};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use tower_circuit_breaker::{CircuitState, Error, FailureKind, Outcome};

use crate::support::{SECOND, circuit, ready_to_probe};

fn poll<F: Future>(future: std::pin::Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

#[tokio::test]
async fn call_counts_what_the_future_returns() {
    let (circuit, _) = circuit(|b| b.consecutive_failures(2));

    assert_eq!(circuit.call(ready(Ok::<_, ()>(1))).await, Ok(1));
    assert_eq!(circuit.call(ready(Err::<(), _>("bad"))).await, Err(Error::Inner("bad")));

    let totals = circuit.snapshot().totals;
    assert_eq!((totals.successes, totals.failures), (1, 1));
}

#[tokio::test]
async fn call_does_not_poll_when_rejected() {
    let (circuit, _) = circuit(|b| b);
    circuit.trip();

    let result = circuit.call(poll_fn(|_| -> Poll<Result<(), ()>> { unreachable!() })).await;

    assert!(result.unwrap_err().rejected().is_some());
}

#[test]
fn nothing_happens_before_the_first_poll() {
    let (circuit, clock) = circuit(|b| b);
    ready_to_probe(&circuit, &clock);

    let unpolled = circuit.call(ready(Ok::<_, ()>(())));

    assert_eq!(circuit.state(), CircuitState::Open);
    drop(unpolled);
    assert_eq!(circuit.snapshot().totals.abandoned, 0);
}

#[tokio::test]
async fn call_with_asks_the_classifier() {
    let (circuit, _) = circuit(|b| b.consecutive_failures(1));
    let not_found_is_fine = |result: &Result<(), u16>| match result {
        Ok(()) | Err(404) => Outcome::Success,
        Err(_) => Outcome::Failure(FailureKind::new("status")),
    };

    let _ = circuit.call_with(not_found_is_fine, ready(Err(404))).await;
    assert_eq!(circuit.state(), CircuitState::Closed);
    let _ = circuit.call_with(not_found_is_fine, ready(Err(500))).await;

    assert_eq!(circuit.state(), CircuitState::Open);
}

#[test]
fn dropping_the_future_returns_the_probe_slot() {
    for polls in 0..4 {
        let (circuit, clock) = circuit(|b| b);
        ready_to_probe(&circuit, &clock);
        {
            let mut steps = 0;
            let mut call = pin!(circuit.call(poll_fn(|_| {
                steps += 1;
                if steps > 3 { Poll::Ready(Ok::<_, ()>(())) } else { Poll::Pending }
            })));
            for _ in 0..polls {
                assert!(poll(call.as_mut()).is_pending(), "dropped after {polls} polls");
            }
        }

        let totals = circuit.snapshot().totals;
        assert_eq!(totals.abandoned, u64::from(polls > 0), "dropped after {polls} polls");
        assert!(circuit.try_acquire().is_ok(), "dropped after {polls} polls");
    }
}

#[test]
#[cfg_attr(panic = "abort", ignore = "catches a panic")]
fn a_panic_in_the_future_is_a_failure_at_once() {
    let (circuit, _) = circuit(|b| b.consecutive_failures(1));
    let mut call =
        Box::pin(circuit.call(poll_fn(|_| -> Poll<Result<(), ()>> { std::panic::panic_any(()) })));

    let caught = catch_unwind(AssertUnwindSafe(|| poll(call.as_mut())));

    assert!(caught.is_err());
    assert_eq!(circuit.state(), CircuitState::Open, "before the future is dropped");
    drop(call);
    assert_eq!(circuit.snapshot().totals.failures, 1);
}

#[test]
#[cfg_attr(panic = "abort", ignore = "catches a panic")]
fn a_panicking_classifier_leaves_the_call_abandoned() {
    let (circuit, clock) = circuit(|b| b.consecutive_failures(1));
    ready_to_probe(&circuit, &clock);
    let panics = |_: &Result<(), ()>| -> Outcome { std::panic::panic_any("classifier") };

    let caught =
        catch_unwind(AssertUnwindSafe(|| poll(pin!(circuit.call_with(panics, ready(Ok(())))))));

    assert_eq!(caught.unwrap_err().downcast_ref(), Some(&"classifier"));
    assert_eq!(circuit.snapshot().totals.abandoned, 1);
    assert!(circuit.try_acquire().is_ok(), "the slot is free again");
}

#[test]
fn a_hung_call_counts_when_an_outer_timeout_drops_it_late() {
    let (circuit, clock) = circuit(|b| b.consecutive_failures(1).abandoned_after(SECOND));
    {
        let mut call = pin!(circuit.call(pending::<Result<(), ()>>()));
        assert!(poll(call.as_mut()).is_pending());
        clock.advance(SECOND);
    }

    assert_eq!(circuit.state(), CircuitState::Open);
}

#[test]
fn the_outcome_is_recorded_in_the_poll_that_saw_the_result() {
    let (circuit, _) = circuit(|b| b.consecutive_failures(1));
    let mut call = pin!(circuit.call(ready(Err::<(), _>(()))));

    let polled = poll(call.as_mut());

    assert!(polled.is_ready());
    assert_eq!(circuit.state(), CircuitState::Open, "although the future still lives");
}
