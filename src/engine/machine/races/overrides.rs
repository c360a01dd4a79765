//! Overrides that end, against calls and against newer ones.

use std::time::Duration;

use crate::engine::change::Change;
use crate::engine::explore::{Depth, explore, race};
use crate::engine::machine::Machine;
use crate::engine::machine::admit::Rejection;
use crate::engine::machine::races::{START, machine, seconds};
use crate::engine::state::{CircuitState, Override};
use crate::engine::ticket::Ticket;
use crate::engine::time::Timestamp;
use crate::sync::Arc;

const TEN_SECONDS: Option<Duration> = Some(Duration::from_secs(10));

/// A call, as a circuit has it admitted: with the change, if it ends the override.
fn call(machine: &Machine, now: Timestamp) -> (Result<Ticket, Rejection>, Option<Change>) {
    let ended = machine.is_override_over(now).then(|| machine.end_override(now)).flatten();
    (machine.admit(now).0, ended)
}

/// Two calls at the end of an override: one ends it, and both are admitted.
#[test]
fn two_calls_end_an_override_once() {
    explore(Depth::Every, 20, &["ended-twice"], || {
        let machine = machine(|_| {});
        machine.force(Override::ForcedOpen, TEN_SECONDS, START);
        let epoch = machine.word().epoch();
        let (a, b) = (Arc::clone(&machine), Arc::clone(&machine));
        let (a, b) = race(move || call(&a, seconds(10)), move || call(&b, seconds(10)));
        assert!(a.0.is_ok() && b.0.is_ok());
        assert_eq!(u32::from(a.1.is_some()) + u32::from(b.1.is_some()), 1);
        assert_eq!((machine.word().overridden(), machine.word().epoch()), (None, epoch + 1));
        assert_eq!(machine.word().state(), CircuitState::Closed);
    });
}

/// The end of an override against a newer one: the newer one stays.
#[test]
fn the_end_of_an_override_against_a_newer_one() {
    explore(Depth::Every, 20, &["ended-twice"], || {
        let machine = machine(|_| {});
        machine.force(Override::ForcedOpen, TEN_SECONDS, START);
        let (a, b) = (Arc::clone(&machine), Arc::clone(&machine));
        race(
            move || a.end_override(seconds(10)),
            move || b.force(Override::ForcedOpen, None, seconds(10)),
        );
        assert_eq!(machine.word().overridden(), Some(Override::ForcedOpen));
        let rejection = Rejection::ForcedOpen { until: Timestamp::NEVER };
        assert_eq!(call(&machine, seconds(99)).0.unwrap_err(), rejection);
    });
}

/// A call when an override is over, against one that admits all: neither rejects it.
#[test]
fn a_call_at_the_end_of_an_override_against_one_that_admits_it() {
    explore(Depth::Every, 20, &["early-end"], || {
        let machine = machine(|_| {});
        machine.force(Override::ForcedOpen, TEN_SECONDS, START);
        let (a, b) = (Arc::clone(&machine), Arc::clone(&machine));
        let (called, _) = race(
            move || call(&a, seconds(10)),
            move || b.force(Override::ForcedClosed, TEN_SECONDS, seconds(10)),
        );
        assert!(called.0.is_ok());
        assert_eq!(machine.word().overridden(), Some(Override::ForcedClosed));
        assert!(!machine.is_override_over(seconds(19)));
        assert!(machine.is_override_over(seconds(20)));
    });
}

/// A call before the end, while the end is moved closer: it is told of one of the two ends.
#[test]
fn a_rejection_tells_of_an_end_that_is_or_was() {
    explore(Depth::Every, 20, &[], || {
        let machine = machine(|_| {});
        machine.force(Override::ForcedOpen, TEN_SECONDS, START);
        let (a, b) = (Arc::clone(&machine), Arc::clone(&machine));
        let (called, _) = race(
            move || call(&a, seconds(2)),
            move || b.force(Override::ForcedOpen, TEN_SECONDS, seconds(1)),
        );
        let ends = [seconds(10), seconds(11)].map(|until| Rejection::ForcedOpen { until });
        assert!(ends.contains(&called.0.unwrap_err()));
    });
}
