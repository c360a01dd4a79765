//! The retry policies for HTTP, hyper and reqwest.

use std::collections::HashMap;
use std::convert::Infallible;
use std::future::ready;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode, Version};
use http_body::Frame;
use http_body_util::Full;
use reqwest::Body;
use tokio::net::TcpListener;
use tokio::time::Instant;
use tower::retry::RetryLayer;
use tower::{BoxError, Layer, ServiceExt};
use tower_circuit_breaker::http::{retry, service_unavailable};
use tower_circuit_breaker::{
    Backoff, Circuit, CircuitBreakerLayer, RetryPolicy, TokioClock, http as breaker, hyper,
    reqwest as of_reqwest,
};

use crate::clients::server;
use crate::reqwest_errors::counted;
use crate::support::{Inner, SECOND, calls};

type Exchange = Result<Response<&'static str>, BoxError>;

fn request(method: Method) -> Request<&'static str> {
    Request::builder().method(method).body("roses").unwrap()
}

fn response(status: u16) -> http::response::Builder {
    Response::builder().status(status)
}

fn at_once<R, F>(policy: RetryPolicy<R, F>) -> RetryPolicy<R, F> {
    policy.backoff(Backoff::fixed(Duration::ZERO))
}

/// How often a request comes to an upstream that answers the same each time.
async fn attempts(method: Method, answer: impl Fn() -> Exchange + Clone) -> usize {
    let inner = Inner::new(move |_: Request<&'static str>| ready(answer()));
    let made = inner.counter();
    let client = RetryLayer::new(at_once(retry(3))).layer(inner);
    let _ = client.oneshot(request(method)).await;
    calls(&made)
}

#[tokio::test(start_paused = true)]
async fn statuses_that_may_pass_are_retried_and_no_others() {
    for (expected, statuses) in [
        (3, &[408, 429, 500, 502, 503, 504][..]),
        (1, &[200, 204, 301, 400, 401, 403, 404, 409, 501, 505, 511]),
    ] {
        for status in statuses {
            let made = attempts(Method::GET, || Ok(response(*status).body("").unwrap())).await;
            assert_eq!(made, expected, "{status}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn idempotent_methods_are_retried_and_no_others() {
    for (expected, methods) in [
        (3, &["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"][..]),
        (1, &["POST", "PATCH", "CONNECT", "PURGE"]),
    ] {
        for name in methods {
            let method = Method::from_bytes(name.as_bytes()).unwrap();
            let made = attempts(method.clone(), || Err("broken".into())).await;
            assert_eq!(made, expected, "{name}: an error");
            let made = attempts(method, || Ok(response(503).body("").unwrap())).await;
            assert_eq!(made, expected, "{name}: a 503");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn predicates_name_other_requests_and_other_results() {
    let inner = Inner::new(|_: Request<&str>| ready(Exchange::Ok(response(404).body("").unwrap())));
    let made = inner.counter();
    let policy = at_once(retry(3))
        .repeat_if(|request: &Request<&str>| request.headers().contains_key("idempotency-key"))
        .retry_if(|result: &Exchange| result.as_ref().is_ok_and(|it| it.status() == 404));
    let client = RetryLayer::new(policy).layer(inner);

    client.clone().oneshot(request(Method::POST)).await.unwrap();
    assert_eq!(calls(&made), 1);
    let mut keyed = request(Method::POST);
    keyed.headers_mut().insert("idempotency-key", "7".parse().unwrap());
    client.oneshot(keyed).await.unwrap();
    assert_eq!(calls(&made), 1 + 3);
}

#[tokio::test(start_paused = true)]
async fn what_a_response_asks_for_is_heeded_up_to_the_maximum() {
    // The status, what it asks for, how long the call may wait; calls, and seconds that it took.
    for (status, asked, may, made, took) in [
        (503, "2", 5, 3, 4),
        (429, "2", 5, 3, 4),
        (503, "2", 3, 2, 2),
        (503, "2", 0, 1, 0),
        (503, "60", 5, 1, 0),
        (503, "soon", 0, 3, 0),
        (500, "60", 0, 3, 0),
    ] {
        let answer =
            move || Exchange::Ok(response(status).header("retry-after", asked).body("").unwrap());
        let inner = Inner::new(move |_: Request<&'static str>| ready(answer()));
        let counter = inner.counter();
        let policy = at_once(retry(3)).max_wait(may * SECOND);
        let start = Instant::now();

        let last = RetryLayer::new(policy).layer(inner).oneshot(request(Method::GET)).await;

        let case = format!("{status} that asks for {asked} s of {may} s");
        assert_eq!(last.unwrap().status(), status, "{case}");
        assert_eq!(calls(&counter), made, "{case}");
        assert_eq!(start.elapsed().as_secs(), took, "{case}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_longer_of_pause_and_retry_after_is_waited_for() {
    let answer = || Exchange::Ok(response(503).header("retry-after", "2").body("").unwrap());
    let inner = Inner::new(move |_: Request<&'static str>| ready(answer()));
    let policy = retry(2).backoff(Backoff::fixed(3 * SECOND)).max_wait(2 * SECOND);
    let start = Instant::now();

    RetryLayer::new(policy).layer(inner).oneshot(request(Method::GET)).await.unwrap();

    assert_eq!(start.elapsed().as_secs(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_rejection_is_not_retried_as_an_error_or_as_a_response() {
    let circuit = Circuit::builder("api").clock(TokioClock::new()).build();
    circuit.trip();
    let well = || Ok::<_, BoxError>(Response::new(String::new()));
    let inner = || Inner::new(move |_: Request<&str>| ready(well()));
    let boxed = breaker::layer(circuit.clone()).boxed().layer(inner());
    let responds =
        CircuitBreakerLayer::new(circuit.clone()).respond_with(service_unavailable).layer(inner());
    let start = Instant::now();

    let error = RetryLayer::new(retry(5)).layer(boxed).oneshot(request(Method::GET)).await;
    assert!(error.is_err());
    let answer = RetryLayer::new(retry(5)).layer(responds).oneshot(request(Method::GET)).await;

    assert_eq!(answer.unwrap().status(), 503);
    assert_eq!(circuit.snapshot().totals.rejected, 2);
    assert_eq!(start.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_post_that_was_rejected_waits_for_the_circuit() {
    let circuit = Circuit::builder("api").open_for(2 * SECOND).clock(TokioClock::new()).build();
    circuit.trip();
    let inner = Inner::new(|_: Request<&str>| ready(Ok::<_, BoxError>(Response::new(""))));
    let made = inner.counter();
    let responds = CircuitBreakerLayer::new(circuit).respond_with(service_unavailable).layer(inner);
    let client = RetryLayer::new(retry(1).max_wait(2 * SECOND)).layer(responds);

    let answer = client.oneshot(request(Method::POST)).await.unwrap();

    assert_eq!((answer.status(), calls(&made)), (StatusCode::OK, 1));
}

#[tokio::test(start_paused = true)]
async fn all_of_a_request_is_sent_again() {
    let seen = Arc::<Mutex<Vec<_>>>::default();
    let sees = Arc::clone(&seen);
    let inner = Inner::new(move |request: Request<&'static str>| {
        let (parts, body) = request.into_parts();
        let marked = parts.extensions.get::<u8>().copied();
        let header = parts.headers["x-tenant"].clone();
        sees.lock().unwrap().push((parts.method, parts.uri, parts.version, header, marked, body));
        ready(Err::<Response<()>, BoxError>("broken".into()))
    });
    let request = Request::put("http://garden.example/oak")
        .version(Version::HTTP_2)
        .header("x-tenant", "a")
        .extension(7_u8)
        .body("roses");

    let client = RetryLayer::new(at_once(retry(2))).layer(inner);
    client.oneshot(request.unwrap()).await.unwrap_err();

    let seen = seen.lock().unwrap();
    assert_eq!(seen.len(), 2);
    assert_eq!(seen[0], seen[1]);
    assert_eq!((seen[0].4, seen[0].5), (Some(7), "roses"));
}

/// Answers 503 to the first request with each `x-call`, then with the body.
async fn moody() -> String {
    let calls = Arc::<Mutex<HashMap<String, u32>>>::default();
    let app = Router::new().fallback(move |headers: HeaderMap, text: String| {
        let call = headers["x-call"].to_str().unwrap().to_owned();
        let mut calls = calls.lock().unwrap();
        let count = calls.entry(call).or_default();
        *count += 1;
        let status = if *count == 1 { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
        ready((status, text))
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(axum::serve(listener, app).into_future());
    url
}

#[tokio::test]
async fn bodies_of_reqwest_are_sent_again_and_streams_are_not() {
    let url = moody().await;
    let circuit = Circuit::builder("api").build();
    let reqwest = reqwest::Client::builder().no_proxy().build().unwrap();
    let breaker = of_reqwest::layer(circuit.clone()).layer(of_reqwest::client(reqwest));
    let client = RetryLayer::new(at_once(of_reqwest::retry(3))).layer(breaker);

    for (call, body, expected) in [
        ("bytes", Body::from("roses"), 200),
        ("none", Body::default(), 200),
        ("stream", Body::wrap(Full::new(Bytes::from("roses"))), 503),
    ] {
        let request = Request::put(&url).header("x-call", call).body(body).unwrap();
        let answer = client.clone().oneshot(request).await.unwrap();
        assert_eq!(answer.status(), expected, "{call}");
        let text = of_reqwest::into_response(answer).text().await.unwrap();
        assert_eq!(text, if call == "none" { "" } else { "roses" }, "{call}");
    }

    assert_eq!(counted(&circuit), [2, 3, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn an_error_that_is_the_callers_own_is_not_retried() {
    let circuit = Circuit::builder("api").build();
    let reqwest = reqwest::Client::builder().no_proxy().build().unwrap();
    let breaker = of_reqwest::layer(circuit.clone()).layer(of_reqwest::client(reqwest));
    let client = RetryLayer::new(of_reqwest::retry(3)).layer(breaker);

    let request = Request::get("/no/host").body(Body::default()).unwrap();
    assert!(client.oneshot(request).await.is_err());

    assert_eq!(counted(&circuit), [0, 0, 0, 1], "once");
}

#[tokio::test]
async fn an_upload_over_hyper_that_broke_is_not_retried() {
    let address = server(Ok(StatusCode::OK)).await;
    let circuit = Circuit::builder("api").build();
    let executor = hyper_util::rt::TokioExecutor::new();
    let legacy = hyper_util::client::legacy::Client::builder(executor).build_http();
    let breaker = hyper::layer(circuit.clone()).layer(legacy);
    let client = RetryLayer::new(at_once(hyper::retry(3))).layer(breaker);

    let put = Request::put(format!("http://{address}/")).body(Breaks { midway: false }).unwrap();
    assert!(client.oneshot(put).await.is_err());

    assert_eq!(counted(&circuit), [0, 0, 0, 1], "once");
}

/// An upload that breaks off after a chunk, as often as it is made.
#[derive(Clone)]
struct Breaks {
    midway: bool,
}

impl http_body::Body for Breaks {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        Poll::Ready(Some(match std::mem::replace(&mut self.midway, true) {
            false => Ok(Frame::data(Bytes::from_static(b"a rose"))),
            true => Err(std::io::Error::other("the phone is in a tunnel")),
        }))
    }
}

/// What is asked of bodies is asked where the service is called.
#[test]
fn the_policies_are_values() {
    let policy = retry(3).max_wait(SECOND);
    assert!(format!("{policy:?}").starts_with("RetryPolicy { rules: IdempotentRequests("));

    let closures = policy.repeat_if(|_: &Request<()>| true);
    let closures = closures.retry_if(|_: &Result<Response<()>, Infallible>| true);
    assert!(format!("{closures:?}").contains("RetryIf(RepeatIf(IdempotentRequests("));
}
