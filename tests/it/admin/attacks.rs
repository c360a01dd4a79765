//! What somebody may try who has no token, or one to read by.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http::request::Builder;
use http_body::{Body, Frame};
use http_body_util::{BodyExt, Full};
use tower::ServiceExt;
use tower_circuit_breaker::{
    Circuit, CircuitGroup, CircuitRegistry, CircuitState, FailureKind, ManualClock, Outcome,
    OverrideOrder,
};
use tower_circuit_breaker_admin::{Admin, Peer};
use tower_circuit_breaker_telemetry::PrometheusText;

use super::access::{from, guarded, with_token};
use super::{READ_TOKEN, TOKEN, ask, command, from_here, registry, send, steering};
use crate::support::SECOND;

/// The first frame of the stream.
async fn first_frame(admin: &Admin, request: Builder) -> String {
    let mut body = send(admin, request.body(Full::default()).unwrap()).await.into_body();
    let begin = body.frame().await.unwrap().unwrap().into_data().unwrap();
    assert_eq!(begin, "retry: 2000\n\n");
    let frame = body.frame().await.unwrap().unwrap().into_data().unwrap();
    String::from_utf8(frame.to_vec()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn why_a_circuit_is_isolated_is_not_for_those_who_only_read() {
    let (registry, _clock) = registry(&["plants"]);
    let group = CircuitGroup::new("eu-dc");
    group.add(&registry.get("plants").unwrap());
    let _isolation = group.isolate_because("ann says so");
    let (admin, open) = (guarded(&registry).build(), Admin::builder(registry).build());
    let far = |path| from(Request::get(path), [203, 0, 113, 9]);
    let bearer = format!("Bearer {READ_TOKEN}");
    let mut shown = vec![
        first_frame(&admin, Request::get("/events").header("authorization", bearer)).await,
        first_frame(&open, far("/events")).await,
    ];
    for path in ["/circuits", "/circuits/plants", "/circuits/plants/events", "/health"] {
        shown.push(with_token(&admin, Request::get(path), READ_TOKEN).await.text);
        shown.push(ask(&open, far(path).body(Full::default()).unwrap()).await.text);
    }
    for text in shown {
        assert!(!text.contains("ann says so"), "{text}");
    }
    let operators = with_token(&admin, Request::get("/circuits/plants"), TOKEN).await;
    assert_eq!(operators.json["isolated_by"][0]["group"], "eu-dc");
    assert_eq!(operators.json["isolation_reasons"], serde_json::json!(["ann says so"]));
}

#[tokio::test(start_paused = true)]
async fn one_machine_with_many_addresses_does_not_empty_the_ring_of_the_refused() {
    let (registry, _clock) = registry(&["plants"]);
    let admin = guarded(&registry).build();
    let path = "/circuits/plants/trip";
    with_token(&admin, from(command(path), [10, 0, 0, 7]), READ_TOKEN).await;
    for host in 1..=200 {
        let peer: SocketAddr = format!("[2001:db8:1:2::{host:x}]:4000").parse().unwrap();
        let request = Request::post(path).extension(Peer(peer));
        ask(&admin, request.body(Full::default()).unwrap()).await;
    }

    let audit = with_token(&admin, Request::get("/audit"), TOKEN).await;

    let entries = audit.json["refused"]["entries"].as_array().unwrap();
    assert_eq!(entries.len(), 2, "{entries:?}");
    assert_eq!(entries[0]["peer"], "10.0.0.7");
    assert_eq!(
        (&entries[1]["peer"], &entries[1]["count"]),
        (&"2001:db8:1:2::1".into(), &200.into())
    );
}

#[tokio::test]
async fn what_is_no_command_is_no_refused_command() {
    let (registry, _clock) = registry(&["plants"]);
    let admin = guarded(&registry).build();
    let send = async |path: &str| {
        let request = from_here(Request::post(path)).header("host", "evil.example");
        ask(&admin, request.body(Full::default()).unwrap()).await
    };
    for path in ["/", "/nonsense", "/circuits", "/circuits/plants"] {
        send(path).await;
    }
    let none = with_token(&admin, Request::get("/audit"), TOKEN).await;
    send("/circuits/plants/trip").await;
    let one = with_token(&admin, Request::get("/audit"), TOKEN).await;

    let totals = [&none, &one].map(|audit| audit.json["refused"]["total"].as_u64().unwrap());
    assert_eq!(totals, [0, 1]);
}

#[tokio::test]
async fn a_host_beside_another_authority_is_refused() {
    let (registry, _clock) = registry(&["plants"]);
    let admin = steering(&registry).build();
    let with = async |host: &str| {
        let request = command("http://127.0.0.1:9091/circuits/plants/trip").header("host", host);
        ask(&admin, request.body(Full::default()).unwrap()).await.status.as_u16()
    };
    for host in ["evil.example", "10.0.0.7", "a b", "", "127.0.0.1:9092", "localhost:9091"] {
        assert_eq!(with(host).await, 400, "{host:?}");
    }
    assert_eq!(registry.get("plants").unwrap().state(), CircuitState::Closed);
    assert_eq!(with("127.0.0.1:9091").await, 200);
}

#[tokio::test]
async fn a_port_that_is_the_usual_one_may_be_left_out_of_one_of_two() {
    let (registry, _clock) = registry(&["plants"]);
    let admin = steering(&registry).build();
    for (target, host) in [("localhost:80", "localhost"), ("localhost", "LOCALHOST:443")] {
        let request =
            command(&format!("http://{target}/circuits/plants/trip")).header("host", host);
        let answer = ask(&admin, request.body(Full::default()).unwrap()).await;
        assert_eq!(answer.status, 200, "{target} {host}: {}", answer.text);
    }
}

#[tokio::test]
async fn of_two_tokens_in_one_request_neither_is_taken() {
    let (registry, _clock) = registry(&["plants"]);
    let admin = guarded(&registry).build();
    for tokens in [[TOKEN, "wrong"], ["wrong", TOKEN], [TOKEN, READ_TOKEN], [TOKEN, TOKEN]] {
        let request = tokens.iter().fold(command("/circuits/plants/trip"), |request, token| {
            request.header("authorization", format!("Bearer {token}"))
        });
        let answer = ask(&admin, request.body(Full::default()).unwrap()).await;
        assert_eq!(answer.status, 401, "{tokens:?}");
    }
    assert_eq!(registry.get("plants").unwrap().state(), CircuitState::Closed);
}

/// A body that has a frame without data each second, always there when it is asked for.
struct Empties(u32);

impl Body for Empties {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0 += 1;
        let _ = pin!(tokio::time::advance(SECOND)).poll(cx);
        Poll::Ready((self.0 <= 60).then(|| Ok(Frame::data(Bytes::new()))))
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_of_empty_frames_ends_after_ten_seconds() {
    let (registry, _clock) = registry(&["plants"]);
    let admin = steering(&registry).build();
    let request = command("/circuits/plants/trip").body(Empties(0)).unwrap();

    let answer = admin.oneshot(request).await.unwrap();

    assert_eq!(answer.status(), 408);
    assert_eq!(registry.get("plants").unwrap().state(), CircuitState::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_guesser_is_answered_late_though_another_sends_hundreds_at_once() {
    let (registry, _clock) = registry(&["plants"]);
    let admin = guarded(&registry).build();
    let guess = |peer: [u8; 4]| {
        let (admin, request) = (admin.clone(), from(Request::get("/circuits"), peer));
        async move { with_token(&admin, request, "wrong-wrong-wrong").await.status.as_u16() }
    };
    for _ in 0..10 {
        guess([10, 0, 0, 8]).await;
    }
    let held: Vec<_> = (0..300).map(|_| tokio::spawn(guess([10, 0, 0, 7]))).collect();
    tokio::time::sleep(Duration::from_millis(10)).await;
    let at_once = held.iter().filter(|one| one.is_finished()).count();
    let started = tokio::time::Instant::now();

    assert_eq!(guess([10, 0, 0, 8]).await, 429);
    assert_eq!(started.elapsed(), SECOND);
    assert_eq!(at_once, 300 - 8, "one peer has eight places");
}

#[tokio::test]
async fn odd_kinds_reasons_and_error_texts_change_no_answer_but_their_own() {
    let long = "x".repeat(2_000);
    let texts = [
        "<script>alert(1)</script>",
        "one\r\n\r\nevent: change\ndata: {}",
        "\u{202e}backwards\u{2066}\u{feff}",
        "\"} 1\n# EOF\n",
        "\u{0}\u{1b}[31m",
        long.as_str(),
    ];
    for text in texts {
        let clock = ManualClock::new();
        let said = text.to_owned();
        let plants = Circuit::builder("plants").clock(clock.clone()).consecutive_failures(1);
        let plants = plants.last_error(move |_: &String| said.clone()).build();
        let registry = CircuitRegistry::new();
        registry.insert(&plants).unwrap();
        let kind = FailureKind::new(text.to_owned().leak());
        let admin =
            guarded(&registry).metrics(|circuits| PrometheusText::new().encode(circuits)).build();
        let called = plants.call(async { Err::<(), _>("refused".to_owned()) }).await;
        assert!(called.is_err(), "it fails");
        plants.reset();
        plants.try_acquire().unwrap().record(Outcome::Failure(kind));
        plants.impose(OverrideOrder::force_open().actor(text).reason(text));
        let _isolation = plants.isolate_because(text);

        let detail = with_token(&admin, Request::get("/circuits/plants"), TOKEN).await;
        let list = with_token(&admin, Request::get("/circuits"), TOKEN).await;
        let metrics = with_token(&admin, Request::get("/metrics"), TOKEN).await;
        let bearer = format!("Bearer {TOKEN}");
        let frame =
            first_frame(&admin, Request::get("/events").header("authorization", bearer)).await;

        assert_eq!((detail.status.as_u16(), list.status.as_u16()), (200, 200), "{text:?}");
        assert_eq!(detail.json["override_words"]["reason"], text);
        assert_eq!(detail.json["isolation_reasons"][0], text);
        assert_eq!(list.json["circuits"][0]["name"], "plants", "{text:?}");
        assert!(frame.starts_with("id: "), "{text:?}: {frame}");
        assert!(frame.contains("\nevent: tick\ndata: {"), "{text:?}: {frame}");
        assert_eq!(frame.lines().count(), 4, "{text:?}: {frame}");
        let is_series = |line: &str| line.is_empty() || line.starts_with(['c', '#']);
        assert!(metrics.text.lines().all(is_series), "{text:?}: {}", metrics.text);
        assert_eq!(
            metrics.text.matches("# EOF").count(),
            text.matches("# EOF").count(),
            "{text:?}"
        );
    }
}
