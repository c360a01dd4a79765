//! The results of one stretch, kept one by one: slow, and easy to believe.

use std::collections::VecDeque;
use std::time::Duration;

use crate::engine::change::ChangeReason;
use crate::engine::outcome::{FailureKind, Outcome};
use crate::engine::settings::{Rate, Settings};
use crate::engine::time::{Timestamp, nanos};
use crate::engine::window::{SlidingWindow, Span, WindowCounts};

/// What a closed circuit has seen since it closed.
#[derive(Debug, Default)]
pub(super) struct Results {
    kept: VecDeque<Kept>,
    run: u64,
    /// In the order of the rules about kinds.
    kind_runs: Vec<u64>,
}

#[derive(Debug, Clone, Copy)]
struct Kept {
    at: Timestamp,
    has_failed: bool,
    is_slow: bool,
}

/// A rule that holds, and the open time that it brings.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Held {
    pub(super) reason: ChangeReason,
    pub(super) open_for: Option<Duration>,
}

impl Results {
    pub(super) fn clear(&mut self, settings: &Settings) {
        self.kept.clear();
        self.run = 0;
        self.kind_runs = vec![0; settings.kinds.len()];
    }

    /// Takes a success or failure; gives the first rule that it makes hold.
    pub(super) fn take(
        &mut self,
        settings: &Settings,
        outcome: Outcome,
        is_slow: bool,
        now: Timestamp,
    ) -> Option<Held> {
        let has_failed = outcome != Outcome::Success;
        self.kept.push_back(Kept { at: now, has_failed, is_slow });
        if !has_failed {
            self.run = 0;
            self.kind_runs.fill(0);
        }
        let by_run = if has_failed { self.lengthen(settings, kind_of(outcome)) } else { None };
        if !has_failed && !is_slow {
            return None;
        }
        by_run.or_else(|| self.reached(settings, now))
    }

    /// What the window holds now.
    pub(super) fn counts(&mut self, settings: &Settings, now: Timestamp) -> WindowCounts {
        let Some(window) = settings.effective_window() else { return WindowCounts::default() };
        self.expire(window, now);
        let count = |is: fn(&Kept) -> bool| {
            u64::try_from(self.kept.iter().filter(|kept| is(kept)).count()).unwrap_or(u64::MAX)
        };
        WindowCounts {
            calls: count(|_| true),
            failures: count(|kept| kept.has_failed),
            slow_calls: count(|kept| kept.is_slow),
        }
    }

    /// The run that the general rule counts; 0 where there is none.
    pub(super) fn run(&self, settings: &Settings) -> u64 {
        if settings.consecutive.is_some() { self.run } else { 0 }
    }

    fn lengthen(&mut self, settings: &Settings, kind: FailureKind) -> Option<Held> {
        let own = settings.kinds.iter().position(|rule| rule.kind == kind.as_str());
        let (run, rule, reason) = match own {
            Some(own) => {
                let reason = ChangeReason::ConsecutiveFailuresOfKind(kind);
                (&mut self.kind_runs[own], Some(settings.kinds[own].rule), reason)
            }
            None => (&mut self.run, settings.consecutive, ChangeReason::ConsecutiveFailures),
        };
        *run += 1;
        let rule = rule.filter(|rule| *run >= rule.failures.into())?;
        Some(Held { reason, open_for: rule.open_for })
    }

    fn reached(&mut self, settings: &Settings, now: Timestamp) -> Option<Held> {
        let counts = self.counts(settings, now);
        let enough = counts.calls >= at_most_window(settings, settings.minimum_calls);
        // Reckoned here, and not asked of the settings, which the circuit asks.
        let is_reached = |rate: Rate, part: u64| {
            let part = u128::from(part) * u128::from(Rate::SCALE);
            let limit = u128::from(counts.calls) * u128::from(rate.scaled());
            enough && counts.calls > 0 && part >= limit
        };
        let failed = settings.failure_rate.filter(|rule| is_reached(rule.rate, counts.failures));
        let slow = settings.slow_call_rate.filter(|rule| is_reached(rule.rate, counts.slow_calls));
        let counted = settings
            .failure_count
            .filter(|rule| counts.failures >= at_most_window(settings, rule.failures));
        let held = |reason, open_for| Held { reason, open_for };
        failed
            .map(|rule| held(ChangeReason::FailureRate, rule.open_for))
            .or_else(|| slow.map(|rule| held(ChangeReason::SlowCallRate, rule.open_for)))
            .or_else(|| counted.map(|rule| held(ChangeReason::FailureCount, rule.open_for)))
    }

    /// Drops what the window no longer holds.
    fn expire(&mut self, window: SlidingWindow, now: Timestamp) {
        match window.0 {
            Span::Calls(calls) => {
                let most = usize::try_from(calls).unwrap_or(usize::MAX);
                let gone = self.kept.len().saturating_sub(most);
                self.kept.drain(..gone);
            }
            Span::Time { length, buckets } => {
                let width = nanos(length).div_ceil(buckets.into()).max(1);
                let tick = |at: Timestamp| at.as_nanos() / width;
                let is_gone =
                    |kept: &Kept| tick(kept.at).saturating_add(buckets.into()) <= tick(now);
                while self.kept.front().is_some_and(is_gone) {
                    self.kept.pop_front();
                }
            }
        }
    }
}

/// `calls`, or as many as a count window ever holds.
fn at_most_window(settings: &Settings, calls: u32) -> u64 {
    let most = match settings.effective_window() {
        Some(SlidingWindow(Span::Calls(length))) => length,
        Some(SlidingWindow(Span::Time { .. })) | None => u32::MAX,
    };
    calls.min(most).into()
}

fn kind_of(outcome: Outcome) -> FailureKind {
    match outcome {
        Outcome::Failure(kind) => kind,
        _ => FailureKind::OTHER,
    }
}
