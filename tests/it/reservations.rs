//! Rule 21: slots that waiting services reserve for a probe to come, and who is woken for them.

use std::future::{pending, ready};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::time::advance;
use tower::Service;
use tower_circuit_breaker::{
    BoxError, Circuit, CircuitBreaker, CircuitState, Outcome, Permit, RejectReason,
};

use crate::readiness::{Asked, Wakes, ask};
use crate::support::{FAILURE, Inner, SECOND, rejection};
use crate::wait_mode::{Client, circuit, waiting};

#[tokio::test(start_paused = true)]
async fn a_reservation_keeps_others_waiting_until_it_is_dropped() {
    let circuit = circuit(|b| b);
    circuit.trip();
    let [mut first, mut second] = [(); 2].map(|()| Client::new(&circuit));
    assert!(!first.is_ready());
    advance(30 * SECOND).await;
    assert!(first.is_ready());
    assert!(!second.is_ready());
    assert_eq!(rejection(&circuit).reason(), RejectReason::ProbesBusy);
    assert!(first.is_ready(), "as long as it lasts");
    assert_eq!(Arc::strong_count(&first.wakes), 1, "who has a slot waits for nothing");
    assert_eq!(second.wakes(), 0, "by the reservation of another");

    drop(first);

    assert_eq!(second.wakes(), 1);
    assert!(second.is_ready());
    assert_eq!(second.call(), Ok(()));
    assert_eq!(circuit.state(), CircuitState::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_reservation_that_is_never_called_ends_with_its_lease() {
    let circuit = circuit(|b| b.probe_timeout(5 * SECOND));
    circuit.trip();
    let [mut first, mut second] = [(); 2].map(|()| Client::new(&circuit));
    advance(30 * SECOND).await;
    assert!(first.is_ready());
    assert!(!second.is_ready());

    advance(5 * SECOND).await;

    assert_eq!(second.wakes(), 1);
    assert!(second.is_ready());
    assert!(!first.is_ready(), "its slot is gone");
    assert_eq!(second.call(), Ok(()));
    assert_eq!(first.wakes(), 1);
    assert!(first.is_ready());
}

#[tokio::test(start_paused = true)]
async fn a_reservation_whose_lease_is_over_is_made_again_when_asked_for() {
    let circuit = circuit(|b| b.probe_timeout(5 * SECOND));
    circuit.trip();
    let mut client = Client::new(&circuit);
    advance(30 * SECOND).await;
    assert!(client.is_ready());
    advance(6 * SECOND).await;

    assert!(client.is_ready());

    advance(4 * SECOND).await;
    assert_eq!(rejection(&circuit).reason(), RejectReason::ProbesBusy);
    assert_eq!(client.call(), Ok(()));
    assert_eq!(circuit.state(), CircuitState::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_late_call_of_a_lost_reservation_is_a_call_like_any_other() {
    let circuit = circuit(|b| b.probe_timeout(5 * SECOND).probes(2));
    circuit.trip();
    let mut answers = vec![Poll::Ready(Ok(()))];
    let mut service = waiting(&circuit, Asked(move || answers.pop().expect("asked once")));
    advance(30 * SECOND).await;
    assert!(ask(&mut service, &Arc::default()).is_ready());
    advance(5 * SECOND).await;
    let probe = circuit.try_acquire().expect("the lease of the reservation is over");

    let rejected = service.call(()).await.unwrap_err();

    assert_eq!(rejected.rejected().unwrap().reason(), RejectReason::ProbesBusy);
    drop(probe);
    assert!(ask(&mut service, &Arc::default()).is_ready(), "its inner service was kept");
    advance(5 * SECOND).await;
    assert!(service.call(()).await.is_ok(), "late, but nobody took the slot");
    assert_eq!(circuit.state(), CircuitState::HalfOpen);
    assert_eq!(circuit.snapshot().totals.successes, 1);
}

#[tokio::test(start_paused = true)]
async fn a_hung_probe_frees_its_slot_for_who_waits() {
    let circuit = circuit(|b| b.probe_timeout(5 * SECOND));
    circuit.trip();
    let mut hung = waiting(&circuit, Inner::new(|()| pending::<Result<(), BoxError>>()));
    let mut client = Client::new(&circuit);
    advance(30 * SECOND).await;
    assert!(ask(&mut hung, &Arc::default()).is_ready());
    advance(3 * SECOND).await;
    let _hung = hung.call(());
    assert!(!client.is_ready());

    advance(5 * SECOND - Duration::from_millis(1)).await;
    assert_eq!(client.wakes(), 0, "its time began with the call");
    advance(Duration::from_millis(1)).await;

    assert_eq!(client.wakes(), 1);
    assert!(client.is_ready());
    assert_eq!(client.call(), Ok(()));
    assert_eq!(circuit.state(), CircuitState::Closed);
}

#[tokio::test(start_paused = true)]
async fn each_probe_that_ends_undecided_wakes_who_waits_for_a_slot() {
    type End = fn(Permit);
    let ends: [(End, &str); 4] = [
        (drop, "abandoned"),
        (|probe| probe.record(Outcome::Ignored), "ignored"),
        (|probe| probe.record(Outcome::Success), "passed"),
        (|probe| probe.record(FAILURE), "failed"),
    ];
    for (end, name) in ends {
        let circuit = circuit(|b| b.probes(9).failed_probes_allowed(9));
        circuit.trip();
        advance(30 * SECOND).await;
        let probe = circuit.try_acquire().unwrap();
        let mut client = Client::new(&circuit);
        assert!(!client.is_ready());

        end(probe);

        assert_eq!(client.wakes(), 1, "{name}");
        assert!(client.is_ready(), "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn late_probes_wake_nobody() {
    let circuit = circuit(|b| b.probe_timeout(5 * SECOND).probes(9));
    circuit.trip();
    advance(30 * SECOND).await;
    let [stale, late, _now] = {
        let stale = circuit.try_acquire().unwrap();
        circuit.trip();
        advance(30 * SECOND).await;
        let late = circuit.try_acquire().unwrap();
        advance(5 * SECOND).await;
        [stale, late, circuit.try_acquire().unwrap()]
    };
    let mut client = Client::new(&circuit);
    assert!(!client.is_ready());

    drop(stale);
    late.record(Outcome::Success);

    assert_eq!(client.wakes(), 0);
    assert!(!client.is_ready());
}

#[tokio::test(start_paused = true)]
async fn a_clone_holds_nothing() {
    let circuit = circuit(|b| b);
    circuit.trip();
    let mut service = waiting(&circuit, Inner::new(|()| ready(Ok::<_, BoxError>(()))));
    advance(30 * SECOND).await;
    assert!(ask(&mut service, &Arc::default()).is_ready());

    let mut clone = service.clone();

    assert!(ask(&mut clone, &Arc::default()).is_pending());
    let called = service.clone().call(()).now_or_never().unwrap();
    assert_eq!(called.unwrap_err().rejected().unwrap().reason(), RejectReason::ProbesBusy);
    drop(clone);
    assert_eq!(rejection(&circuit).reason(), RejectReason::ProbesBusy, "the slot is not its own");
    assert!(service.call(()).now_or_never().unwrap().is_ok());
}

#[tokio::test(start_paused = true)]
async fn the_time_of_a_probe_begins_with_its_call() {
    let circuit = circuit(|b| b.slow_call_rate(0.5, SECOND).abandoned_after(SECOND));
    circuit.trip();
    let mut client = Client::new(&circuit);
    advance(30 * SECOND).await;
    assert!(client.is_ready());
    advance(20 * SECOND).await;

    assert_eq!(client.call(), Ok(()));

    assert_eq!(circuit.state(), CircuitState::Closed, "it was not slow");
    assert_eq!(circuit.snapshot().totals.slow_calls, 0);
}

#[tokio::test(start_paused = true)]
async fn unused_reservations_count_nowhere() {
    let circuit = circuit(|b| b.consecutive_failures(1).abandoned_after(SECOND));
    circuit.trip();
    let before = circuit.snapshot().totals;
    let [mut dropped, mut outlived, mut unused] = [(); 3].map(|()| Client::new(&circuit));
    advance(30 * SECOND).await;
    assert!(dropped.is_ready());
    advance(5 * SECOND).await;
    drop(dropped);
    assert!(outlived.is_ready());
    advance(30 * SECOND).await;
    assert!(unused.is_ready());
    drop(outlived);
    circuit.reset();

    drop(unused);

    assert_eq!(circuit.snapshot().totals, before);
    assert_eq!(circuit.state(), CircuitState::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_reconfiguration_ends_reservations_and_wakes_who_waits() {
    let circuit = circuit(|b| b);
    circuit.trip();
    let [mut first, mut second] = [(); 2].map(|()| Client::new(&circuit));
    advance(30 * SECOND).await;
    assert!(first.is_ready());
    assert!(!second.is_ready());

    circuit.reconfigure(Circuit::builder("").probes(2).into_config());

    assert_eq!(second.wakes(), 1);
    assert!(second.is_ready(), "the slots are free again");
    assert!(!first.is_ready());
    drop(second);
    assert!(first.is_ready());
}

#[tokio::test(start_paused = true)]
async fn a_reservation_has_those_rejected_who_wait_for_a_busy_inner() {
    let circuit = circuit(|b| b);
    circuit.trip();
    let mut client = Client::new(&circuit);
    advance(30 * SECOND).await;
    drop(circuit.try_acquire().unwrap());
    let mut rejecting = CircuitBreaker::new(Asked(|| Poll::Pending), circuit.clone());
    let wakes = Arc::<Wakes>::default();
    assert!(ask(&mut rejecting, &wakes).is_pending());

    assert!(client.is_ready());

    assert_eq!(wakes.count(), 1);
    assert!(ask(&mut rejecting, &wakes).is_ready(), "to reject");
}
