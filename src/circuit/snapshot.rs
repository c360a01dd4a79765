//! Snapshots of a circuit, for people and dashboards.

use std::fmt;
use std::time::Duration;

use crate::circuit::last_failure::LastFailure;
use crate::circuit::overrides::{IsolationSnapshot, OverrideSnapshot};
use crate::circuit::progress::{ProbeProgress, Recoveries, Trip};
use crate::engine::outcome::FailureKind;
use crate::engine::record::rejections::Rejections;
use crate::engine::record::totals::{Totals, Transitions};
use crate::engine::state::{CircuitState, Override};
use crate::engine::window::counts::WindowCounts;
use crate::error::ErrorText;
use crate::events::event::ListenerFaults;
use crate::sync::Arc;

/// A consistent snapshot of a circuit at one moment.
///
/// As JSON (feature `serde`) durations are numbers of seconds, and names are those of `as_str`.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct CircuitSnapshot {
    /// The circuit's name.
    pub name: Arc<str>,
    /// Whether the circuit is marked as [critical](crate::CircuitBuilder::critical).
    pub critical: bool,
    /// The state; open until the first call after the open time.
    pub state: CircuitState,
    /// The override in force, if there is one; an isolated circuit is forced open.
    pub overridden: Option<Override>,
    /// The operators' override, with its end; also while an isolation lies over it.
    pub operators_override: Option<OverrideSnapshot>,
    /// Number of isolations of the circuit.
    ///
    /// By [`Circuit::isolate`](crate::Circuit::isolate), which counts once however often its handle
    /// is cloned, or by one of its groups. While there are any the circuit is forced open, whatever
    /// its override; the override holds again afterwards.
    pub isolations: u32,
    /// What isolates the circuit, the oldest first.
    pub isolated_by: Vec<IsolationSnapshot>,
    /// The number of the current epoch.
    pub epoch: u64,
    /// How long the circuit has been in this state.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::events::serialize::seconds"))]
    pub in_state_for: Duration,
    /// While open and not forced: the rest of the open time, zero when it has ended.
    #[cfg_attr(
        feature = "serde",
        serde(serialize_with = "crate::events::serialize::optional_seconds")
    )]
    pub retry_after: Option<Duration>,
    /// The counts of the window; zero unless closed, or if no rule needs one and none was set.
    pub window: WindowCounts,
    /// The share of calls that are admitted now, from 0 to below 1, while ramping or throttling.
    ///
    /// Under observation, the share that would be admitted. `None` if the circuit is not closed, or
    /// admits all calls.
    pub admitted_share: Option<f64>,
    /// While half-open: how the probes have done so far; `None` in other states.
    pub probes: Option<ProbeProgress>,
    /// Number of calls in flight.
    ///
    /// Known only while the circuit is closed, and with a rule of slow or of stalled calls.
    pub in_flight: Option<u64>,
    /// How long ago a cap of one of its groups last kept the circuit from tripping.
    ///
    /// `None` if it has not in this epoch: since the circuit closed, was reset or was given other
    /// settings. See [`CircuitGroup::at_most_open`](crate::CircuitGroup::at_most_open).
    #[cfg_attr(
        feature = "serde",
        serde(serialize_with = "crate::events::serialize::optional_seconds")
    )]
    pub trip_prevented_ago: Option<Duration>,
    /// Number of calls in flight that already count as slow.
    ///
    /// 0 unless closed, and without a slow-call rule.
    pub slow_in_flight: u64,
    /// Number of calls in flight that the rule of stalled calls counts.
    ///
    /// 0 unless closed, and without such a rule.
    pub stalled_calls: u64,
    /// Number of failures in a row, as the rule of consecutive failures counts them.
    ///
    /// Without kinds that have a rule of their own. 0 unless closed, and without such a rule.
    pub consecutive_failures: u64,
    /// Counts of all calls, by outcome.
    pub totals: Totals,
    /// Counts of rejected calls, by reason.
    pub rejections: Rejections,
    /// Number of failures by kind.
    ///
    /// [`FailureKind::OTHER`] first, the others in the order of their first failures. Past sixteen
    /// kinds further ones count as `other`. As JSON, an object.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::events::serialize::by_kind"))]
    pub failures_by_kind: Vec<(FailureKind, u64)>,
    /// Counts of changes from one state to another.
    pub transitions: Transitions,
    /// Counts of recoveries, and how long they took.
    pub recoveries: Recoveries,
    /// Counts of what went wrong with listeners.
    pub listeners: ListenerFaults,
    /// The last trip: when, why, and for how long.
    pub last_trip: Option<Trip>,
    /// The last call that counted as a failure; `None` before the first.
    pub last_failure: Option<LastFailure>,
    /// The text of that failure's error, where [`last_error`](crate::CircuitBuilder::last_error)
    /// asks for it.
    ///
    /// Not part of the JSON.
    #[cfg_attr(feature = "serde", serde(skip))]
    pub last_error: Option<ErrorText>,
    /// How long the circuit has existed.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::events::serialize::seconds"))]
    pub uptime: Duration,
    /// The number of calls that a rate needs.
    #[cfg_attr(feature = "serde", serde(skip))]
    pub(crate) minimum_calls: u64,
}

