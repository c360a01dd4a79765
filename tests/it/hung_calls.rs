//! Calls that hang, counted while they do.

use std::future::{Future, pending};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::{Context, Waker};
use std::time::Duration;

use tower::Service;
use tower_circuit_breaker::{
    ChangeReason, Circuit, CircuitBreakerLayer, CircuitState, Error, Outcome, Permit, RejectReason,
    TripRule,
};
use tower_layer::Layer;
use tower_test::{assert_request_eq, mock};

use crate::support::{SECOND, circuit, fail, record, rejection, succeed};

fn hang(circuit: &Circuit, calls: usize) -> Vec<Permit> {
    let admit = |_| circuit.try_acquire().expect("the call is admitted");
    (0..calls).map(admit).collect()
}

fn reason(circuit: &Circuit) -> Option<ChangeReason> {
    circuit.snapshot().last_trip.map(|trip| trip.reason)
}

#[test]
fn a_circuit_opens_while_its_calls_still_hang() {
    let (circuit, clock) = circuit(|b| b.stalled_calls(3, 5 * SECOND));
    let _hung = hang(&circuit, 3);

    clock.advance(5 * SECOND - Duration::from_millis(1));
    let _fourth = circuit.try_acquire().expect("they are too young");
    clock.advance(SECOND / 2);
    assert_eq!(circuit.state(), CircuitState::Closed, "nobody came");
    assert_eq!(circuit.snapshot().stalled_calls, 3);

    let rejected = rejection(&circuit);
    assert_eq!(rejected.reason(), RejectReason::Open);
    assert_eq!(rejected.retry_after(), Some(30 * SECOND));
    assert_eq!(reason(&circuit), Some(ChangeReason::StalledCalls));
    assert_eq!(circuit.snapshot().totals.rejected, 1);
    assert_eq!(circuit.snapshot().stalled_calls, 0, "of the new stretch");
}

#[test]
fn fewer_calls_than_the_rule_asks_for_may_hang() {
    let (circuit, clock) = circuit(|b| b.stalled_calls(3, SECOND));
    let mut hung = hang(&circuit, 3);
    hung.pop().expect("three").record(Outcome::Success);
    drop(hung.pop());
    let _young = hang(&circuit, 1);

    for _ in 0..100 {
        clock.advance(SECOND);
        succeed(&circuit);
    }

    assert_eq!(circuit.snapshot().stalled_calls, 2);
    let _third = hang(&circuit, 1);
    clock.advance(2 * SECOND);
    assert_eq!(rejection(&circuit).reason(), RejectReason::Open);
}

#[test]
fn calls_in_flight_count_as_slow_once_they_are() {
    let (circuit, clock) = circuit(|b| b.slow_call_rate(0.5, SECOND).minimum_calls(10));
    for _ in 0..5 {
        succeed(&circuit);
    }
    let _hung = hang(&circuit, 4);
    clock.advance(2 * SECOND);
    let fifth = hang(&circuit, 1);
    assert_eq!(circuit.snapshot().slow_call_rate(), None, "nine calls");
    assert_eq!(circuit.snapshot().slow_in_flight, 4);

    clock.advance(2 * SECOND);

    assert_eq!(circuit.snapshot().slow_call_rate(), Some(0.5));
    assert_eq!(rejection(&circuit).reason(), RejectReason::Open);
    assert_eq!(reason(&circuit), Some(ChangeReason::SlowCallRate));
    drop(fifth);
    assert_eq!(circuit.snapshot().totals.stale, 1, "its stretch is over");
}

#[test]
fn a_slow_result_is_judged_together_with_those_still_in_flight() {
    let (circuit, clock) = circuit(|b| b.slow_call_rate(1.0, SECOND).minimum_calls(3));
    let mut hung = hang(&circuit, 3);
    clock.advance(2 * SECOND);

    hung.pop().expect("three").record(Outcome::Success);

    assert_eq!(circuit.state(), CircuitState::Open);
    assert_eq!(circuit.snapshot().last_trip.map(|trip| trip.window.slow_calls), Some(1));
}

