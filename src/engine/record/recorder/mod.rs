//! Records the results of a closed circuit, and finds the trip rule that they make hold.
//!
//! Nothing here takes a lock. Every word carries the tag of its epoch, so a stale result finds
//! nothing that it could change. The limits are plain numbers, written under the machine's lock by
//! a reconfiguration before it publishes the epoch that uses them.

mod limits;
mod packed;
pub(in crate::engine::record) mod rare;
use std::time::Duration;

use crate::engine::change::ChangeReason;
use crate::engine::in_flight::tracking::InFlightTracking;
use crate::engine::outcome::{EndedCall, FailureKind, Outcome, Recorded};
use crate::engine::record::extras::Extras;
use crate::engine::record::recorder::limits::Limits;
use crate::engine::record::recorder::packed::{load, lower};
use crate::engine::record::recorder::rare::{Rare, hash};
use crate::engine::record::recorder::run::Run;
use crate::engine::rules::condition::Condition;
use crate::engine::rules::rule::TripRule;
use crate::engine::rules::settings::Settings;
use crate::engine::state::Tag;
use crate::engine::stripes::Stripes;
use crate::engine::time::{TimeSource, Timestamp, nanos};
use crate::engine::window::Window;
use crate::engine::window::counts::{SlowCalls, WindowCounts};
use crate::sync::{AtomicU64, OnceLock, Ordering};

mod run;
#[cfg(all(test, not(breaker_loom)))]
mod tests;

/// Runs, window and limits of one circuit.
#[derive(Debug)]
pub(crate) struct Recorder {
    window: Window,
    /// For what every call changes, in the window and among the totals.
    stripes: Stripes,
    /// The run of consecutive failures: epoch tag and length.
    run: AtomicU64,
    /// When that run began, where it is to last.
    run_began: AtomicU64,
    limits: Limits,
    /// Made when settings first ask for it.
    tracking: OnceLock<Box<InFlightTracking>>,
    /// What fewer of them ask for, and other things that are rare.
    extras: Extras,
}

impl Recorder {
    /// Makes a recorder with room for `settings`: [`configure`](Self::configure) comes next.
    pub(crate) fn new(settings: &Settings) -> Self {
        Self {
            window: Window::new(settings.effective_window(), slow_calls(settings)),
            stripes: Stripes::new(),
            run: AtomicU64::new(0),
            run_began: AtomicU64::new(0),
            limits: Limits {
                failures: AtomicU64::new(0),
                lasting: AtomicU64::new(0),
                rates: AtomicU64::new(0),
                kinds_and_minimum: AtomicU64::new(0),
            },
            tracking: OnceLock::new(),
            extras: Extras::new(),
        }
    }

    /// Takes over `settings`. The caller holds the lock, and restarts the recorder next; `seed` is
    /// for the draws that shed calls.
    pub(crate) fn configure(&self, settings: &Settings, seed: u64) {
        self.window.reshape(settings.effective_window(), slow_calls(settings));
        self.limits.set(settings);
        if settings.is_tracked() {
            self.tracking.get_or_init(|| Box::new(InFlightTracking::new(settings, seed)));
        }
        if let Some(tracking) = self.tracking.get() {
            tracking.configure(settings);
        }
        if Rare::is_asked_for(settings) {
            self.extras.make_rare(settings);
        }
        if let Some(rare) = self.extras.rare() {
            rare.configure(settings);
        }
    }

    /// Ends the epoch of `tag` in favour of `next`. The caller holds the lock, and restarts the
    /// recorder next.
    pub(crate) fn finish(&self, tag: Tag, next: Tag) {
        self.window.finish(&self.stripes, tag, next);
    }

    /// The number of successes that the window has counted, in this epoch and all before. The
    /// caller holds the lock.
    pub(crate) fn successes(&self, tag: Tag) -> u64 {
        self.window.successes(&self.stripes, tag)
    }

    /// Clears everything, for a new epoch. The caller holds the lock.
    pub(crate) fn restart(&self, tag: Tag, now: Timestamp) {
        // An exchange, so that it takes its place among those of stale results: one that meets the
        // new tag gives up, whatever else it sees. AcqRel: pairs with `Run::lengthen_with`.
        self.run.swap(tag.mark(0), Ordering::AcqRel);
        for words in self.kind_words() {
            if let [_, _, run, ..] = words {
                // AcqRel: as above.
                run.swap(tag.mark(0), Ordering::AcqRel);
            }
        }
        self.window.restart(&self.stripes, tag, now);
        if let Some(tracking) = self.tracking.get() {
            tracking.restart(tag, now);
        }
    }

