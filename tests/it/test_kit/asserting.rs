//! Assertions, and what they say.

use std::io;

use tower_circuit_breaker::{BoxError, CircuitState, Error, RejectReason, Rejected};
use tower_circuit_breaker_test::{
    CarriesRejection, assert_admitted, assert_closed, assert_half_open, assert_open,
    assert_rejected, assert_state,
};

use super::panic_of;
use crate::support::{SECOND, circuit, fail, ready_to_probe, rejection, succeed};

#[test]
#[cfg_attr(panic = "abort", ignore = "catches a panic")]
fn a_state_is_asserted() {
    let (circuit, clock) = circuit(|b| b);

    assert_closed(&circuit);
    circuit.trip();
    assert_open(&circuit);
    assert_state(&circuit, CircuitState::Open);
    ready_to_probe(&circuit, &clock);
    let _probe = circuit.try_acquire().unwrap();
    assert_half_open(&circuit);

    for wrong in [assert_closed, assert_open] {
        let text = panic_of(|| wrong(&circuit));
        assert!(text.contains("found half_open"), "{text}");
    }
}

#[test]
#[cfg_attr(panic = "abort", ignore = "catches a panic")]
fn a_message_shows_the_whole_circuit() {
    let (circuit, clock) = circuit(|b| b.failure_rate(0.5).minimum_calls(2).open_for(7 * SECOND));
    succeed(&circuit);
    fail(&circuit);
    clock.advance(3 * SECOND);

    let text = panic_of(|| assert_closed(&circuit));

    for part in [
        "expected closed, found open",
        "circuit \"api\"",
        "open for 3s, in epoch 2, 4s of its open time left",
        "last trip: 3s ago for 7s, by failure_rate, at 2 calls, 1 failed, 0 slow",
        "successes: 1, failures: 1",
        "3s ago: closed -> open (failure_rate)",
        "minimum_calls: 2",
    ] {
        assert!(text.contains(part), "{part:?} is not in:\n{text}");
    }
}

#[test]
#[cfg_attr(panic = "abort", ignore = "catches a panic")]
fn a_failed_assertion_points_at_the_callers_line() {
    use std::sync::{Arc, Mutex};

    let (circuit, _) = circuit(|b| b);
    let places = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&places);
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        noted.lock().unwrap().extend(info.location().map(|at| at.file().to_owned()));
    }));

    panic_of(|| assert_open(&circuit));
    panic_of(|| assert_rejected(circuit.try_acquire()));
    std::panic::set_hook(before);

    let places = places.lock().unwrap();
    assert!(places.iter().all(|file| file.ends_with("asserting.rs")), "{places:?}");
    assert_eq!(places.len(), 2);
}

#[test]
fn a_rejection_is_found_in_every_error_that_carries_one() {
    let (circuit, _) = circuit(|b| b);
    circuit.trip();
    let boxed = |rejected: Rejected| -> BoxError { io::Error::other(rejected).into() };

    let found = [
        assert_rejected(circuit.try_acquire()),
        assert_rejected(circuit.run(|| Ok::<_, ()>(()))),
        assert_rejected::<(), _>(Err(boxed(rejection(&circuit)))),
    ];

    assert!(found.iter().all(|it| it.reason() == RejectReason::Open), "{found:?}");
}

#[test]
#[cfg_attr(panic = "abort", ignore = "catches a panic")]
fn what_was_not_rejected_is_told_apart() {
    let failed: Result<(), Error<&str>> = Err(Error::Inner("no"));
    let succeeded: Result<(), Error<&str>> = Ok(());

    let texts = [
        panic_of(|| assert_rejected(failed.clone())),
        panic_of(|| assert_rejected(succeeded.clone())),
    ];

    assert!(texts[0].ends_with("the call was admitted and failed"), "{texts:?}");
    assert!(texts[1].ends_with("the call was admitted and succeeded"), "{texts:?}");
    assert_eq!(assert_admitted(failed.clone()), failed);
    assert_eq!(assert_admitted(succeeded.clone()), succeeded);
}

#[test]
#[cfg_attr(panic = "abort", ignore = "catches a panic")]
fn a_rejection_is_no_admission() {
    let (circuit, _) = circuit(|b| b.open_for(4 * SECOND));
    circuit.trip();

    let text = panic_of(|| assert_admitted(circuit.try_acquire()));

    assert!(text.contains("but circuit \"api\" is open, retry after 4.0 s"), "{text}");
}

#[test]
fn an_error_of_ones_own_can_carry_a_rejection() {
    struct Own(Option<Rejected>);

    impl CarriesRejection for Own {
        fn rejection(&self) -> Option<&Rejected> {
            self.0.as_ref()
        }
    }

    let (circuit, _) = circuit(|b| b);
    circuit.force_open();
    let rejected = assert_rejected::<(), _>(Err(Own(Some(rejection(&circuit)))));

    assert_eq!(rejected.reason(), RejectReason::ForcedOpen);
    assert!(assert_admitted::<(), _>(Err(Own(None))).is_err());
}