#[test]
fn a_call_counts_once_whether_it_hangs_or_has_ended() {
    let (circuit, clock) = circuit(|b| b.slow_call_rate(1.0, SECOND).minimum_calls(4));
    let mut hung = hang(&circuit, 3);
    clock.advance(2 * SECOND);
    hung.pop().expect("three").record(Outcome::Success);

    let snapshot = circuit.snapshot();

    assert_eq!((snapshot.window.slow_calls, snapshot.slow_in_flight), (1, 2));
    clock.advance(SECOND);
    let _fourth = circuit.try_acquire().expect("three of four are not enough");
}

#[test]
fn both_rules_may_stand_and_each_has_its_own_open_time() {
    let rule = TripRule::stalled_calls(2, 3 * SECOND).open_for(7 * SECOND);
    let (circuit, clock) = circuit(|b| b.slow_call_rate(1.0, SECOND).minimum_calls(100).rule(rule));
    let _hung = hang(&circuit, 2);
    clock.advance(2 * SECOND);
    let _third = hang(&circuit, 1);
    assert_eq!(circuit.snapshot().slow_in_flight, 2);
    assert_eq!(circuit.snapshot().stalled_calls, 0);

    clock.advance(2 * SECOND);

    assert_eq!(rejection(&circuit).retry_after(), Some(7 * SECOND));
    assert_eq!(reason(&circuit), Some(ChangeReason::StalledCalls));
}

#[test]
fn calls_of_an_earlier_epoch_do_not_count() {
    let (circuit, clock) = circuit(|b| b.stalled_calls(1, SECOND));
    let hung = hang(&circuit, 1);
    circuit.reset();
    clock.advance(60 * SECOND);

    succeed(&circuit);
    drop(hung);
    clock.advance(60 * SECOND);
    succeed(&circuit);

    assert_eq!(circuit.snapshot().totals.trips, 0);
    assert_eq!(circuit.snapshot().stalled_calls, 0);
}

#[test]
fn a_recovered_circuit_does_not_trip_by_calls_that_hung_before() {
    let (circuit, clock) = circuit(|b| b.stalled_calls(2, SECOND).open_for(10 * SECOND));
    let _hung = hang(&circuit, 2);
    clock.advance(2 * SECOND);
    rejection(&circuit);
    clock.advance(10 * SECOND);
    let probe = circuit.try_acquire().expect("the open time is over");
    clock.advance(5 * SECOND);
    rejection(&circuit);
    probe.record(Outcome::Success);

    clock.advance(60 * SECOND);

    succeed(&circuit);
    assert_eq!(circuit.snapshot().totals.trips, 1);
}

#[test]
fn a_forced_circuit_does_not_trip_and_an_observing_one_counts() {
    let (circuit, clock) = circuit(|b| b.stalled_calls(1, SECOND));
    circuit.force_closed();
    let _hung = hang(&circuit, 1);
    clock.advance(9 * SECOND);
    succeed(&circuit);
    assert_eq!(circuit.snapshot().stalled_calls, 1);

    circuit.observe();
    let _hung = hang(&circuit, 1);
    clock.advance(9 * SECOND);
    succeed(&circuit);

    let totals = circuit.snapshot().totals;
    assert_eq!((totals.trips, totals.would_have_rejected, totals.rejected), (1, 1, 0));
}

#[test]
fn other_results_are_judged_as_ever() {
    let (circuit, _) = circuit(|b| b.stalled_calls(9, SECOND).consecutive_failures(2));

    fail(&circuit);
    record(&circuit, Outcome::Ignored);
    fail(&circuit);

    assert_eq!(reason(&circuit), Some(ChangeReason::ConsecutiveFailures));
}

#[test]
fn other_settings_begin_afresh_and_may_drop_the_rule() {
    let (circuit, clock) = circuit(|b| b.consecutive_failures(5));
    let _plain = hang(&circuit, 2);
    circuit.reconfigure(Circuit::builder("").stalled_calls(2, SECOND).into_config());
    clock.advance(9 * SECOND);
    let _hung = hang(&circuit, 2);
    assert_eq!(circuit.snapshot().stalled_calls, 0, "those of the old settings do not count");
    clock.advance(9 * SECOND);
    assert_eq!(circuit.snapshot().stalled_calls, 2);

    circuit.reconfigure(Circuit::builder("").consecutive_failures(5).into_config());

    succeed(&circuit);
    assert_eq!(circuit.snapshot().stalled_calls, 0);
}

