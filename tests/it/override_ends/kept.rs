//! What other commands, new settings and a restart make of an override and its end.

use std::time::Duration;

use tower_circuit_breaker::{Circuit, CircuitState, Health, RejectReason};

use super::{FOR_A_TIME, overridden};
use crate::support::{SECOND, circuit, rejection};
use tower_circuit_breaker::Override::{ForcedClosed, Observing};

#[test]
fn commands_find_one_whose_time_is_over_gone() {
    for (impose, _) in FOR_A_TIME {
        let over = || {
            let (circuit, clock) = circuit(|b| b);
            impose(&circuit, SECOND);
            clock.advance(SECOND);
            (circuit, clock)
        };

        let (circuit, _clock) = over();
        circuit.trip();
        assert_eq!((circuit.state(), overridden(&circuit)), (CircuitState::Open, None));
        assert_eq!(rejection(&circuit).reason(), RejectReason::Open);

        let (circuit, _clock) = over();
        circuit.reset();
        assert_eq!((circuit.state(), overridden(&circuit)), (CircuitState::Closed, None));

        let (circuit, _clock) = over();
        assert_eq!(circuit.export().overridden(), None);
        assert_eq!(circuit.export().state(), CircuitState::Closed);

        let (circuit, _clock) = over();
        assert_eq!(circuit.health(), Health::Healthy);

        let (circuit, _clock) = over();
        drop(circuit.isolate());
        assert_eq!((circuit.state(), overridden(&circuit)), (CircuitState::Closed, None));

        let (circuit, _clock) = over();
        let other = Circuit::builder("other").consecutive_failures(9).into_config();
        circuit.reconfigure(other);
        assert_eq!((circuit.state(), overridden(&circuit)), (CircuitState::Closed, None));

        let (circuit, clock) = over();
        circuit.force_open_for(SECOND);
        clock.advance(SECOND / 2);
        assert_eq!(rejection(&circuit).retry_after(), Some(SECOND / 2));
    }
}

#[test]
fn reset_trip_and_new_settings_leave_it_its_end() {
    let touch: [fn(&Circuit); 3] = [Circuit::reset, Circuit::trip, |circuit| {
        circuit.reconfigure(Circuit::builder("other").consecutive_failures(9).into_config());
    }];
    for (impose, expected) in FOR_A_TIME {
        for touch in touch {
            let (circuit, clock) = circuit(|b| b);
            impose(&circuit, 10 * SECOND);
            let serial = circuit.operators_override().unwrap().serial;
            clock.advance(5 * SECOND);

            touch(&circuit);

            let own = circuit.operators_override().unwrap();
            assert_eq!((own.overridden, own.serial), (expected, serial));
            assert_eq!((own.ends_in, own.imposed_ago), (Some(5 * SECOND), 5 * SECOND));
            clock.advance(5 * SECOND);
            assert_eq!(overridden(&circuit), None);
        }
    }
}

#[test]
fn each_has_a_serial_that_no_other_has() {
    let (circuit, clock) = circuit(|b| b.initial_override(Observing));
    let serial = || circuit.operators_override().map(|own| own.serial);

    let mut serials = vec![serial().unwrap()];
    assert_eq!(serials, [0]);
    for (impose, _) in FOR_A_TIME.into_iter().chain(FOR_A_TIME) {
        impose(&circuit, SECOND);
        serials.push(serial().unwrap());
        clock.advance(SECOND / 2);
    }
    circuit.release();
    assert_eq!(serial(), None);
    circuit.force_open();
    serials.push(serial().unwrap());

    assert!(serials.is_sorted_by(|earlier, later| earlier < later), "{serials:?}");
}

#[test]
fn a_restored_one_keeps_its_end() {
    for (impose, expected) in FOR_A_TIME {
        let (earlier, clock) = circuit(|b| b);
        impose(&earlier, 10 * SECOND);
        clock.advance(4 * SECOND);
        let saved = earlier.export();
        assert_eq!(saved.override_left(), Some(6 * SECOND));
        let saved = saved.away_for(2 * SECOND);

        let (restored, clock) = circuit(|b| b.restore(saved.clone()));
        clock.advance(4 * SECOND - Duration::from_nanos(1));
        assert_eq!(overridden(&restored), Some(expected));
        clock.advance(Duration::from_nanos(1));
        assert_eq!((overridden(&restored), restored.state()), (None, CircuitState::Closed));

        let (late, _clock) = circuit(|b| b.restore(saved.away_for(4 * SECOND)));
        assert_eq!((overridden(&late), late.state()), (None, CircuitState::Closed));
    }
}

#[test]
fn the_end_of_a_saved_one_is_kept_as_text() {
    let (circuit, clock) = circuit(|b| b);
    circuit.force_closed_for(90 * SECOND);
    clock.advance(30 * SECOND);

    let text = serde_json::to_string(&circuit.export()).unwrap();
    let back: tower_circuit_breaker::SavedCircuit = serde_json::from_str(&text).unwrap();
    let wrong = text.replace("60.0", "-1");
    let refused = serde_json::from_str::<tower_circuit_breaker::SavedCircuit>(&wrong);

    assert_eq!((back.overridden(), back.override_left()), (Some(ForcedClosed), Some(60 * SECOND)));
    assert!(refused.unwrap_err().to_string().contains("`override_left`"));
}
