//! Circuits that go on from those of an earlier process.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tower_circuit_breaker::{
    Backoff, ChangeReason, Circuit, CircuitBuilder, CircuitEvent, CircuitState, ManualClock,
    Outcome, Override, SavedCircuit, TripRule,
};

use crate::support::{SECOND, circuit, fail, ready_to_probe, rejection, succeed};

pub(crate) fn settings(builder: CircuitBuilder) -> CircuitBuilder {
    let backoff = Backoff::exponential(8 * SECOND, 64 * SECOND).without_jitter();
    builder.consecutive_failures(1).open_backoff(backoff)
}

/// The circuit of the next process.
fn next(saved: SavedCircuit) -> (Circuit, ManualClock) {
    circuit(|b| settings(b).restore(saved))
}

#[test]
fn an_open_circuit_is_open_for_the_time_that_was_left() {
    let (earlier, clock) = circuit(settings);
    fail(&earlier);
    clock.advance(3 * SECOND);

    let (later, clock) = next(earlier.export().away_for(SECOND));

    assert_eq!(rejection(&later).retry_after(), Some(4 * SECOND));
    clock.advance(4 * SECOND);
    succeed(&later);
    assert_eq!(later.state(), CircuitState::Closed);
}

#[test]
fn an_open_circuit_whose_time_is_over_is_ready_to_probe() {
    for away in [8 * SECOND, Duration::MAX] {
        let (earlier, _) = circuit(settings);
        fail(&earlier);

        let (later, _) = next(earlier.export().away_for(away));

        assert_eq!(later.state(), CircuitState::Open);
        assert_eq!(later.snapshot().retry_after, Some(Duration::ZERO));
        let probe = later.try_acquire().expect("a probe");
        assert_eq!(later.state(), CircuitState::HalfOpen);
        rejection(&later);
        probe.record(Outcome::Success);
        assert_eq!(later.state(), CircuitState::Closed);
    }
}

#[test]
fn a_failed_probe_goes_on_with_the_next_step_of_the_backoff() {
    let (earlier, clock) = circuit(settings);
    fail(&earlier);
    ready_to_probe(&earlier, &clock);
    fail(&earlier);
    assert_eq!(rejection(&earlier).retry_after(), Some(16 * SECOND));

    let (later, _) = next(earlier.export().away_for(16 * SECOND));
    fail(&later);

    assert_eq!(rejection(&later).retry_after(), Some(32 * SECOND));
}

#[test]
fn where_probes_were_in_flight_the_next_call_probes() {
    let (earlier, clock) = circuit(settings);
    fail(&earlier);
    clock.advance(8 * SECOND);
    let probe = earlier.try_acquire().expect("a probe");

    let saved = earlier.export();
    assert_eq!(saved.state(), CircuitState::HalfOpen);
    let (later, _) = next(saved.away_for(Duration::ZERO));
    drop(probe);

    assert_eq!(later.state(), CircuitState::Open);
    fail(&later);
    assert_eq!(rejection(&later).retry_after(), Some(16 * SECOND));
}

#[test]
fn a_closed_circuit_remembers_its_backoff_until_it_was_closed_for_long_enough() {
    for (away, open_for) in [(4, 16), (5, 8)] {
        let (earlier, clock) = circuit(settings);
        fail(&earlier);
        clock.advance(8 * SECOND);
        succeed(&earlier);
        clock.advance(SECOND);

        let (later, clock) = next(earlier.export().away_for(away * SECOND));
        assert_eq!(later.state(), CircuitState::Closed);
        clock.advance(2 * SECOND);
        fail(&later);

        assert_eq!(rejection(&later).retry_after(), Some(open_for * SECOND), "{away} s away");
    }
}

#[test]
fn a_relapse_within_what_was_left_of_a_ramp_goes_on_with_the_backoff() {
    for (away, open_for) in [(88, 16), (89, 8)] {
        let (earlier, clock) = circuit(|b| settings(b).ramp(100 * SECOND));
        fail(&earlier);
        clock.advance(8 * SECOND);
        succeed(&earlier);
        clock.advance(SECOND);

        let saved = earlier.export().away_for(away * SECOND);
        let (later, clock) = circuit(|b| settings(b).ramp(100 * SECOND).restore(saved));
        clock.advance(10 * SECOND);
        fail(&later);

        assert_eq!(rejection(&later).retry_after(), Some(open_for * SECOND), "{away} s away");
    }
}

