//! Rules 26 and 31: the end of an override belongs to that override.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tower_circuit_breaker::{
    ChangeReason, Circuit, CircuitEvent, CircuitState, ManualClock, Override, RejectReason,
    Rejected,
};

use crate::support::{SECOND, circuit, fail, rejection, succeed};
use Override::{ForcedClosed, ForcedOpen, Observing};

mod borders;
mod kept;

type Impose = fn(&Circuit, Duration);

/// The commands that impose an override for a time.
const FOR_A_TIME: [(Impose, Override); 3] = [
    (Circuit::force_open_for, ForcedOpen),
    (Circuit::force_closed_for, ForcedClosed),
    (Circuit::observe_for, Observing),
];

fn overridden(circuit: &Circuit) -> Option<Override> {
    circuit.snapshot().overridden
}

#[test]
fn each_ends_at_its_time_and_starts_closed_with_everything_cleared() {
    for (impose, expected) in FOR_A_TIME {
        let (circuit, clock) = circuit(|b| b.consecutive_failures(2));
        fail(&circuit);

        impose(&circuit, 10 * SECOND);
        clock.advance(10 * SECOND - Duration::from_nanos(1));
        assert_eq!(overridden(&circuit), Some(expected));
        clock.advance(Duration::from_nanos(1));

        assert_eq!((overridden(&circuit), circuit.state()), (None, CircuitState::Closed));
        fail(&circuit);
        assert_eq!(circuit.state(), CircuitState::Closed, "{expected}: the run starts over");
        fail(&circuit);
        assert_eq!(circuit.state(), CircuitState::Open, "{expected}: it protects again");
    }
}

#[test]
fn a_call_notices_the_end_though_nobody_looks() {
    let (open, clock) = circuit(|b| b.consecutive_failures(1));
    open.force_open_for(10 * SECOND);
    clock.advance(4 * SECOND);
    assert_eq!(rejection(&open).reason(), RejectReason::ForcedOpen);
    assert_eq!(rejection(&open).retry_after(), Some(6 * SECOND));
    clock.advance(6 * SECOND);
    succeed(&open);

    let (closed, clock) = circuit(|b| b.consecutive_failures(1));
    closed.force_closed_for(10 * SECOND);
    fail(&closed);
    succeed(&closed);
    clock.advance(10 * SECOND);
    fail(&closed);
    assert_eq!(rejection(&closed).reason(), RejectReason::Open);

    let (observing, clock) = circuit(|b| b.consecutive_failures(1));
    observing.observe_for(10 * SECOND);
    fail(&observing);
    succeed(&observing);
    clock.advance(10 * SECOND);
    fail(&observing);
    assert_eq!(rejection(&observing).reason(), RejectReason::Open);
}

#[test]
fn results_of_calls_that_were_admitted_under_it_are_stale() {
    for (impose, expected) in [FOR_A_TIME[1], FOR_A_TIME[2]] {
        let (circuit, clock) = circuit(|b| b.consecutive_failures(1));
        impose(&circuit, SECOND);
        let permit = circuit.try_acquire().unwrap();
        clock.advance(SECOND);
        succeed(&circuit);

        permit.record(crate::support::FAILURE);

        assert_eq!(circuit.state(), CircuitState::Closed, "{expected}");
        assert_eq!(circuit.snapshot().totals.stale, 1, "{expected}");
    }
}

#[test]
fn a_newer_override_is_never_lifted_by_an_older_end() {
    for (first, _) in FOR_A_TIME {
        for (second, expected) in FOR_A_TIME {
            let (circuit, clock) = circuit(|b| b);
            first(&circuit, 10 * SECOND);
            clock.advance(5 * SECOND);

            second(&circuit, 20 * SECOND);
            clock.advance(19 * SECOND);
            assert_eq!(overridden(&circuit), Some(expected));
            clock.advance(SECOND);
            assert_eq!(overridden(&circuit), None);
        }
        let without_end: [(fn(&Circuit), _); 3] = [
            (Circuit::force_open, ForcedOpen),
            (Circuit::force_closed, ForcedClosed),
            (Circuit::observe, Observing),
        ];
        for (second, expected) in without_end {
            let (circuit, clock) = circuit(|b| b);
            first(&circuit, 10 * SECOND);

            second(&circuit);
            clock.advance(3600 * SECOND);

            assert_eq!(overridden(&circuit), Some(expected));
        }
    }
}

