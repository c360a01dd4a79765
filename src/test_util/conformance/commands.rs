//! Commands, and what they should come to.

use std::time::Duration;

use crate::engine::change::ChangeReason;
use crate::engine::state::{CircuitState, Override};
use crate::event::CircuitEvent;
use crate::test_util::conformance::books::Due;
use crate::test_util::conformance::case::Case;
use crate::test_util::conformance::moves::Command;
use crate::test_util::conformance::promise::Promise;
use crate::test_util::conformance::report::Broken;

impl Case<'_> {
    pub(super) fn command(&mut self, command: Command) -> Result<(), Broken> {
        let before = self.books.overridden;
        let is_forced = matches!(before, Some(Override::ForcedOpen | Override::ForcedClosed));
        self.give(command);
        match command {
            // While it is forced it stays so, and starts afresh.
            Command::Trip | Command::TripFor(_) if is_forced => self.impose(before),
            Command::Trip => self.opened(None),
            Command::TripFor(time) => self.opened(Some(time)),
            Command::Reset => self.impose(before),
            Command::ForceOpen => self.impose(Some(Override::ForcedOpen)),
            Command::ForceClosed => self.impose(Some(Override::ForcedClosed)),
            Command::Observe if is_forced => self.impose(Some(Override::Observing)),
            Command::Observe => self.overridden(Some(Override::Observing)),
            Command::Release if before.is_some() => self.impose(None),
            Command::Release => Ok(()),
        }
    }

    fn give(&self, command: Command) {
        let circuit = &self.circuit;
        match command {
            Command::Trip => circuit.trip(),
            Command::TripFor(time) => circuit.trip_for(time),
            Command::Reset => circuit.reset(),
            Command::ForceOpen => circuit.force_open(),
            Command::ForceClosed => circuit.force_closed(),
            Command::Observe => circuit.observe(),
            Command::Release => circuit.release(),
        }
    }

    /// A trip opened the circuit for `given`, or as the backoff says.
    fn opened(&mut self, given: Option<Duration>) -> Result<(), Broken> {
        let (to, reason) = (CircuitState::Open, ChangeReason::Operator);
        if self.books.state != CircuitState::Open {
            return self.expect_change(Some(Due { to, reason, open_for: given }));
        }
        // From open to open is no change to tell of: what is left says for how long it will be.
        let left = self.circuit.snapshot().retry_after;
        self.checks.hold(Promise::Commands, left.is_some(), || {
            "tripped while open, it does not say how long it is open".to_owned()
        })?;
        let open_for = left.unwrap_or_default();
        self.check_open_for(open_for, given)?;
        let now = self.time.now();
        self.books.step = Some(self.books.next_step(now));
        self.books.enter(to, left, now);
        Ok(())
    }

    /// A command started afresh, under this override.
    fn impose(&mut self, overridden: Option<Override>) -> Result<(), Broken> {
        let (before, now) = (self.books.overridden, self.time.now());
        self.books.overridden = overridden;
        let to = match overridden {
            Some(Override::ForcedOpen) => CircuitState::Open,
            _ => CircuitState::Closed,
        };
        if to == self.books.state {
            self.books.enter(to, None, now);
        } else {
            let reason = ChangeReason::Operator;
            self.expect_change(Some(Due { to, reason, open_for: None }))?;
        }
        self.books.forget_backoff();
        self.books.overridden = before;
        self.overridden(overridden)
    }

    /// The override changed, if it did, and that was told.
    fn overridden(&mut self, overridden: Option<Override>) -> Result<(), Broken> {
        let before = std::mem::replace(&mut self.books.overridden, overridden);
        if before == overridden {
            return Ok(());
        }
        let told = match self.changes.take() {
            Some(CircuitEvent::Overridden { from, to, epoch, .. }) => Some((from, to, epoch)),
            _ => None,
        };
        let expected = Some((before, overridden, self.books.epoch));
        self.checks.same(Promise::Commands, "the override that was told of", &told, &expected)
    }

    /// Everything that can be seen is as the books have it.
    pub(super) fn compare(&mut self, admitted: u64, in_flight: u64) -> Result<(), Broken> {
        self.adopt_unknown();
        let (snapshot, again) = (self.circuit.snapshot(), self.circuit.snapshot());
        self.checks.hold(Promise::Listeners, snapshot.listeners.panics == 0, || {
            format!("listeners panicked {} times", snapshot.listeners.panics)
        })?;
        let unasked = self.changes.take();
        self.checks.hold(Promise::Commands, unasked.is_none(), || {
            format!("nothing that was done explains this change: {unasked:?}")
        })?;
        self.checks.same(Promise::Looking, "a second look", &again, &snapshot)?;
        let now = self.time.now();
        let books = &mut self.books;
        let found = (snapshot.state, snapshot.overridden, snapshot.epoch, snapshot.in_state_for);
        let expected = (books.state, books.overridden, books.epoch, now.since(books.since));
        let what = "state, override, epoch and age of the state";
        self.checks.same(Promise::Commands, what, &found, &expected)?;
        let counts_down =
            books.state == CircuitState::Open && books.overridden != Some(Override::ForcedOpen);
        let left = counts_down.then(|| books.until.since(now));
        self.checks.same(
            Promise::OpenRejects,
            "the open time left",
            &snapshot.retry_after,
            &left,
        )?;
        let found = (snapshot.window, snapshot.consecutive_failures);
        let expected =
            (books.results.counts(&books.settings, now), books.results.run(&books.settings));
        self.checks.same(Promise::Window, "window and run", &found, &expected)?;
        let totals = snapshot.totals;
        self.checks.same(Promise::SettledOnce, "totals", &totals, &books.totals)?;
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
