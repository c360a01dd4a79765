//! Commands, and what they should come to.

use crate::conformance::case::Case;
use crate::conformance::promise::Promise;
use crate::conformance::report::Broken;
use crate::model::{Command, Model};
use tower_circuit_breaker::{CircuitEvent, CircuitState, Override, Totals, WindowCounts};

impl Case<'_> {
    pub(super) fn command(&mut self, command: Command) -> Result<(), Broken> {
        let before = (self.model.state, self.model.overridden);
        command.give(&self.circuit, &mut self.model);
        match command {
            Command::Trip | Command::TripFor(_) if before.0 == CircuitState::Open => {
                self.reopened()?;
            }
            _ => self.expect_change()?,
        }
        self.expect_renewal(before.1)?;
        self.overridden(before.1)
    }

    /// A new epoch of the same state under the same override was told of; `before` is the override
    /// until then.
    pub(super) fn expect_renewal(&mut self, before: Option<Override>) -> Result<(), Broken> {
        let Some(epoch) = self.model.renewal.take() else { return Ok(()) };
        if before != self.model.overridden {
            return Ok(());
        }
        let told = match self.changes.take() {
            Some(CircuitEvent::Renewed { state, epoch, .. }) => Some((state, epoch)),
            _ => None,
        };
        let expected = Some((self.model.state, epoch));
        self.checks.same(Promise::Commands, "the epoch that was told of", &told, &expected)
    }

    /// From open to open is no change of state: what is left says for how long it will be.
    fn reopened(&mut self) -> Result<(), Broken> {
        if self.model.overridden == Some(Override::ForcedOpen) {
            return Ok(());
        }
        let left = self.circuit.snapshot().retry_after;
        self.checks.hold(Promise::Commands, left.is_some(), || {
            "tripped while open, it does not say how long it is open".to_owned()
        })?;
        self.check_open_time(left.unwrap_or_default())
    }

    /// The override changed, if it did, and that was told.
    fn overridden(&mut self, before: Option<Override>) -> Result<(), Broken> {
        let overridden = self.model.overridden;
        if before == overridden {
            return Ok(());
        }
        let told = match self.changes.take() {
            Some(CircuitEvent::Overridden { from, to, epoch, .. }) => Some((from, to, epoch)),
            _ => None,
        };
        let expected = Some((before, overridden, self.model.epoch));
        self.checks.same(Promise::Commands, "the override that was told of", &told, &expected)
    }

    /// Everything that can be seen is as the model has it.
    pub(super) fn compare(&mut self, admitted: u64, in_flight: u64) -> Result<(), Broken> {
        self.adopt_changes()?;
        let (snapshot, again) = (self.circuit.snapshot(), self.circuit.snapshot());
        self.checks.hold(Promise::Listeners, snapshot.listeners.panics == 0, || {
            format!("listeners panicked {} times", snapshot.listeners.panics)
        })?;
        let unasked = self.changes.take();
        self.checks.hold(Promise::Commands, unasked.is_none(), || {
            format!("nothing that was done explains this change: {unasked:?}")
        })?;
        self.checks.same(Promise::Looking, "a second look", &again, &snapshot)?;
        let model = &self.model;
        let found = (snapshot.state, snapshot.overridden, snapshot.epoch, snapshot.in_state_for);
        let expected = (model.state, model.overridden, model.epoch, model.in_state_for());
        let what = "state, override, epoch and age of the state";
        self.checks.same(Promise::Commands, what, &found, &expected)?;
        let what = "the open time left";
        let (found, expected) = (snapshot.retry_after, model.open_time_left());
        self.checks.same(Promise::OpenRejects, what, &found, &expected)?;
        let found = (snapshot.window, snapshot.consecutive_failures);
        let expected = (window(model), model.run());
        self.checks.same(Promise::Window, "window and run", &found, &expected)?;
        let found = (snapshot.slow_in_flight, snapshot.stalled_calls);
        let expected = (model.slow_in_flight(), model.stalled_calls());
        let what = "calls in flight that are slow already, and that stall";
        self.checks.same(Promise::Window, what, &found, &expected)?;
        let totals = snapshot.totals;
        self.checks.same(Promise::SettledOnce, "totals", &totals, &self::totals(model))?;
        let ended = totals.successes
            + totals.failures
            + totals.ignored
            + totals.not_sent
            + totals.abandoned;
        let accounted = ended + totals.stale + in_flight;
        self.checks.hold(Promise::SettledOnce, accounted == admitted, || {
            format!("{admitted} calls were admitted, and {accounted} are accounted for: {totals:?}")
        })
    }
}

fn window(model: &Model) -> WindowCounts {
    let (calls, failures, slow_calls) = model.window();
    let mut window = WindowCounts::default();
    (window.calls, window.failures, window.slow_calls) = (calls, failures, slow_calls);
    window
}

pub(super) fn totals(model: &Model) -> Totals {
    let mut totals = Totals::default();
    [
        totals.successes,
        totals.failures,
        totals.ignored,
        totals.abandoned,
        totals.slow_calls,
        totals.rejected,
        totals.would_have_rejected,
        totals.stale,
        totals.trips,
        totals.not_sent,
    ] = model.totals;
    totals
}
