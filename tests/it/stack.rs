//! A client stack of tower's layers around and inside the breaker, over hyper-util's client and
//! real HTTP.

use std::convert::Infallible;
use std::future::{Future, Ready, ready};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering};

use axum::Router;
use axum::http::StatusCode;
use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use tower::load_shed::error::Overloaded;
use tower::retry::Policy;
use tower::{BoxError, Layer, Service, ServiceBuilder, ServiceExt, service_fn};
use tower_circuit_breaker::{
    Circuit, CircuitBreakerLayer, CircuitState, Error, FailureKind, RejectReason, Rejected,
};

use crate::support::{SECOND, circuit};

type Request = http::Request<Empty<Bytes>>;
type Response = http::Response<Incoming>;

/// An upstream that answers what it is told to.
struct Upstream {
    address: SocketAddr,
    status: Arc<AtomicU16>,
    calls: Arc<AtomicUsize>,
}

impl Upstream {
    async fn start() -> Self {
        let status = Arc::new(AtomicU16::new(200));
        let calls = Arc::new(AtomicUsize::new(0));
        let (answer, counter) = (Arc::clone(&status), Arc::clone(&calls));
        let app = Router::new().fallback(move || {
            counter.fetch_add(1, Ordering::SeqCst);
            let status = answer.load(Ordering::SeqCst);
            ready(StatusCode::from_u16(status).unwrap())
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { address, status, calls }
    }

    fn answers(&self, status: u16) {
        self.status.store(status, Ordering::SeqCst);
    }

    fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    fn request(&self) -> Request {
        http::Request::get(format!("http://{}/", self.address)).body(Empty::new()).unwrap()
    }
}

fn client()
-> impl Service<Request, Response = Response, Error = BoxError, Future: Send> + Clone + Send {
    Client::builder(TokioExecutor::new()).build_http().map_err(BoxError::from)
}

fn is_failure(result: &Result<Response, BoxError>) -> bool {
    result.as_ref().map_or(true, |response| response.status().is_server_error())
}

/// Tries up to three times, but never after a rejection.
#[derive(Clone)]
struct ThreeTries(u32);

impl Policy<Request, Response, BoxError> for ThreeTries {
    type Future = Ready<()>;

    fn retry(
        &mut self,
        _: &mut Request,
        result: &mut Result<Response, BoxError>,
    ) -> Option<Ready<()>> {
        let again = match result {
            Ok(response) => response.status().is_server_error(),
            Err(error) => Rejected::find(&**error).is_none(),
        };
        self.0 += 1;
        (again && self.0 < 3).then(|| ready(()))
    }

    fn clone_request(&mut self, request: &Request) -> Option<Request> {
        let mut clone = http::Request::new(Empty::new());
        *clone.uri_mut() = request.uri().clone();
        Some(clone)
    }
}

#[tokio::test]
async fn the_whole_stack_trips_rejects_and_recovers_over_http() {
    let upstream = Upstream::start().await;
    let (circuit, clock) = circuit(|b| b.consecutive_failures(4));
    let service = ServiceBuilder::new()
        .buffer(16)
        .load_shed()
        .timeout(20 * SECOND)
        .retry(ThreeTries(0))
        .layer(CircuitBreakerLayer::new(circuit.clone()).failure_if(is_failure).boxed())
        .concurrency_limit(8)
        .timeout(10 * SECOND)
        .service(client());

    let answer = service.clone().oneshot(upstream.request()).await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.into_body().collect().await.unwrap().to_bytes().len(), 0);

    upstream.answers(503);
    let answer = service.clone().oneshot(upstream.request()).await.unwrap();
    assert_eq!(answer.status(), 503, "three tries, three failures");
    let error = service.clone().oneshot(upstream.request()).await.unwrap_err();
    assert_eq!(Rejected::find(&*error).unwrap().reason(), RejectReason::Open);
    assert_eq!(upstream.calls(), 5, "the retry met the open circuit and stopped");

    upstream.answers(200);
    clock.advance(30 * SECOND);
    let answer = service.oneshot(upstream.request()).await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(circuit.state(), CircuitState::Closed);
}

#[tokio::test]
async fn every_layer_of_tower_stands_outside_and_inside() {
    let upstream = Upstream::start().await;
    let (circuit, clock) = circuit(|b| b.consecutive_failures(2));
    let inside = ServiceBuilder::new()
        .load_shed()
        .buffer(8)
        .rate_limit(1000, SECOND)
        .concurrency_limit(4)
        .timeout(10 * SECOND)
        .retry(ThreeTries(0))
        .service(client());
    let mut service = ServiceBuilder::new()
        .load_shed()
        .buffer(8)
        .rate_limit(1000, SECOND)
        .concurrency_limit(4)
        .timeout(20 * SECOND)
        .layer(CircuitBreakerLayer::new(circuit.clone()).failure_if(is_failure).boxed())
        .service(inside);

    upstream.answers(503);
    for _ in 0..2 {
        let answer = service.ready().await.unwrap().call(upstream.request()).await.unwrap();
        assert_eq!(answer.status(), 503);
    }
    let rejected = service.ready().await.unwrap().call(upstream.request()).await.unwrap_err();

    assert!(Rejected::find(&*rejected).is_some(), "{rejected}");
    assert_eq!(circuit.snapshot().totals.failures, 2, "retries inside are one call to the circuit");
    assert_eq!(upstream.calls(), 6);
    upstream.answers(200);
    clock.advance(30 * SECOND);
    let answer = service.ready().await.unwrap().call(upstream.request()).await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(circuit.state(), CircuitState::Closed);
}

#[tokio::test]
async fn typed_errors_pass_through_the_layers_inside() {
    let upstream = Upstream::start().await;
    let (circuit, _) = circuit(|b| b.consecutive_failures(1));
    let mut service = ServiceBuilder::new()
        .layer(CircuitBreakerLayer::new(circuit.clone()).failure_if(is_failure))
        .rate_limit(100, SECOND)
        .concurrency_limit(2)
        .service(client());

    upstream.answers(500);
    let first = service.ready().await.unwrap().call(upstream.request()).await;
    let second = service.ready().await.unwrap().call(upstream.request()).await;

    assert_eq!(first.unwrap().status(), 500);
    assert!(matches!(second, Err(Error::Rejected(_))));
}

#[tokio::test]
async fn an_unreachable_upstream_is_a_failure_with_its_own_error() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let (circuit, _) = circuit(|b| b.consecutive_failures(1));
    let client = Client::builder(TokioExecutor::new()).build_http::<Empty<Bytes>>();
    let service = CircuitBreakerLayer::new(circuit.clone()).layer(client);
    let request = || http::Request::get(format!("http://{address}/")).body(Empty::new()).unwrap();

