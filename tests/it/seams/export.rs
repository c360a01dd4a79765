//! A circuit that is exported, while something else goes on.

use tower_circuit_breaker::{ChangeReason, Circuit, CircuitState};

use crate::support::{SECOND, circuit, fail, rejection};

#[test]
fn what_a_ticker_has_opened_comes_back_without_its_calls() {
    let settings = |b: tower_circuit_breaker::CircuitBuilder| b.stalled_calls(1, 5 * SECOND);
    let (earlier, clock) = circuit(settings);
    let _hung = earlier.try_acquire().unwrap();
    let before = earlier.export();
    clock.advance(6 * SECOND);
    earlier.check_stalled_calls();
    assert_eq!(earlier.snapshot().last_trip.unwrap().reason, ChangeReason::StalledCalls);

    let (open, _) = circuit(|b| settings(b).restore(earlier.export().away_for(SECOND)));
    let (closed, clock) = circuit(|b| settings(b).restore(before));
    clock.advance(6 * SECOND);
    closed.check_stalled_calls();

    assert_eq!(rejection(&open).retry_after(), Some(29 * SECOND));
    assert_eq!(closed.state(), CircuitState::Closed, "its calls went with their process");
}

#[test]
fn other_settings_leave_what_is_exported_and_those_of_the_builder_hold_after() {
    let (earlier, clock) = circuit(|b| b.consecutive_failures(1).open_for(20 * SECOND));
    fail(&earlier);
    clock.advance(4 * SECOND);
    let before = earlier.export().away_for(SECOND);
    let other = Circuit::builder("").consecutive_failures(1).open_for(7 * SECOND).into_config();

    earlier.reconfigure(other.clone());

    let saved = earlier.export().away_for(SECOND);
    assert_eq!(saved, before);
    let (later, clock) = circuit(|b| b.config(other).restore(saved));
    assert_eq!(rejection(&later).retry_after(), Some(15 * SECOND));
    clock.advance(15 * SECOND);
    fail(&later);
    assert_eq!(rejection(&later).retry_after(), Some(7 * SECOND), "the next one is theirs");
}
