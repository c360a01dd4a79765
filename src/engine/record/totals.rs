//! Counts that only grow, for dashboards.

use crate::engine::stripes::{LOOKED_AT, Stripe, Stripes};
use crate::sync::{AtomicU64, Ordering, thread_number};

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
    /// Number of changes from closed to open, other than by `force_open` and by
    /// [`restore`](crate::CircuitBuilder::restore).
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
    /// Number of times the closed circuit opened, by a trip or otherwise, but for what was restored.
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

/// The counters behind [`Totals`], except for trips, for successes that the window counts, and for
/// failures of a kind with a name.
///
/// Boxed, so that what every call changes shares no cache line with what every call reads.
#[derive(Debug)]
pub(crate) struct Tally(Box<Counters>);

/// They fill a cache line, so what is rare is counted elsewhere.
#[derive(Debug)]
#[repr(align(64))]
struct Counters {
    successes: AtomicU64,
    failures: AtomicU64,
    ignored: AtomicU64,
    abandoned: AtomicU64,
    slow_calls: AtomicU64,
    rejected: AtomicU64,
    stale: AtomicU64,
    /// The thread, by its number, that made the last call at which it was looked.
    last_seen: AtomicU64,
}

/// Which counter of a [`Tally`] is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Counter {
    Failures,
    Ignored,
    Abandoned,
    SlowCalls,
    Stale,
}

/// Which of the counters that every call may change: they are also in the stripes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FrequentCounter {
    Successes,
    Rejected,
}

impl Tally {
    pub(crate) fn new() -> Self {
        Self(Box::new(Counters::new()))
    }

    pub(crate) fn add(&self, counter: Counter) {
        let word = match counter {
            Counter::Failures => &self.0.failures,
            Counter::Ignored => &self.0.ignored,
            Counter::Abandoned => &self.0.abandoned,
            Counter::SlowCalls => &self.0.slow_calls,
            Counter::Stale => &self.0.stale,
        };
        // Relaxed: each counter is a number by itself; nothing is decided by it.
        word.fetch_add(1, Ordering::Relaxed);
    }

    /// The same in the stripe of this thread, if there are `stripes`; makes them once several threads
    /// have called.
    #[inline]
    pub(crate) fn add_frequent(&self, counter: FrequentCounter, stripes: &Stripes) {
        if stripes.are_made() {
            return add_striped(stripes, counter);
        }
        let word = match counter {
            FrequentCounter::Successes => &self.0.successes,
            FrequentCounter::Rejected => &self.0.rejected,
        };
        // Relaxed: as in `add`.
        let before = word.fetch_add(1, Ordering::Relaxed);
        if before % LOOKED_AT == LOOKED_AT - 1 {
            self.look(stripes);
        }
    }

    /// Makes stripes, if another thread was here at the last look.
    #[cold]
    #[inline(never)]
    fn look(&self, stripes: &Stripes) {
        if self.is_called_by_several() {
            stripes.make();
        }
    }

    /// Whether another thread was here at the last look.
    pub(crate) fn is_called_by_several(&self) -> bool {
        let thread = u64::try_from(thread_number()).unwrap_or(0);
        // Relaxed: a hint; all that depends on it is where is counted.
        let last = self.0.last_seen.swap(thread, Ordering::Relaxed);
        last != u64::MAX && last != thread
    }

    /// The number of calls that were rejected.
    pub(crate) fn rejected(&self, stripes: &Stripes) -> u64 {
        sum(&self.0.rejected, stripes, |stripe| &stripe.rejected)
    }

    /// The number of failures whose kind has no count of its own.
    pub(crate) fn unnamed_failures(&self) -> u64 {
        // Relaxed: as in `add`.
        self.0.failures.load(Ordering::Relaxed)
    }

    /// The totals, given the trips, the successes that the window has counted, and the failures
    /// with a name; calls not sent, and those that would have been rejected, are left to the caller.
    pub(crate) fn totals(
        &self,
        stripes: &Stripes,
        trips: u64,
        in_window: u64,
        named: u64,
    ) -> Totals {
        let first = &*self.0;
        let successes = sum(&first.successes, stripes, |stripe| &stripe.successes);
        // Relaxed, all: as in `add`. The counts may be of slightly different moments.
        Totals {
            successes: successes.saturating_add(in_window),
            failures: self.unnamed_failures().saturating_add(named),
            ignored: first.ignored.load(Ordering::Relaxed),
            not_sent: 0,
            abandoned: first.abandoned.load(Ordering::Relaxed),
            slow_calls: first.slow_calls.load(Ordering::Relaxed),
            rejected: self.rejected(stripes),
            would_have_rejected: 0,
            stale: first.stale.load(Ordering::Relaxed),
            trips,
            trips_prevented: 0,
        }
    }
}

/// What is counted in `first` and in the same place of all stripes.
fn sum(first: &AtomicU64, stripes: &Stripes, of: impl Fn(&Stripe) -> &AtomicU64) -> u64 {
    // Relaxed: as in `Tally::add`. Each only grows, and so does the sum.
    let counts = stripes.all().map(|stripe| of(stripe).load(Ordering::Relaxed));
    counts.fold(first.load(Ordering::Relaxed), u64::saturating_add)
}

impl Counters {
    fn new() -> Self {
        Self {
            successes: AtomicU64::new(0),
            failures: AtomicU64::new(0),
            ignored: AtomicU64::new(0),
            abandoned: AtomicU64::new(0),
            slow_calls: AtomicU64::new(0),
            rejected: AtomicU64::new(0),
            stale: AtomicU64::new(0),
            last_seen: AtomicU64::new(u64::MAX),
        }
    }
}

/// Adds to the stripe of this thread.
#[inline(never)]
fn add_striped(stripes: &Stripes, counter: FrequentCounter) {
    let Some(stripe) = stripes.own() else { return };
    let word = match counter {
        FrequentCounter::Rejected => &stripe.rejected,
        FrequentCounter::Successes => &stripe.successes,
    };
    // Relaxed: as in `Tally::add`.
    word.fetch_add(1, Ordering::Relaxed);
}

#[cfg(all(test, breaker_loom))]
mod races;
#[cfg(all(test, not(breaker_loom)))]
mod tests;
