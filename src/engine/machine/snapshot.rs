//! One consistent look at the machine.

use std::time::Duration;

use crate::engine::in_flight::share::Share;
use crate::engine::machine::Machine;
use crate::engine::machine::control::Control;
use crate::engine::machine::isolator::IsolationRecord;
use crate::engine::machine::own_override::{OverrideWords, OwnOverride};
use crate::engine::machine::probes::ProbeCounts;
use crate::engine::machine::trip_record::TripRecord;
use crate::engine::outcome::FailureKind;
use crate::engine::record::extras::RareReason;
use crate::engine::record::rejections::Rejections;
use crate::engine::record::totals::{Totals, Transitions};
use crate::engine::rules::settings::Settings;
use crate::engine::state::{CircuitState, Override, Tag};
use crate::engine::time::Timestamp;
use crate::engine::window::counts::WindowCounts;
use crate::sync::Arc;

/// A machine at one moment.
#[derive(Debug)]
pub(crate) struct MachineSnapshot {
    pub(crate) state: CircuitState,
    pub(crate) overridden: Option<Override>,
    /// With what was said of it.
    pub(crate) own_override: Option<(OwnOverride, Option<Arc<OverrideWords>>)>,
    pub(crate) isolations: Vec<IsolationRecord>,
    pub(crate) epoch: u64,
    pub(crate) in_state_for: Duration,
    /// When the machine was made.
    pub(crate) made: Timestamp,
    /// The rest of the open time; `None` unless the circuit is open, and while it is forced open.
    pub(crate) open_left: Option<Duration>,
    pub(crate) window: WindowCounts,
    pub(crate) minimum_calls: u32,
    pub(crate) admitted_share: Option<Share>,
    /// While half-open: how the probes have done, and the settings that they are held against.
    pub(crate) probes: Option<(ProbeCounts, Arc<Settings>)>,
    pub(crate) in_flight: Option<u64>,
    pub(crate) trip_prevented_at: Option<Timestamp>,
    pub(crate) slow_in_flight: u64,
    pub(crate) stalled_calls: u64,
    pub(crate) consecutive_failures: u64,
    pub(crate) totals: Totals,
    pub(crate) rejections: Rejections,
    pub(crate) failures_by_kind: Vec<(FailureKind, u64)>,
    pub(crate) transitions: Transitions,
    /// How many, and how long the circuit was not closed in all of them.
    pub(crate) recoveries: (u64, Duration),
    pub(crate) last_trip: Option<TripRecord>,
    pub(crate) last_failure: Option<(FailureKind, Timestamp)>,
}

impl Machine {
    /// Takes a snapshot. No call waits for it while the circuit is closed or open.
    pub(crate) fn snapshot(&self, now: Timestamp) -> MachineSnapshot {
        self.look(|control| self.snapshot_under(control, now))
    }

    /// The same with the lock held.
    fn snapshot_under(&self, control: &Control, now: Timestamp) -> MachineSnapshot {
        let word = self.word();
        let (recorder, tag) = (self.recorder(), Tag::of(word.epoch()));
        let (slow_in_flight, stalled_calls) = recorder.slow_and_stalled(tag, now);
        let is_forced_open = word.overridden() == Some(Override::ForcedOpen);
        let counts_down = word.state() == CircuitState::Open && !is_forced_open;
        let totals = self.totals_under(control);
        // Each is read once, and only grows; the total is their sum.
        let rejections = self.rejections_under(control, totals.rejected);
        let totals = Totals { rejected: rejections.sum(), ..totals };
        MachineSnapshot {
            state: word.state(),
            overridden: word.overridden(),
            own_override: control.own_override().map(|own| (own, control.said().cloned())),
            isolations: control.isolations().to_vec(),
            epoch: word.epoch(),
            in_state_for: control.time_in_state(now),
            made: control.made(),
            open_left: counts_down.then(|| self.until().since(now)),
            window: recorder.counts(tag, now),
            minimum_calls: control.settings().effective_minimum(),
            admitted_share: self.admitted_share(now),
            probes: (word.state() == CircuitState::HalfOpen)
                .then(|| (control.probe_counts(), Arc::clone(control.settings()))),
            in_flight: recorder.in_flight(tag).filter(|_| word.is_closed()),
            trip_prevented_at: control.trip_prevented_at(word).filter(|_| word.is_closed()),
            slow_in_flight,
            stalled_calls,
            consecutive_failures: recorder.run(tag),
            totals,
            rejections,
            failures_by_kind: self.failures_by_kind(),
            transitions: control.transitions(),
            recoveries: control.recoveries(),
            last_trip: control.last_trip(),
            last_failure: self.kinds().last(),
        }
    }

    /// The totals of all calls so far.
    #[cfg(test)]
    pub(crate) fn totals(&self) -> Totals {
        let totals = self.look(|control| self.totals_under(control));
        Totals { rejected: self.rejections(), ..totals }
    }

    /// The totals of all calls so far, with those alone rejected that met a circuit simply open. The
    /// lock is held, so that the epoch stays.
    fn totals_under(&self, control: &Control) -> Totals {
        let in_window = self.recorder().successes(Tag::of(self.word().epoch()));
        let named = self.kinds().counts().map(|(_, failures)| failures).sum();
        let stripes = self.recorder().stripes();
        let totals = self.tally().totals(stripes, control.trips(), in_window, named);
        let trips_prevented = control.trips_prevented();
        let (not_sent, would_have_rejected) =
            (self.extras().not_sent(), self.extras().would_have_rejected());
        Totals { not_sent, would_have_rejected, trips_prevented, ..totals }
    }

    /// The rejections by reason, `open` of them by a circuit that was simply open. The lock is held.
    fn rejections_under(&self, control: &Control, open: u64) -> Rejections {
        let of = |reason| self.extras().rejections(reason);
        let forced = of(RareReason::ForcedOpen);
        let isolated = control.rejected_in_isolation(forced);
        Rejections {
            open,
            probes_busy: of(RareReason::ProbesBusy),
            forced_open: forced.saturating_sub(isolated),
            isolated,
            not_ready: of(RareReason::NotReady),
            ramping: of(RareReason::Ramping),
            throttled: of(RareReason::Throttled),
        }
    }
}
