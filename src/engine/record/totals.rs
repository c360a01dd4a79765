//! Counts that only grow, for dashboards.

use crate::sync::{AtomicU64, Ordering};

/// What has become of all calls since the circuit was built.
///
/// Every admitted call that has ended is one of `successes`, `failures`, `ignored`, `not_sent`,
/// `abandoned` or `stale`. Calls that were under way when the circuit tripped are stale, whatever became of them,
/// so callers meet more failures than are counted here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Totals {
    /// Calls that succeeded.
    pub successes: u64,
    /// Calls that failed.
    pub failures: u64,
    /// Calls that the upstream answered, with an answer that says nothing about its health.
    pub ignored: u64,
    /// Calls that did not reach the upstream, or not whole.
    pub not_sent: u64,
    /// Calls dropped before they finished.
    pub abandoned: u64,
    /// Successes and failures that were slow; 0 without a slow-call rule.
    pub slow_calls: u64,
    /// Calls that were not admitted.
    pub rejected: u64,
    /// Calls admitted under observation that would have been rejected.
    pub would_have_rejected: u64,
    /// Calls that ended after the circuit had moved on, and changed nothing.
    pub stale: u64,
    /// Changes from closed to open, other than by `force_open`.
    pub trips: u64,
    /// Trips that did not happen, because no further member of a
    /// [`CircuitGroup`](crate::CircuitGroup) may be open: one for each call that asked for it.
    pub trips_prevented: u64,
}

/// How often a circuit went from one state to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Transitions {
    /// It tripped, or was forced open.
    pub closed_to_open: u64,
    /// The open time was over.
    pub open_to_half_open: u64,
    /// An operator closed it.
    pub open_to_closed: u64,
    /// The upstream had recovered, or an operator closed it.
    pub half_open_to_closed: u64,
    /// The upstream had not recovered, or an operator opened it.
    pub half_open_to_open: u64,
}

/// The counters behind [`Totals`], except for trips, for successes of the present epoch where the
/// window counts them, and for failures of a kind with a name.
///
/// All Relaxed: each stands for itself, and nothing is decided by them. They fill a cache line, so
/// calls that were not sent are counted elsewhere.
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
        counter.fetch_add(number, Ordering::Relaxed);
    }

    /// How many calls were rejected.
    pub(crate) fn rejected(&self) -> u64 {
        self.rejected.load(Ordering::Relaxed)
    }

    /// The failures whose kind has no count of its own.
    pub(crate) fn unnamed_failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }

    /// The totals, given the trips, the successes that the window has counted, and the failures with
    /// a name; calls not sent are left to the caller.
    pub(crate) fn totals(&self, trips: u64, in_window: u64, named: u64) -> Totals {
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