    let refused = service.clone().oneshot(request()).await;

    assert!(matches!(refused, Err(Error::Inner(error)) if error.is_connect()));
    assert!(matches!(service.oneshot(request()).await, Err(Error::Rejected(_))));
}

#[tokio::test]
async fn same_error_stacks_with_an_applications_error() {
    #[derive(Debug)]
    enum AppError {
        Rejected(Rejected),
        Http,
    }
    impl From<Rejected> for AppError {
        fn from(rejected: Rejected) -> Self {
            Self::Rejected(rejected)
        }
    }
    let upstream = Upstream::start().await;
    let (circuit, _) = circuit(|b| b);
    let service = ServiceBuilder::new()
        .layer(CircuitBreakerLayer::new(circuit.clone()).same_error())
        .map_err(|_: BoxError| AppError::Http)
        .service(client());
    upstream.answers(204);
    assert_eq!(service.clone().oneshot(upstream.request()).await.unwrap().status(), 204);

    circuit.trip();
    let error = service.oneshot(upstream.request()).await.unwrap_err();

    assert!(matches!(error, AppError::Rejected(rejected) if rejected.circuit() == "api"));
}

#[tokio::test(start_paused = true)]
async fn a_timeout_inside_is_a_failure() {
    let (circuit, _) = circuit(|b| b.consecutive_failures(2));
    let mut service = ServiceBuilder::new()
        .layer(CircuitBreakerLayer::new(circuit.clone()).boxed())
        .timeout(SECOND)
        .service(service_fn(|()| std::future::pending::<Result<(), BoxError>>()));

    for _ in 0..2 {
        let error = service.ready().await.unwrap().call(()).await.unwrap_err();
        assert!(error.is::<tower::timeout::error::Elapsed>());
    }

    assert_eq!(circuit.state(), CircuitState::Open);
}

#[tokio::test(start_paused = true)]
async fn a_timeout_outside_is_neutral_unless_abandoned_after_is_set() {
    for (abandoned_after, state) in
        [(None, CircuitState::Closed), (Some(SECOND), CircuitState::Open)]
    {
        let builder = Circuit::builder("api").consecutive_failures(2);
        let builder = builder.clock(tower_circuit_breaker::TokioClock::new());
        let circuit = match abandoned_after {
            Some(elapsed) => builder.abandoned_after(elapsed).build(),
            None => builder.build(),
        };
        let mut service = ServiceBuilder::new()
            .timeout(2 * SECOND)
            .layer(CircuitBreakerLayer::new(circuit.clone()).boxed())
            .service(service_fn(|()| std::future::pending::<Result<(), BoxError>>()));

        for _ in 0..2 {
            assert!(service.ready().await.unwrap().call(()).await.is_err());
        }

        assert_eq!(circuit.state(), state, "abandoned after {abandoned_after:?}");
    }
}

