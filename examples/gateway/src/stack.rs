//! The circuit of an upstream and the client stack around it: the part to copy.

use std::time::Duration;

use http::StatusCode;
use http::header::RETRY_AFTER;
use http_body_util::Empty;
use hyper::body::{Bytes, Incoming};
use hyper_util::client::legacy::{Client, Error as ClientError};
use hyper_util::rt::TokioExecutor;
use tower::timeout::error::Elapsed;
use tower::util::BoxCloneSyncService;
use tower::{Service, ServiceBuilder, ServiceExt, service_fn};
use tower_circuit_breaker::{
    BoxError, Circuit, CircuitBreakerLayer, CircuitEvent, FailureKind, Outcome, SlidingWindow,
};

use crate::retry::RetrySparingly;

/// A call to an upstream. Without a body, so that it can be made again.
pub(crate) type Call = http::Request<Empty<Bytes>>;
pub(crate) type Answer = http::Response<Incoming>;
pub(crate) type Stack = BoxCloneSyncService<Call, Answer, BoxError>;

/// A circuit with times that suit a play of seconds; in earnest, tens of seconds suit better.
pub(crate) fn circuit(
    name: &str,
    listener: impl Fn(&CircuitEvent) + Send + Sync + 'static,
) -> Circuit {
    Circuit::builder(name)
        .failure_rate(0.5)
        .window(SlidingWindow::time(Duration::from_secs(2)))
        .minimum_calls(10)
        .open_for(Duration::from_secs(1))
        .probes(3)
        .max_trip_for(Duration::from_secs(10))
        .listener(listener)
        .build()
}

/// From the outside to the inside, as a call meets them:
///
/// - the deadline is what the caller is promised, retries and all;
/// - the retry is outside the circuit, so that each attempt counts, and can be rejected;
/// - the circuit is outside the concurrency limit, so that a rejection waits for no slot;
/// - the attempt's timeout is inside the circuit, so that a hang is an error that it sees. (Where
///   there is only a deadline outside, `CircuitBuilder::abandoned_after` does that.)
pub(crate) fn client(circuit: &Circuit) -> Stack {
    let stack = ServiceBuilder::new()
        .timeout(DEADLINE)
        .layer_fn(ready_at_once)
        .retry(RetrySparingly::new(circuit.clone()))
        .layer(CircuitBreakerLayer::new(circuit.clone()).classify_by(worth).boxed())
        .concurrency_limit(CONCURRENT_ATTEMPTS)
        .timeout(ATTEMPT)
        .service(Client::builder(TokioExecutor::new()).build_http());
    BoxCloneSyncService::new(stack)
}

/// What an answer says about the upstream.
fn worth(result: &Result<Answer, BoxError>) -> Outcome {
    match result {
        Ok(answer) => worth_of_answer(answer),
        Err(error) if error.is::<Elapsed>() => Outcome::Failure(TIMEOUT),
        Err(error) => match error.downcast_ref::<ClientError>() {
            Some(error) if error.is_connect() => Outcome::Failure(CONNECT),
            _ => Outcome::Failure(TRANSPORT),
        },
    }
}

fn worth_of_answer(answer: &Answer) -> Outcome {
    let is_busy =
        matches!(answer.status(), StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE);
    match come_again(answer) {
        Some(wait) if is_busy => Outcome::TripFor(wait),
        _ if is_busy || answer.status().is_server_error() => Outcome::Failure(STATUS),
        // A 404 is the caller's affair.
        _ => Outcome::Success,
    }
}

/// `Retry-After` in seconds; its other form, a date, is left aside here.
fn come_again(answer: &Answer) -> Option<Duration> {
    let seconds = answer.headers().get(RETRY_AFTER)?.to_str().ok()?;
    seconds.parse().map(Duration::from_secs).ok()
}

/// Moves the wait for readiness, here for a slot of the concurrency limit, into the call's future:
/// tower's timeout, the deadline, does not time `poll_ready`.
fn ready_at_once<S>(
    stack: S,
) -> impl Service<Call, Response = S::Response, Error = S::Error, Future: Send> + Clone
where
    S: Service<Call, Future: Send> + Clone + Send,
{
    service_fn(move |call| stack.clone().oneshot(call))
}

/// What a caller of the gateway waits at most.
const DEADLINE: Duration = Duration::from_millis(700);
/// What one attempt may take; two of them and the pause between fit into the deadline.
const ATTEMPT: Duration = Duration::from_millis(300);
/// More than a healthy upstream ever has at once under this load.
const CONCURRENT_ATTEMPTS: usize = 32;

const STATUS: FailureKind = FailureKind::new("status");
const TIMEOUT: FailureKind = FailureKind::new("timeout");
const CONNECT: FailureKind = FailureKind::new("connect");
const TRANSPORT: FailureKind = FailureKind::new("transport");
