//! Rule 27: events of calls and rejections.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tower_circuit_breaker::{
    Circuit, CircuitEvent, CircuitState, FailureKind, Interest, Listener, Outcome, RejectReason,
};

use crate::listeners::everything;
use crate::support::{SECOND, circuit, fail, rejection, succeed};

/// Makes a call each time that it hears of one.
struct Caller(Mutex<Option<Circuit>>, AtomicUsize);

impl Listener for &'static Caller {
    fn on_event(&self, _: &CircuitEvent) {
        self.1.fetch_add(1, Ordering::SeqCst);
        let circuit = self.0.lock().unwrap().clone();
        let _ = circuit.map(|circuit| circuit.run(|| Ok::<_, ()>(())));
    }

    fn interest(&self) -> Interest {
        Interest::CALLS | Interest::REJECTIONS
    }
}

#[test]
fn calls_and_rejections_are_told_to_those_who_ask() {
    let (circuit, _) = circuit(|b| b.consecutive_failures(1));
    let all = everything();
    let only_changes = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&only_changes);
    circuit.on_event(all);
    circuit.on_event(move |_: &CircuitEvent| {
        counted.fetch_add(1, Ordering::SeqCst);
    });

    succeed(&circuit);
    circuit.try_acquire().unwrap().record(Outcome::Failure(FailureKind::new("status")));
    rejection(&circuit);

    let told = all.0.lock().unwrap().clone();
    assert!(matches!(told[0], CircuitEvent::Succeeded { .. }), "{told:?}");
    assert!(
        matches!(&told[1], CircuitEvent::Failed { kind, .. } if kind.as_str() == "status"),
        "{told:?}"
    );
    assert!(matches!(told[2], CircuitEvent::StateChanged { .. }), "{told:?}");
    assert!(
        matches!(told[3], CircuitEvent::Rejected { reason: RejectReason::Open, .. }),
        "{told:?}"
    );
    assert_eq!(told.len(), 4);
    assert_eq!(only_changes.load(Ordering::SeqCst), 1);
    assert!(told.iter().all(|event| event.circuit() == "api"));
}

#[test]
fn a_listener_is_not_told_of_the_calls_that_it_makes() {
    let (circuit, _) = circuit(|b| b);
    let caller: &'static Caller =
        Box::leak(Box::new(Caller(Mutex::new(Some(circuit.clone())), AtomicUsize::new(0))));
    circuit.on_event(caller);

    succeed(&circuit);
    circuit.trip();
    rejection(&circuit);

    assert_eq!(caller.1.load(Ordering::SeqCst), 2);
}

#[test]
fn a_call_in_flight_is_told_to_a_listener_that_comes_meanwhile() {
    let (circuit, _) = circuit(|b| b);
    let call = circuit.try_acquire().unwrap();
    let all = everything();
    circuit.on_event(all);

    call.record(Outcome::Success);

    assert_eq!(all.0.lock().unwrap().len(), 1);
}

#[test]
fn events_of_calls_say_how_long_they_took() {
    let (circuit, clock) = circuit(|b| b);
    let before = circuit.try_acquire().unwrap();
    let all = everything();
    circuit.on_event(all);
    for outcome in [Outcome::Success, crate::support::FAILURE, Outcome::NotSent] {
        let call = circuit.try_acquire().unwrap();
        clock.advance(SECOND);
        call.record(outcome);
    }
    before.record(Outcome::Success);

    let elapsed = |event: &CircuitEvent| match event {
        CircuitEvent::Succeeded { elapsed, .. }
        | CircuitEvent::Failed { elapsed, .. }
        | CircuitEvent::NotSent { elapsed, .. } => *elapsed,
        other => panic!("{other:?}"),
    };
    let told: Vec<_> = all.0.lock().unwrap().iter().map(elapsed).collect();
    assert_eq!(told, [Some(SECOND), Some(SECOND), Some(SECOND), None], "the last began before");
}

#[test]
fn calls_are_not_timed_for_listeners_of_anything_else() {
    let (circuit, clock) = circuit(|b| b);
    let all = everything();
    let handle = circuit.on_event(all);
    handle.remove();
    let rejections = Interest::CHANGES | Interest::REJECTIONS;
    circuit.on_event(Wants(rejections));
    let call = circuit.try_acquire().unwrap();
    clock.advance(SECOND);
    circuit.on_event(all);

    call.record(Outcome::Success);

    let told = all.0.lock().unwrap();
    assert!(matches!(told[..], [CircuitEvent::Succeeded { elapsed: None, .. }]), "{told:?}");
}

/// Wants events, and does nothing with them.
struct Wants(Interest);

impl Listener for Wants {
    fn on_event(&self, _: &CircuitEvent) {}

    fn interest(&self) -> Interest {
        self.0
    }
}

