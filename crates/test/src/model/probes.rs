//! The probes of half-open: how long they may take, and what they decide together.

use std::time::Duration;

use crate::model::circuit::Model;
use tower_circuit_breaker::{ChangeReason, CircuitState, Outcome};

/// So many probes in a row that say nothing decide; unanswered ones only over so long.
const IN_A_ROW: usize = 16;
const SHORTEST_ROW: Duration = Duration::from_secs(60);

/// How long a probe that was answered holds its slot without `abandoned_after`.
const HOLD: Duration = Duration::from_secs(1);

impl Model {
    /// How long a probe holds its slot without an answer.
    pub(super) fn lease(&self) -> Duration {
        let lease = self.settings.probe_timeout;
        lease.unwrap_or_else(|| self.opened_for.max(Duration::from_secs(1)))
    }

    /// How long a probe may take before that is a failure.
    pub(super) fn probe_limit(&self) -> Option<Duration> {
        let limits = [self.settings.slow.map(|s| s.1), self.settings.stalled.map(|s| s.1)];
        limits.into_iter().flatten().min()
    }

    /// A call comes: probes whose leases are over have had no answer.
    pub(super) fn end_leases(&mut self) {
        let (now, lease) = (self.now, self.lease());
        let unanswered = self.unanswered.len();
        for (probe, ends) in std::mem::take(&mut self.live) {
            let began = ends.saturating_sub(lease);
            let took = now.saturating_sub(began);
            if ends > now || self.held.contains(&probe) {
                self.live.push((probe, ends));
            } else if self.probe_limit().is_some_and(|limit| took >= limit) {
                self.failed_by_lease.push(probe);
                self.said[1] += 1;
                self.said[2] = 0
            } else {
                self.unanswered.push(began);
            }
        }
        self.decide(self.unanswered.len() > unanswered)
    }

    /// A probe was answered: it holds its slot for a little longer, if it still has one.
    pub(super) fn hold(&mut self, probe: usize) {
        self.unanswered.clear();
        let most = self.after(self.settings.abandoned_after.unwrap_or(HOLD));
        if let Some((_, ends)) = self.live.iter_mut().find(|(live, _)| *live == probe) {
            *ends = most.min(*ends);
            self.held.push(probe)
        }
    }

    /// A call comes: probes that were answered and have held their slots for long enough give them
    /// up, and are judged next, in this order.
    #[must_use]
    pub fn end_holds(&mut self) -> Vec<usize> {
        if self.state != CircuitState::HalfOpen {
            return Vec::new();
        }
        let is_over =
            |(probe, ends): &(usize, Duration)| *ends <= self.now && self.held.contains(probe);
        let (ended, live) = std::mem::take(&mut self.live).into_iter().partition(is_over);
        self.live = live;
        let ended: Vec<(usize, Duration)> = ended;
        ended.into_iter().map(|(probe, _)| probe).collect()
    }

    /// A probe that began then was dropped without an answer.
    pub(super) fn judge_unanswered(&mut self, began: Duration) {
        self.unanswered.push(began);
        self.decide(true)
    }

    /// A probe has said something, unless that was counted as its lease ended.
    pub(super) fn judge_probe(&mut self, probe: usize, outcome: Outcome, failed: bool) {
        if self.failed_by_lease.contains(&probe) {
            return;
        }
        if outcome == Outcome::Ignored {
            self.said[2] += 1
        } else {
            self.said[usize::from(failed)] += 1;
            self.said[2] = 0
        }
        self.decide(false)
    }

    /// What the probes decide; `ends_unanswered` when one of them has just ended so.
    fn decide(&mut self, ends_unanswered: bool) {
        let row = self.unanswered.first().filter(|_| self.unanswered.len() >= IN_A_ROW);
        let is_long = row.is_some_and(|began| self.now.saturating_sub(*began) >= SHORTEST_ROW);
        if self.said[1] > self.settings.failed_probes_allowed {
            self.open(ChangeReason::ProbesFailed, None)
        } else if ends_unanswered && is_long {
            self.open(ChangeReason::ProbesUnanswered, None)
        } else if self.said[0] >= self.settings.probes {
            self.enter(CircuitState::Closed, ChangeReason::ProbesSucceeded)
        } else if self.said[2] as usize >= IN_A_ROW {
            self.enter(CircuitState::Closed, ChangeReason::ProbesIgnored)
        }
    }
}
