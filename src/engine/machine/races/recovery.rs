//! Races of a circuit that comes back: its ramp, and its health probe.

use std::time::Duration;

use crate::engine::explore::{Depth, explore, race};
use crate::engine::machine::admit::Rejection;
use crate::engine::machine::races::{FAILED, PASSED, START, half_open, machine, seconds};
use crate::engine::rules::rule::TripRule;
use crate::engine::state::{CircuitState, Override};
use crate::engine::time::Timestamp;
use crate::sync::Arc;

/// The end of a ramp against a failure that trips: the trip stands, and calls are rejected by it.
#[test]
fn the_end_of_a_ramp_against_a_trip() {
    explore(Depth::Every, 20, &["old-ramp"], || {
        let machine = machine(|settings| {
            settings.add(TripRule::consecutive_failures(1));
            settings.ramp = Some(Duration::from_secs(5));
        });
        let probe = half_open(&machine, 1)[0];
        assert!(machine.record(probe, PASSED, || seconds(30)).change().is_some());
        // Drawn at random, while it ramps.
        let failing = std::iter::repeat_with(|| machine.admit(seconds(34)).0.ok()).flatten().next();
        let failing = failing.unwrap();
        let (a, b) = (Arc::clone(&machine), Arc::clone(&machine));
        let (admitted, recorded) =
            race(move || a.admit(seconds(35)).0, move || b.record(failing, FAILED, || seconds(35)));
        assert!(recorded.change().is_some());
        assert_eq!(machine.word().state(), CircuitState::Open);
        let rejection = Rejection::Open { until: seconds(65) };
        assert_eq!(machine.admit(seconds(36)).0.unwrap_err(), rejection);
        match admitted {
            Ok(ticket) => assert!(ticket.is_call()),
            Err(rejected) => assert_eq!(rejected, rejection),
        }
    });
}

/// A health probe closes the circuit, against an operator who forces it open.
#[test]
fn a_health_probe_against_a_forced_open() {
    explore(Depth::Every, 5, &["old-health"], || {
        let machine = machine(|_| {});
        machine.trip(None, START);
        let open_epoch = machine.open_epoch(START).unwrap();
        let (a, b) = (Arc::clone(&machine), Arc::clone(&machine));
        race(
            move || a.close_after_probe(open_epoch.epoch, START),
            move || b.force(Override::ForcedOpen, None, START),
        );
        assert_eq!(machine.word().overridden(), Some(Override::ForcedOpen));
        assert_eq!(machine.word().state(), CircuitState::Open);
        assert_eq!(
            machine.admit(seconds(99)).0.unwrap_err(),
            Rejection::ForcedOpen { until: Timestamp::NEVER }
        );
    });
}