#[test]
fn changes_say_how_long_the_old_state_lasted_and_rejections_when_to_come_again() {
    let (circuit, clock) = circuit(|b| b);
    let all = everything();
    circuit.on_event(all);
    clock.advance(7 * SECOND);
    circuit.trip();
    clock.advance(2 * SECOND);
    rejection(&circuit);

    let told = all.0.lock().unwrap().clone();

    assert!(
        matches!(told[0], CircuitEvent::StateChanged { lasted, epoch: 2, .. } if lasted == 7 * SECOND),
        "{told:?}"
    );
    assert!(
        matches!(told[1], CircuitEvent::Rejected { retry_after, .. } if retry_after == Some(28 * SECOND)),
        "{told:?}"
    );
}

#[test]
fn a_change_to_closed_says_how_long_the_circuit_was_not() {
    let (circuit, clock) = circuit(|b| b.open_for(8 * SECOND));
    let all = everything();
    circuit.on_event(all);
    let down = || {
        let told = all.0.lock().unwrap();
        let mut changes = told.iter().filter_map(|event| match event {
            CircuitEvent::StateChanged { to, down_for, .. } => Some((*to, *down_for)),
            _ => None,
        });
        changes.next_back().expect("a change")
    };
    clock.advance(100 * SECOND);
    for failed_probes in 0..2 {
        circuit.trip();
        clock.advance(SECOND);
        circuit.trip();
        assert_eq!(down(), (CircuitState::Open, None));
        for _ in 0..failed_probes {
            clock.advance(8 * SECOND);
            fail(&circuit);
        }
        clock.advance(8 * SECOND);
        succeed(&circuit);

        let expected = (9 + 8 * failed_probes) * SECOND;
        assert_eq!(down(), (CircuitState::Closed, Some(expected)), "{failed_probes} failed");
        clock.advance(50 * SECOND);
    }
    circuit.force_open();
    clock.advance(3 * SECOND);
    circuit.release();

    assert_eq!(down(), (CircuitState::Closed, Some(3 * SECOND)));
}

#[test]
fn ignored_abandoned_and_stale_calls_are_not_told() {
    let (circuit, _) = circuit(|b| b);
    let all = everything();
    circuit.on_event(all);
    let stale = circuit.try_acquire().unwrap();

    circuit.try_acquire().unwrap().record(Outcome::Ignored);
    drop(circuit.try_acquire().unwrap());
    circuit.reset();
    stale.record(Outcome::Success);

    let told = all.0.lock().unwrap().clone();
    assert!(matches!(told[..], [CircuitEvent::Renewed { .. }]), "{told:?}");
}

#[test]
fn calls_are_told_also_after_a_change_and_a_reconfiguration() {
    let (circuit, _) = circuit(|b| b);
    let all = everything();
    circuit.on_event(all);

    circuit.reset();
    succeed(&circuit);
    circuit.reconfigure(Circuit::builder("").consecutive_failures(2).into_config());
    succeed(&circuit);

    let told = all.0.lock().unwrap().clone();
    let calls = told.iter().filter(|event| matches!(event, CircuitEvent::Succeeded { .. }));
    assert_eq!(calls.count(), 2, "{told:?}");
}

#[test]
fn a_listener_hears_only_what_it_asks_for() {
    struct Only(Interest, Arc<AtomicUsize>);
    impl Listener for Only {
        fn on_event(&self, _: &CircuitEvent) {
            self.1.fetch_add(1, Ordering::SeqCst);
        }

        fn interest(&self) -> Interest {
            self.0
        }
    }
    let mut all = Interest::CHANGES;
    all |= Interest::CALLS | Interest::REJECTIONS;
    for (interest, expected) in
        [(Interest::CHANGES, 1), (Interest::CALLS, 2), (Interest::REJECTIONS, 4), (all, 7)]
    {
        // Each on a circuit of its own: what one asks for must not serve another.
        let (circuit, _) = circuit(|b| b);
        let count = Arc::<AtomicUsize>::default();
        circuit.on_event(Only(interest, Arc::clone(&count)));

        for _ in 0..2 {
            succeed(&circuit);
        }
        circuit.trip();
        for _ in 0..4 {
            rejection(&circuit);
        }

        assert_eq!(count.load(Ordering::SeqCst), expected, "{interest:?}");
    }
}

#[test]
fn what_an_upstream_asks_for_is_told_as_a_failure() {
    let (circuit, _) = circuit(|b| b);
    let all = everything();
    circuit.on_event(all);

    circuit.try_acquire().unwrap().record(Outcome::TripFor(SECOND));

    let told = all.0.lock().unwrap().clone();
    assert!(matches!(told[0], CircuitEvent::Failed { kind: FailureKind::OTHER, .. }), "{told:?}");
}
