//! A rejection by a clock that may say that more is left than is.

use std::time::Duration;

use crate::engine::explore::{Depth, explore, race};
use crate::engine::machine::races::{START, machine, seconds};
use crate::engine::time::{Nanos, TimeSource, Timestamp};
use crate::sync::Arc;

/// A clock whose answers may be two seconds too long.
struct Rough(Timestamp);

impl TimeSource for Rough {
    const IS_EXACT: bool = false;

    fn now(&self) -> Timestamp {
        self.0
    }

    fn time_left(&self, until: Timestamp) -> Option<Nanos> {
        (self.0 < until).then(|| until.after(Duration::from_secs(2)).nanos_since(self.0))
    }
}

/// A rejection says no less than what is left of an epoch that it saw, nor more than that and what
/// the clock may add, and never more than the whole of it.
#[test]
fn a_rejection_by_a_rough_clock_against_another_trip() {
    explore(Depth::Every, 10, &[], || {
        let machine = machine(|_| {});
        machine.trip(None, START);
        let (a, b) = (Arc::clone(&machine), Arc::clone(&machine));
        let (left, _) = race(
            move || a.reject_at_once(&Rough(seconds(10))),
            move || b.trip(Some(Duration::from_secs(60)), seconds(10)),
        );
        let left = left.map(|left| Duration::from(left).as_secs());
        assert!(matches!(left, None | Some(20..=22 | 60..=62)), "{left:?}");
        let whole = machine.reject_at_once(&Rough(seconds(10)));
        assert_eq!(whole.map(Duration::from), Some(Duration::from_secs(60)));
    });
}
