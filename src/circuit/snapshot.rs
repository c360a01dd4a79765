//! A circuit at one moment, for people and dashboards.

use std::fmt;
use std::time::Duration;

use crate::engine::change::ChangeReason;
use crate::engine::machine::trip_record::TripRecord;
use crate::engine::outcome::FailureKind;
use crate::engine::record::totals::{Totals, Transitions};
use crate::engine::state::{CircuitState, Override};
use crate::engine::time::Timestamp;
use crate::engine::window::counts::WindowCounts;
use crate::events::event::ListenerFaults;
use crate::sync::Arc;

/// Everything that is known of a circuit at one moment.
///
/// As JSON (feature `serde`) durations are numbers of seconds, and names are those of `as_str`.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct CircuitSnapshot {
    /// The circuit's name.
    pub name: Arc<str>,
    /// Whether the process can do nothing without this circuit's upstream:
    /// [`CircuitBuilder::critical`](crate::CircuitBuilder::critical).
    pub critical: bool,
    /// Its state; open until the first call after the open time.
    pub state: CircuitState,
    /// What an operator has imposed, if anything.
    pub overridden: Option<Override>,
    /// How many isolate the circuit: by [`Circuit::isolate`](crate::Circuit::isolate), which counts
    /// once however often it is cloned, or one of its groups. While there are any it is forced open,
    /// whatever operators say; what they said holds again afterwards.
    pub isolations: u32,
    /// The number of the current epoch.
    pub epoch: u64,
    /// How long the circuit has been in this state.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::events::serialize::seconds"))]
    pub in_state_for: Duration,
    /// While open and not forced: how long that will still last, zero when it is over.
    #[cfg_attr(
        feature = "serde",
        serde(serialize_with = "crate::events::serialize::optional_seconds")
    )]
    pub retry_after: Option<Duration>,
    /// What the window holds; nothing unless closed, or when no rule needs one and none was set.
    pub window: WindowCounts,
    /// While closed, and ramping up after a recovery or throttling: the share of calls that are
    /// admitted now, from 0 to below 1; under observation, the share that would be. `None` where all
    /// are, or none.
    pub admitted_share: Option<f64>,
    /// Calls under way that count as slow, since they have taken that long already; 0 unless closed,
    /// and without a slow-call rule.
    pub slow_in_flight: u64,
    /// Calls under way that the rule of stalled calls counts; 0 unless closed, and without one.
    pub stalled_calls: u64,
    /// How many calls in a row have failed, as the rule of consecutive failures counts them: without
    /// kinds that have a rule of their own. 0 unless closed, and where there is no such rule.
    pub consecutive_failures: u64,
    /// What has become of all calls.
    pub totals: Totals,
    /// The failures among them by kind: [`FailureKind::OTHER`] first, the others in the order in which
    /// they came. Past sixteen kinds further ones count as `other`. As JSON, an object.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::events::serialize::by_kind"))]
    pub failures_by_kind: Vec<(FailureKind, u64)>,
    /// How often the circuit went from one state to another.
    pub transitions: Transitions,
    /// What went wrong with listeners.
    pub listeners: ListenerFaults,
    /// When the circuit last tripped, and why.
    pub last_trip: Option<Trip>,
    /// How long the circuit has existed.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::events::serialize::seconds"))]
    pub uptime: Duration,
    /// How many calls a rate needs.
    #[cfg_attr(feature = "serde", serde(skip))]
    pub(crate) minimum_calls: u64,
}

/// One change from closed to open.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Trip {
    /// What tripped the circuit.
    pub reason: ChangeReason,
    /// How long ago that was.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::events::serialize::seconds"))]
    pub ago: Duration,
    /// How long the circuit was to stay open.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::events::serialize::seconds"))]
    pub open_for: Duration,
    /// What the window held.
    pub window: WindowCounts,
}

/// How a circuit, or several, are doing.
///
/// Of a circuit, the first that holds: **failing** while it is forced open or isolated, or open with
/// time left and not observing; **degraded** while it is open with its time over, half-open, sheds
/// calls, is forced closed, or observes and is not closed; else **healthy**.
///
/// An open circuit whose time is over is no longer failing, although it stays open until a call comes:
/// a load balancer that sends calls only to healthy processes has to send one, or the circuit never
/// closes. Of several circuits, see [`CircuitRegistry::health`](crate::CircuitRegistry::health).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_enums, reason = "the three that health endpoints know")]
pub enum Health {
    /// Calls go through.
    Healthy,
    /// Some calls go through, or all do although they should not.
    Degraded,
    /// Calls are rejected.
    Failing,
}

impl CircuitSnapshot {
    /// The share of failed calls in the window; `None` below `minimum_calls`.
    #[must_use]
    pub fn failure_rate(&self) -> Option<f64> {
        self.rate(self.window.failures, self.window.calls)
    }

    /// The share of slow calls in the window, with those under way that count as slow; `None` below
    /// `minimum_calls`.
    #[must_use]
    pub fn slow_call_rate(&self) -> Option<f64> {
        let hung = self.slow_in_flight;
        self.rate(
            self.window.slow_calls.saturating_add(hung),
            self.window.calls.saturating_add(hung),
        )
    }

    /// How the circuit is doing; see [`Health`].
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

impl Trip {
    pub(crate) fn seen(trip: TripRecord, now: Timestamp) -> Self {
        let TripRecord { reason, at, open_for, window } = trip;
        Self { reason, ago: now.since(at), open_for, window }
    }
}

impl Health {
    /// `is_over` of the open time, `is_shedding` of a closed circuit.
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

    /// The name used in JSON: `healthy`, `degraded` or `failing`.
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
