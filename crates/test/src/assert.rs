//! Assertions that say all about the circuit when they fail.

use crate::describe::Described;
use tower_circuit_breaker::{BoxError, Circuit, CircuitState, Error, Rejected};

/// Panics unless the circuit is in `state`; the message shows the whole circuit.
///
/// An open circuit stays open until the first call after its open time.
///
/// # Panics
///
/// When it is in another state.
///
/// # Examples
///
/// ```
/// use tower_circuit_breaker_test::assert_state;
/// use tower_circuit_breaker::{Circuit, CircuitState};
///
/// let circuit = Circuit::builder("plants").build();
/// assert_state(&circuit, CircuitState::Closed);
/// ```
#[track_caller]
pub fn assert_state(circuit: &Circuit, state: CircuitState) {
    let found = circuit.state();
    assert!(found == state, "expected {state}, found {found}\n{}", Described(circuit));
}

/// Panics unless the circuit is closed; see [`assert_state`].
///
/// # Panics
///
/// When it is not.
#[track_caller]
pub fn assert_closed(circuit: &Circuit) {
    assert_state(circuit, CircuitState::Closed);
}

/// Panics unless the circuit is open; see [`assert_state`].
///
/// # Panics
///
/// When it is not.
#[track_caller]
pub fn assert_open(circuit: &Circuit) {
    assert_state(circuit, CircuitState::Open);
}

/// Panics unless the circuit is half-open; see [`assert_state`].
///
/// # Panics
///
/// When it is not.
#[track_caller]
pub fn assert_half_open(circuit: &Circuit) {
    assert_state(circuit, CircuitState::HalfOpen);
}

/// Panics unless the call was rejected; gives the rejection.
///
/// # Panics
///
/// When the call was admitted, whatever came of it.
///
/// # Examples
///
/// ```
/// use tower_circuit_breaker_test::assert_rejected;
/// use tower_circuit_breaker::{Circuit, RejectReason};
///
/// let circuit = Circuit::builder("plants").build();
/// circuit.trip();
///
/// let rejected = assert_rejected(circuit.run(|| Ok::<_, ()>("not called")));
/// assert_eq!(rejected.reason(), RejectReason::Open);
/// ```
#[track_caller]
pub fn assert_rejected<T, E: CarriesRejection>(result: Result<T, E>) -> Rejected {
    let Err(error) = result else {
        panic!("expected a rejection, but the call was admitted and succeeded")
    };
    match error.rejection() {
        Some(rejected) => rejected.clone(),
        None => panic!("expected a rejection, but the call was admitted and failed"),
    }
}

/// Panics if the call was rejected; gives its result.
///
/// # Errors
///
/// That of the call, which was admitted and failed.
///
/// # Panics
///
/// When the call was rejected: the message says by which circuit, why, and for how long.
#[track_caller]
pub fn assert_admitted<T, E: CarriesRejection>(result: Result<T, E>) -> Result<T, E> {
    if let Err(error) = &result {
        if let Some(rejected) = error.rejection() {
            panic!("expected the call to be admitted, but {rejected}");
        }
    }
    result
}

/// Errors that may be a rejection: implement it for an error type of your own.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say whether it is a rejection",
    note = "for an error type of your own: implement `CarriesRejection`",
    note = "for somebody else's: `map_err` it to a `BoxError`"
)]
pub trait CarriesRejection {
    /// The rejection, if the error is one.
    fn rejection(&self) -> Option<&Rejected>;
}

impl CarriesRejection for Rejected {
    fn rejection(&self) -> Option<&Rejected> {
        Some(self)
    }
}

impl<E> CarriesRejection for Error<E> {
    fn rejection(&self) -> Option<&Rejected> {
        self.rejected()
    }
}

impl CarriesRejection for BoxError {
    fn rejection(&self) -> Option<&Rejected> {
        Rejected::find(&**self)
    }
}
