//! The share of calls that a closed circuit admits: less than all while it ramps up after a
//! recovery, and while it throttles for an upstream that refuses many.
//!
//! Nothing here takes a lock. The calls to admit are drawn at random: a share that was dealt out in
//! turn could fall to the same caller each time.

use std::time::Duration;

use crate::engine::outcome::EndedCall;
use crate::engine::rules::backoff::JitterRng;
use crate::engine::rules::settings::{Settings, Throttle};
use crate::engine::state::Tag;
use crate::engine::stripes::Stripes;
use crate::engine::time::{Timestamp, nanos};
use crate::engine::window::Window;
use crate::engine::window::counts::{Enough, SlowCalls, WindowCounts};
use crate::engine::window::span::{SlidingWindow, Span};
use crate::sync::{AtomicU64, Ordering};

#[cfg(all(test, not(breaker_loom)))]
mod tests;

/// What the share is computed from, and the generator that draws by it.
#[derive(Debug)]
pub(crate) struct AdmissionShare {
    /// How long a ramp lasts in nanoseconds; 0 for none.
    ramp: AtomicU64,
    /// The throttle's multiple, scaled; 0 for none.
    multiple: AtomicU64,
    /// The calls of the last two minutes: accepted, or refused by the upstream or by this throttle.
    /// Its words are ordered as those of any window.
    tried: Window,
    /// The state of [`JitterRng`], which moves on without a lock.
    jitter: AtomicU64,
}

/// A share of calls, in parts of 2^32.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Share(u64);

/// As in the SRE book: long enough that a few calls a second suffice.
const TRIED: SlidingWindow =
    SlidingWindow(Span::Time { length: Duration::from_secs(120), buckets: 12 });

/// Never made: where calls are throttled, all threads count them in the same words.
static NO_STRIPES: Stripes = Stripes::new();

const BUCKETS_A_MINUTE: u64 = 6;

/// A share of fewer calls is noise.
const FEWEST_CALLS: u64 = 50;

const SCALE: u64 = Throttle::SCALE as u64;

impl AdmissionShare {
    /// With room for `settings`; [`configure`](Self::configure) comes next.
    pub(crate) fn new(settings: &Settings, seed: u64) -> Self {
        Self {
            ramp: AtomicU64::new(0),
            multiple: AtomicU64::new(0),
            tried: Window::new(settings.throttle.map(|_| TRIED), SlowCalls::Ignored),
            jitter: AtomicU64::new(seed),
        }
    }

    /// Takes over `settings`. The caller holds the lock, and restarts next.
    pub(crate) fn configure(&self, settings: &Settings) {
        // Relaxed, both: published with the epoch, by the Release in `Machine::publish`.
        self.ramp.store(settings.ramp.map_or(0, nanos), Ordering::Relaxed);
        self.multiple.store(settings.throttle.map_or(0, Throttle::scaled), Ordering::Relaxed);
        self.tried.reshape(settings.throttle.map(|_| TRIED), SlowCalls::Ignored);
    }

    /// Clears the calls that were tried, for a new epoch. The caller holds the lock.
    pub(crate) fn restart(&self, tag: Tag, now: Timestamp) {
        self.tried.restart(&NO_STRIPES, tag, now);
    }

    /// Whether calls are throttled.
    #[inline]
    pub(crate) fn has_throttle(&self) -> bool {
        // Relaxed: published with the epoch; what a stale call does by it is cleared with its tag.
        self.multiple.load(Ordering::Relaxed) != 0
    }

    /// Counts a call that was tried, where calls are throttled.
    pub(crate) fn tried(&self, tag: Tag, call: EndedCall, now: impl FnOnce() -> Timestamp) {
        if self.has_throttle() {
            self.tried.record(&NO_STRIPES, tag, call, now);
        }
    }

