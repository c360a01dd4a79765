//! What is looked at, of a call to the closed circuit, on its way in: which others hang, and whether
//! the circuit admits only a share of them. Made for those who ask for it.

use crate::engine::in_flight::share::AdmissionShare;
use crate::engine::in_flight::tracking::{Begun, InFlight};
use crate::engine::rules::settings::Settings;
use crate::engine::state::Tag;
use crate::engine::time::{Timestamp, nanos};
use crate::sync::{AtomicU64, Ordering};

/// What is known of the calls under way, and the share of new calls to admit.
#[derive(Debug)]
pub(crate) struct InFlightTracking {
    /// Held against the slow-call rule.
    pub(crate) slow: InFlight,
    /// Held against the rule of stalled calls.
    pub(crate) stalled: InFlight,
    /// How many of those are too many; 0 for no rule.
    stalled_calls: AtomicU64,
    pub(crate) admission_share: AdmissionShare,
}

impl InFlightTracking {
    /// With room for `settings`; [`configure`](Self::configure) comes next. `seed` is for the lot that sheds.
    pub(crate) fn new(settings: &Settings, seed: u64) -> Self {
        Self {
            slow: InFlight::new(),
            stalled: InFlight::new(),
            stalled_calls: AtomicU64::new(0),
            admission_share: AdmissionShare::new(settings, seed),
        }
    }

    /// Takes over `settings`. The caller holds the lock, and restarts next.
    pub(crate) fn configure(&self, settings: &Settings) {
        let slow = settings.slow_call_rate.map_or(0, |rule| nanos(rule.slower_than));
        let (calls, age) = settings
            .stalled_calls
            .map_or((0, 0), |rule| (rule.calls.into(), nanos(rule.older_than)));
        self.slow.configure(slow);
        self.stalled.configure(age);
        // Relaxed: published with the epoch.
        self.stalled_calls.store(calls, Ordering::Relaxed);
        self.admission_share.configure(settings);
    }

    /// Forgets everything, for a new epoch. The caller holds the lock.
    pub(crate) fn restart(&self, tag: Tag, now: Timestamp) {
        self.slow.restart(tag, now);
        self.stalled.restart(tag, now);
        self.admission_share.restart(tag, now);
    }

    /// Counts a call as under way, if it was asked in its tick already whether others hang.
    #[inline]
    pub(crate) fn begin(&self, tag: Tag, started: Timestamp) -> Begun {
        let slow = self.slow.begin(tag, started);
        if slow == Begun::LookFirst {
            return slow;
        }
        let stalled = self.stalled.begin(tag, started);
        if stalled == Begun::LookFirst {
            self.slow.end(tag, started);
        }
        stalled
    }

    /// Counts a call as under way.
    pub(crate) fn begin_anyway(&self, tag: Tag, started: Timestamp) {
        self.slow.begin_anyway(tag, started);
        self.stalled.begin_anyway(tag, started);
    }

    /// Counts it as no longer under way.
    #[inline]
    pub(crate) fn end(&self, tag: Tag, started: Timestamp) {
        self.slow.end(tag, started);
        self.stalled.end(tag, started);
    }

    /// Whether `stalled` calls are too many.
    pub(crate) fn are_too_many(&self, stalled: u64) -> bool {
        let limit = self.stalled_calls.load(Ordering::Relaxed);
        limit != 0 && stalled >= limit
    }
}
