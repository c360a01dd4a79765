//! Counts that only grow, for dashboards.

use crate::sync::{AtomicU64, OnceLock, Ordering, thread_number};

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
#[derive(Debug)]
pub(crate) struct Tally {
    /// Boxed, so that what every call changes shares no cache line with what every call reads.
    first: Box<Counters>,
    /// Made once calls come from several threads: from then on each counts what is frequent on a
    /// cache line of its own.
    stripes: OnceLock<Box<[Stripe; STRIPES]>>,
}

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

/// What is frequent, for some of the threads. Two cache lines: processors fetch them in pairs.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Stripe {
    successes: AtomicU64,
    rejected: AtomicU64,
}

/// As many as threads of a common server; together they take 1 kB.
const STRIPES: usize = 8;

/// Of so many calls it is looked at one, which thread made it. A power of two.
const LOOKED_AT: u64 = 1 << 10;

/// Which counter of a [`Tally`] is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Counter {
    Successes,
    Failures,
    Ignored,
    Abandoned,
    SlowCalls,
    Rejected,
    Stale,
}

impl Tally {
    pub(crate) fn new() -> Self {
        Self { first: Box::new(Counters::new()), stripes: OnceLock::new() }
    }

    #[inline]
    pub(crate) fn add(&self, counter: Counter) {
        let is_frequent = matches!(counter, Counter::Successes | Counter::Rejected);
        if let Some(stripes) = self.stripes.get().filter(|_| is_frequent) {
            return add_striped(stripes, counter);
        }
        let first = &*self.first;
        let word = match counter {
            Counter::Successes => &first.successes,
            Counter::Failures => &first.failures,
            Counter::Ignored => &first.ignored,
            Counter::Abandoned => &first.abandoned,
            Counter::SlowCalls => &first.slow_calls,
            Counter::Rejected => &first.rejected,
            Counter::Stale => &first.stale,
        };
        // Relaxed: each counter is a number by itself; nothing is decided by it.
        let before = word.fetch_add(1, Ordering::Relaxed);
        if is_frequent && before % LOOKED_AT == LOOKED_AT - 1 {
            self.look();
        }
    }

    /// Makes stripes, if another thread was here at the last look.
    #[cold]
    #[inline(never)]
    fn look(&self) {
        let thread = u64::try_from(thread_number()).unwrap_or(0);
        // Relaxed: a hint; all that depends on it is where is counted.
        let last = self.first.last_seen.swap(thread, Ordering::Relaxed);
        if last != u64::MAX && last != thread {
            self.stripes.get_or_init(Box::default);
        }
    }

    /// The number of calls that were rejected.
    pub(crate) fn rejected(&self) -> u64 {
        self.sum(&self.first.rejected, |stripe| &stripe.rejected)
    }

    /// The number of failures whose kind has no count of its own.
    pub(crate) fn unnamed_failures(&self) -> u64 {
        // Relaxed: as in `add`.
        self.first.failures.load(Ordering::Relaxed)
    }

    /// The totals, given the trips, the successes that the window has counted, and the failures
    /// with a name; calls not sent, and those that would have been rejected, are left to the caller.
    pub(crate) fn totals(&self, trips: u64, in_window: u64, named: u64) -> Totals {
        let first = &*self.first;
        let successes = self.sum(&first.successes, |stripe| &stripe.successes);
        // Relaxed, all: as in `add`. The counts may be of slightly different moments.
        Totals {
            successes: successes.saturating_add(in_window),
            failures: self.unnamed_failures().saturating_add(named),
            ignored: first.ignored.load(Ordering::Relaxed),
            not_sent: 0,
            abandoned: first.abandoned.load(Ordering::Relaxed),
            slow_calls: first.slow_calls.load(Ordering::Relaxed),
            rejected: self.rejected(),
            would_have_rejected: 0,
            stale: first.stale.load(Ordering::Relaxed),
            trips,
            trips_prevented: 0,
        }
    }

    /// What is counted in `first` and in the same place of all stripes.
    fn sum(&self, first: &AtomicU64, of: impl Fn(&Stripe) -> &AtomicU64) -> u64 {
        let stripes = self.stripes.get().into_iter().flat_map(|stripes| stripes.iter());
        // Relaxed: as in `add`. Each only grows, and so does the sum.
        let counts = stripes.map(|stripe| of(stripe).load(Ordering::Relaxed));
        counts.fold(first.load(Ordering::Relaxed), u64::saturating_add)
    }
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
fn add_striped(stripes: &[Stripe; STRIPES], counter: Counter) {
    let Some(stripe) = stripes.get(thread_number() % STRIPES) else { return };
    let word = match counter {
        Counter::Rejected => &stripe.rejected,
        _ => &stripe.successes,
    };
    // Relaxed: as in `Tally::add`.
    word.fetch_add(1, Ordering::Relaxed);
}

#[cfg(all(test, breaker_loom))]
mod races;
#[cfg(all(test, not(breaker_loom)))]
mod tests;
