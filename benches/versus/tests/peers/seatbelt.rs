//! seatbelt 0.11, over a clock of its own that the tests move.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use seatbelt::breaker::{Breaker, BreakerLayer, HalfOpenMode};
use seatbelt::{RecoveryInfo, ResilienceContext};
use tick::ClockControl;
use tokio::sync::oneshot;
use tower::{Layer, Service, service_fn};

use crate::{play, upstream};

type Answer = Result<(), &'static str>;

/// Trips when half of at least `minimum` calls fail, for ten seconds.
fn layer(clock: &ClockControl, minimum: u32) -> BreakerLayer<char, Answer> {
    let context = ResilienceContext::new(clock.to_clock());
    Breaker::layer("shop", &context)
        .recovery_with(|answer: &Answer, _| match answer {
            Ok(()) => RecoveryInfo::never(),
            Err(_) => RecoveryInfo::retry(),
        })
        .rejected_input_error(|_, _| "rejected")
        .failure_threshold(0.5)
        .min_throughput(minimum)
        .break_duration(BREAK)
}

const BREAK: Duration = Duration::from_secs(10);

fn is_rejected(error: &&'static str) -> bool {
    *error == "rejected"
}

/// Polls once a future that hangs.
async fn begin<F: Future>(call: F) -> Pin<Box<F>> {
    let mut call = Box::pin(call);
    assert!(poll_fn(|cx| Poll::Ready(call.as_mut().poll(cx).is_pending())).await);
    call
}

#[tokio::test]
async fn each_layer_makes_a_circuit_of_its_own() {
    let layer = layer(&ClockControl::new(), 1);
    let [mut one, mut other] = [(); 2].map(|()| layer.layer(service_fn(upstream)));

    assert_eq!(play(&mut one, "fo", is_rejected).await, "fr");
    assert_eq!(play(&mut other, "o", is_rejected).await, "o");
}

#[tokio::test]
async fn a_success_trips_where_it_makes_the_minimum() {
    let mut client = layer(&ClockControl::new(), 4).layer(service_fn(upstream));

    assert_eq!(play(&mut client, "ffooo", is_rejected).await, "ffoor");
}

#[tokio::test]
async fn calls_that_hang_count_for_nothing_while_they_do() {
    let clock = ClockControl::new();
    let mut client = layer(&clock, 4).layer(service_fn(upstream));
    let mut calls = Vec::new();
    for _ in 0..10 {
        calls.push(begin(client.call('h')).await);
    }
    clock.advance(Duration::from_secs(3600));

    assert_eq!(play(&mut client, "o", is_rejected).await, "o");
}

#[tokio::test]
async fn dropped_calls_are_failures_where_all_calls_were_dropped() {
    let mut all = layer(&ClockControl::new(), 4).layer(service_fn(upstream));
    let mut all_but_one = layer(&ClockControl::new(), 4).layer(service_fn(upstream));
    assert_eq!(play(&mut all_but_one, "o", is_rejected).await, "o");

    for client in [&mut all, &mut all_but_one] {
        for _ in 0..4 {
            drop(begin(client.call('h')).await);
        }
    }

    assert_eq!(play(&mut all, "o", is_rejected).await, "r");
    assert_eq!(play(&mut all_but_one, "o", is_rejected).await, "o");
}

#[tokio::test]
async fn after_a_dropped_probe_the_next_comes_when_the_break_has_passed_again() {
    let clock = ClockControl::new();
    let quick = layer(&clock, 1).half_open_mode(HalfOpenMode::quick());
    let mut client = quick.layer(service_fn(upstream));
    assert_eq!(play(&mut client, "f", is_rejected).await, "f");
    clock.advance(BREAK);

    drop(begin(client.call('h')).await);

    assert_eq!(play(&mut client, "o", is_rejected).await, "r");
    clock.advance(BREAK + Duration::from_millis(1));
    assert_eq!(play(&mut client, "oo", is_rejected).await, "oo");
}

/// The call began before the trip, and ends after the recovery.
#[tokio::test]
async fn a_late_result_counts_for_the_present_closed_state() {
    let clock = ClockControl::new();
    let quick = layer(&clock, 1).half_open_mode(HalfOpenMode::quick());
    let (fail, failed) = oneshot::channel::<()>();
    let failed = std::sync::Mutex::new(Some(failed));
    let mut client = quick.layer(service_fn(move |ask| {
        let late = (ask == 'l').then(|| failed.lock().unwrap().take().unwrap());
        async move {
            let Some(late) = late else { return upstream(ask).await };
            late.await.unwrap();
            Err("late")
        }
    }));
    let late = client.call('l');
    assert_eq!(play(&mut client, "f", is_rejected).await, "f");
    clock.advance(BREAK);
    assert_eq!(play(&mut client, "oo", is_rejected).await, "oo", "it has recovered");

    fail.send(()).unwrap();
    assert_eq!(late.await, Err("late"));

    assert_eq!(play(&mut client, "o", is_rejected).await, "r");
}

/// By default the first probe is followed by a stage that admits one call in a thousand.
#[tokio::test]
async fn half_open_goes_on_after_a_good_probe_and_admits_few() {
    let clock = ClockControl::new();
    let mut client = layer(&clock, 1).layer(service_fn(upstream));
    assert_eq!(play(&mut client, "f", is_rejected).await, "f");
    clock.advance(BREAK);
    assert_eq!(play(&mut client, "o", is_rejected).await, "o", "the probe");

    let seen = play(&mut client, &"o".repeat(1000), is_rejected).await;

    let rejected = seen.matches('r').count();
    assert!((900..=1000).contains(&rejected), "{rejected}");
}

#[tokio::test]
async fn a_panic_counts_for_nothing() {
    let mut client = layer(&ClockControl::new(), 4).layer(service_fn(upstream));

    for _ in 0..10 {
        assert!(tokio::spawn(client.call('p')).await.is_err());
    }

    assert_eq!(play(&mut client, "o", is_rejected).await, "o");
}

/// An inner service that is not ready holds up calls that would be rejected.
#[tokio::test]
async fn the_inner_is_asked_whether_it_is_ready_while_the_circuit_is_open() {
    struct Busy(bool);

    impl Service<char> for Busy {
        type Response = ();
        type Error = &'static str;
        type Future = std::future::Ready<Answer>;

        fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> Poll<Result<(), Self::Error>> {
            if self.0 { Poll::Pending } else { Poll::Ready(Ok(())) }
        }

        fn call(&mut self, _: char) -> Self::Future {
            self.0 = true;
            std::future::ready(Err("down"))
        }
    }

    let mut client = layer(&ClockControl::new(), 1).layer(Busy(false));
    assert_eq!(play(&mut client, "f", is_rejected).await, "f");

    assert!(poll_fn(|cx| Poll::Ready(client.poll_ready(cx).is_pending())).await);
}
