//! Functions behind a circuit.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use futures_util::FutureExt;
use tower_circuit_breaker::{Circuit, CircuitState, Error, FailureKind, Outcome};

fn circuit() -> Circuit {
    Circuit::builder("plants").consecutive_failures(2).build()
}

#[test]
fn the_function_is_called_at_the_first_poll_and_only_where_the_call_is_admitted() {
    let circuit = circuit();
    let called = Cell::new(0);
    let double = circuit.wrap(|number: u32| {
        called.set(called.get() + 1);
        async move { Ok::<_, ()>(2 * number) }
    });

    let call = double(4);
    assert_eq!(called.get(), 0);
    assert_eq!(call.now_or_never(), Some(Ok(8)));
    circuit.trip();

    let rejected = double(4).now_or_never().unwrap();

    assert!(matches!(rejected, Err(Error::Rejected(_))));
    assert_eq!(called.get(), 1);
    assert_eq!(circuit.snapshot().totals.successes, 1);
}

#[test]
fn what_it_returns_is_counted_and_passed_on() {
    let circuit = circuit();
    let fail = circuit.wrap(|(word, times): (&str, usize)| {
        let error = word.repeat(times);
        async move { Err::<(), _>(error) }
    });

    assert_eq!(fail(("no", 2)).now_or_never(), Some(Err(Error::Inner("nono".to_owned()))));
    assert_eq!(fail(("no", 1)).now_or_never(), Some(Err(Error::Inner("no".to_owned()))));

    assert_eq!(circuit.state(), CircuitState::Open);
}

#[test]
fn a_call_that_is_dropped_midway_is_abandoned_and_one_never_polled_is_nothing() {
    let circuit = circuit();
    let wait = circuit.wrap(|()| std::future::pending::<Result<(), ()>>());

    drop(wait(()));
    {
        let mut call = pin!(wait(()));
        assert!(call.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    }

    let totals = circuit.snapshot().totals;
    assert_eq!((totals.abandoned, totals.failures), (1, 0));
}

#[test]
#[cfg_attr(panic = "abort", ignore = "catches a panic")]
fn a_panic_of_the_function_or_of_its_future_is_a_failure() {
    let circuit = circuit();
    let at_once = circuit.wrap(|()| -> std::future::Ready<Result<(), ()>> { panic!("at once") });
    let later = circuit.wrap(|()| async { panic!("later") as Result<(), ()> });

    assert!(catch_unwind(AssertUnwindSafe(|| at_once(()).now_or_never())).is_err());
    assert!(catch_unwind(AssertUnwindSafe(|| later(()).now_or_never())).is_err());

    let kinds = circuit.snapshot().failures_by_kind;
    assert_eq!(kinds, [(FailureKind::OTHER, 0), (FailureKind::PANIC, 2)]);
    assert_eq!(circuit.state(), CircuitState::Open);
}

#[tokio::test]
async fn calls_run_on_tasks_of_their_own() {
    let circuit = circuit();
    let halve = circuit.wrap(|number: u32| async move {
        tokio::task::yield_now().await;
        if number % 2 == 0 { Ok(number / 2) } else { Err("odd") }
    });

    assert_eq!(tokio::spawn(halve(4)).await.unwrap(), Ok(2));
    assert_eq!(tokio::spawn(halve(3)).await.unwrap(), Err(Error::Inner("odd")));
}

#[test]
fn a_blocking_call_may_say_what_its_result_counts_as() {
    let circuit = circuit();
    let missing_is_fine = |result: &Result<(), &str>| match result {
        Ok(()) | Err("missing") => Outcome::Success,
        Err(_) => Outcome::Failure(FailureKind::OTHER),
    };

    for error in ["missing", "missing", "broken"] {
        assert_eq!(circuit.run_with(missing_is_fine, || Err(error)), Err(Error::Inner(error)));
    }

    let totals = circuit.snapshot().totals;
    assert_eq!((totals.successes, totals.failures), (2, 1));
}

#[test]
#[should_panic(expected = "polled after it has ended")]
#[cfg_attr(panic = "abort", ignore = "catches a panic")]
fn a_call_is_not_polled_again_after_its_end() {
    let call = circuit().wrap(|()| async { Ok::<_, ()>(()) });
    let mut call = pin!(call(()));
    let cx = &mut Context::from_waker(Waker::noop());
    assert_eq!(call.as_mut().poll(cx), Poll::Ready(Ok(())));

    let _ = call.as_mut().poll(cx);
}
