//! What few circuits ever need, in one box that is made when it is first needed.

use crate::engine::record::latency::Latency;
use crate::engine::record::recorder::rare::Rare;
use crate::engine::rules::settings::Settings;
use crate::engine::time::Timestamp;
use crate::sync::{AtomicU64, OnceLock, Ordering};

/// Numbers that most circuits leave at nothing.
#[derive(Debug, Default)]
pub(crate) struct Extras(OnceLock<Box<ExtraWords>>);

#[derive(Debug)]
struct ExtraWords {
    /// When the override of the word ends: never, unless an operator has given it an end.
    override_ends: AtomicU64,
    /// Calls that were not sent. Rare, and so not in the tally, whose cache line is full.
    not_sent: AtomicU64,
    /// Calls that would have been rejected, were the circuit not under observation.
    would_have_rejected: AtomicU64,
    /// Rejections for each of [`RareReason`].
    rejections: [AtomicU64; RareReason::ALL.len()],
    /// How long calls took, where the circuit was made to keep it.
    latency: OnceLock<Box<Latency>>,
    /// Limits and runs that few settings ask for; made when they first do.
    rare: OnceLock<Box<Rare>>,
}

/// Why a call was rejected, where the circuit was not simply open: that is what is left of all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RareReason {
    ProbesBusy,
    ForcedOpen,
    NotReady,
    Ramping,
    Throttled,
}

impl RareReason {
    const ALL: [Self; 5] =
        [Self::ProbesBusy, Self::ForcedOpen, Self::NotReady, Self::Ramping, Self::Throttled];

    const fn index(self) -> usize {
        self as usize
    }
}

impl Extras {
    pub(crate) const fn new() -> Self {
        Self(OnceLock::new())
    }

    /// Makes room for the latency of calls.
    pub(crate) fn keep_latency(&self) {
        self.make().latency.get_or_init(Box::default);
    }

    /// How long calls took, where that is kept.
    #[inline]
    pub(crate) fn latency(&self) -> Option<&Latency> {
        self.0.get()?.latency.get().map(|latency| &**latency)
    }

    /// Limits and runs that few settings ask for, where they do.
    pub(in crate::engine::record) fn rare(&self) -> Option<&Rare> {
        self.0.get()?.rare.get().map(|rare| &**rare)
    }

    /// The same, made with room for `settings` if it is not.
    pub(in crate::engine::record) fn make_rare(&self, settings: &Settings) -> &Rare {
        self.make().rare.get_or_init(|| Box::new(Rare::new(settings)))
    }

    /// Counts a call that was not sent.
    pub(crate) fn count_not_sent(&self) {
        // Relaxed: a number for totals; nothing is decided by it.
        self.make().not_sent.fetch_add(1, Ordering::Relaxed);
    }

    /// The number of calls that were not sent.
    pub(crate) fn not_sent(&self) -> u64 {
        // Relaxed: as in `count_not_sent`.
        self.0.get().map_or(0, |words| words.not_sent.load(Ordering::Relaxed))
    }

    /// Counts a call that would have been rejected, were the circuit not under observation.
    pub(crate) fn count_would_have_rejected(&self) {
        // Relaxed: as in `count_not_sent`.
        self.make().would_have_rejected.fetch_add(1, Ordering::Relaxed);
    }

    /// The number of calls that would have been rejected.
    pub(crate) fn would_have_rejected(&self) -> u64 {
        // Relaxed: as in `count_not_sent`.
        self.0.get().map_or(0, |words| words.would_have_rejected.load(Ordering::Relaxed))
    }

    /// Counts a rejection for `reason`, which the tally does not count.
    pub(crate) fn count_rejection(&self, reason: RareReason) {
        if let Some(rejections) = self.make().rejections.get(reason.index()) {
            // Relaxed: as in `count_not_sent`.
            rejections.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The number of rejections for `reason`.
    pub(crate) fn rejections(&self, reason: RareReason) -> u64 {
        let rejections = self.0.get().and_then(|words| words.rejections.get(reason.index()));
        // Relaxed: as in `count_not_sent`.
        rejections.map_or(0, |rejections| rejections.load(Ordering::Relaxed))
    }

    /// The number of rejections for all of these reasons.
    pub(crate) fn all_rejections(&self) -> u64 {
        RareReason::ALL
            .map(|reason| self.rejections(reason))
            .into_iter()
            .fold(0, u64::saturating_add)
    }

    /// When the override ends. The box is there for whoever has read a word that was published
    /// after the end was set.
    pub(crate) fn override_ends(&self) -> Timestamp {
        // Acquire: pairs with the Release in `set_override_ends`. Whoever reads the end of an
        // override and then the word finds that override's word or a later one: it does not go by
        // a word whose own end it has not seen.
        let ends = self.0.get().map(|words| words.override_ends.load(Ordering::Acquire));
        ends.map_or(Timestamp::NEVER, Timestamp::from_nanos)
    }

    /// Sets when the override ends. The machine's lock is held.
    pub(crate) fn set_override_ends(&self, ends: Timestamp) {
        // Release: as in `override_ends`.
        self.make().override_ends.store(ends.as_nanos(), Ordering::Release);
    }

    fn make(&self) -> &ExtraWords {
        self.0.get_or_init(|| Box::new(ExtraWords::new()))
    }
}

impl ExtraWords {
    fn new() -> Self {
        Self {
            override_ends: AtomicU64::new(Timestamp::NEVER.as_nanos()),
            not_sent: AtomicU64::new(0),
            would_have_rejected: AtomicU64::new(0),
            rejections: std::array::from_fn(|_| AtomicU64::new(0)),
            latency: OnceLock::new(),
            rare: OnceLock::new(),
        }
    }
}