    /// Whether there is cause to look whether several threads call, so that the window counts in
    /// stripes.
    pub(crate) fn are_threads_looked_at(&self, tag: Tag) -> bool {
        self.window.are_threads_looked_at(&self.stripes, tag)
    }

    /// Has the window count in stripes. The caller holds the lock, and `tag` is that of the present
    /// epoch.
    pub(crate) fn use_stripes(&self, tag: Tag) {
        self.window.use_stripes(&self.stripes, tag);
    }

    /// For what every call changes.
    #[inline]
    pub(crate) const fn stripes(&self) -> &Stripes {
        &self.stripes
    }

    pub(crate) const fn extras(&self) -> &Extras {
        &self.extras
    }

    /// The calls in flight and the admission share, where settings ask for them.
    #[inline]
    pub(crate) fn tracking(&self) -> Option<&InFlightTracking> {
        self.tracking.get().map(|tracking| &**tracking)
    }

    /// Finds the first rule that calls in flight make hold. Asked by each call that comes, and
    /// answered once in a tick: within a tick no further call becomes stalled.
    pub(crate) fn check_stalled(&self, tag: Tag, now: Timestamp) -> Option<ChangeReason> {
        let tracking = self.tracking()?;
        let (slow, stalled) =
            (tracking.slow.check_stalled(tag, now), tracking.stalled.check_stalled(tag, now));
        let by_rate = slow.filter(|slow| *slow > 0).and_then(|slow| {
            let counts = self.window.counts(&self.stripes, tag, now);
            self.limits.is_too_slow(counts, slow).then_some(ChangeReason::SlowCallRate)
        });
        let by_number = || tracking.are_too_many(stalled?).then_some(ChangeReason::StalledCalls);
        by_rate.or_else(by_number)
    }

    /// How many calls in flight count as slow, and how many as stalled.
    pub(crate) fn slow_and_stalled(&self, tag: Tag, now: Timestamp) -> (u64, u64) {
        let in_flight = |tracking: &InFlightTracking| {
            (tracking.slow.stalled(tag, now), tracking.stalled.stalled(tag, now))
        };
        self.tracking().map_or((0, 0), in_flight)
    }

    /// How many calls are in flight, where a rule asks for that.
    pub(crate) fn in_flight(&self, tag: Tag) -> Option<u64> {
        let tracking = self.tracking()?;
        tracking.stalled.all(tag).or_else(|| tracking.slow.all(tag))
    }

    /// The first rule about the window that holds at `counts`.
    fn reached_by(
        &self,
        counts: WindowCounts,
        tag: Tag,
        now: impl FnOnce() -> Timestamp,
    ) -> Option<ChangeReason> {
        let confident = self.extras.rare().map_or(0, |rare| rare.confident());
        self.limits.reached_by(counts, confident, || {
            self.tracking().map_or(0, |tracking| tracking.slow.stalled(tag, now()))
        })
    }

    /// From how many nanoseconds on a call is slow; 0 for never.
    #[inline]
    pub(crate) fn slower_than(&self) -> u64 {
        self.tracking().map_or(0, InFlightTracking::slower_than)
    }

    /// Counts a success that ends before `fast_until`, where nothing else is to be changed, and
    /// returns whether the window counts it for the totals, too; `None` where
    /// [`succeed`](Self::succeed) is to record it.
    #[inline]
    pub(crate) fn count_success(
        &self,
        tag: Tag,
        fast_until: Timestamp,
        clock: &impl TimeSource,
    ) -> Option<bool> {
        let has_run = load(&self.run) != tag.mark(0);
        if has_run || self.has_kind_rules() {
            return None;
        }
        self.window.count_success(&self.stripes, tag, fast_until, clock)
    }

    /// Records a success, and finds the first rule that it makes hold, if it is slow.
    #[inline]
    pub(crate) fn succeed(
        &self,
        tag: Tag,
        call: EndedCall,
        mut now: impl FnMut() -> Timestamp,
    ) -> Recorded<Option<ChangeReason>> {
        run::end(&self.run, tag);
        if self.has_kind_rules() {
            self.end_kind_runs(tag);
        }
        let recorded = self.window.record(&self.stripes, tag, call, &mut now);
        let Recorded::InTime { follows: counts, is_counted } = recorded else {
            return Recorded::Stale;
        };
        let cause = counts.and_then(|counts| self.reached_by(counts, tag, now));
        Recorded::InTime { follows: cause, is_counted }
    }

