//! The circuit against a naive model of it, over random settings and scripts.
//!
//! `PROPTEST_CASES` scales the number of scripts; without optimisation it is far slower, so
//! `tests/run.sh` builds this with `--release`.

#![allow(clippy::unwrap_used, reason = "helpers outside of tests unwrap, too")]

mod model;
mod settings;

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use tower_circuit_breaker::{
    ChangeReason, Circuit, CircuitSnapshot, CircuitState, FailureKind, ManualClock, Outcome,
    Override, Permit, RejectReason,
};

use crate::model::{Call, Model};
use crate::settings::{KINDS, Settings, settings};

#[derive(Debug, Clone)]
enum Step {
    Admit,
    /// Ends one of the calls under way.
    Finish(usize, Outcome),
    Drop(usize),
    /// A whole call that panics.
    Panic,
    /// A whole call that takes no time.
    Call(Outcome),
    Advance(Duration),
    Command(Command),
    Reconfigure(Box<Settings>),
}

#[derive(Debug, Clone, Copy)]
enum Command {
    Trip,
    TripFor(Duration),
    Reset,
    ForceOpen,
    ForceClosed,
    Observe,
    Release,
}

fn outcome() -> impl Strategy<Value = Outcome> {
    prop_oneof![
        4 => Just(Outcome::Success),
        6 => (0..KINDS.len()).prop_map(|kind| Outcome::Failure(KINDS[kind])),
        2 => Just(Outcome::Ignored),
        1 => pause().prop_map(Outcome::TripFor),
    ]
}

fn pause() -> impl Strategy<Value = Duration> {
    prop_oneof![
        3 => (0..1_000_000_u64).prop_map(Duration::from_nanos),
        6 => (0..3_000_u64).prop_map(Duration::from_millis),
        3 => (0..120_u64).prop_map(Duration::from_secs),
        1 => (0..5_184_000_u64).prop_map(Duration::from_secs), // 60 days
    ]
}

fn command() -> impl Strategy<Value = Command> {
    prop_oneof![
        2 => Just(Command::Trip),
        1 => pause().prop_map(Command::TripFor),
        2 => Just(Command::Reset),
        1 => Just(Command::ForceOpen),
        1 => Just(Command::ForceClosed),
        1 => Just(Command::Observe),
        4 => Just(Command::Release),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        12 => Just(Step::Admit),
        12 => (any::<usize>(), outcome()).prop_map(|(call, outcome)| Step::Finish(call, outcome)),
        3 => any::<usize>().prop_map(Step::Drop),
        1 => Just(Step::Panic),
        20 => outcome().prop_map(Step::Call),
        8 => pause().prop_map(Step::Advance),
        2 => command().prop_map(Step::Command),
        1 => settings().prop_map(|settings| Step::Reconfigure(Box::new(settings))),
    ]
}

/// The circuit and its model side by side, with the calls that are under way.
struct Pair {
    circuit: Circuit,
    clock: ManualClock,
    model: Model,
    calls: VecDeque<(Permit, Call)>,
}

impl Pair {
    fn new(settings: Settings) -> Self {
        let clock = ManualClock::new();
        let builder = Circuit::builder("model").clock(clock.clone());
        let circuit = settings.clone().build(builder).build();
        Self { circuit, clock, model: Model::new(settings), calls: VecDeque::new() }
    }

    fn take(&mut self, step: &Step) -> Result<(), TestCaseError> {
        match step {
            Step::Admit => {
                let admitted = self.admit()?;
                self.calls.extend(admitted);
            }
            Step::Finish(index, outcome) => self.finish(*index, Some(*outcome)),
            Step::Drop(index) => self.finish(*index, None),
            Step::Panic => {
                let call = self.model.admit();
                let ran = catch_unwind(AssertUnwindSafe(|| {
                    self.circuit
                        .run(|| -> Result<(), ()> { std::panic::resume_unwind(Box::new(())) })
                }));
                prop_assert_eq!(ran.is_err(), call.is_some(), "called");
                if let Some(call) = call {
                    self.model.finish(call, Some(Outcome::Failure(FailureKind::PANIC)));
                }
            }
            Step::Call(outcome) => {
                if let Some((permit, call)) = self.admit()? {
                    permit.record(*outcome);
                    self.model.finish(call, Some(*outcome));
                }
            }
            Step::Advance(time) => {
                self.clock.advance(*time);
                self.model.now += *time;
            }
            Step::Command(command) => self.command(*command),
            Step::Reconfigure(settings) => {
                self.circuit.reconfigure((**settings).clone().into_config());
                self.model.reconfigure((**settings).clone());
            }
        }
        self.compare()
    }

