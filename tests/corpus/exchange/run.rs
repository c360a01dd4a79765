//! A script, taken by the circuit and by its model side by side.

use std::cell::Cell;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tower_circuit_breaker::{
    ChangeReason, Circuit, CircuitEvent, FailureKind, Interest, Listener, ManualClock, Outcome,
};
use tower_circuit_breaker_test::model::{Call, Model, Settings, compare, same};

use crate::exchange::ask::{Reader, ask};
use crate::exchange::oracle::{End, Why, at_the_head, in_the_body, is_answered, left};
use crate::exchange::{Answer, Exchange, Frame, Step, seen};

/// Takes every step and compares after each; then drops what is left.
///
/// # Errors
///
/// Which step it was, and what differed.
pub(super) fn run(settings: Settings, script: &[Step]) -> Result<(), String> {
    let mut pair = Pair::new(settings);
    for (number, step) in script.iter().enumerate() {
        catch_unwind(AssertUnwindSafe(|| pair.take(step)))
            .unwrap_or_else(|_| Err("it panicked".to_owned()))
            .map_err(|difference| format!("step {number}, {step:?}: {difference}"))?;
    }
    while !pair.bodies.is_empty() {
        pair.take(&Step::Drop(0)).map_err(|difference| format!("at the end: {difference}"))?;
    }
    Ok(())
}

/// The circuit and its model side by side, with the bodies that are there.
struct Pair<'a> {
    circuit: Circuit,
    clock: ManualClock,
    model: Model,
    bodies: VecDeque<CallInFlight<'a>>,
    heard: Heard,
    /// What the listener should have heard.
    told: Vec<Told>,
}

/// A response whose body is there to be read.
struct CallInFlight<'a> {
    exchange: &'a Exchange,
    /// Until it has ended.
    call: Option<Call>,
    head_at: Duration,
    /// How long after the head it was polled.
    polls: Vec<Duration>,
    body: Box<dyn Reader>,
}

impl<'a> Pair<'a> {
    fn new(settings: Settings) -> Self {
        let (clock, heard) = (ManualClock::new(), Heard::default());
        let builder = Circuit::builder("exchanges").clock(clock.clone()).listener(heard.clone());
        let circuit = settings.clone().build(builder).build();
        let (model, bodies) = (Model::new(settings), VecDeque::new());
        Self { circuit, clock, model, bodies, heard, told: Vec::new() }
    }

    fn take(&mut self, step: &'a Step) -> Result<(), String> {
        match step {
            Step::Call(exchange) => self.call(exchange)?,
            Step::Poll(index) => drop(self.poll(*index)?),
            Step::Read(index) => while self.poll(*index)? {},
            Step::Drop(index) => self.drop(*index, drop)?,
            Step::TakeApart(index) => self.drop(*index, |body| drop(body.take_apart()))?,
            Step::Advance(time) => {
                self.clock.advance(*time);
                self.model.now += *time;
            }
            Step::Trip => {
                self.circuit.trip();
                self.model.open(ChangeReason::Operator, None);
            }
            Step::Reset => {
                self.circuit.reset();
                self.model.impose(None);
            }
            Step::Reconfigure(settings) => {
                self.circuit.reconfigure((**settings).clone().into_config());
                self.model.reconfigure((**settings).clone());
            }
        }
        compare(&self.circuit, &self.model)?;
        same("told", self.heard.take(), std::mem::take(&mut self.told))
    }

    fn call(&mut self, exchange: &'a Exchange) -> Result<(), String> {
        let is_asked = !self.model.would_reject();
        self.end_holds()?;
        let (call, was_called) = (self.model.admit(), Cell::new(false));
        let answered = catch_unwind(AssertUnwindSafe(|| ask(&self.circuit, exchange, &was_called)));
        let Some(mut call) = call else {
            same("called", was_called.get(), false)?;
            let answered = seen::unless_panic(answered, false)?;
            // It is only as the error is to be recorded, which goes on as it is, that the circuit is
            // found to stall, or its probes to have failed.
            if is_asked && matches!(exchange.answer, Answer::Unready) {
                return answered
                    .map_or(Ok(()), |answered| seen::answer(exchange, answered).map(drop));
            }
            return answered.map_or(Ok(()), |answered| seen::rejected(answered, &self.model));
        };
        let end = at_the_head(exchange);
        let panics = end == Some(End::Panicked)
            || matches!(exchange.answer, Answer::PanicsAtOnce | Answer::Panics);
        let answered = seen::unless_panic(answered, panics)?;
        let body = answered.map(|answered| seen::answer(exchange, answered)).transpose()?;
        if is_answered(exchange, end) {
            call = self.model.answer(call);
        }
        if let Some(body) = body.flatten() {
            seen::hints_of(&*body, &exchange.body, 0)?;
            let (call, head_at) = (end.is_none().then_some(call), self.model.now);
            self.bodies.push_back(CallInFlight {
                exchange,
                call,
                head_at,
                polls: Vec::new(),
                body,
            });
        }
        end.into_iter().for_each(|end| self.finish(call, end));
        Ok(())
    }