    /// The share of calls that the throttle admits: by all calls that were tried, or by the newest
    /// of them if that is more.
    ///
    /// Within one window, calls to an upstream that accepts all of them grow by little more than
    /// the multiple. After an outage longer than the window, one call is left in it: at a multiple
    /// of 1.1 in two minutes it would take hours to admit all calls again. By the newest calls, it
    /// takes minutes.
    pub(crate) fn throttled(&self, tag: Tag, now: Timestamp) -> Share {
        // Relaxed: as in `has_throttle`.
        let multiple = self.multiple.load(Ordering::Relaxed);
        if multiple == 0 {
            return Share::ALL;
        }
        let share = Share::throttled(multiple, self.tried.counts(&NO_STRIPES, tag, now));
        if share == Share::ALL {
            return share;
        }
        let newest = self.tried.recent(&NO_STRIPES, tag, enough(multiple), now);
        share.max(Share::throttled(multiple, newest))
    }

    /// The share of calls that are admitted when `left` of a ramp is still to come.
    pub(crate) fn ramped(&self, left: Duration) -> Share {
        // Relaxed: published with the epoch.
        let (ramp, left) = (self.ramp.load(Ordering::Relaxed), nanos(left));
        if ramp == 0 || left == 0 {
            return Share::ALL;
        }
        let gone = Share::of(ramp.saturating_sub(left).into(), ramp.into()).0;
        let rest = Share::ALL.0.saturating_sub(Share::FIRST.0);
        let gained = u128::from(rest).saturating_mul(gone.into()) >> 32;
        Share::FIRST.plus(u64::try_from(gained).unwrap_or(rest))
    }

    /// Draws whether a call is among `share` of them.
    pub(crate) fn admits(&self, share: Share) -> bool {
        if share == Share::ALL {
            return true;
        }
        // Relaxed: each draw must only find another state, and an exchange of one word sees to
        // that.
        let state = self.jitter.fetch_add(JitterRng::STEP, Ordering::Relaxed);
        JitterRng::mix(state) >> 32 < share.0
    }
}

/// How many of the calls that were tried count as the newest: those of one minute for each whole by
/// which `multiple` exceeds 1, and of ten seconds at least.
///
/// The smaller the multiple, the shorter the time, so that calls grow about as fast under each: to
/// ten times in a minute and a half. If they grew in a few seconds, the upstream would be
/// overloaded again before its refusals were counted.
const fn enough(multiple: u64) -> Enough {
    let buckets = multiple.saturating_sub(SCALE).saturating_mul(BUCKETS_A_MINUTE) / SCALE;
    Enough { buckets: if buckets == 0 { 1 } else { buckets }, calls: FEWEST_CALLS }
}

impl Share {
    pub(crate) const ALL: Self = Self(1 << 32);
    /// The share at the beginning of a ramp: a tenth.
    const FIRST: Self = Self(Self::ALL.0 / 10);

    /// The share that a throttle admits after these calls.
    ///
    /// One less [equation 21-1](https://sre.google/sre-book/handling-overload/#eq2101) of the SRE
    /// book: `1 - (requests - k × accepts) / (requests + 1)`, at most 1.
    fn throttled(multiple: u64, tried: WindowCounts) -> Self {
        let accepts = u128::from(tried.calls.saturating_sub(tried.failures));
        let part = accepts.saturating_mul(multiple.into()).saturating_add(SCALE.into());
        let whole = u128::from(tried.calls).saturating_add(1).saturating_mul(SCALE.into());
        Self::of(part, whole)
    }

    /// `part` of `whole`, at most all.
    fn of(part: u128, whole: u128) -> Self {
        let share = part.saturating_mul(Self::ALL.0.into()).checked_div(whole);
        let share = share.and_then(|share| u64::try_from(share).ok());
        share.map_or(Self::ALL, |share| Self(share.min(Self::ALL.0)))
    }

    fn plus(self, more: u64) -> Self {
        Self(self.0.saturating_add(more).min(Self::ALL.0))
    }

    /// This share of `other`.
    pub(crate) const fn times(self, other: Self) -> Self {
        // Both have at most 33 bits.
        Self(self.0.wrapping_mul(other.0 >> 2) >> 30)
    }

    /// As a number from 0 to 1.
    #[expect(clippy::cast_precision_loss, reason = "33 bits fit")]
    pub(crate) fn as_f64(self) -> f64 {
        self.0 as f64 / Self::ALL.0 as f64
    }
}
