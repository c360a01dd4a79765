//! What the machine's lock guards: all that changes seldom.

mod epochs;
mod fleet_view;
pub(crate) mod open_times;
mod opening;
mod overrides;
mod probing;
pub(crate) mod slot;

use std::time::Duration;

use crate::engine::change::{ChangeReason, Standing};
use crate::engine::machine::control::epochs::Epochs;
use crate::engine::machine::control::fleet_view::FleetView;
use crate::engine::machine::control::open_times::{OpenTime, OpenTimes};
use crate::engine::machine::control::overrides::Overrides;
use crate::engine::machine::isolator::{IsolationRecord, Isolator};
use crate::engine::machine::link_deadline::LinkDeadline;
use crate::engine::machine::open_cap::{GroupMemberships, OpenCounter};
use crate::engine::machine::own_override::{OverrideWords, OwnOverride};
use crate::engine::machine::probes::Probes;
use crate::engine::machine::trip_record::TripRecord;
use crate::engine::outcome::FailureKind;
use crate::engine::record::totals::Transitions;
use crate::engine::rules::backoff::JitterRng;
use crate::engine::rules::settings::Settings;
use crate::engine::state::{CircuitState, Override, Word};
use crate::engine::time::Timestamp;
use crate::sync::Arc;

/// The state that changes seldom.
#[derive(Debug)]
pub(crate) struct Control {
    /// Shared by the circuits of one template.
    settings: Arc<Settings>,
    probes: Probes,
    epochs: Epochs,
    open_times: OpenTimes,
    /// When the circuit, closed, admits all calls again; zero when it does.
    ramp_ends: Timestamp,
    jitter: JitterRng,
    /// While the circuit is isolated, the word says forced open instead.
    overrides: Overrides,
    fleet: FleetView,
    /// Where the circuit's groups count how many of their members are open.
    memberships: GroupMemberships,
}

/// What a control that nothing has changed yet holds besides settings and seed. The machine knows
/// it anyway.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Beginning {
    pub(crate) began: Timestamp,
    pub(crate) overridden: Option<Override>,
}

impl Control {
    fn new(settings: &Arc<Settings>, seed: u64, beginning: Beginning) -> Self {
        Self {
            settings: Arc::clone(settings),
            probes: Probes::none(),
            epochs: Epochs::new(beginning.began),
            open_times: OpenTimes::default(),
            ramp_ends: Timestamp::ZERO,
            jitter: JitterRng::new(seed),
            overrides: Overrides::new(beginning.overridden, beginning.began),
            fleet: FleetView::default(),
            memberships: GroupMemberships::default(),
        }
    }

    /// The flags of a word under the present settings, where there is this [`Word::interest`].
    pub(super) fn flags(&self, interest: u64) -> u64 {
        // The events of calls say how long they took.
        let asks_for_times = interest & (Word::CALL_EVENTS | Word::LATENCY) != 0;
        let is_timed = self.settings.is_timed() || asks_for_times;
        let timed = if is_timed { Word::TIMED } else { 0 };
        let ends = self.overrides.effective_end() != Timestamp::NEVER;
        let is_tracked = ends
            || self.settings.is_watched()
            || self.settings.throttle.is_some()
            || self.ramp_ends != Timestamp::ZERO;
        let tracked = if is_tracked { Word::TRACKED } else { 0 };
        interest | timed | tracked
    }

    /// Takes over other settings.
    pub(super) fn set_settings(&mut self, settings: Arc<Settings>) {
        self.settings = settings;
    }

    pub(super) const fn settings(&self) -> &Arc<Settings> {
        &self.settings
    }

    /// A seed for draws.
    pub(super) fn draw_seed(&mut self) -> u64 {
        self.jitter.roll()
    }
}

/// Epochs and moves between them.
impl Control {
    /// Prepares an open epoch under the override of `to`, and returns how long it is to last.
    pub(super) fn prepare_open(
        &mut self,
        from: CircuitState,
        to: Standing,
        reason: ChangeReason,
        open_time: OpenTime,
        now: Timestamp,
    ) -> Duration {
        // While the circuit is isolated, nothing opens it: this is its own override, or none.
        if to.overridden.is_none() {
            self.overrides.set(None);
        }
        let open_for = self.next_open_time(from, open_time, now);
        self.fleet.note_opening(reason, now.after(open_for), now);
        open_for
    }

