//! What a closed circuit's window holds, and whether a rate is reached there.

use std::time::Duration;

use crate::model::circuit::Model;
use crate::model::settings::{Share, Window};
use crate::model::sure::Sure;

/// One result of this epoch.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kept {
    at: Duration,
    has_failed: bool,
    is_slow: bool,
}

impl Model {
    /// Keeps a result, and forgets those that the window will not hold again.
    pub(super) fn keep(&mut self, has_failed: bool, is_slow: bool) {
        self.results.push_back(Kept { at: self.now, has_failed, is_slow });
        while self.results.front().is_some_and(|first| !self.holds(first, self.results.len() - 1)) {
            self.results.pop_front();
        }
    }

    /// What the window holds now: calls, and the failures and slow calls among them.
    pub fn window(&self) -> (u64, u64, u64) {
        let latest_first = self.results.iter().rev().enumerate();
        let held = latest_first.take_while(|(later, kept)| self.holds(kept, *later));
        held.fold((0, 0, 0), |(calls, failures, slows), (_, kept)| {
            (calls + 1, failures + u64::from(kept.has_failed), slows + u64::from(kept.is_slow))
        })
    }

    /// Whether the window holds a result after which there were so many.
    fn holds(&self, kept: &Kept, later: usize) -> bool {
        match self.settings.kept_window() {
            None => false,
            Some(Window::Calls(calls)) => later < calls as usize,
            Some(Window::Time(buckets, width)) => {
                let tick = |at: Duration| at.as_nanos() / width.as_nanos();
                tick(kept.at) + u128::from(buckets) > tick(self.now)
            }
        }
    }

    /// How many calls in a row have failed, where a rule asks for it.
    pub fn run(&self) -> u64 {
        if self.settings.consecutive.is_some() { self.run.len() as u64 } else { 0 }
    }

    /// How many calls a rate needs.
    pub fn minimum(&self) -> u32 {
        self.settings.minimum()
    }

    /// Whether so many are slow, of those in the window and those that are stalled.
    pub(super) fn is_too_slow(&self) -> bool {
        let Some((rate, than)) = self.settings.slow else { return false };
        let ((calls, _, slows), stalled) = (self.window(), self.stalled(Some(than)));
        let (calls, slows) = (calls + stalled, slows + stalled);
        calls >= u64::from(self.minimum())
            && calls > 0
            && slows * u64::from(rate.whole) >= u64::from(rate.part) * calls
    }

    /// Whether the lower Wilson bound is above the rate, by the formula of the textbooks; or a count
    /// window holds nothing but failures.
    pub(super) fn is_sure(&self, (rate, sure): (Share, Sure), calls: u64, failures: u64) -> bool {
        let float = |number: u64| f64::from(u32::try_from(number).unwrap_or(u32::MAX));
        let (n, z) = (float(calls), sure.quantile);
        let share = float(failures) / n;
        let half = z * (share * (1.0 - share) / n + z * z / (4.0 * n * n)).sqrt();
        let bound = (share + z * z / (2.0 * n) - half) / (1.0 + z * z / n);
        let is_full = matches!(
            self.settings.kept_window(), Some(Window::Calls(size)) if calls == u64::from(size)
        );
        bound > f64::from(rate.part) / f64::from(rate.whole) || is_full && failures == calls
    }
}
