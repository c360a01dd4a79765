//! The scripted service.

use std::task::Poll;

use futures_util::future::{join, poll_fn};
use futures_util::{FutureExt, poll};
use tower::{Layer, Service, ServiceExt};
use tower_circuit_breaker::{CircuitBreakerLayer, FailureKind, ManualClock};
use tower_circuit_breaker_test::{Answer, Gate, ScriptedService};

use super::panic_of;
use crate::support::{SECOND, circuit};

type Scripted = ScriptedService<u32, u32, &'static str>;

#[tokio::test]
async fn answers_come_in_order_and_requests_are_kept() {
    let service = Scripted::new([Ok(1), Err("no"), Ok(3)]);

    assert_eq!(service.clone().oneshot(10).await, Ok(1));
    assert_eq!(service.clone().oneshot(20).await, Err("no"));
    assert_eq!(service.take_requests(), [10, 20]);
    assert_eq!(service.clone().oneshot(30).await, Ok(3));

    assert_eq!(service.take_requests(), [30]);
    assert_eq!((service.calls(), service.in_flight(), service.dropped()), (3, 0, 0));
    service.assert_over();
}

#[tokio::test]
#[cfg_attr(panic = "abort", ignore = "catches a panic")]
async fn a_script_that_is_over_says_so() {
    let service = Scripted::new([Ok(1), Ok(2)]);
    for _ in 0..2 {
        service.clone().oneshot(0).await.unwrap();
    }

    let text = panic_of(|| service.clone().oneshot(0).now_or_never());

    assert!(text.starts_with("the script of 2 answers is over, and call 3 came"), "{text}");
}

#[test]
#[cfg_attr(panic = "abort", ignore = "catches a panic")]
fn a_script_that_is_not_over_says_so() {
    let service = Scripted::new([Ok(1), Ok(2)]);

    let text = panic_of(|| service.assert_over());

    assert_eq!(text, "of the 2 answers of the script, 2 were not asked for");
}

#[tokio::test]
async fn what_comes_after_the_script_can_be_said() {
    let service = Scripted::new([Err("first")]).then_always(|| Answer::ok(7));

    assert_eq!(service.clone().oneshot(0).await, Err("first"));
    for _ in 0..3 {
        assert_eq!(service.clone().oneshot(0).await, Ok(7));
    }
}

#[tokio::test]
#[cfg_attr(panic = "abort", ignore = "catches a panic")]
async fn it_panics_as_written() {
    let service = Scripted::new([Answer::panics("in poll"), Answer::panics_in_call("in call")]);

    let call = service.clone().ready().await.unwrap().call(1);
    assert_eq!(service.in_flight(), 1);
    assert_eq!(panic_of(|| call.now_or_never()), "in poll");
    let mut ready = service.clone();
    ready.ready().await.unwrap();
    assert_eq!(panic_of(|| ready.call(2)), "in call");

    assert_eq!((service.calls(), service.in_flight(), service.dropped()), (2, 0, 0));
}

#[test]
#[cfg_attr(panic = "abort", ignore = "catches a panic")]
fn a_call_without_readiness_is_a_mistake() {
    let ready = Scripted::new([Ok(1)]);
    assert!(poll_fn(|cx| ready.clone().poll_ready(cx)).now_or_never().is_some());

    // A clone has reserved nothing.
    let text = panic_of(|| ready.clone().call(0));

    assert_eq!(text, "the scripted service was called without having been ready");
}

#[tokio::test]
async fn it_is_not_ready_as_often_as_written() {
    let mut service = Scripted::new([Answer::ok(1).not_ready(2), Answer::unready("gone")]);
    let script = service.clone();

    for expected in [Poll::Pending, Poll::Pending, Poll::Ready(Ok(())), Poll::Ready(Ok(()))] {
        assert_eq!(poll!(poll_fn(|cx| service.poll_ready(cx))), expected);
    }
    assert_eq!(service.call(0).await, Ok(1));
    assert_eq!(service.ready().await.err(), Some("gone"));

    assert_eq!((script.ready_polls(), script.calls()), (5, 1));
    script.assert_over();
}