    /// Counts an opening: a trip where the circuit was closed, the last trip also where an operator
    /// ordered it. What is restored was a trip of another process.
    pub(super) fn count_opening(&mut self, from: CircuitState, trip: TripRecord) {
        let is_trip = from == CircuitState::Closed;
        if is_trip && trip.reason != ChangeReason::Restored {
            self.epochs.count_trip();
        }
        if is_trip || trip.reason == ChangeReason::Operator {
            self.epochs.keep_trip(trip);
        }
    }

    /// Prepares to start afresh under `own` override, and returns the one that holds.
    pub(super) fn prepare_afresh(&mut self, own: Option<OwnOverride>) -> Option<Override> {
        self.open_times.forget();
        self.overrides.set(own);
        self.overrides.effective()
    }

    /// Moves from one state to another; returns how long the circuit was not closed, if it closes
    /// now.
    pub(super) fn move_on(
        &mut self,
        from: CircuitState,
        to: CircuitState,
        reason: ChangeReason,
        now: Timestamp,
    ) -> Option<Duration> {
        if to == CircuitState::Closed {
            self.fleet.close();
        }
        self.epochs.move_on(from, to, reason, now)
    }

    /// The number of recoveries so far, and how long the circuit was not closed in all of them.
    pub(super) const fn recoveries(&self) -> (u64, Duration) {
        self.epochs.recoveries()
    }

    /// Begins an epoch, in which the closed circuit ramps until `ramp_ends`.
    pub(super) fn begin_epoch(&mut self, is_ordered: bool, ramp_ends: Timestamp) {
        self.epochs.set_ordered(is_ordered);
        self.ramp_ends = ramp_ends;
    }

    /// The number of the next change.
    pub(super) fn next_number(&mut self) -> u64 {
        self.epochs.next_number()
    }

    /// When the circuit was made.
    pub(super) const fn made(&self) -> Timestamp {
        self.epochs.made()
    }

    /// How long the circuit has been in its state.
    pub(super) fn time_in_state(&self, now: Timestamp) -> Duration {
        now.since(self.epochs.since())
    }

    /// Whether an order, not a rule, began the present epoch and set how long it lasts.
    pub(super) const fn is_ordered(&self) -> bool {
        self.epochs.is_ordered()
    }

    /// Whether the circuit has made any change.
    pub(super) const fn has_changed(&self) -> bool {
        self.epochs.has_changed()
    }

    pub(super) const fn transitions(&self) -> Transitions {
        self.epochs.transitions()
    }

    pub(super) const fn trips(&self) -> u64 {
        self.epochs.trips()
    }

    pub(super) fn last_trip(&self) -> Option<TripRecord> {
        self.epochs.last_trip()
    }
}

/// Overrides and isolations.
impl Control {
    /// The operators' override, whatever isolates the circuit.
    pub(super) const fn own_override(&self) -> Option<OwnOverride> {
        self.overrides.own()
    }

    /// An override that the next change imposes at `now`.
    pub(super) const fn next_override(&self, overridden: Override, now: Timestamp) -> OwnOverride {
        let serial = self.epochs.changes().wrapping_add(1);
        OwnOverride { serial, ..OwnOverride::initial(overridden, now) }
    }

    /// Sets the operators' override.
    pub(super) fn set_override(&mut self, own: Option<OwnOverride>) {
        self.overrides.set(own);
    }

    /// Whether the operators' override has an end that has come, whatever isolates the circuit.
    pub(super) fn is_override_over(&self, now: Timestamp) -> bool {
        self.overrides.own().is_some_and(|own| own.is_over(now))
    }

    /// Counts an outage that is over, and for how long the circuit was not closed.
    pub(super) fn count_recovery(&mut self, down_for: Duration) {
        self.epochs.count_recovery(down_for);
    }

