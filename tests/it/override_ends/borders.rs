//! Ends of overrides where other things meet them: waiting calls, the fleet, restore, rules.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};
use tower::{Layer, ServiceExt, service_fn};
use tower_circuit_breaker::fleet::{Member, Ruling, Verdict};
use tower_circuit_breaker::{
    ChangeReason, Circuit, CircuitBreakerLayer, CircuitEvent, Health, OnOpen, RejectReason,
    TokioClock,
};

use super::{ForcedOpen, Observing, overridden};
use crate::support::{SECOND, circuit, rejection};

/// A call that waits for `circuit`, in a task.
fn waiting_call(circuit: &Circuit) -> JoinHandle<()> {
    let layer = CircuitBreakerLayer::new(circuit.clone()).on_open(OnOpen::Wait);
    let service = layer.layer(service_fn(|()| async { Ok::<_, ()>(()) }));
    tokio::spawn(async { service.oneshot(()).await.unwrap() })
}

#[tokio::test(start_paused = true)]
async fn a_call_that_began_to_wait_in_an_isolation_goes_on_at_the_end_beneath_it() {
    for is_imposed_first in [true, false] {
        let circuit = Circuit::builder("api").clock(TokioClock::new()).build();
        if is_imposed_first {
            circuit.force_open_for(10 * SECOND);
        }
        let isolation = circuit.isolate();
        let started = Instant::now();
        let call = waiting_call(&circuit);
        sleep(2 * SECOND).await;
        if !is_imposed_first {
            circuit.force_open_for(8 * SECOND);
        }
        sleep(SECOND).await;

        drop(isolation);

        timeout(60 * SECOND, call).await.expect("it is woken").unwrap();
        assert_eq!(started.elapsed(), 10 * SECOND, "{is_imposed_first}");
    }
}

#[test]
fn one_without_an_end_has_none_at_the_end_of_the_clock() {
    let (circuit, clock) = circuit(|b| b);
    circuit.force_open();

    clock.advance(Duration::MAX);

    assert_eq!(rejection(&circuit).reason(), RejectReason::ForcedOpen);
    assert_eq!(overridden(&circuit), Some(ForcedOpen));
}

#[test]
fn what_the_fleet_observes_the_fleet_lifts_and_an_operator_takes_over() {
    let observing = Verdict { epoch: 1, ruling: Ruling::forced(Observing) };
    let (lifted, _clock) = circuit(|b| b);
    lifted.adopt(observing);
    assert_eq!(overridden(&lifted), Some(Observing));
    lifted.adopt(Verdict { epoch: 2, ruling: Ruling::Closed });
    assert_eq!(overridden(&lifted), None);

    let (taken, _clock) = circuit(|b| b);
    taken.adopt(observing);
    taken.observe();
    assert!(!taken.operators_override().unwrap().by_fleet);
    taken.adopt(Verdict { epoch: 2, ruling: Ruling::Closed });
    assert_eq!(overridden(&taken), Some(Observing), "it is the operator's");
}

#[test]
fn a_restored_one_that_observes_is_told_as_restored() {
    let (earlier, _clock) = circuit(|b| b);
    earlier.observe_for(10 * SECOND);
    let saved = earlier.export();
    let heard = Arc::<Mutex<Vec<_>>>::default();
    let ear = Arc::clone(&heard);
    let (_restored, _clock) = circuit(|b| {
        b.restore(saved).listener(move |event: &CircuitEvent| {
            if let CircuitEvent::Overridden { reason, .. } = event {
                ear.lock().unwrap().push(*reason);
            }
        })
    });
    assert_eq!(*heard.lock().unwrap(), [ChangeReason::Restored]);
}

#[test]
fn calls_stalled_under_one_that_is_over_trip_nothing() {
    let (circuit, clock) = circuit(|b| b.stalled_calls(3, 2 * SECOND));
    circuit.observe_for(SECOND);
    let permits: Vec<_> = (0..5).map(|_| circuit.try_acquire().unwrap()).collect();

    clock.advance(5 * SECOND);
    circuit.check_stalled_calls();

    assert_eq!(circuit.snapshot().totals.trips, 0, "the epoch of these calls is over");
    drop(permits);
}

/// Changes the circuit in another thread; how many looks and calls found it not failing meanwhile.
fn found_well_while(circuit: &Circuit, change: impl Fn(&Circuit) + Sync) -> (usize, usize) {
    let is_done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !is_done.load(Ordering::Relaxed) {
                (0..100).for_each(|_| change(circuit));
            }
        });
        let looks = (0..200_000).filter(|_| circuit.health() != Health::Failing).count();
        let calls = (0..200_000).filter(|_| circuit.try_acquire().is_ok()).count();
        is_done.store(true, Ordering::Relaxed);
        (looks, calls)
    })
}

#[test]
fn a_circuit_that_is_open_throughout_is_never_healthy() {
    let (forced, _clock) = circuit(|b| b);
    forced.force_open_for(1000 * SECOND);
    assert_eq!(found_well_while(&forced, |it| it.force_open_for(1000 * SECOND)), (0, 0));

    let (open, _clock) = circuit(|b| b);
    open.trip_for(1000 * SECOND);
    assert_eq!(found_well_while(&open, |it| it.trip_for(1000 * SECOND)), (0, 0));
}