#[test]
fn a_shorter_one_takes_the_place_of_a_longer_one() {
    for (impose, expected) in FOR_A_TIME {
        let (circuit, clock) = circuit(|b| b);
        impose(&circuit, 3600 * SECOND);

        impose(&circuit, SECOND);

        assert_eq!(overridden(&circuit), Some(expected));
        clock.advance(SECOND);
        assert_eq!(overridden(&circuit), None);
    }
}

/// No call gets through in between.
#[test]
fn one_that_is_in_force_is_changed_in_one_step() {
    let (circuit, _) = circuit(|b| b);
    circuit.force_open();
    let heard = listen(&circuit);
    let before = circuit.snapshot();

    circuit.force_open_for(SECOND);

    let after = circuit.snapshot();
    assert_eq!(after.epoch, before.epoch + 1);
    assert_eq!(rejection(&circuit).retry_after(), Some(SECOND));
    assert_eq!(*heard.lock().unwrap(), ["renewed: operator"]);
}

#[test]
fn a_circuit_that_observes_keeps_state_and_counts_when_it_gets_another_end() {
    let (circuit, clock) = circuit(|b| b.consecutive_failures(2));
    circuit.observe();
    fail(&circuit);
    let heard = listen(&circuit);

    circuit.observe_for(5 * SECOND);
    let again = circuit.snapshot();
    circuit.observe_for(5 * SECOND);

    assert_eq!(circuit.snapshot(), again, "the same end once more says nothing");
    assert_eq!(*heard.lock().unwrap(), ["renewed: operator"]);
    fail(&circuit);
    assert_eq!(circuit.state(), CircuitState::Open);
    clock.advance(5 * SECOND);
    assert_eq!((overridden(&circuit), circuit.state()), (None, CircuitState::Closed));
}

/// What is told of a circuit from now on.
fn listen(circuit: &Circuit) -> Arc<Mutex<Vec<String>>> {
    let heard: Arc<Mutex<Vec<String>>> = Arc::default();
    let ear = Arc::clone(&heard);
    circuit.on_event(move |event: &CircuitEvent| {
        let words = match event {
            CircuitEvent::StateChanged { to, reason, .. } => format!("{to:?}: {reason}"),
            CircuitEvent::Overridden { from, to, reason, .. } => {
                format!("{from:?} to {to:?}: {reason}")
            }
            CircuitEvent::Renewed { reason, .. } => format!("renewed: {reason}"),
            _ => unreachable!("listens to changes"),
        };
        ear.lock().unwrap().push(words);
    });
    heard
}

#[test]
fn the_end_is_told_once_and_says_why() {
    let (circuit, clock) = circuit(|b| b);
    circuit.force_open_for(SECOND);
    let heard = listen(&circuit);
    clock.advance(SECOND);

    succeed(&circuit);
    succeed(&circuit);
    let _ = circuit.snapshot();

    assert_eq!(
        *heard.lock().unwrap(),
        ["Closed: override_over", "Some(ForcedOpen) to None: override_over"]
    );
}

#[test]
fn one_that_ends_beneath_an_isolation_is_gone_after_it() {
    for (impose, expected) in FOR_A_TIME {
        let (circuit, clock) = circuit(|b| b);
        impose(&circuit, 10 * SECOND);
        let isolation = circuit.isolate();
        clock.advance(9 * SECOND);
        let own = circuit.snapshot().operators_override.expect("beneath the isolation");
        assert_eq!((own.overridden, own.ends_in), (expected, Some(SECOND)));
        assert_eq!(rejection(&circuit).retry_after(), None, "an isolation has no end");

        clock.advance(SECOND);
        assert_eq!(circuit.snapshot().operators_override, None, "{expected}");
        assert_eq!(overridden(&circuit), Some(ForcedOpen), "it is still isolated");
        clock.advance(SECOND);
        drop(isolation);

        assert_eq!((overridden(&circuit), circuit.state()), (None, CircuitState::Closed));
    }
}

