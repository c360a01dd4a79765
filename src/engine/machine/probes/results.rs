//! The results of the probes of one half-open epoch, and the verdict that follows from them.

use std::time::Duration;

use crate::engine::rules::settings::Settings;
use crate::engine::time::Timestamp;

/// The result of one probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ProbeResult {
    Passed,
    Failed,
    /// The upstream answered, and the answer says nothing about its health.
    Ignored,
    /// The probe did not reach the upstream.
    NotSent,
    /// The probe was sent, and had no answer.
    Unanswered,
    /// The probe had no answer for so long that it failed.
    TimedOut,
}

/// The verdict of all probes of an epoch together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ProbeVerdict {
    Undecided,
    Recovered,
    /// The upstream answers, but no answer says whether it is well.
    Answering,
    StillFailing,
    /// The upstream does not answer.
    Unanswered,
}

/// The counts of one half-open epoch.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct ProbeResults {
    pub(super) succeeded: u32,
    pub(super) failed: u32,
    ignored_in_a_row: u32,
    unanswered_in_a_row: u32,
    /// When the first of that row began.
    row_began: Timestamp,
}

/// This many ignored probes in a row count as recovery, and this many unanswered ones in a row as
/// an upstream that is still down. Enough that a few odd requests do not decide, few enough that
/// the circuit does not stay half-open for long.
const PROBES_IN_A_ROW: u32 = 16;

/// The least duration of a row of unanswered probes that decides. Callers that leave after a few
/// milliseconds make sixteen of them before a healthy upstream can answer any.
const SHORTEST_ROW: Duration = Duration::from_secs(60);

impl ProbeResults {
    /// Counts the result of a probe whose call began at `began`.
    pub(super) fn count(
        &mut self,
        settings: &Settings,
        answer: ProbeResult,
        began: Timestamp,
        now: Timestamp,
    ) -> ProbeVerdict {
        match answer {
            ProbeResult::NotSent => return ProbeVerdict::Undecided,
            ProbeResult::Unanswered => return self.count_unanswered(began, now),
            ProbeResult::Ignored => {
                self.end_row();
                self.ignored_in_a_row = self.ignored_in_a_row.saturating_add(1);
                return match self.ignored_in_a_row {
                    PROBES_IN_A_ROW.. => ProbeVerdict::Answering,
                    _ => ProbeVerdict::Undecided,
                };
            }
            ProbeResult::Passed => {
                self.end_row();
                self.succeeded = self.succeeded.saturating_add(1);
            }
            ProbeResult::Failed => {
                self.end_row();
                self.failed = self.failed.saturating_add(1);
            }
            // No answer: the row of unanswered ones goes on.
            ProbeResult::TimedOut => self.failed = self.failed.saturating_add(1),
        }
        self.ignored_in_a_row = 0;
        if self.failed > settings.failed_probes_allowed {
            ProbeVerdict::StillFailing
        } else if self.succeeded >= settings.probes {
            ProbeVerdict::Recovered
        } else {
            ProbeVerdict::Undecided
        }
    }

    /// Ends the row of unanswered probes: the upstream answers.
    pub(super) fn end_row(&mut self) {
        self.unanswered_in_a_row = 0;
    }

    fn count_unanswered(&mut self, began: Timestamp, now: Timestamp) -> ProbeVerdict {
        if self.unanswered_in_a_row == 0 {
            self.row_began = began;
        }
        self.unanswered_in_a_row = self.unanswered_in_a_row.saturating_add(1);
        let is_long = now.since(self.row_began) >= SHORTEST_ROW;
        if self.unanswered_in_a_row >= PROBES_IN_A_ROW && is_long {
            ProbeVerdict::Unanswered
        } else {
            ProbeVerdict::Undecided
        }
    }
}