    /// Records a failure, and finds the first rule that it makes hold.
    pub(crate) fn fail(
        &self,
        tag: Tag,
        kind: FailureKind,
        call: EndedCall,
        mut now: impl FnMut() -> Timestamp,
    ) -> Recorded<Option<ChangeReason>> {
        let by_run = self.lengthen_run(tag, kind, &mut now);
        // A constant here, so that the compiler drops half of what a window does for a call.
        let call = EndedCall { has_failed: true, ..call };
        let recorded = self.window.record(&self.stripes, tag, call, &mut now);
        let Recorded::InTime { follows: counts, .. } = recorded else {
            return Recorded::Stale;
        };
        if let Some(tracking) = self.tracking() {
            tracking.admission_share.tried(tag, call, &mut now);
        }
        let cause = by_run.or_else(|| self.reached_by(counts?, tag, now));
        Recorded::InTime { follows: cause, is_counted: false }
    }

    /// The counts of the window now.
    pub(crate) fn counts(&self, tag: Tag, now: Timestamp) -> WindowCounts {
        self.window.counts(&self.stripes, tag, now)
    }

    /// The length of the run of consecutive failures; 0 where no rule asks for it.
    pub(crate) fn run(&self, tag: Tag) -> u64 {
        let run = load(&self.run);
        if Tag::on(run) == tag { Tag::strip(run) } else { 0 }
    }

    /// What `outcome` after `elapsed` comes to in a window.
    #[inline]
    pub(crate) fn ended(&self, outcome: Outcome, elapsed: Option<Duration>) -> EndedCall {
        let was_slow = elapsed.is_some_and(|elapsed| {
            let limit = self.slower_than();
            limit != 0 && nanos(elapsed) >= limit
        });
        EndedCall { has_failed: outcome.failure_kind().is_some(), was_slow }
    }

    /// Whether a call that was dropped after `elapsed` counts as a failure.
    pub(crate) fn is_failure_when_abandoned(&self, elapsed: Duration) -> bool {
        let limit = self.extras.rare().map_or(0, |rare| rare.abandoned_after());
        limit != 0 && nanos(elapsed) >= limit
    }

    #[inline]
    fn has_kind_rules(&self) -> bool {
        lower(load(&self.limits.kinds_and_minimum)) != 0
    }

    #[inline(never)]
    fn end_kind_runs(&self, tag: Tag) {
        for words in self.kind_words() {
            if let [_, _, run, ..] = words {
                run::end(run, tag);
            }
        }
    }

    /// Lengthens the run that failures of `kind` belong to.
    fn lengthen_run(
        &self,
        tag: Tag,
        kind: FailureKind,
        now: impl FnOnce() -> Timestamp,
    ) -> Option<ChangeReason> {
        if self.has_kind_rules() {
            let wanted = hash(kind.as_str());
            let mut rules = self.kind_words();
            let own = rules.find(|words| words.first().is_some_and(|kind| load(kind) == wanted));
            if let Some([_, limit, length, began, lasting]) = own {
                let run = Run { length, began, lasting };
                let is_reached = run.lengthen(tag, load(limit), now)?;
                return is_reached.then_some(ChangeReason::ConsecutiveFailuresOfKind(kind));
            }
        }
        let limit = lower(load(&self.limits.failures));
        if limit == 0 {
            return None;
        }
        let run = Run { length: &self.run, began: &self.run_began, lasting: &self.limits.lasting };
        run.lengthen(tag, limit, now)?.then_some(ChangeReason::ConsecutiveFailures)
    }

    fn kind_words(&self) -> std::slice::ChunksExact<'_, AtomicU64> {
        self.extras.rare().map_or_else(|| [].chunks_exact(1), |rare| rare.kind_words())
    }
}

fn slow_calls(settings: &Settings) -> SlowCalls {
    let counts_them = |rule: &TripRule| matches!(rule.condition, Condition::SlowCallRate { .. });
    if settings.rules.iter().any(counts_them) { SlowCalls::Counted } else { SlowCalls::Ignored }
}