    /// Counts an outage that goes on from now.
    pub(super) fn begin_outage(&mut self, now: Timestamp) {
        self.epochs.begin_outage(now);
    }

    /// Sets the kind of failure that made the last trip.
    pub(super) fn name_trip(&mut self, kind: FailureKind) {
        self.epochs.name_trip(kind);
    }

    /// The end of the override that holds, if it is not the published one; it is now.
    pub(super) fn end_to_publish(&mut self) -> Option<Timestamp> {
        self.overrides.end_to_publish()
    }

    /// Adds an isolation; `forced` calls were rejected as forced open so far.
    pub(super) fn isolate(&mut self, isolation: IsolationRecord, forced: u64) {
        self.overrides.isolate(isolation, forced);
    }

    /// Takes one isolation back; `forced` calls were rejected as forced open so far.
    pub(super) fn end_isolation(&mut self, by: &Arc<Isolator>, forced: u64) {
        self.overrides.end_isolation(by, forced);
    }

    /// How many calls were rejected in isolations, of `forced` that were as forced open.
    pub(super) fn rejected_in_isolation(&self, forced: u64) -> u64 {
        self.overrides.rejected_in_isolation(forced)
    }

    /// What isolates the circuit.
    pub(super) fn isolations(&self) -> &[IsolationRecord] {
        self.overrides.isolations()
    }

    pub(super) fn is_isolated(&self) -> bool {
        !self.isolations().is_empty()
    }

    /// Keeps what was said of the override with this serial.
    pub(super) fn say(&mut self, serial: u64, words: Arc<OverrideWords>) {
        self.overrides.say(serial, words);
    }

    /// Who imposed the operators' override, and why, if that was said.
    pub(super) fn said(&self) -> Option<&Arc<OverrideWords>> {
        self.overrides.said()
    }
}

/// What the fleet has said.
impl Control {
    pub(super) const fn fleet(&self) -> FleetView {
        self.fleet
    }

    /// Notes that a verdict of `epoch` has come.
    pub(super) fn hear_fleet(&mut self, epoch: u64) {
        self.fleet.hear(epoch);
    }

    /// Sets by when the link says more of probes.
    pub(super) fn set_link_deadline(&mut self, deadline: Option<LinkDeadline>) {
        self.fleet.set_deadline(deadline);
    }

    /// Notes that no verdict keeps the circuit open any more.
    pub(super) fn fleet_is_over(&mut self) {
        self.fleet.close();
    }

    /// Notes that a verdict keeps the circuit open, for step `step` of the backoff.
    pub(super) fn opened_by_fleet(&mut self, open_for: Duration, step: u32) {
        self.fleet.open();
        // The fleet's step does not lower the step that the circuit has reached itself.
        let (reached_for, reached) = self.backoff();
        self.set_backoff((open_for.max(reached_for), step.max(reached)));
    }

    /// Sets when the present open epoch ends without the fleet.
    pub(super) fn set_own_end(&mut self, until: Timestamp) {
        self.fleet.set_own_end(until);
    }
}

/// Places in groups.
impl Control {
    /// Joins a group; `word` is the circuit's.
    pub(super) fn join(&mut self, places: &Arc<OpenCounter>, word: Word) {
        self.memberships.join(places, word);
    }

    /// Leaves a group.
    pub(super) fn leave(&mut self, places: &Arc<OpenCounter>) {
        self.memberships.leave(places);
    }

    /// Takes a place in every group for a circuit that is to trip, or in none and counts a
    /// prevented trip.
    pub(super) fn take_places(&mut self, word: Word, now: Timestamp) -> bool {
        self.memberships.take(word, now)
    }

    /// When a trip of the epoch of `word` was last prevented.
    pub(super) fn trip_prevented_at(&self, word: Word) -> Option<Timestamp> {
        self.memberships.trip_prevented_at(word)
    }

    /// Takes or gives back places as `word` asks for, which was published.
    pub(super) fn update_places(&mut self, word: Word) {
        self.memberships.update(word);
    }

    /// The number of trips that a group had no place for.
    pub(super) fn trips_prevented(&self) -> u64 {
        self.memberships.trips_prevented()
    }
}
