//! Streams whose readers leave when they have enough.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::{FutureExt, stream};
use http::StatusCode;
use http_body_util::BodyExt;
use hyper::body::Bytes;
use tokio::sync::mpsc;
use tower_circuit_breaker::CircuitState;

use crate::half_open::probing;
use crate::script::counted;
use crate::support::{SECOND, circuit};
use crate::verdicts::servers::{
    Answer, BOTH, Client, leave_after, serve, silent_after, streaming, whole,
};

const EVENTS: (&str, &str) = ("content-type", "text/event-stream");

/// Head, then silence.
fn idle_events() -> Answer {
    silent_after("", EVENTS)
}

#[tokio::test]
async fn idle_event_streams_and_one_503_in_twenty_keep_the_default_circuit_closed() {
    for over in BOTH {
        let calls = Arc::new(AtomicUsize::new(0));
        let address = serve(over, move |_| {
            let is_twentieth = calls.fetch_add(1, Ordering::SeqCst) % 20 == 19;
            let unavailable = || whole(StatusCode::SERVICE_UNAVAILABLE, "later");
            std::future::ready(if is_twentieth { unavailable() } else { idle_events() })
        })
        .await;
        let (circuit, clock) = circuit(|b| b);
        let client = Client::new(&circuit, over, address);

        for _ in 0..100 {
            let response = client.answer().await;
            if response.status() == StatusCode::OK {
                leave_after(response, &clock, Duration::from_millis(2_500));
            }
        }

        assert_eq!(circuit.state(), CircuitState::Closed, "{over:?}");
        assert_eq!(counted(&circuit), [95, 5, 0, 0], "{over:?}");
    }
}

#[tokio::test]
async fn idle_event_streams_that_are_left_close_a_half_open_circuit_at_the_first() {
    for over in BOTH {
        let address = serve(over, async |_| idle_events()).await;
        let (circuit, clock) = probing(|b| b.probe_timeout(60 * SECOND));
        let client = Client::new(&circuit, over, address);

        for number in 1..=20 {
            leave_after(client.answer().await, &clock, SECOND * 3 / 2);

            assert_eq!(circuit.state(), CircuitState::Closed, "{over:?}: {number}");
            assert_eq!(counted(&circuit), [number, 0, 0, 0], "{over:?}");
        }
    }
}

#[tokio::test]
async fn a_stream_that_sends_is_not_abandoned_by_readers_that_leave_later() {
    for over in BOTH {
        let (opened, mut streams) = mpsc::unbounded_channel::<mpsc::UnboundedSender<Bytes>>();
        let address = serve(over, move |_| {
            let (sends, mut sent) = mpsc::unbounded_channel();
            opened.send(sends).unwrap();
            let bytes = stream::poll_fn(move |cx| sent.poll_recv(cx));
            std::future::ready(streaming(bytes, EVENTS))
        })
        .await;
        let patience = Duration::from_millis(40);
        let (circuit, clock) = circuit(|b| b.consecutive_failures(3).abandoned_after(patience));
        let client = Client::new(&circuit, over, address);

        for _ in 0..3 {
            let mut body = client.answer().await.into_body();
            let stream = streams.recv().await.expect("the server has answered");
            for _ in 0..8 {
                let mut next = body.frame();
                assert!((&mut next).now_or_never().is_none(), "{over:?}: nothing was sent yet");
                clock.advance(Duration::from_millis(10));
                stream.send(Bytes::from_static(b"data: x\n\n")).unwrap();
                assert!(next.await.expect("it goes on").is_ok(), "{over:?}");
            }
            assert!(body.frame().now_or_never().is_none(), "{over:?}: it waits when it leaves");
        }

        assert_eq!(circuit.state(), CircuitState::Closed, "{over:?}");
        assert_eq!(counted(&circuit), [3, 0, 0, 0], "{over:?}");
    }
}