    /// Probes that were answered, and whose bodies have not ended for long, are judged as they are.
    fn end_holds(&mut self) -> Result<(), String> {
        for probe in self.model.end_holds() {
            let is_its = |body: &&mut CallInFlight<'_>| {
                body.call.is_some_and(|call| call.probe == Some(probe))
            };
            let body = self.bodies.iter_mut().find(is_its).ok_or("a probe has no body")?;
            let when = (Why::Held, self.model.now - body.head_at);
            let abandoned_after = self.model.settings.abandoned_after;
            let end = left(body.exchange, &body.polls, when, abandoned_after);
            let call = body.call.take();
            call.zip(end).into_iter().for_each(|(call, end)| self.finish(call, end));
        }
        Ok(())
    }

    /// Polls a body; says whether there may be more now.
    fn poll(&mut self, index: usize) -> Result<bool, String> {
        let place = index % self.bodies.len().max(1);
        let Some(body) = self.bodies.get_mut(place) else { return Ok(false) };
        let (frames, number) = (&body.exchange.body, body.polls.len());
        body.polls.push(self.model.now - body.head_at);
        let end = body.call.and_then(|_| in_the_body(body.exchange, &body.polls));
        let frame = frames.frames.get(number);
        let panics = end == Some(End::Panicked) || matches!(frame, Some(Frame::Panics));

        let polled = catch_unwind(AssertUnwindSafe(|| body.body.poll()));
        if let Some(polled) = seen::unless_panic(polled, panics)? {
            seen::frame(polled, frames, number)?;
        }
        seen::hints_of(&*body.body, frames, number + 1)?;
        if let (Some(call), Some(end)) = (body.call.take_if(|_| end.is_some()), end) {
            self.finish(call, end);
        }
        Ok(matches!(frame, Some(Frame::Data(_) | Frame::Trailers(_))))
    }

    fn drop(&mut self, index: usize, drop: fn(Box<dyn Reader>)) -> Result<(), String> {
        let place = index % self.bodies.len().max(1);
        let Some(CallInFlight { exchange, call, head_at, polls, body }) = self.bodies.remove(place)
        else {
            return Ok(());
        };
        drop(body);
        let when = (Why::Dropped, self.model.now - head_at);
        let abandoned_after = self.model.settings.abandoned_after;
        let end = left(exchange, &polls, when, abandoned_after).ok_or("the call has no end")?;
        call.into_iter().for_each(|call| self.finish(call, end));
        Ok(())
    }

    /// Ends a call of the model's, and knows what a listener hears of that.
    fn finish(&mut self, call: Call, end: End) {
        let outcome = match end {
            End::Counted(outcome) => Some(outcome),
            End::Abandoned | End::Panicked => None,
        };
        let before = self.model.totals;
        self.model.finish(call, outcome);
        let counted = |total: usize| self.model.totals[total] > before[total];
        if counted(0) {
            self.told.push(Told::Succeeded);
        }
        if counted(1) {
            self.told.push(Told::Failed(match outcome {
                Some(Outcome::Failure(kind)) => kind,
                Some(_) => FailureKind::OTHER,
                None => FailureKind::ABANDONED,
            }));
        }
        if counted(9) {
            self.told.push(Told::NotSent);
        }
    }
}

/// What a listener hears of the end of a call.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Told {
    Succeeded,
    Failed(FailureKind),
    NotSent,
}

#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<Told>>>);

impl Heard {
    fn take(&self) -> Vec<Told> {
        self.0.lock().map(|mut heard| std::mem::take(&mut *heard)).unwrap_or_default()
    }
}

impl Listener for Heard {
    fn on_event(&self, event: &CircuitEvent) {
        let heard = match event {
            CircuitEvent::Succeeded { .. } => Told::Succeeded,
            CircuitEvent::Failed { kind, .. } => Told::Failed(*kind),
            CircuitEvent::NotSent { .. } => Told::NotSent,
            _ => return,
        };
        if let Ok(mut all) = self.0.lock() {
            all.push(heard);
        }
    }

    fn interest(&self) -> Interest {
        Interest::CALLS
    }
}
