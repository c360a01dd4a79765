//! Events as sentences, for logs and alerts.

use std::fmt;
use std::time::Duration;

use crate::engine::change::ChangeReason;
use crate::engine::state::{CircuitState, Override};
use crate::engine::window::counts::WindowCounts;
use crate::events::event::CircuitEvent;

/// A line of a log, such as
/// `circuit "plants": closed → open, 61 of 100 calls failed; open for 30 s`.
///
/// The name is quoted and escaped as in error messages, so one event stays one line. Limits are in the
/// text of a [`Trip`](crate::Trip).
impl fmt::Display for CircuitEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "circuit {:?}: ", self.circuit())?;
        match self {
            Self::StateChanged {
                from,
                to,
                reason,
                window,
                down_for,
                open_for,
                failures_in_a_row,
                ..
            } => {
                write!(f, "{} → {}, ", state(*from), state(*to))?;
                why(f, *reason, *window, *failures_in_a_row)?;
                after(f, "; was not closed for ", *down_for)?;
                after(f, "; open for ", *open_for)
            }
            Self::Renewed { state: same, reason, window, open_for, .. } => {
                write!(f, "{} anew, ", state(*same))?;
                why(f, *reason, *window, None)?;
                after(f, "; open for ", *open_for)
            }
            Self::Overridden { from, to, reason, .. } => {
                write!(f, "{} → {}, ", overridden(*from), overridden(*to))?;
                why(f, *reason, WindowCounts::default(), None)
            }
            Self::Rejected { reason, retry_after, .. } => {
                write!(f, "call rejected ({reason})")?;
                after(f, ", retry after ", *retry_after)
            }
            Self::Succeeded { elapsed, .. } => ended(f, "succeeded", *elapsed),
            Self::Failed { kind, elapsed, .. } => {
                ended(f, "failed", *elapsed)?;
                write!(f, " ({})", kind.as_str().escape_debug())
            }
            Self::NotSent { elapsed, .. } => ended(f, "not sent", *elapsed),
            Self::Added { state: now, .. } => write!(f, "added, {}", state(*now)),
            Self::Removed { .. } => f.write_str("removed"),
        }
    }
}

/// Why a change was made, as far as it says that itself.
pub(crate) fn why(
    f: &mut fmt::Formatter<'_>,
    reason: ChangeReason,
    window: WindowCounts,
    failures_in_a_row: Option<u32>,
) -> fmt::Result {
    let WindowCounts { calls, failures, slow_calls } = window;
    match reason {
        ChangeReason::ConsecutiveFailuresOfKind(kind) => {
            run(f, failures_in_a_row)?;
            write!(f, " {} failures in a row", kind.as_str().escape_debug())
        }
        ChangeReason::FailureRate | ChangeReason::FailureRateConfident => {
            write!(f, "{failures} of {calls} calls failed")
        }
        ChangeReason::SlowCallRate => write!(f, "{slow_calls} of {calls} calls were slow"),
        ChangeReason::FailureCount => write!(f, "{failures} failures"),
        ChangeReason::ConsecutiveFailures => {
            run(f, failures_in_a_row)?;
            f.write_str(" failures in a row")
        }
        other => f.write_str(other.in_words()),
    }
}

/// How many; a run that is not known was too long.
fn run(f: &mut fmt::Formatter<'_>, failures: Option<u32>) -> fmt::Result {
    match failures {
        Some(failures) => write!(f, "{failures}"),
        None => f.write_str("too many"),
    }
}

fn ended(f: &mut fmt::Formatter<'_>, how: &str, elapsed: Option<Duration>) -> fmt::Result {
    write!(f, "call {how}")?;
    after(f, " after ", elapsed)
}

fn after(f: &mut fmt::Formatter<'_>, words: &str, time: Option<Duration>) -> fmt::Result {
    time.map_or(Ok(()), |time| write!(f, "{words}{}", Brief(time)))
}

const fn state(state: CircuitState) -> &'static str {
    match state {
        CircuitState::Closed => "closed",
        CircuitState::Open => "open",
        CircuitState::HalfOpen => "half-open",
    }
}

const fn overridden(overridden: Option<Override>) -> &'static str {
    match overridden {
        None => "no override",
        Some(Override::ForcedOpen) => "forced open",
        Some(Override::ForcedClosed) => "forced closed",
        Some(Override::Observing) => "observing",
    }
}

/// A duration for people: two units at most, and no seconds from ten minutes on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Brief(pub(crate) Duration);

impl fmt::Display for Brief {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, millis) = (self.0.as_secs(), self.0.subsec_millis());
        match seconds {
            0 => write!(f, "{millis} ms"),
            1..10 if millis >= 100 => write!(f, "{seconds}.{} s", millis / 100),
            1..60 => write!(f, "{seconds} s"),
            60..600 => two(f, (seconds / 60, "min"), (seconds % 60, "s")),
            600..172_800 => two(f, (seconds / 3600, "h"), (seconds % 3600 / 60, "min")),
            _ => two(f, (seconds / 86_400, "d"), (seconds % 86_400 / 3600, "h")),
        }
    }
}

/// Both, or the one that is not zero.
fn two(f: &mut fmt::Formatter<'_>, first: (u64, &str), second: (u64, &str)) -> fmt::Result {
    match (first, second) {
        ((0, _), (small, unit)) | ((small, unit), (0, _)) => write!(f, "{small} {unit}"),
        ((large, unit), (small, smaller)) => write!(f, "{large} {unit} {small} {smaller}"),
    }
}