/// The health of a circuit, or of several.
///
/// For one circuit, the first that applies: **failing** while it is forced open or isolated, or
/// open with time left and not observing; **degraded** while it is open and its time has ended,
/// half-open, sheds calls, is forced closed, or observes and is not closed; else **healthy**.
///
/// An open circuit whose time has ended is no longer failing, although it stays open until a call
/// comes: a load balancer that sends calls only to healthy processes has to send one, or the
/// circuit never closes. For several circuits, see
/// [`CircuitRegistry::health`](crate::CircuitRegistry::health).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_enums, reason = "the three that health endpoints know")]
pub enum Health {
    /// Calls are admitted.
    Healthy,
    /// Some calls are admitted, or all are although the circuit alone would reject some.
    Degraded,
    /// Calls are rejected.
    Failing,
}

impl CircuitSnapshot {
    /// Returns the share of failed calls in the window; `None` below `minimum_calls`.
    #[must_use]
    pub fn failure_rate(&self) -> Option<f64> {
        self.rate(self.window.failures, self.window.calls)
    }

    /// Returns the share of slow calls in the window; `None` below `minimum_calls`.
    ///
    /// With the calls in flight that already count as slow.
    #[must_use]
    pub fn slow_call_rate(&self) -> Option<f64> {
        let in_flight = self.slow_in_flight;
        self.rate(
            self.window.slow_calls.saturating_add(in_flight),
            self.window.calls.saturating_add(in_flight),
        )
    }

    /// Returns the health of the circuit; see [`Health`].
    #[must_use]
    pub fn health(&self) -> Health {
        let is_over = self.retry_after.is_some_and(|left| left.is_zero());
        let is_shedding = self.admitted_share.is_some_and(|share| share < 1.0);
        Health::of(self.state, self.overridden, is_over, is_shedding)
    }

    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    fn rate(&self, part: u64, calls: u64) -> Option<f64> {
        (calls > 0 && calls >= self.minimum_calls).then(|| part as f64 / calls as f64)
    }
}

impl Health {
    /// `is_over` is about the open time, `is_shedding` about a closed circuit.
    pub(crate) fn of(
        state: CircuitState,
        overridden: Option<Override>,
        is_over: bool,
        is_shedding: bool,
    ) -> Self {
        match (state, overridden) {
            (_, Some(Override::ForcedOpen)) => Self::Failing,
            (CircuitState::Open, None) if !is_over => Self::Failing,
            (_, Some(Override::ForcedClosed))
            | (CircuitState::Open | CircuitState::HalfOpen, _) => Self::Degraded,
            (CircuitState::Closed, None) if is_shedding => Self::Degraded,
            (CircuitState::Closed, _) => Self::Healthy,
        }
    }

    /// Returns the name used in JSON: `healthy`, `degraded` or `failing`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Degraded => "degraded",
            Self::Failing => "failing",
        }
    }
}

impl fmt::Display for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for Health {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}