#[test]
fn a_ticker_opens_a_circuit_to_which_nobody_comes() {
    let (circuit, clock) = circuit(|b| b.stalled_calls(1, SECOND));
    let _hung = hang(&circuit, 1);
    circuit.check_stalled_calls();
    clock.advance(2 * SECOND);
    assert_eq!(circuit.state(), CircuitState::Closed);

    circuit.check_stalled_calls();

    assert_eq!(circuit.state(), CircuitState::Open);
    circuit.check_stalled_calls();
    assert_eq!(circuit.snapshot().totals.rejected, 0);
}

#[tokio::test(start_paused = true)]
async fn the_ticker_of_tokio_ends_with_the_circuit() {
    let (circuit, clock) = circuit(|b| b.stalled_calls(1, SECOND));
    let ticker = tokio::spawn(circuit.stall_ticker(SECOND / 10));
    let hung = hang(&circuit, 1);
    tokio::time::sleep(SECOND).await;
    assert_eq!(circuit.state(), CircuitState::Closed);
    clock.advance(2 * SECOND);
    tokio::time::sleep(SECOND / 10).await;
    assert_eq!(circuit.state(), CircuitState::Open);

    drop((circuit, hung));

    ticker.await.expect("it ends by itself");
}

#[test]
#[cfg_attr(panic = "abort", ignore = "catches a panic")]
fn a_ticker_without_a_period_is_refused() {
    let (circuit, _) = circuit(|b| b.stalled_calls(1, SECOND));

    let ask = AssertUnwindSafe(|| drop(circuit.stall_ticker(Duration::ZERO)));
    let refused = catch_unwind(ask);

    let message = refused.expect_err("it panics");
    let message = message.downcast_ref::<String>().expect("a formatted message");
    assert_eq!(message, "period is 0ns: must be longer than zero");
}

#[tokio::test]
async fn a_task_that_waits_for_a_busy_inner_service_is_a_call_that_comes() {
    let (circuit, clock) = circuit(|b| b.stalled_calls(1, SECOND));
    let (service, mut handle) = mock::pair::<(), ()>();
    let mut first = CircuitBreakerLayer::new(circuit.clone()).layer(service);
    let mut second = first.clone();
    handle.allow(1);
    std::future::poll_fn(|cx| first.poll_ready(cx)).await.expect("ready");
    let call = tokio::spawn(first.call(()));
    assert_request_eq!(handle, ());
    clock.advance(2 * SECOND);

    let ready = second.poll_ready(&mut Context::from_waker(Waker::noop()));

    assert!(ready.is_ready(), "to reject");
    let rejected = second.call(()).await.expect_err("the circuit is open");
    assert!(matches!(rejected, Error::Rejected(_)), "{rejected:?}");
    call.abort();
}

#[test]
fn an_age_beyond_all_time_is_one_like_any_other() {
    let (circuit, clock) = circuit(|b| b.stalled_calls(1, Duration::MAX));
    let _hung = hang(&circuit, 1);
    clock.advance(Duration::from_secs(400 * 365 * 24 * 3600));
    succeed(&circuit);

    clock.advance(Duration::MAX);

    assert_eq!(rejection(&circuit).reason(), RejectReason::Open);
}

#[test]
fn dropped_calls_no_longer_hang() {
    let (circuit, clock) = circuit(|b| b.stalled_calls(1, SECOND));
    let mut call = Box::pin(circuit.call(pending::<Result<(), ()>>()));
    assert!(call.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    clock.advance(2 * SECOND);
    assert_eq!(circuit.snapshot().stalled_calls, 1);

    drop(call);

    assert_eq!(circuit.snapshot().stalled_calls, 0);
    succeed(&circuit);
}