#[tokio::test]
async fn a_hung_call_is_in_flight_until_it_is_dropped() {
    let service = Scripted::new([Answer::never()]);
    let mut call = service.clone().ready().await.unwrap().call(0);

    assert!(poll!(&mut call).is_pending());
    assert_eq!((service.in_flight(), service.dropped()), (1, 0));
    drop(call);

    assert_eq!((service.in_flight(), service.dropped()), (0, 1));
}

#[tokio::test]
async fn a_call_waits_for_polls_and_has_itself_polled() {
    let service = Scripted::new([Answer::ok(1).after_polls(3), Answer::ok(2).after_polls(2)]);

    assert_eq!(service.clone().oneshot(0).await, Ok(1));
    let mut call = service.clone().ready().await.unwrap().call(0);

    assert!(poll!(&mut call).is_pending() && poll!(&mut call).is_pending());
    assert_eq!(poll!(&mut call), Poll::Ready(Ok(2)));
}

#[tokio::test]
async fn a_call_that_waits_for_the_clock_is_woken_by_it() {
    let clock = ManualClock::new();
    let service = Scripted::new([Answer::ok(1).after(&clock, 5 * SECOND)]);
    clock.advance(SECOND);
    let call = service.oneshot(0);

    let advance = async {
        for _ in 0..5 {
            tokio::task::yield_now().await;
            clock.advance(SECOND);
        }
    };

    assert_eq!(join(call, advance).await.0, Ok(1));
}

#[tokio::test]
async fn a_call_waits_out_its_time_from_when_it_was_made() {
    let clock = ManualClock::new();
    let service = Scripted::new([Answer::ok(1).after(&clock, 5 * SECOND)]);
    clock.advance(100 * SECOND);
    let mut call = service.clone().ready().await.unwrap().call(0);

    clock.advance(5 * SECOND - std::time::Duration::from_nanos(1));
    assert!(poll!(&mut call).is_pending());
    clock.advance(std::time::Duration::from_nanos(1));

    assert_eq!(poll!(&mut call), Poll::Ready(Ok(1)));
}

#[tokio::test]
async fn a_gate_lets_all_through_that_wait_and_all_that_come() {
    let gate = Gate::new();
    let behind = |n| Answer::<_, &str>::ok(n).behind(&gate);
    let service = Scripted::new([behind(1), behind(2), behind(3)]);
    let calls = [1, 2].map(|n| tokio::spawn(service.clone().oneshot(n)));
    tokio::task::yield_now().await;
    assert!(service.in_flight() == 2 && !gate.is_open());

    gate.open();

    for (call, n) in calls.into_iter().zip(1..) {
        assert_eq!(call.await.unwrap(), Ok(n));
    }
    assert_eq!(service.oneshot(3).now_or_never(), Some(Ok(3)));
}

#[tokio::test]
#[cfg_attr(panic = "abort", ignore = "catches a panic")]
async fn a_script_through_the_layer_is_counted_as_written() {
    let (circuit, clock) = circuit(|b| b.consecutive_failures(10));
    let script = Scripted::new([Answer::ok(1), Answer::err("no"), Answer::panics("oh")]);
    script.push(Answer::never());
    let client = CircuitBreakerLayer::new(circuit.clone()).layer(script.clone());

    assert!(client.clone().oneshot(0).await.is_ok());
    assert!(client.clone().oneshot(0).await.is_err());
    assert_eq!(panic_of(|| client.clone().oneshot(0).now_or_never()), "oh");
    assert_eq!(client.clone().oneshot(0).now_or_never(), None);

    let snapshot = circuit.snapshot();
    let totals = snapshot.totals;
    assert_eq!((totals.successes, totals.failures, totals.abandoned), (1, 2, 1));
    assert!(snapshot.failures_by_kind.contains(&(FailureKind::PANIC, 1)));
    assert_eq!(script.dropped(), 1);
    drop(clock);
}
