//! Rule 21 inside `tower::balance`: one circuit for each endpoint.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::future::join_all;
use tokio::time::{advance, sleep};
use tower::balance::p2c::Balance;
use tower::discover::ServiceList;
use tower::load::{CompleteOnResponse, Load, PendingRequests};
use tower::{BoxError, Layer, Service, ServiceExt};
use tower_circuit_breaker::{
    Circuit, CircuitBreaker, CircuitBreakerLayer, CircuitState, OnOpen, Rejected, TokioClock,
};

use crate::support::{Inner, SECOND, calls};

/// The upstream's own error.
#[derive(Debug)]
struct Down;

impl fmt::Display for Down {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("connection refused")
    }
}

impl std::error::Error for Down {}

type Answer = Pin<Box<dyn Future<Output = Result<(), Down>> + Send>>;
type Upstream = Inner<Box<dyn FnMut(()) -> Answer + Send>>;
type Client = CircuitBreaker<PendingRequests<Upstream>>;

/// One upstream: how often it was called, whether it is down, and its circuit.
struct Endpoint {
    calls: Arc<std::sync::atomic::AtomicUsize>,
    is_down: Arc<AtomicBool>,
    circuit: Circuit,
}

impl Endpoint {
    /// Opens for 10 s after one failure.
    fn new(name: &'static str) -> (Self, Client) {
        let is_down = Arc::<AtomicBool>::default();
        let down = Arc::clone(&is_down);
        let answer = move |()| {
            let down = Arc::clone(&down);
            let answer = async move {
                sleep(SECOND / 100).await;
                if down.load(Ordering::SeqCst) { Err(Down) } else { Ok(()) }
            };
            Box::pin(answer) as Answer
        };
        let upstream: Upstream = Inner::new(Box::new(answer));
        let calls = upstream.counter();
        let builder = Circuit::builder(name).clock(TokioClock::new());
        let circuit = builder.consecutive_failures(1).open_for(10 * SECOND).build();
        let layer = CircuitBreakerLayer::new(circuit.clone()).on_open(OnOpen::Wait);
        let client = layer.layer(PendingRequests::new(upstream, CompleteOnResponse::default()));
        (Self { calls, is_down, circuit }, client)
    }

    fn set_down(&self, is_down: bool) {
        self.is_down.store(is_down, Ordering::SeqCst);
    }

    fn calls(&self) -> usize {
        calls(&self.calls)
    }
}

/// Ten calls at once; gives how many failed. None is rejected.
async fn ten_calls<S>(balance: &mut S) -> usize
where
    S: Service<(), Response = (), Error = BoxError>,
{
    let mut answers = Vec::new();
    for _ in 0..10 {
        answers.push(balance.ready().await.expect("an endpoint").call(()));
    }
    let failed = join_all(answers).await.into_iter().filter_map(Result::err);
    failed.inspect(|error| assert!(Rejected::find(&**error).is_none(), "{error}")).count()
}

#[tokio::test(start_paused = true)]
async fn calls_go_to_the_good_endpoint_until_the_other_has_recovered() {
    let (good, first) = Endpoint::new("good");
    let (bad, second) = Endpoint::new("bad");
    let mut balance = Balance::new(ServiceList::new(vec![first, second]));
    bad.set_down(true);
    let mut failed = 0;
    while bad.circuit.state() == CircuitState::Closed {
        failed += ten_calls(&mut balance).await;
    }
    assert_eq!(failed, bad.calls(), "those that were in flight when it tripped");

    for _ in 0..50 {
        assert_eq!(ten_calls(&mut balance).await, 0);
    }
    assert_eq!(failed, bad.calls(), "all went to the good one");

    advance(10 * SECOND).await;
    while bad.circuit.snapshot().transitions.half_open_to_open == 0 {
        failed += ten_calls(&mut balance).await;
    }
    assert_eq!(failed, bad.calls(), "one more, the probe");
    assert_eq!(bad.circuit.snapshot().transitions.open_to_half_open, 1);

    bad.set_down(false);
    advance(10 * SECOND).await;
    while bad.circuit.state() != CircuitState::Closed {
        assert_eq!(ten_calls(&mut balance).await, 0);
    }
    let before = [good.calls(), bad.calls()];
    for _ in 0..50 {
        assert_eq!(ten_calls(&mut balance).await, 0);
    }
    let after = [good.calls(), bad.calls()];
    assert!(after[0] > before[0] + 100 && after[1] > before[1] + 100, "{before:?} {after:?}");
    for endpoint in [good, bad] {
        assert_eq!(endpoint.circuit.snapshot().totals.rejected, 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_balancer_whose_endpoints_are_all_down_waits_for_the_first_to_come_back() {
    let (one, first) = Endpoint::new("one");
    let (other, second) = Endpoint::new("other");
    let mut balance = Balance::new(ServiceList::new(vec![first, second]));
    one.circuit.trip_for(60 * SECOND);
    other.circuit.trip_for(20 * SECOND);

    let begun = tokio::time::Instant::now();
    let answer = balance.ready().await.unwrap().call(()).await;

    assert!(answer.is_ok());
    assert_eq!(begun.elapsed(), 20 * SECOND + SECOND / 100);
    assert_eq!([one.calls(), other.calls()], [0, 1]);
}

#[tokio::test(start_paused = true)]
async fn the_load_of_a_waiting_service_is_that_of_its_inner() {
    let (endpoint, mut client) = Endpoint::new("api");
    let idle = client.load();
    let _in_flight = client.ready().await.unwrap().call(());

    let busy = client.load();

    assert!(busy > idle);
    assert_eq!(busy, client.get_ref().load());
    assert_eq!(endpoint.calls(), 1);
}
