//! Errors of our own: of a limit that is full, and of a database that has no such row.

use std::error::Error as StdError;
use std::fmt;
use std::future::{Ready, pending, ready};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http_body_util::Empty;
use hyper::body::Bytes;
use tokio::time::interval;
use tower::load_shed::error::Overloaded;
use tower::retry::Policy;
use tower::{BoxError, Layer, ServiceBuilder, ServiceExt, service_fn};
use tower_circuit_breaker::{
    ChangeReason, Circuit, CircuitBreakerLayer, CircuitEvent, CircuitState, ErrorChain,
    RetryUnlessRejected, TokioClock, hyper as breaker,
};

use crate::half_open::probing;
use crate::service::poll_now;
use crate::support::{SECOND, calls};

type Request = http::Request<Empty<Bytes>>;
type Response = http::Response<Empty<Bytes>>;

/// A policy that tries once.
#[derive(Clone)]
struct Once;

impl<T> Policy<Request, T, BoxError> for Once {
    type Future = Ready<()>;

    fn retry(&mut self, _: &mut Request, _: &mut Result<T, BoxError>) -> Option<Ready<()>> {
        None
    }

    fn clone_request(&mut self, request: &Request) -> Option<Request> {
        Some(request.clone())
    }
}

#[tokio::test(start_paused = true)]
async fn load_that_is_shed_before_a_hung_upstream_does_not_close_the_circuit() {
    let circuit = Circuit::builder("plants")
        .stalled_calls(20, 5 * SECOND)
        .open_for(10 * SECOND)
        .clock(TokioClock::new())
        .build();
    let reached = Arc::new(AtomicUsize::new(0));
    let upstream = Arc::clone(&reached);
    // The attempt's timeout is longer than a call may stall, or there would be no stalled calls.
    let client = ServiceBuilder::new()
        .timeout(60 * SECOND)
        .retry(RetryUnlessRejected::new(Once))
        .layer(breaker::layer(circuit.clone()).not_sent::<Overloaded>().boxed())
        .load_shed()
        .concurrency_limit(100)
        .timeout(30 * SECOND)
        .service(service_fn(move |_: Request| {
            upstream.fetch_add(1, Ordering::SeqCst);
            pending::<Result<Response, BoxError>>()
        }));
    let mut hundred_a_second = interval(SECOND / 100);
    while circuit.state() == CircuitState::Closed {
        hundred_a_second.tick().await;
        tokio::spawn(client.clone().oneshot(Request::default()));
    }
    let last_trip = circuit.snapshot().last_trip.map(|trip| trip.reason);
    assert_eq!(last_trip, Some(ChangeReason::StalledCalls));

    let mut closed = Duration::ZERO;
    for _ in 0..120 * 100 {
        hundred_a_second.tick().await;
        tokio::spawn(client.clone().oneshot(Request::default()));
        if circuit.state() == CircuitState::Closed {
            closed += SECOND / 100;
        }
    }

    let reached = calls(&reached);
    println!("closed for {closed:?}, {reached} calls reached the upstream");
    assert_eq!(closed, Duration::ZERO, "and {reached} calls");
    assert!((101..=120).contains(&reached), "{reached} calls");
    assert!(circuit.snapshot().totals.not_sent > 0, "probes were shed, too");
}

/// What a database answers that is well.
#[derive(Debug)]
struct RowNotFound;

/// The error of an application's repository.
#[derive(Debug)]
struct Unavailable(BoxError);

impl ErrorChain for Unavailable {
    fn first(&self) -> Option<&(dyn StdError + 'static)> {
        Some(self)
    }
}

impl StdError for RowNotFound {}

impl StdError for Unavailable {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&*self.0)
    }
}

impl fmt::Display for RowNotFound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no such row")
    }
}

impl fmt::Display for Unavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the plant cannot be read")
    }
}

#[test]
fn sixteen_answers_that_are_ignored_close_a_half_open_circuit() {
    let (circuit, _) = probing(|b| b);
    let plants = CircuitBreakerLayer::new(circuit.clone())
        .ignoring::<RowNotFound>()
        .layer(service_fn(|()| ready(Err::<(), _>(Unavailable(RowNotFound.into())))));
    for answer in 0..16 {
        assert_ne!(circuit.state(), CircuitState::Closed, "after {answer}");
        let answered = poll_now(plants.clone().oneshot(()));
        assert!(answered.is_err_and(|error| error.rejected().is_none()), "it is answered");
    }

    assert_eq!(circuit.state(), CircuitState::Closed);
    assert_eq!(circuit.snapshot().totals.ignored, 16);
    let last = circuit.recent_events().pop().map(|recent| recent.event);
    let reason = ChangeReason::ProbesIgnored;
    assert!(
        matches!(last, Some(CircuitEvent::StateChanged { reason: why, .. }) if why == reason),
        "{last:?}"
    );
}
