//! Instructions of an HTTP exchange whose verdict comes at the end of its body, counted as in
//! `calls.rs`; `bare` is the same without a circuit.

use std::convert::Infallible;
use std::future::{Future, Ready, ready};
use std::hint::black_box;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use gungraun::{
    Callgrind, EventKind, LibraryBenchmarkConfig, library_benchmark, library_benchmark_group, main,
};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderValue, Request, Response};
use http_body::Body;
use http_body_util::Full;
use tower::{Layer, Service};
use tower_circuit_breaker::http::{AtEndOfBody, ServerErrorsAsFailures, layer};
use tower_circuit_breaker::{Circuit, CircuitBreaker, ManualClock, Typed};

const CALLS: u32 = 1_000;

/// Answers at once, with one frame.
enum Inner {
    WithoutHeaders,
    /// With the headers that say what the body is.
    WithHeaders,
}

impl Service<Request<()>> for Inner {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<()>) -> Self::Future {
        let mut response = Response::new(Full::new(Bytes::from_static(b"rose")));
        if let Self::WithHeaders = self {
            let headers = response.headers_mut();
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
            headers.insert(CONTENT_LENGTH, HeaderValue::from_static("4"));
        }
        ready(Ok(response))
    }
}

fn exchange<S, B>(mut service: S) -> S
where
    S: Service<Request<()>, Response = Response<B>>,
    B: Body,
{
    let mut cx = Context::from_waker(Waker::noop());
    for _ in 0..CALLS {
        let _ = black_box(service.poll_ready(&mut cx).is_ready());
        let call = pin!(service.call(Request::new(())));
        if let Poll::Ready(Ok(response)) = call.poll(&mut cx) {
            let mut body = pin!(response.into_body());
            while let Poll::Ready(Some(frame)) = body.as_mut().poll_frame(&mut cx) {
                let _ = black_box(frame.is_ok());
            }
        }
    }
    service
}

/// Fails when it takes more than 3 % above what was `counted`.
fn at_most(counted: u64) -> LibraryBenchmarkConfig {
    let mut callgrind = Callgrind::default();
    callgrind.hard_limits([(EventKind::Ir, counted * 103 / 100)]);
    let mut config = LibraryBenchmarkConfig::default();
    config.tool(callgrind);
    config
}

#[library_benchmark(config = at_most(317_024))]
#[bench::exchanges()]
fn bare() {
    exchange(Inner::WithoutHeaders);
}

#[library_benchmark(config = at_most(1_030_147))]
#[bench::exchanges()]
fn bare_with_headers() {
    exchange(Inner::WithHeaders);
}

type Guarded = CircuitBreaker<Inner, ServerErrorsAsFailures, Typed, AtEndOfBody>;

fn guarded(inner: Inner) -> Guarded {
    let circuit = Circuit::builder("api").clock(ManualClock::new()).consecutive_failures(5).build();
    layer(circuit).layer(inner)
}

#[library_benchmark(config = at_most(1_144_062))]
#[bench::exchanges(exchange(guarded(Inner::WithoutHeaders)))]
fn behind_a_circuit(service: Guarded) -> Guarded {
    exchange(service)
}

#[library_benchmark(config = at_most(2_021_062))]
#[bench::exchanges(exchange(guarded(Inner::WithHeaders)))]
fn behind_a_circuit_with_headers(service: Guarded) -> Guarded {
    exchange(service)
}

library_benchmark_group!(
    name = exchanges,
    benchmarks = [bare, bare_with_headers, behind_a_circuit, behind_a_circuit_with_headers]
);

main!(library_benchmark_groups = exchanges);