#[tokio::test]
async fn a_concurrency_limit_inside_keeps_no_permit_of_a_rejected_call() {
    let (circuit, _) = circuit(|b| b);
    let layer = ServiceBuilder::new()
        .layer(CircuitBreakerLayer::new(circuit.clone()).boxed())
        .layer(tower::limit::GlobalConcurrencyLimitLayer::new(1));
    let service = layer.service(service_fn(|()| ready(Ok::<_, BoxError>(()))));
    let mut first = service.clone();
    circuit.trip();

    for _ in 0..3 {
        assert!(first.ready().await.unwrap().call(()).await.is_err());
    }
    circuit.reset();

    service.oneshot(()).await.unwrap();
}

#[tokio::test]
async fn calls_waiting_for_a_concurrency_limit_are_rejected_when_the_circuit_trips() {
    let (circuit, _) = circuit(|b| b.consecutive_failures(1));
    let (release, released) = tokio::sync::oneshot::channel::<()>();
    let released = Arc::new(tokio::sync::Mutex::new(Some(released)));
    let service = ServiceBuilder::new()
        .layer(CircuitBreakerLayer::new(circuit.clone()).boxed())
        .concurrency_limit(1)
        .service(service_fn(move |()| {
            let released = Arc::clone(&released);
            async move {
                if let Some(released) = released.lock().await.take() {
                    let _ = released.await;
                }
                Err::<(), BoxError>("down".into())
            }
        }));
    let first = tokio::spawn(service.clone().oneshot(()));
    let waiting: Vec<_> = (0..3).map(|_| tokio::spawn(service.clone().oneshot(()))).collect();
    tokio::task::yield_now().await;

    release.send(()).unwrap();

    assert_eq!(first.await.unwrap().unwrap_err().to_string(), "down");
    for call in waiting {
        let error = call.await.unwrap().unwrap_err();
        assert!(Rejected::find(&*error).is_some(), "{error}");
    }
}

#[tokio::test]
async fn shed_load_inside_is_not_sent_where_it_is_named() {
    let (circuit, _) = circuit(|b| b.consecutive_failures(1));
    let inner = ServiceBuilder::new()
        .layer(CircuitBreakerLayer::new(circuit.clone()).not_sent::<Overloaded>().boxed())
        .load_shed()
        .concurrency_limit(1)
        .service(service_fn(|()| std::future::pending::<Result<(), Infallible>>()));
    let mut busy = inner.clone();
    let call = busy.ready().await.unwrap().call(());

    let error = inner.oneshot(()).await.unwrap_err();

    assert!(error.is::<Overloaded>());
    assert_eq!(circuit.snapshot().totals.not_sent, 1);
    assert_eq!(circuit.state(), CircuitState::Closed);
    drop(call);
}

#[tokio::test]
async fn a_closed_buffer_inside_is_a_failure_of_poll_ready() {
    let (circuit, _) = circuit(|b| b.consecutive_failures(1));
    let broken = tower::util::BoxService::new(Broken);
    let (buffer, worker) = tower::buffer::Buffer::pair(broken, 1);
    let worker = tokio::spawn(worker);
    let mut service = CircuitBreakerLayer::new(circuit.clone()).layer(buffer);

    let result = service.ready().await.unwrap().call(()).await;
    worker.await.unwrap();

    assert!(matches!(result, Err(Error::Inner(_))));
    assert_eq!(circuit.state(), CircuitState::Open);
}

/// Fails in `poll_ready`.
struct Broken;

impl Service<()> for Broken {
    type Response = ();
    type Error = BoxError;
    type Future = std::pin::Pin<Box<dyn Future<Output = Result<(), BoxError>> + Send>>;

    fn poll_ready(
        &mut self,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Result<(), BoxError>> {
        std::task::Poll::Ready(Err("broken".into()))
    }

    fn call(&mut self, (): ()) -> Self::Future {
        unreachable!("never ready")
    }
}

#[tokio::test]
async fn kinds_can_come_from_the_errors_of_inner_layers() {
    let connect = FailureKind::new("connect");
    let (circuit, _) = circuit(|b| {
        b.consecutive_failures(9)
            .rule(tower_circuit_breaker::TripRule::consecutive_failures(2).of(connect))
    });
    let classify = move |result: &Result<(), std::io::Error>| match result {
        Ok(()) => tower_circuit_breaker::Outcome::Success,
        Err(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => {
            tower_circuit_breaker::Outcome::Failure(connect)
        }
        Err(_) => tower_circuit_breaker::Outcome::Failure(FailureKind::OTHER),
    };
    let service = CircuitBreakerLayer::new(circuit.clone())
        .classify_with(classify)
        .layer(service_fn(|()| ready(Err::<(), _>(std::io::ErrorKind::ConnectionRefused.into()))));

    for _ in 0..2 {
        let _ = service.clone().oneshot(()).await;
    }

    assert_eq!(circuit.state(), CircuitState::Open);
}