#[test]
fn nobody_has_to_look_for_one_to_end_beneath_an_isolation() {
    for (impose, _) in FOR_A_TIME {
        let (circuit, clock) = circuit(|b| b);
        impose(&circuit, 10 * SECOND);
        let isolation = circuit.isolate();
        clock.advance(11 * SECOND);

        drop(isolation);

        assert_eq!(circuit.state(), CircuitState::Closed);
        succeed(&circuit);
    }
}

#[test]
fn one_that_outlasts_an_isolation_goes_on_to_its_own_end() {
    for (impose, expected) in FOR_A_TIME {
        let (circuit, clock) = circuit(|b| b);
        impose(&circuit, 10 * SECOND);
        let isolation = circuit.isolate();
        clock.advance(5 * SECOND);
        drop(isolation);

        clock.advance(5 * SECOND - Duration::from_nanos(1));
        assert_eq!(overridden(&circuit), Some(expected));
        clock.advance(Duration::from_nanos(1));
        assert_eq!(overridden(&circuit), None);
    }
}

#[test]
fn one_of_no_time_is_over_at_once_and_one_of_the_longest_stays() {
    let (circuit, clock) = circuit(|b| b);
    circuit.force_open_for(Duration::ZERO);
    succeed(&circuit);

    circuit.force_open_for(Duration::MAX);
    clock.advance(1_000_000 * SECOND);
    assert!(rejection(&circuit).retry_after().unwrap() > 1_000_000_000 * SECOND);
    assert_eq!(overridden(&circuit), Some(ForcedOpen));
}

#[test]
fn the_rejection_that_ends_first_may_be_of_one_that_is_forced_open() {
    let make = |impose: &dyn Fn(&Circuit)| {
        let (circuit, _) = circuit(|b| b);
        impose(&circuit);
        rejection(&circuit)
    };
    let forever = make(&Circuit::force_open);
    let open = make(&|circuit| circuit.trip_for(20 * SECOND));
    let forced = make(&|circuit| circuit.force_open_for(10 * SECOND));

    let earliest = Rejected::earliest([&forever, &open, &forced]).unwrap();

    assert_eq!(earliest, &forced);
    assert_eq!(Rejected::earliest([&forever, &open]), Some(&open));
    assert!(forced.to_string().ends_with("is forced open, retry after 10.0 s"), "{forced}");
}

#[tokio::test(start_paused = true)]
async fn a_service_that_waits_goes_on_when_the_time_is_over() {
    use tower::{Layer, ServiceExt, service_fn};
    use tower_circuit_breaker::{CircuitBreakerLayer, OnOpen, TokioClock};

    let circuit = Circuit::builder("api").clock(TokioClock::new()).build();
    let layer = CircuitBreakerLayer::new(circuit.clone()).on_open(OnOpen::Wait);
    let service = layer.layer(service_fn(|()| async { Ok::<_, ()>(()) }));
    circuit.force_open_for(10 * SECOND);
    let started = tokio::time::Instant::now();

    let waiting = (0..3).map(|_| tokio::spawn(service.clone().oneshot(())));
    for waiting in waiting.collect::<Vec<_>>() {
        waiting.await.unwrap().unwrap();
    }

    assert_eq!(started.elapsed().as_secs(), 10);
}

#[test]
fn a_clock_that_is_shared_ends_all_at_their_own_times() {
    let clock = ManualClock::new();
    let circuits: Vec<_> =
        (1..=5).map(|_| Circuit::builder("one").clock(clock.clone()).build()).collect();
    for (circuit, seconds) in circuits.iter().zip(1..) {
        circuit.force_open_for(seconds * SECOND);
    }

    for ended in 1..=5 {
        clock.advance(SECOND);
        let over = circuits.iter().filter(|circuit| circuit.operators_override().is_none());
        assert_eq!(over.count(), ended);
    }
}

#[test]
fn the_reason_has_a_name() {
    assert_eq!(ChangeReason::OverrideOver.to_string(), "override_over");
}