#[test]
fn overrides_come_back_unless_they_are_taken_away() {
    type Order = fn(&Circuit);
    let overrides: [(Order, Override, CircuitState); 3] = [
        (Circuit::force_open, Override::ForcedOpen, CircuitState::Open),
        (Circuit::force_closed, Override::ForcedClosed, CircuitState::Closed),
        (Circuit::observe, Override::Observing, CircuitState::Closed),
    ];
    for (order, overridden, state) in overrides {
        let (earlier, _) = circuit(settings);
        order(&earlier);
        let saved = earlier.export().away_for(3600 * SECOND);

        let (later, clock) = next(saved.clone());
        clock.advance(3600 * SECOND);
        let (free, _) = next(saved.without_override());

        let seen = later.snapshot();
        assert_eq!((seen.overridden, seen.state), (Some(overridden), state));
        assert_eq!(later.export().overridden(), Some(overridden));
        later.release();
        for circuit in [later, free] {
            assert_eq!(circuit.snapshot().overridden, None, "{overridden:?}");
            assert_eq!(circuit.state(), CircuitState::Closed, "{overridden:?}");
        }
    }
}

#[test]
fn an_observed_circuit_comes_back_open_and_observed() {
    let (earlier, _) = circuit(settings);
    earlier.observe();
    fail(&earlier);
    let saved = earlier.export().away_for(SECOND);

    let (later, _) = next(saved.clone());
    let (free, _) = next(saved.without_override());

    assert_eq!(later.snapshot().overridden, Some(Override::Observing));
    assert_eq!(later.snapshot().retry_after, Some(7 * SECOND));
    succeed(&later);
    assert_eq!(later.snapshot().totals.would_have_rejected, 1);
    assert_eq!(rejection(&free).retry_after(), Some(7 * SECOND));
}

#[test]
fn nothing_else_comes_back() {
    let (earlier, _) = circuit(|b| settings(b).failure_rate(1.0));
    for _ in 0..10 {
        succeed(&earlier);
    }
    let clock = ManualClock::new();
    let heard = Arc::new(Mutex::new(Vec::new()));
    let hears = Arc::clone(&heard);
    let later = settings(Circuit::builder("api"))
        .listener(move |event: &CircuitEvent| hears.lock().unwrap().push(event.clone()))
        .clock(clock)
        .restore(earlier.export())
        .build();

    let snapshot = later.snapshot();
    assert_eq!((snapshot.epoch, snapshot.window.calls, snapshot.totals.successes), (1, 0, 0));
    assert_eq!(snapshot.last_trip, None);
    assert!(heard.lock().unwrap().is_empty(), "a closed circuit has not changed");
}

#[test]
fn listeners_of_the_builder_hear_of_it() {
    let (earlier, _) = circuit(settings);
    fail(&earlier);
    let heard = Arc::new(Mutex::new(Vec::new()));
    let hears = Arc::clone(&heard);

    let (later, _) = circuit(|b| {
        let listener = move |event: &CircuitEvent| hears.lock().unwrap().push(event.clone());
        settings(b).listener(listener).restore(earlier.export().away_for(SECOND))
    });

    let heard = heard.lock().unwrap();
    let [CircuitEvent::StateChanged { from, to, reason, open_for, .. }] = &heard[..] else {
        panic!("{heard:?}");
    };
    assert_eq!((*from, *to), (CircuitState::Closed, CircuitState::Open));
    assert_eq!((*reason, *open_for), (ChangeReason::Restored, Some(7 * SECOND)));
    assert_eq!(later.recent_events().len(), 1);
    let trip = later.snapshot().last_trip.unwrap();
    assert_eq!(trip.reason, ChangeReason::Restored);
    // It was counted by the process that it happened in.
    let seen = later.snapshot();
    assert_eq!((seen.totals.trips, seen.transitions.closed_to_open), (0, 0));
}

#[test]
fn what_was_saved_of_another_circuit_is_not_used() {
    let other = Circuit::builder("other").build();
    other.force_open();

    let (circuit, _) = next(other.export());

    assert_eq!(circuit.state(), CircuitState::Closed);
    let (circuit, _) = crate::support::circuit(|b| b.restore(None));
    assert_eq!(circuit.state(), CircuitState::Closed);
}

#[test]
fn no_open_time_is_longer_than_the_settings_could_have_made_it() {
    type Set = fn(CircuitBuilder) -> CircuitBuilder;
    let settings: [(Set, Duration); 4] = [
        (|b| b, 3600 * SECOND),
        (|b| b.max_trip_for(60 * SECOND), 60 * SECOND),
        (|b| b.max_trip_for(SECOND).open_for(9 * SECOND), 9 * SECOND),
        (|b| b.rule(TripRule::failure_count(1).open_for(7200 * SECOND)), 7200 * SECOND),
    ];
    for (set, longest) in settings {
        let (earlier, _) = circuit(|b| b);
        earlier.trip_for(Duration::MAX);

        let (later, _) = circuit(|b| set(b).restore(earlier.export().away_for(Duration::ZERO)));

        assert_eq!(later.snapshot().retry_after, Some(longest));
    }
}
