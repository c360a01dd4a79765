//! Bringing a circuit to a state by calls, as an upstream would.
//!
//! `Circuit::trip` opens any circuit; these show that *this* one opens by its own rules, and leave
//! window, backoff and totals as they are after such an outage. They panic, at the caller's line
//! and with all about the circuit, where its settings do not let it get there.
//!
//! Not for circuits under an override, nor for those that a fleet shares.
//!
//! # Examples
//!
//! ```
//! use std::time::Duration;
//! use tower_circuit_breaker_test::{assert_closed, assert_half_open, reach};
//! use tower_circuit_breaker::{Circuit, ManualClock};
//!
//! let clock = ManualClock::new();
//! let circuit = Circuit::builder("plants")
//!     .failure_rate(0.5)
//!     .minimum_calls(10)
//!     .probes(2)
//!     .clock(clock.clone())
//!     .build();
//!
//! assert_eq!(reach::open(&circuit, &clock), 10);
//! reach::half_open(&circuit, &clock);
//! assert_half_open(&circuit);
//! assert_eq!(reach::closed(&circuit, &clock), 2);
//! assert_closed(&circuit);
//! ```

use std::time::Duration;

use crate::describe::Described;
use crate::settings::plain;
use crate::trial::{Trial, pause_for_runs, telling_failures};
use tower_circuit_breaker::{Circuit, CircuitState, ManualClock, Outcome};

/// Fails calls until the circuit is open, or its probes until it is open again; gives how many.
///
/// The calls take no time, but for a run of failures that is to last. Where only slow calls trip the circuit, it makes slow ones, all at once;
/// where only stalled ones do, it lets them hang.
///
/// # Panics
///
/// When ten thousand calls do not open it, or it is under an override.
#[track_caller]
#[expect(clippy::must_use_candidate, reason = "called for what it does to the circuit")]
pub fn open(circuit: &Circuit, clock: &ManualClock) -> u32 {
    expect_no_override(circuit);
    let settings = plain(&circuit.config());
    let advance = |time: Duration| clock.advance(time);
    let trial = Trial {
        circuit,
        advance: &advance,
        every: Duration::ZERO,
        most: MOST_CALLS,
        pause: pause_for_runs(&settings),
    };
    let failures = telling_failures(&settings);
    let found = match circuit.state() {
        CircuitState::Open => return 0,
        CircuitState::Closed => trial.open(&settings, &failures),
        CircuitState::HalfOpen => trial.fail(&failures),
    };
    match found {
        Some((calls, _)) if circuit.state() == CircuitState::Open => calls,
        _ => stuck(circuit, "failing calls do not open it"),
    }
}

/// Opens the circuit if it is not open, and lets its open time pass: the next call is a probe.
///
/// # Panics
///
/// As [`open`].
#[track_caller]
pub fn ready_to_probe(circuit: &Circuit, clock: &ManualClock) {
    open(circuit, clock);
    clock.advance(circuit.snapshot().retry_after.unwrap_or_default());
}

/// Brings the circuit to half-open, from any state, with all its probes' slots free.
///
/// Costs one call that is admitted and dropped, if it is not half-open already.
///
/// # Panics
///
/// As [`open`], and when the open time is over and it still rejects.
#[track_caller]
pub fn half_open(circuit: &Circuit, clock: &ManualClock) {
    if circuit.state() == CircuitState::HalfOpen {
        return;
    }
    ready_to_probe(circuit, clock);
    drop(circuit.try_acquire());
    if circuit.state() != CircuitState::HalfOpen {
        stuck(circuit, "its open time is over, and it lets no probe through");
    }
}

/// Succeeds probes until the circuit is closed, from whatever state; gives how many.
///
/// # Panics
///
/// As [`half_open`], and when ten thousand probes do not close it, or other calls hold its probes'
/// slots.
#[track_caller]
#[expect(clippy::must_use_candidate, reason = "called for what it does to the circuit")]
pub fn closed(circuit: &Circuit, clock: &ManualClock) -> u32 {
    expect_no_override(circuit);
    if circuit.state() == CircuitState::Closed {
        return 0;
    }
    half_open(circuit, clock);
    for probe in 1..=MOST_CALLS {
        match circuit.try_acquire() {
            Ok(permit) => permit.record(Outcome::Success),
            Err(rejected) => stuck(circuit, &format!("it rejects a probe: {rejected}")),
        }
        if circuit.state() == CircuitState::Closed {
            return probe;
        }
    }
    stuck(circuit, "successful probes do not close it")
}

/// More than any sensible circuit waits for.
pub(crate) const MOST_CALLS: u32 = 10_000;

#[track_caller]
fn expect_no_override(circuit: &Circuit) {
    if circuit.snapshot().overridden.is_some() {
        stuck(circuit, "it is under an override, which calls do not change");
    }
}

#[track_caller]
fn stuck(circuit: &Circuit, why: &str) -> ! {
    panic!("the circuit cannot get there: {why}\n{}", Described(circuit))
}
