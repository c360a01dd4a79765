//! Counts that only grow, for dashboards.

use crate::sync::{AtomicU64, Ordering};

/// Counts of all calls of a circuit since it was built, by outcome.
///
/// Every admitted call that has ended is one of `successes`, `failures`, `ignored`, `not_sent`,
/// `abandoned` or `stale`. Calls that were in flight when the circuit tripped are stale, whatever
/// their outcome, so callers meet more failures than are counted here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Totals {
    /// Number of calls that succeeded.
    pub successes: u64,
    /// Number of calls that failed.
    pub failures: u64,
    /// Number of calls whose answer says nothing about the upstream's health.
    pub ignored: u64,
    /// Number of calls that did not reach the upstream, or not whole.
    pub not_sent: u64,
    /// Number of calls that were dropped before they had an outcome.
    pub abandoned: u64,
    /// Number of slow successes and failures; 0 without a slow-call rule.
    pub slow_calls: u64,
    /// Number of calls that were rejected.
    pub rejected: u64,
    /// Number of calls admitted under observation that would have been rejected.
    pub would_have_rejected: u64,
    /// Number of calls that ended after their epoch was over, and changed nothing.
    pub stale: u64,
    /// Number of changes from closed to open, other than by `force_open`.
    pub trips: u64,
    /// Number of trips that a [`CircuitGroup`](crate::CircuitGroup) prevented.
    ///
    /// No further member of the group might be open. Each call that would have tripped the circuit
    /// counts.
    pub trips_prevented: u64,
}

/// Counts of a circuit's changes from one state to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Transitions {
    /// Number of times the closed circuit opened, by a trip or otherwise.
    pub closed_to_open: u64,
    /// Number of times the open time ended.
    pub open_to_half_open: u64,
    /// Number of times an operator, the fleet or a health probe closed the open circuit.
    pub open_to_closed: u64,
    /// Number of times probes, an operator or the fleet closed the half-open circuit.
    pub half_open_to_closed: u64,
    /// Number of times probes, an operator or the fleet opened the half-open circuit.
    pub half_open_to_open: u64,
}

/// The counters behind [`Totals`], except for trips, for successes of the present epoch where the
/// window counts them, and for failures of a kind with a name.
///
/// They fill a cache line, so calls that were not sent are counted elsewhere.
#[derive(Debug)]
#[repr(align(64))]
pub(crate) struct Tally {
    successes: AtomicU64,
    failures: AtomicU64,
    ignored: AtomicU64,
    abandoned: AtomicU64,
    slow_calls: AtomicU64,
    rejected: AtomicU64,
    would_have_rejected: AtomicU64,
    stale: AtomicU64,
}

/// Which counter of a [`Tally`] is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Counter {
    Successes,
    Failures,
    Ignored,
    Abandoned,
    SlowCalls,
    Rejected,
    WouldHaveRejected,
    Stale,
}

impl Tally {
    pub(crate) fn new() -> Self {
        Self {
            successes: AtomicU64::new(0),
            failures: AtomicU64::new(0),
            ignored: AtomicU64::new(0),
            abandoned: AtomicU64::new(0),
            slow_calls: AtomicU64::new(0),
            rejected: AtomicU64::new(0),
            would_have_rejected: AtomicU64::new(0),
            stale: AtomicU64::new(0),
        }
    }

    #[inline]
    pub(crate) fn add(&self, counter: Counter) {
        self.add_many(counter, 1);
    }

    #[inline]
    pub(crate) fn add_many(&self, counter: Counter, number: u64) {
        let counter = match counter {
            Counter::Successes => &self.successes,
            Counter::Failures => &self.failures,
            Counter::Ignored => &self.ignored,
            Counter::Abandoned => &self.abandoned,
            Counter::SlowCalls => &self.slow_calls,
            Counter::Rejected => &self.rejected,
            Counter::WouldHaveRejected => &self.would_have_rejected,
            Counter::Stale => &self.stale,
        };
        // Relaxed: each counter is a number by itself; nothing is decided by it.
        counter.fetch_add(number, Ordering::Relaxed);
    }

    /// The number of calls that were rejected.
    pub(crate) fn rejected(&self) -> u64 {
        // Relaxed: as in `add_many`.
        self.rejected.load(Ordering::Relaxed)
    }

    /// The number of failures whose kind has no count of its own.
    pub(crate) fn unnamed_failures(&self) -> u64 {
        // Relaxed: as in `add_many`.
        self.failures.load(Ordering::Relaxed)
    }

    /// The totals, given the trips, the successes that the window has counted, and the failures
    /// with a name; calls not sent are left to the caller.
    pub(crate) fn totals(&self, trips: u64, in_window: u64, named: u64) -> Totals {
        // Relaxed, all: as in `add_many`. The counts may be of slightly different moments.
        Totals {
            successes: self.successes.load(Ordering::Relaxed).saturating_add(in_window),
            failures: self.unnamed_failures().saturating_add(named),
            ignored: self.ignored.load(Ordering::Relaxed),
            not_sent: 0,
            abandoned: self.abandoned.load(Ordering::Relaxed),
            slow_calls: self.slow_calls.load(Ordering::Relaxed),
            rejected: self.rejected.load(Ordering::Relaxed),
            would_have_rejected: self.would_have_rejected.load(Ordering::Relaxed),
            stale: self.stale.load(Ordering::Relaxed),
            trips,
            trips_prevented: 0,
        }
    }
}
