//! A script of steps, taken by the circuit and by its model side by side.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::Duration;

use crate::model::circuit::{Call, Model};
use crate::model::compare::{compare, rejection, same};
use crate::model::settings::Settings;
use tower_circuit_breaker::{
    ChangeReason, Circuit, FailureKind, ManualClock, Outcome, Override, Permit,
};

/// The longest script: long enough for several trips and recoveries under one configuration.
pub const MOST_STEPS: usize = 400;

#[derive(Debug, Clone)]
pub enum Step {
    Admit,
    /// Ends one of the calls in flight.
    Finish(usize, Outcome),
    Drop(usize),
    /// A whole call that panics.
    Panic,
    /// A whole call that takes no time.
    Call(Outcome),
    /// A whole call that ends after this long; without an outcome its caller drops it.
    Take(Duration, Option<Outcome>),
    Advance(Duration),
    Command(Command),
    Reconfigure(Box<Settings>),
}

#[derive(Debug, Clone, Copy)]
pub enum Command {
    Trip,
    TripFor(Duration),
    Reset,
    ForceOpen,
    ForceClosed,
    Observe,
    ForceOpenFor(Duration),
    ForceClosedFor(Duration),
    ObserveFor(Duration),
    Release,
}

/// Takes every step and compares after each.
///
/// # Errors
///
/// Which step it was, and what differed.
pub fn run(settings: Settings, script: &[Step]) -> Result<(), String> {
    let mut pair = Pair::new(settings);
    for (number, step) in script.iter().enumerate() {
        catch_unwind(AssertUnwindSafe(|| pair.take(step)))
            .unwrap_or_else(|_| Err("it panicked".to_owned()))
            .map_err(|difference| format!("step {number}, {step:?}: {difference}"))?;
    }
    Ok(())
}

/// The circuit and its model side by side, with the calls that are in flight.
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

    fn take(&mut self, step: &Step) -> Result<(), String> {
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
                    self.circuit.run(|| -> Result<(), ()> { resume_unwind(Box::new(())) })
                }));
                same("called", ran.is_err(), call.is_some())?;
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
            Step::Take(time, outcome) => {
                if let Some((permit, call)) = self.admit()? {
                    self.advance(*time);
                    end(permit, *outcome);
                    self.model.finish(call, *outcome);
                }
            }
            Step::Advance(time) => self.advance(*time),
            Step::Command(command) => command.give(&self.circuit, &mut self.model),
            Step::Reconfigure(settings) => {
                self.model.end_override();
                self.circuit.reconfigure((**settings).clone().into_config());
                self.model.reconfigure((**settings).clone());
            }
        }
        // The snapshot that it is compared by ends it, too.
        self.model.end_override();
        compare(&self.circuit, &self.model)
    }

    fn admit(&mut self) -> Result<Option<(Permit, Call)>, String> {
        let call = self.model.admit();
        match (self.circuit.try_acquire(), call) {
            (Ok(permit), Some(call)) => Ok(Some((permit, call))),
            (Err(rejected), None) => {
                let said = (rejected.reason(), rejected.retry_after());
                same("rejection", said, rejection(&self.model))?;
                Ok(None)
            }
            (circuit, model) => same("admitted", circuit.is_ok(), model.is_some()).map(|()| None),
        }
    }

    fn finish(&mut self, index: usize, outcome: Option<Outcome>) {
        if self.calls.is_empty() {
            return;
        }
        let index = index % self.calls.len();
        let Some((permit, call)) = self.calls.remove(index) else { return };
        end(permit, outcome);
        self.model.finish(call, outcome);
    }

    fn advance(&mut self, time: Duration) {
        self.clock.advance(time);
        self.model.now += time;
    }
}

fn end(permit: Permit, outcome: Option<Outcome>) {
    match outcome {
        Some(outcome) => permit.record(outcome),
        None => drop(permit),
    }
}

impl Command {
    /// To the circuit and to its model.
    pub fn give(self, circuit: &Circuit, model: &mut Model) {
        model.end_override();
        let forced =
            matches!(model.overridden, Some(Override::ForcedOpen | Override::ForcedClosed));
        match self {
            Self::Trip => circuit.trip(),
            Self::TripFor(time) => circuit.trip_for(time),
            Self::Reset => circuit.reset(),
            Self::ForceOpen => circuit.force_open(),
            Self::ForceClosed => circuit.force_closed(),
            Self::Observe => circuit.observe(),
            Self::ForceOpenFor(time) => circuit.force_open_for(time),
            Self::ForceClosedFor(time) => circuit.force_closed_for(time),
            Self::ObserveFor(time) => circuit.observe_for(time),
            Self::Release => circuit.release(),
        }
        match self {
            Self::Trip | Self::TripFor(_) if forced => model.impose(model.overridden),
            Self::Trip => model.open(ChangeReason::Operator, None),
            Self::TripFor(time) => model.open(ChangeReason::Operator, Some(time)),
            Self::Reset => model.impose(model.overridden),
            Self::ForceOpen | Self::ForceOpenFor(_) => model.impose(Some(Override::ForcedOpen)),
            Self::ForceClosed | Self::ForceClosedFor(_) => {
                model.impose(Some(Override::ForcedClosed));
            }
            Self::Observe | Self::ObserveFor(_) if forced => {
                model.impose(Some(Override::Observing));
            }
            Self::Observe | Self::ObserveFor(_) => model.overridden = Some(Override::Observing),
            Self::Release if model.overridden.is_some() => model.impose(None),
            Self::Release => {}
        }
        match self {
            Self::Trip | Self::TripFor(_) | Self::Reset => {}
            Self::ForceOpenFor(time) | Self::ForceClosedFor(time) | Self::ObserveFor(time) => {
                model.override_ends = Some(model.after(time));
            }
            _ => model.override_ends = None,
        }
    }
}
