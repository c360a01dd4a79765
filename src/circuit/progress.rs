//! How a circuit came to be open, and how it comes back, as a snapshot shows it.

use std::time::Duration;

use crate::circuit::config::CircuitConfig;
use crate::circuit::thresholds::Thresholds;
use crate::engine::change::ChangeReason;
use crate::engine::machine::probes::ProbeCounts;
use crate::engine::machine::trip_record::TripRecord;
use crate::engine::outcome::FailureKind;
use crate::engine::rules::settings::Settings;
use crate::engine::time::Timestamp;
use crate::engine::window::counts::WindowCounts;

/// A trip: a change from closed to open, or an operator's command to open.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Trip {
    /// The reason for the trip.
    pub reason: ChangeReason,
    /// The kind of the last failure then, where a failure tripped the circuit.
    pub kind: Option<FailureKind>,
    /// How long ago the circuit tripped.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::events::serialize::seconds"))]
    pub ago: Duration,
    /// How long the circuit was to stay open.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::events::serialize::seconds"))]
    pub open_for: Duration,
    /// The counts of the window at that moment.
    pub window: WindowCounts,
    /// Number of stalled calls at that moment; 0 without a rule about them.
    pub stalled_calls: u64,
    /// The limits as they were at that moment: the settings may have changed since.
    pub limits: Thresholds,
    /// Number of failures in a row that tripped the circuit, if a rule about such a run did.
    ///
    /// Of a rule that asks for a [time](crate::TripRule::lasting), too, at least as many. Not part of
    /// the JSON.
    #[cfg_attr(feature = "serde", serde(skip))]
    pub failures_in_a_row: Option<u32>,
}

/// The probes of a half-open circuit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct ProbeProgress {
    /// Number of probes that succeeded.
    pub succeeded: u32,
    /// Number of probes that failed.
    pub failed: u32,
    /// Number of probes in flight.
    pub in_flight: u32,
    /// Number of successful probes that close the circuit; see
    /// [`probes`](crate::CircuitBuilder::probes).
    pub needed: u32,
    /// Number of probes that may fail before it opens again.
    pub failed_allowed: u32,
    /// How long a probe may hold its slot without an answer.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::events::serialize::seconds"))]
    pub timeout: Duration,
}

/// Recoveries: from closed to open, and back to closed since the upstream was seen to be well.
///
/// What an operator ended is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Recoveries {
    /// How many there were.
    pub count: u64,
    /// How long the circuit was not closed, all of them together.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::events::serialize::seconds"))]
    pub total: Duration,
}

impl Recoveries {
    pub(crate) const fn seen((count, total): (u64, Duration)) -> Self {
        Self { count, total }
    }
}

impl Trip {
    pub(crate) fn seen(trip: TripRecord, now: Timestamp) -> Self {
        let TripRecord { reason, kind, at, open_for, window, stalled_calls, settings } = trip;
        let limits = CircuitConfig::from_settings(Settings::clone(&settings)).thresholds();
        let (ago, failures_in_a_row) = (now.since(at), settings.run_behind(reason));
        Self { reason, kind, ago, open_for, window, stalled_calls, limits, failures_in_a_row }
    }
}

impl ProbeProgress {
    pub(crate) fn seen(probes: ProbeCounts, settings: &Settings) -> Self {
        Self {
            succeeded: probes.succeeded,
            failed: probes.failed,
            in_flight: probes.in_flight,
            needed: settings.probes,
            failed_allowed: settings.failed_probes_allowed,
            timeout: probes.lease,
        }
    }
}
