//! Rule 21: services that wait in `poll_ready` while the circuit is open.

use std::future::ready;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::FutureExt;
use tokio::time::advance;
use tower::{Layer, Service};
use tower_circuit_breaker::{
    BoxError, Circuit, CircuitBreaker, CircuitBreakerLayer, CircuitBuilder, CircuitState, Error,
    OnOpen, Outcome, RejectReason, TokioClock,
};

use crate::readiness::{Asked, Wakes, ask};
use crate::support::{FAILURE, Inner, SECOND, calls, fail, ready_to_probe};

/// A circuit on the clock of the runtime: open for 30 s, then one probe at a time, which holds its
/// slot for 30 s.
pub(crate) fn circuit(set: impl FnOnce(CircuitBuilder) -> CircuitBuilder) -> Circuit {
    set(Circuit::builder("api").clock(TokioClock::new())).build()
}

pub(crate) fn waiting<S>(circuit: &Circuit, inner: S) -> CircuitBreaker<S> {
    CircuitBreakerLayer::new(circuit.clone()).on_open(OnOpen::Wait).layer(inner)
}

/// A service around something that is always ready, and a task that polls it.
pub(crate) struct Client {
    service: CircuitBreaker<Asked<fn() -> Poll<Result<(), BoxError>>>>,
    pub(crate) wakes: Arc<Wakes>,
}

impl Client {
    pub(crate) fn new(circuit: &Circuit) -> Self {
        Self { service: waiting(circuit, Asked(|| Poll::Ready(Ok(())))), wakes: Arc::default() }
    }

    pub(crate) fn is_ready(&mut self) -> bool {
        ask(&mut self.service, &self.wakes).map(Result::unwrap).is_ready()
    }

    /// What an immediate call comes to.
    pub(crate) fn call(&mut self) -> Result<(), RejectReason> {
        let answer = self.service.call(()).now_or_never().expect("answered at once");
        answer.map_err(|error| error.rejected().expect("a rejection").reason())
    }

    pub(crate) fn wakes(&self) -> usize {
        self.wakes.count()
    }
}

#[tokio::test(start_paused = true)]
async fn a_waiting_service_is_pending_while_open_and_does_not_ask_its_inner() {
    let circuit = circuit(|b| b);
    let asked = Arc::<AtomicUsize>::default();
    let counter = Arc::clone(&asked);
    let inner = Asked(move || {
        counter.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        Poll::Ready(Ok(()))
    });
    let mut service = waiting(&circuit, inner);
    circuit.trip();

    for _ in 0..3 {
        assert!(ask(&mut service, &Arc::default()).is_pending());
    }

    assert_eq!(calls(&asked), 0);
    assert_eq!(circuit.state(), CircuitState::Open);
    assert_eq!(circuit.snapshot().totals.rejected, 0);
}

#[tokio::test(start_paused = true)]
async fn a_layer_that_waits_does_so_whatever_else_is_set() {
    let circuit = circuit(|b| b);
    let layer = CircuitBreakerLayer::new(circuit.clone()).on_open(OnOpen::Wait);
    let layer = layer.failure_if(|_: &Result<(), BoxError>| false).boxed();
    let mut service = layer.layer(Asked(|| Poll::Ready(Ok(()))));
    circuit.trip();

    let polled = ask(&mut service, &Arc::default());

    assert!(polled.is_pending());
    assert!(format!("{layer:?}").contains("on_open: Wait"), "{layer:?}");
}

