//! What a call to a closed circuit is checked against on its way in: which other calls are stalled,
//! and whether the circuit admits only a share of its calls. Made where settings ask for it.

use std::time::Duration;

use crate::engine::in_flight::calls::InFlight;
use crate::engine::in_flight::share::AdmissionShare;
use crate::engine::rules::condition::Condition;
use crate::engine::rules::settings::Settings;
use crate::engine::state::Tag;
use crate::engine::time::{Timestamp, nanos};
use crate::sync::{AtomicU64, Ordering};

/// The calls in flight, and the share of new calls to admit.
#[derive(Debug)]
pub(crate) struct InFlightTracking {
    /// From how many nanoseconds on a call is slow; 0 for never.
    slower_than: AtomicU64,
    /// Held against the slow-call rule.
    pub(crate) slow: InFlight,
    /// Held against the rule of stalled calls.
    pub(crate) stalled: InFlight,
    /// The number of stalled calls at which the circuit trips; 0 for no rule.
    stalled_calls: AtomicU64,
    pub(crate) admission_share: AdmissionShare,
}

impl InFlightTracking {
    /// With room for `settings`; [`configure`](Self::configure) comes next. `seed` is for the draws
    /// that shed calls.
    pub(crate) fn new(settings: &Settings, seed: u64) -> Self {
        Self {
            slower_than: AtomicU64::new(0),
            slow: InFlight::new(),
            stalled: InFlight::new(),
            stalled_calls: AtomicU64::new(0),
            admission_share: AdmissionShare::new(settings, seed),
        }
    }

    /// Takes over `settings`. The caller holds the lock, and restarts next.
    pub(crate) fn configure(&self, settings: &Settings) {
        let (mut slow, mut stalled, mut age) = (Duration::ZERO, 0_u32, Duration::ZERO);
        for rule in &settings.rules {
            match rule.condition {
                Condition::SlowCallRate { slower_than, .. } => slow = slower_than,
                Condition::StalledCalls { calls, older_than } => {
                    (stalled, age) = (calls, older_than);
                }
                _ => {}
            }
        }
        self.slow.configure(nanos(slow));
        self.stalled.configure(nanos(age));
        // Relaxed, both: published with the epoch, by the Release in `Machine::publish`. A stale
        // call that reads them has its result dropped with its epoch.
        self.slower_than.store(nanos(slow), Ordering::Relaxed);
        self.stalled_calls.store(stalled.into(), Ordering::Relaxed);
        self.admission_share.configure(settings);
    }

    /// From how many nanoseconds on a call is slow; 0 for never.
    #[inline]
    pub(crate) fn slower_than(&self) -> u64 {
        // Relaxed: published with the epoch.
        self.slower_than.load(Ordering::Relaxed)
    }

    /// Clears everything, for a new epoch. The caller holds the lock.
    pub(crate) fn restart(&self, tag: Tag, now: Timestamp) {
        self.slow.restart(tag, now);
        self.stalled.restart(tag, now);
        self.admission_share.restart(tag, now);
    }

    /// Counts a call as in flight; `false` where the check for stalled calls is still to come in its
    /// tick.
    #[inline]
    pub(crate) fn begin(&self, tag: Tag, started: Timestamp) -> bool {
        if !self.slow.begin(tag, started) {
            return false;
        }
        let is_counted = self.stalled.begin(tag, started);
        if !is_counted {
            self.slow.end(tag, started);
        }
        is_counted
    }

    /// Counts a call as in flight.
    pub(crate) fn begin_anyway(&self, tag: Tag, started: Timestamp) {
        self.slow.begin_anyway(tag, started);
        self.stalled.begin_anyway(tag, started);
    }

    /// Counts a call as no longer in flight.
    #[inline]
    pub(crate) fn end(&self, tag: Tag, started: Timestamp) {
        self.slow.end(tag, started);
        self.stalled.end(tag, started);
    }

    /// Whether `stalled` calls are too many.
    pub(crate) fn are_too_many(&self, stalled: u64) -> bool {
        // Relaxed: published with the epoch.
        let limit = self.stalled_calls.load(Ordering::Relaxed);
        limit != 0 && stalled >= limit
    }
}
