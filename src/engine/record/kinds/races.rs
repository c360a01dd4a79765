//! Race models of the last failure; see `engine::explore`.

use crate::engine::explore::{Depth, explore, race, race_of_three};
use crate::engine::outcome::FailureKind;
use crate::engine::record::kinds::KindCounts;
use crate::engine::time::Timestamp;
use crate::sync::Arc;

const CONNECT: FailureKind = FailureKind::new("connect");
const TIMEOUT: FailureKind = FailureKind::new("timeout");

const EARLIER: Timestamp = Timestamp::from_nanos(64);
const LATER: Timestamp = Timestamp::from_nanos(128);

/// Counts of which loom has seen the beginning: what is made at the first failure is made by a
/// `OnceLock`, which is std's.
fn begun() -> Arc<KindCounts> {
    let kinds = KindCounts::new();
    kinds.add(FailureKind::PANIC, Timestamp::ZERO);
    Arc::new(kinds)
}

/// Two calls fail at once: the last failure is the one that ended later.
#[test]
fn two_failures_at_once() {
    explore(Depth::Every, 2, &["old-failure"], || {
        let kinds = begun();
        let (a, b) = (Arc::clone(&kinds), Arc::clone(&kinds));
        race(move || a.add(CONNECT, LATER), move || b.add(TIMEOUT, EARLIER));
        assert_eq!(kinds.last(), Some((CONNECT, LATER)));
    });
}

/// A reader meanwhile sees a kind with the time of its own.
#[test]
fn a_reader_of_the_last_failure() {
    explore(Depth::Three, 4, &[], || {
        let kinds = begun();
        let (a, b, c) = (Arc::clone(&kinds), Arc::clone(&kinds), Arc::clone(&kinds));
        let (_, _, seen) = race_of_three(
            move || a.add(CONNECT, LATER),
            move || b.add(TIMEOUT, EARLIER),
            move || c.last(),
        );
        let before = (FailureKind::PANIC, Timestamp::ZERO);
        assert!([before, (CONNECT, LATER), (TIMEOUT, EARLIER)].map(Some).contains(&seen));
    });
}