#[tokio::test(start_paused = true)]
async fn a_waiting_service_is_woken_once_when_the_open_time_is_over() {
    let circuit = circuit(|b| b);
    let mut client = Client::new(&circuit);
    circuit.trip();
    assert!(!client.is_ready());

    advance(30 * SECOND - Duration::from_millis(1)).await;
    assert_eq!(client.wakes(), 0);
    advance(Duration::from_millis(1)).await;

    assert_eq!(client.wakes(), 1);
    assert!(client.is_ready());
    assert_eq!(client.call(), Ok(()));
    assert_eq!(circuit.state(), CircuitState::Closed);
    advance(3600 * SECOND).await;
    assert_eq!(client.wakes(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_waiting_service_is_woken_once_by_each_change() {
    type Act = fn(&Circuit);
    let acts: [(Act, &str, bool); 6] = [
        (Circuit::reset, "reset", true),
        (Circuit::force_closed, "force_closed", true),
        (Circuit::observe, "observe", true),
        (Circuit::force_open, "force_open", false),
        (Circuit::trip, "trip", false),
        (|circuit| circuit.trip_for(SECOND), "trip_for", false),
    ];
    for (act, name, is_ready) in acts {
        let circuit = circuit(|b| b);
        let mut client = Client::new(&circuit);
        circuit.trip();
        assert!(!client.is_ready());

        act(&circuit);

        assert_eq!(client.wakes(), 1, "{name}");
        assert_eq!(client.is_ready(), is_ready, "{name}");
        assert_eq!(client.wakes(), 1, "{name}: not by itself");
        assert_eq!(Arc::strong_count(&client.wakes) == 1, is_ready, "{name}: it waits or not");
    }
}

#[tokio::test(start_paused = true)]
async fn the_alarm_goes_by_the_latest_open_time() {
    for (open_for, wakes) in [(5 * SECOND, 1), (60 * SECOND, 0)] {
        let circuit = circuit(|b| b);
        let mut client = Client::new(&circuit);
        circuit.trip();
        assert!(!client.is_ready());
        circuit.trip_for(open_for);
        assert!(!client.is_ready());
        let by_changes = client.wakes();

        advance(30 * SECOND).await;

        assert_eq!(client.wakes() - by_changes, wakes, "open for {open_for:?}");
        assert_eq!(client.is_ready(), wakes == 1, "open for {open_for:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_forced_open_circuit_is_waited_for_without_an_alarm() {
    let circuit = circuit(|b| b);
    let mut client = Client::new(&circuit);
    circuit.trip();
    assert!(!client.is_ready());
    circuit.force_open();
    assert!(!client.is_ready());
    assert_eq!(client.wakes(), 1);

    advance(365 * 24 * 3600 * SECOND).await;

    assert_eq!(client.wakes(), 1);
    assert!(!client.is_ready());
    circuit.release();
    assert_eq!(client.wakes(), 2);
    assert!(client.is_ready());
    assert_eq!(client.call(), Ok(()));
}

#[tokio::test(start_paused = true)]
async fn the_end_of_open_told_by_another_wakes_nobody_twice() {
    let circuit = circuit(|b| b);
    circuit.trip();
    let mut client = Client::new(&circuit);
    assert!(!client.is_ready());
    advance(30 * SECOND).await;
    assert_eq!(client.wakes(), 1);

    let probe = circuit.try_acquire().unwrap();

    assert_eq!(client.wakes(), 1, "it was woken for that");
    assert!(!client.is_ready());
    probe.record(FAILURE);
    assert_eq!(client.wakes(), 2, "by the change to open");
}

#[tokio::test(start_paused = true)]
async fn errors_of_the_inner_poll_ready_count_and_leave_nothing_behind() {
    let circuit = circuit(|b| b);
    circuit.trip();
    let mut service = waiting(&circuit, Asked(|| Poll::Ready(Err("gone".into()))));
    let wakes = Arc::<Wakes>::default();
    assert!(ask(&mut service, &wakes).is_pending());
    advance(30 * SECOND).await;
    assert_eq!(wakes.count(), 1);

    let Poll::Ready(Err(Error::Inner(error))) = ask(&mut service, &wakes) else {
        panic!("no error");
    };

    assert_eq!(error.to_string(), "gone");
    assert_eq!(circuit.snapshot().transitions.half_open_to_open, 1, "it was a probe, and failed");
    assert_eq!(Arc::strong_count(&wakes), 1, "nobody holds its waker");
}

#[tokio::test(start_paused = true)]
async fn ready_goes_back_to_pending_and_the_inner_stays_ready() {
    let circuit = circuit(|b| b);
    let mut answers = vec![Poll::Pending, Poll::Ready(Ok(()))];
    let mut service = waiting(&circuit, Asked(move || answers.pop().expect("asked once")));
    let wakes = Arc::<Wakes>::default();
    assert!(ask(&mut service, &wakes).is_ready());

    circuit.trip();

    assert!(ask(&mut service, &wakes).is_pending());
    advance(30 * SECOND).await;
    assert_eq!(wakes.count(), 1);
    assert!(ask(&mut service, &wakes).is_ready(), "with a slot reserved");
    circuit.trip();
    assert!(ask(&mut service, &wakes).is_pending(), "which went with its epoch");
    circuit.reset();
    assert!(ask(&mut service, &wakes).is_ready());
    assert!(service.call(()).now_or_never().unwrap().is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_service_that_waits_for_its_inner_holds_no_slot_and_no_waker() {
    let circuit = circuit(|b| b);
    circuit.trip();
    let mut service = waiting(&circuit, Asked(|| Poll::Pending));
    let wakes = Arc::<Wakes>::default();
    assert!(ask(&mut service, &wakes).is_pending());
    advance(30 * SECOND).await;

    assert!(ask(&mut service, &wakes).is_pending());

    assert_eq!(Arc::strong_count(&wakes), 1);
    let probe = circuit.try_acquire().expect("the slot is free");
    probe.record(Outcome::Success);
    circuit.trip();
    assert_eq!(wakes.count(), 1, "by the end of the open time alone");
}

#[tokio::test(start_paused = true)]
async fn nobody_is_woken_for_a_waiting_service_that_was_dropped() {
    let circuit = circuit(|b| b);
    circuit.trip();
    let Client { mut service, wakes } = Client::new(&circuit);
    assert!(ask(&mut service, &wakes).is_pending());
    assert!(Arc::strong_count(&wakes) > 1, "it waits");

    drop(service);

    assert_eq!(Arc::strong_count(&wakes), 1);
    circuit.reset();
    advance(30 * SECOND).await;
    assert_eq!(wakes.count(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_trip_between_ready_and_call_rejects_the_call() {
    let circuit = circuit(|b| b);
    let layer = CircuitBreakerLayer::new(circuit.clone()).on_open(OnOpen::Wait);
    let inner = Inner::new(|()| ready(Ok::<_, BoxError>("called")));
    let counter = inner.counter();
    let mut service = layer.respond_with(|_| "rejected").layer(inner);
    assert!(ask(&mut service, &Arc::default()).is_ready());

    circuit.trip();

    assert_eq!(service.call(()).await.unwrap(), "rejected");
    assert_eq!(calls(&counter), 0);
    assert!(ask(&mut service, &Arc::default()).is_pending());
}

#[tokio::test(start_paused = true)]
async fn a_waiting_service_that_never_was_ready_is_not_called() {
    let circuit = circuit(|b| b);
    let inner = Inner::new(|()| ready(Ok::<_, BoxError>(())));
    let counter = inner.counter();
    let mut service = waiting(&circuit, inner);

    let answer = service.call(()).await;

    assert_eq!(answer.unwrap_err().rejected().unwrap().reason(), RejectReason::NotReady);
    assert_eq!(calls(&counter), 0);
}

#[tokio::test(start_paused = true)]
async fn an_observed_circuit_is_not_waited_for() {
    let circuit = circuit(|b| b);
    circuit.observe();
    circuit.trip();
    let mut client = Client::new(&circuit);

    assert!(client.is_ready());

    assert_eq!(circuit.state(), CircuitState::Open);
    assert_eq!(client.call(), Ok(()));
    assert_eq!(circuit.snapshot().totals.would_have_rejected, 1);
    advance(30 * SECOND).await;
    let _probe = circuit.try_acquire().unwrap();
    assert!(client.is_ready(), "half-open, with its probe in flight");
    assert_eq!(client.call(), Ok(()));
    assert_eq!(circuit.snapshot().totals.would_have_rejected, 2);
}

#[tokio::test(start_paused = true)]
async fn an_alarm_that_rings_early_is_set_anew_for_what_is_left() {
    let (circuit, clock) = crate::support::circuit(|b| b);
    let mut client = Client::new(&circuit);
    circuit.trip();
    assert!(!client.is_ready());
    clock.advance(30 * SECOND - Duration::from_nanos(1));
    for rings in 1..=3 {
        // The last is for what is left, a nanosecond.
        advance(30 * SECOND).await;
        assert_eq!(client.wakes(), rings, "once, although the circuit's clock stands still");
        assert!(!client.is_ready(), "and lags behind");
        tokio::task::yield_now().await;
        assert_eq!(client.wakes(), rings, "not by itself");
    }

    clock.advance(Duration::from_nanos(1));

    assert!(client.is_ready());
}

#[test]
fn a_runtime_that_is_shut_down_takes_its_waiting_services_along() {
    let builder = || tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let (circuit, clock) = crate::support::circuit(|b| b);
    ready_to_probe(&circuit, &clock);
    let [mut reserved, mut waits] = [(); 2].map(|()| Client::new(&circuit));
    let wakes = Arc::clone(&waits.wakes);
    let runtime = builder();
    runtime.spawn(async move {
        assert!(reserved.is_ready());
        assert!(!waits.is_ready());
        std::future::pending::<()>().await;
        drop((reserved, waits));
    });
    runtime.block_on(tokio::task::yield_now());
    assert!(Arc::strong_count(&wakes) > 1);

    drop(runtime);

    assert_eq!(Arc::strong_count(&wakes), 1);
    let _probe = circuit.try_acquire().expect("the slot was given back");
    assert!(builder().block_on(async { !Client::new(&circuit).is_ready() }));
}

#[test]
#[should_panic(expected = "no reactor running")]
fn waiting_outside_of_a_runtime_panics() {
    let (circuit, _) = crate::support::circuit(|b| b);
    circuit.trip();

    let _ = Client::new(&circuit).is_ready();
}

#[test]
fn a_service_is_four_words_larger_than_its_inner() {
    let word = size_of::<usize>();

    assert_eq!(size_of::<CircuitBreaker<()>>(), 4 * word, "all that is rare is in a box");
}

#[tokio::test(start_paused = true)]
async fn a_task_that_awaits_readiness_goes_on_by_itself() {
    let circuit = circuit(|b| b.consecutive_failures(1));
    let inner = Inner::new(|()| ready(Ok::<_, BoxError>(())));
    let mut service = waiting(&circuit, inner);
    fail(&circuit);

    let begun = tokio::time::Instant::now();
    let ready =
        std::future::poll_fn(|cx: &mut Context<'_>| Service::<()>::poll_ready(&mut service, cx));
    ready.await.unwrap();

    assert_eq!(begun.elapsed(), 30 * SECOND);
    service.call(()).await.unwrap();
    assert_eq!(circuit.state(), CircuitState::Closed);
}
