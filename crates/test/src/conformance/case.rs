//! One sequence of moves on one circuit, beside its model.

use std::time::Duration;

use crate::conformance::calls::Readied;
use crate::conformance::changes::Changes;
use crate::conformance::commands::totals;
use crate::conformance::moves::{Move, Wait};
use crate::conformance::promise::Promise;
use crate::conformance::report::{Broken, Checks};
use crate::conformance::subject::{CallInFlight, Subject};
use crate::conformance::suite::{Calls, Suite};
use crate::conformance::time::Time;
use crate::model::{Call, Command, Model, Settings};
use crate::settings::plain;
use tower_circuit_breaker::{Circuit, CircuitState, Outcome};

pub(super) struct Case<'a> {
    pub(super) suite: &'a Suite<'a>,
    pub(super) circuit: Circuit,
    pub(super) time: Time,
    pub(super) model: Model,
    pub(super) changes: Changes,
    pub(super) checks: Checks,
    pub(super) subject: Box<dyn Subject>,
    /// Whether a service was seen ready and not called since; if so, whether only to reject.
    pub(super) readied: Option<Readied>,
    pub(super) admitted: u64,
    in_flight: Vec<InFlight>,
}

pub(super) struct InFlight {
    pub(super) call: Box<dyn CallInFlight>,
    pub(super) noted: Call,
    pub(super) outcome: Outcome,
}

impl<'a> Case<'a> {
    pub(super) fn new(suite: &'a Suite<'a>, calls: Calls) -> Self {
        let time = (suite.time)();
        let changes = Changes::default();
        let circuit = suite.build(&time, changes.clone());
        let subject = suite.subject(&circuit, calls);
        let model = Model::starting_at(time.now(), plain(&circuit.config()));
        let (checks, in_flight) = (Checks::default(), Vec::new());
        Self {
            suite,
            circuit,
            time,
            model,
            changes,
            checks,
            subject,
            readied: None,
            admitted: 0,
            in_flight,
        }
    }

    /// Takes all moves, and then shows that the circuit gets out of where it is.
    ///
    /// # Errors
    ///
    /// What broke, and after how many moves.
    pub(super) fn run(&mut self, moves: &[Move]) -> Result<(), (Broken, usize)> {
        for (number, step) in (1..).zip(moves) {
            self.take(*step).map_err(|broken| (broken, number))?;
        }
        self.find_the_way_out().map_err(|broken| (broken, moves.len()))
    }

    fn take(&mut self, step: Move) -> Result<(), Broken> {
        self.model.now = self.time.now();
        self.adopt_changes()?;
        match step {
            Move::Begin(sample) => {
                let begun = self.begin(sample)?;
                self.in_flight.extend(begun);
            }
            Move::Finish(index) => {
                if let Some(call) = self.pick(index) {
                    self.finish(call)?;
                }
            }
            Move::Abandon(index) => {
                if let Some(InFlight { call, noted, .. }) = self.pick(index) {
                    let before = self.circuit.snapshot();
                    drop(call);
                    self.end(noted, None)?;
                    self.check_late(noted, &before)?;
                }
            }
            Move::Call(sample) => {
                if let Some(call) = self.begin(sample)? {
                    self.finish(call)?;
                }
            }
            Move::Panic => self.panic()?,
            Move::Ready => self.ready(),
            Move::CallReadied(sample) => self.call_readied(sample)?,
            Move::Wait(wait) => self.wait(wait)?,
            Move::Command(command) => self.command(command)?,
            Move::Reconfigure => self.reconfigure()?,
        }
        self.compare(self.admitted, self.in_flight())
    }

    fn wait(&mut self, wait: Wait) -> Result<(), Broken> {
        let before = self.time.now();
        let due = self.model.awaited_at();
        let until_due = due.map_or(Duration::ZERO, |due| due.saturating_sub(before));
        let settings = &self.model.settings;
        self.time.advance(match wait {
            Wait::For(time) => time,
            Wait::UntilDue => until_due,
            Wait::UntilAlmostDue => until_due.saturating_sub(Duration::from_nanos(1)),
            Wait::AsSlow => slow_time(settings),
        });
        let now = self.time.now();
        self.model.now = now;
        self.checks.hold(Promise::Clock, now >= before, || {
            format!("the clock went back, by {:?}", before.saturating_sub(now))
        })
    }

    fn reconfigure(&mut self) -> Result<(), Broken> {
        let own = self.circuit.config();
        let minimum_calls = self.model.settings.minimum_calls.checked_add(1).unwrap_or(1);
        let other = Circuit::builder("").config(own.clone()).minimum_calls(minimum_calls);
        for config in [&other.into_config(), &own, &own] {
            self.circuit.reconfigure(config.clone());
            self.model.reconfigure(plain(config));
            self.expect_renewal(self.model.overridden)?;
            let snapshot = self.circuit.snapshot();
            let (found, expected) = (snapshot.state, self.model.state);
            self.checks.same(Promise::Reconfigure, "the state", &found, &expected)?;
            let (found, expected) = (snapshot.epoch, self.model.epoch);
            self.checks.same(Promise::Reconfigure, "the epoch", &found, &expected)?;
            let (found, expected) = (snapshot.totals, totals(&self.model));
            self.checks.same(Promise::Reconfigure, "totals", &found, &expected)?;
        }
        Ok(())
    }

    fn pick(&mut self, index: usize) -> Option<InFlight> {
        let many = self.in_flight.len();
        (many > 0).then(|| self.in_flight.swap_remove(index % many))
    }

    fn in_flight(&self) -> u64 {
        u64::try_from(self.in_flight.len()).unwrap_or(u64::MAX)
    }

    /// After the open time, and whatever calls hang, good probes close the circuit.
    fn find_the_way_out(&mut self) -> Result<(), Broken> {
        let probes = self.model.settings.probes;
        let good = self.suite.outcomes.iter().position(|outcome| *outcome == Outcome::Success);
        let (Some(good), true) = (good, probes <= MOST_PROBES) else { return Ok(()) };
        self.take(Move::Command(Command::Release))?;
        // A call that is in flight may be a probe that has no answer, and end one turn of them.
        let turns = self.in_flight().saturating_add(1);
        for _ in 0..turns.saturating_mul(probes.into()) {
            if self.model.state != CircuitState::Closed {
                self.take(Move::Wait(Wait::UntilDue))?;
                self.take(Move::Call(good))?;
            }
        }
        let state = self.circuit.state();
        self.checks.hold(Promise::WayOut, state == CircuitState::Closed, || {
            format!("after its open time and {probes} good probes it is {state}")
        })
    }
}

/// More would make each sequence a long one.
const MOST_PROBES: u32 = 200;

/// What makes a call slow or, where that is not told apart, abandoned.
fn slow_time(settings: &Settings) -> Duration {
    let slow = settings.slow.map(|(_, than)| than);
    slow.or(settings.abandoned_after).unwrap_or(Duration::from_secs(1))
}
