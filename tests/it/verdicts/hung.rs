//! Bodies that hang after their heads, and the patience of those who read them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::FutureExt;
use http::StatusCode;
use http_body_util::BodyExt;
use tower_circuit_breaker::{
    ChangeReason, Circuit, CircuitBuilder, CircuitEvent, CircuitState, Rejected, SlidingWindow,
};

use crate::half_open::probing;
use crate::script::{FAILURE, counted};
use crate::support::{SECOND, circuit};
use crate::verdicts::servers::{
    Answer, BOTH, Client, Over, leave_after, serve, silent_after, whole,
};

const MILLISECOND: Duration = Duration::from_millis(1);

/// A head that announces what never comes.
fn hung() -> Answer {
    silent_after("", ("content-length", "4"))
}

/// A circuit of 50 % after a hundred calls, or fewer where it has opened: three in ten are a 503, all
/// others hang until their caller's patience ends.
async fn after_a_hundred(
    over: Over,
    patience: Duration,
    set: impl FnOnce(CircuitBuilder) -> CircuitBuilder,
) -> Circuit {
    let calls = Arc::new(AtomicUsize::new(0));
    let address = serve(over, move |_| {
        let is_unavailable = calls.fetch_add(1, Ordering::SeqCst) % 10 < 3;
        let unavailable = || whole(StatusCode::SERVICE_UNAVAILABLE, "later");
        std::future::ready(if is_unavailable { unavailable() } else { hung() })
    })
    .await;
    let (circuit, clock) = circuit(|b| set(b.failure_rate(0.5).window(SlidingWindow::count(100))));
    let client = Client::new(&circuit, over, address);
    for _ in 0..100 {
        match client.ask().await {
            Ok(response) if response.status() == StatusCode::OK => {
                leave_after(response, &clock, patience);
            }
            Ok(_) => {}
            Err(error) => assert!(Rejected::find(&*error).is_some(), "{over:?}: {error}"),
        }
    }
    circuit
}

#[tokio::test]
async fn bodies_that_hang_for_longer_than_the_bound_leave_the_word_to_the_503s() {
    for over in BOTH {
        let circuit = after_a_hundred(over, 2_500 * MILLISECOND, |b| b).await;

        assert_eq!(circuit.state(), CircuitState::Open, "{over:?}");
        assert_eq!(counted(&circuit), [0, 20, 0, 42], "{over:?}: nothing but failures");
    }
}

#[tokio::test]
async fn bodies_that_are_given_up_below_the_bound_count_as_their_heads() {
    for over in BOTH {
        let circuit = after_a_hundred(over, 600 * MILLISECOND, |b| b).await;

        assert_eq!(circuit.state(), CircuitState::Closed, "{over:?}");
        assert_eq!(counted(&circuit), [70, 30, 0, 0], "{over:?}");
    }
}

#[tokio::test]
async fn bodies_that_are_given_up_count_as_failures_under_a_shorter_abandoned_after() {
    for over in BOTH {
        let shorter = |b: CircuitBuilder| b.abandoned_after(500 * MILLISECOND);
        let circuit = after_a_hundred(over, 600 * MILLISECOND, shorter).await;

        assert_eq!(circuit.state(), CircuitState::Open, "{over:?}");
        assert_eq!(counted(&circuit), [0, 20, 0, 0], "{over:?}");
    }
}

#[tokio::test]
async fn a_probe_whose_body_hung_for_abandoned_after_has_failed_at_the_end_of_its_hold() {
    for over in BOTH {
        let address = serve(over, async |_| hung()).await;
        let (circuit, clock) = probing(|b| b.abandoned_after(2 * SECOND));
        let client = Client::new(&circuit, over, address);
        let mut probe = client.answer().await.into_body();
        assert!(probe.frame().now_or_never().is_none(), "{over:?}: it hangs");
        clock.advance(2 * SECOND);

        let error = client.ask().await.expect_err("the next call decides nothing");

        assert!(Rejected::find(&*error).is_some(), "{over:?}: {error}");
        assert_eq!((circuit.state(), counted(&circuit)), (CircuitState::Open, FAILURE), "{over:?}");
        let events = circuit.recent_events();
        let Some(CircuitEvent::StateChanged { reason, .. }) = events.last().map(|it| &it.event)
        else {
            panic!("{over:?}: {events:?}");
        };
        assert_eq!(*reason, ChangeReason::ProbesFailed, "{over:?}");
    }
}