    fn admit(&mut self) -> Result<Option<(Permit, Call)>, TestCaseError> {
        let call = self.model.admit();
        match (self.circuit.try_acquire(), call) {
            (Ok(permit), Some(call)) => Ok(Some((permit, call))),
            (Err(rejected), None) => {
                let forced = self.model.overridden == Some(Override::ForcedOpen);
                let (reason, left) = match self.model.state {
                    _ if forced => (RejectReason::ForcedOpen, None),
                    CircuitState::Open => {
                        (RejectReason::Open, Some(self.model.until - self.model.now))
                    }
                    _ => (RejectReason::ProbesBusy, None),
                };
                prop_assert_eq!((rejected.reason(), rejected.retry_after()), (reason, left));
                Ok(None)
            }
            (circuit, model) => {
                let message = format!("circuit: {circuit:?}, model: {model:?}");
                Err(TestCaseError::fail(message))
            }
        }
    }

    fn finish(&mut self, index: usize, outcome: Option<Outcome>) {
        if self.calls.is_empty() {
            return;
        }
        let index = index % self.calls.len();
        let Some((permit, call)) = self.calls.remove(index) else { return };
        match outcome {
            Some(outcome) => permit.record(outcome),
            None => drop(permit),
        }
        self.model.finish(call, outcome);
    }

    fn command(&mut self, command: Command) {
        let (circuit, model) = (&self.circuit, &mut self.model);
        let forced =
            matches!(model.overridden, Some(Override::ForcedOpen | Override::ForcedClosed));
        match command {
            Command::Trip => circuit.trip(),
            Command::TripFor(time) => circuit.trip_for(time),
            Command::Reset => circuit.reset(),
            Command::ForceOpen => circuit.force_open(),
            Command::ForceClosed => circuit.force_closed(),
            Command::Observe => circuit.observe(),
            Command::Release => circuit.release(),
        }
        match command {
            Command::Trip | Command::TripFor(_) if forced => model.impose(model.overridden),
            Command::Trip => model.open(ChangeReason::Operator, None),
            Command::TripFor(time) => model.open(ChangeReason::Operator, Some(time)),
            Command::Reset => model.impose(model.overridden),
            Command::ForceOpen => model.impose(Some(Override::ForcedOpen)),
            Command::ForceClosed => model.impose(Some(Override::ForcedClosed)),
            Command::Observe if forced => model.impose(Some(Override::Observing)),
            Command::Observe => model.overridden = Some(Override::Observing),
            Command::Release if model.overridden.is_some() => model.impose(None),
            Command::Release => {}
        }
    }

    fn compare(&self) -> Result<(), TestCaseError> {
        let (snapshot, model) = (self.circuit.snapshot(), &self.model);
        let counts_down =
            model.state == CircuitState::Open && model.overridden != Some(Override::ForcedOpen);
        let left = counts_down.then(|| model.until.saturating_sub(model.now));
        prop_assert_eq!(self.circuit.state(), model.state, "state");
        prop_assert_eq!(snapshot.state, model.state, "state");
        prop_assert_eq!(snapshot.overridden, model.overridden, "override");
        prop_assert_eq!(snapshot.epoch, model.epoch, "epoch");
        prop_assert_eq!(snapshot.in_state_for, model.now - model.since, "in_state_for");
        prop_assert_eq!(snapshot.retry_after, left, "retry_after");
        prop_assert_eq!(totals(&snapshot), model.totals, "totals");
        prop_assert_eq!(snapshot.last_trip.map(|t| t.reason), model.trip_reason, "reason");
        let (calls, failures, slow) = model.window();
        let window = snapshot.window;
        let counts = (window.calls, window.failures, window.slow_calls);
        prop_assert_eq!(counts, (calls, failures, slow), "window");
        let has_rate = calls > 0 && calls >= u64::from(model.minimum());
        prop_assert_eq!(snapshot.failure_rate().is_some(), has_rate, "rate");
        Ok(())
    }
}

fn totals(snapshot: &CircuitSnapshot) -> [u64; 9] {
    let t = snapshot.totals;
    [
        t.successes,
        t.failures,
        t.ignored,
        t.abandoned,
        t.slow_calls,
        t.rejected,
        t.would_have_rejected,
        t.stale,
        t.trips,
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 20_000, ..ProptestConfig::default() })]

    #[test]
    fn the_circuit_does_what_the_model_does(settings in settings(), script in vec(step(), 20..=400)) {
        let mut pair = Pair::new(settings);
        for (number, step) in script.iter().enumerate() {
            pair.take(step).map_err(|error| {
                TestCaseError::fail(format!("step {number}, {step:?}: {error}"))
            })?;
        }
    }
}
