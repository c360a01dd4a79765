//! The limits of the trip rules, packed for the path of every call.

use crate::engine::change::ChangeReason;
use crate::engine::record::recorder::packed::{load, lower, pair, upper};
use crate::engine::record::recorder::rare::kind_rules;
use crate::engine::record::recorder::run;
use crate::engine::rules::condition::Condition;
use crate::engine::rules::confidence::Threshold;
use crate::engine::rules::rate::Rate;
use crate::engine::rules::settings::Settings;
use crate::engine::window::counts::WindowCounts;
use crate::sync::{AtomicU64, Ordering};

/// The numbers that results are held against; 0 where there is no such rule.
#[derive(Debug)]
pub(super) struct Limits {
    /// Consecutive failures in the lower half, failures in the window in the upper.
    pub(super) failures: AtomicU64,
    /// For how long the run of consecutive failures is to last.
    pub(super) lasting: AtomicU64,
    /// Scaled failure rate in the lower half, scaled slow-call rate in the upper.
    pub(super) rates: AtomicU64,
    /// How many rules are about one kind of failure in the lower half, the number of calls that a
    /// rate needs in the upper.
    pub(super) kinds_and_minimum: AtomicU64,
}

impl Limits {
    pub(super) fn set(&self, settings: &Settings) {
        let (mut in_a_row, mut lasting, mut count, mut failed) = (0, None, 0, 0);
        let mut slow = 0;
        for rule in settings.effective_rules() {
            match rule.condition {
                Condition::ConsecutiveFailures { kind: None, failures, lasting: least } => {
                    (in_a_row, lasting) = (failures, least);
                }
                Condition::FailureRate(rate) => failed = rate.scaled(),
                Condition::FailureCount(failures) => count = failures,
                Condition::SlowCallRate { rate, .. } => slow = rate.scaled(),
                // Their limits are with their runs, with what is rare, and with the calls in flight,
                // as is the time from which on calls are slow.
                Condition::ConsecutiveFailures { kind: Some(_), .. }
                | Condition::FailureRateConfident { .. }
                | Condition::StalledCalls { .. } => {}
            }
        }
        // Relaxed, all four: published with the epoch, by the Release in `Machine::publish`. A
        // stale call that reads them has its result dropped by its tag or, under the lock, by its
        // epoch.
        self.failures.store(pair(in_a_row.into(), count.into()), Ordering::Relaxed);
        self.lasting.store(run::word(lasting), Ordering::Relaxed);
        self.rates.store(pair(failed.into(), slow.into()), Ordering::Relaxed);
        let kinds = u64::try_from(kind_rules(settings)).unwrap_or(u64::MAX);
        let kinds_and_minimum = pair(kinds, settings.effective_minimum().into());
        self.kinds_and_minimum.store(kinds_and_minimum, Ordering::Relaxed);
    }

    /// Whether `stalled` slow calls in flight and those of the window make the slow-call rule hold.
    #[expect(clippy::cast_possible_truncation, reason = "half of a word")]
    #[inline]
    pub(super) fn is_too_slow(&self, counts: WindowCounts, stalled: u64) -> bool {
        let rate = upper(load(&self.rates)) as u32;
        let calls = counts.calls.saturating_add(stalled);
        let slow_calls = counts.slow_calls.saturating_add(stalled);
        let enough = calls >= upper(load(&self.kinds_and_minimum));
        rate != 0 && enough && Rate::is_reached(rate, slow_calls, calls)
    }

    /// The first rule about the window that holds at `counts`; `confident` is the [`Threshold`] of
    /// the rate that must be certain.
    #[expect(clippy::cast_possible_truncation, reason = "halves of a word")]
    #[inline]
    pub(super) fn reached_by(
        &self,
        counts: WindowCounts,
        confident: u64,
        stalled: impl FnOnce() -> u64,
    ) -> Option<ChangeReason> {
        let rates = load(&self.rates);
        let (failed, slow) = (lower(rates) as u32, upper(rates) as u32);
        let enough = counts.calls >= upper(load(&self.kinds_and_minimum));
        if enough && failed != 0 && Rate::is_reached(failed, counts.failures, counts.calls) {
            return Some(ChangeReason::FailureRate);
        }
        if confident != 0
            && Threshold::from_bits(confident).is_cleared_by(counts.failures, counts.calls)
        {
            return Some(ChangeReason::FailureRateConfident);
        }
        if slow != 0 && self.is_too_slow(counts, stalled()) {
            return Some(ChangeReason::SlowCallRate);
        }
        let failures = upper(load(&self.failures));
        (failures != 0 && counts.failures >= failures).then_some(ChangeReason::FailureCount)
    }
}
