//! A script, taken by the layer and by its model side by side.

use std::borrow::Cow;
use std::cell::Cell;
use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tower::{Layer, Service};
use tower_circuit_breaker::keyed::{Key, KeyedCircuitBreakerLayer, KeyedCircuits};
use tower_circuit_breaker::{
    AtResult, Circuit, CircuitBreakerLayer, CircuitRegistry, Error, ManualClock, Outcome, Typed,
};
use tower_circuit_breaker_test::model::{Call, Command, Settings, Window, compare, same};

use crate::keyed::model::{Keyed, Owner};
use crate::keyed::step::{KEYS, Script, Step};

/// Takes every step and compares what it touched; all there is at the end.
///
/// # Errors
///
/// Which step it was, and what differed.
pub(crate) fn run(script: &Script) -> Result<(), String> {
    let mut pair = Pair::new(script.cap, script.has_registry);
    for (number, step) in script.steps.iter().enumerate() {
        pair.take(*step).map_err(|difference| format!("step {number}, {step:?}: {difference}"))?;
    }
    pair.compare_all()
}

type Judge = fn(&Result<Outcome, Infallible>) -> Outcome;
type Layered = KeyedCircuitBreakerLayer<ByNumber, Judge, Typed, AtResult>;
type Answer = Pin<Box<dyn Future<Output = Result<Outcome, Error<Infallible>>>>>;

/// A request is the number of its key, and where its result will be.
type Request = (usize, Rc<Cell<Option<Outcome>>>);

struct ByNumber;

impl Key<Request> for ByNumber {
    fn key<'a>(&self, (key, _): &'a Request) -> Cow<'a, str> {
        name(*key)
    }
}

fn name(key: usize) -> Cow<'static, str> {
    const NAMES: [&str; KEYS - 1] = ["0", "1", "2", "3", "4", "5", "6", "7"];
    NAMES.get(key).map_or_else(|| Cow::Owned("k".repeat(257)), |name| Cow::Borrowed(*name))
}

/// Trips after two failures; probes after 10 s, and after 20 s when it failed again.
fn settings() -> Settings {
    Settings {
        lasting: None,
        consecutive: Some(2),
        window: Some(Window::Calls(4)),
        minimum_calls: 2,
        first_open: Duration::from_secs(10),
        longest_open: Duration::from_secs(20),
        probe_timeout: Some(Duration::from_secs(15)),
        ..Settings::default()
    }
}

/// The layer and its model, with what is in flight and what is held.
struct Pair {
    layer: Layered,
    registry: Option<CircuitRegistry>,
    clock: ManualClock,
    model: Keyed,
    calls: Vec<CallInFlight>,
    held: Vec<(Circuit, Owner)>,
    /// Numbers of circuits that were taken out of the registry.
    unregistered: Vec<usize>,
}

struct CallInFlight {
    answer: Answer,
    result: Rc<Cell<Option<Outcome>>>,
    owner: Owner,
    call: Call,
}

impl Pair {
    fn new(cap: usize, has_registry: bool) -> Self {
        let clock = ManualClock::new();
        let of_keys = clock.clone();
        let registry = has_registry.then(CircuitRegistry::new);
        let circuits = KeyedCircuits::new(move |b| settings().build(b).clock(of_keys.clone()));
        let circuits = circuits.cap(cap);
        let circuits = match &registry {
            Some(registry) => circuits.registry(registry),
            None => circuits,
        };
        let overflow = settings().build(Circuit::builder("api")).clock(clock.clone()).build();
        let judge: Judge = |result| match result {
            Ok(outcome) => *outcome,
            Err(never) => match *never {},
        };
        let layer =
            CircuitBreakerLayer::new(overflow).classify_with(judge).keyed(ByNumber, circuits);
        let (calls, held, unregistered) = (Vec::new(), Vec::new(), Vec::new());
        let model = Keyed::new(cap, settings());
        Self { layer, registry, clock, model, calls, held, unregistered }
    }

    fn take(&mut self, step: Step) -> Result<(), String> {
        match step {
            Step::Call(key, outcome) => self.call(key, outcome),
            Step::Begin(key) => self.begin(key),
            Step::Finish(index, outcome) => self.finish(index, Some(outcome)),
            Step::Drop(index) => self.finish(index, None),
            Step::Advance(time) => {
                self.clock.advance(time);
                self.model.advance(time);
                Ok(())
            }
            Step::Command(key, command) => self.command(key, command),
            Step::Hold(key) => self.hold(key),
            Step::LetGo(index) => {
                if !self.held.is_empty() {
                    let (circuit, owner) = self.held.swap_remove(index % self.held.len());
                    drop(circuit);
                    self.model.let_go(owner);
                }
                Ok(())
            }
            Step::Unregister(key) => self.unregister(key),
        }?;
        same("evicted", self.layer.evicted(), self.model.evicted)?;
        same("overflowed", self.layer.overflowed(), self.model.overflowed)
    }

    fn call(&mut self, key: usize, outcome: Outcome) -> Result<(), String> {
        let before = self.calls.len();
        self.begin(key)?;
        if self.calls.len() > before {
            self.finish(before, Some(outcome))?;
        }
        Ok(())
    }

    fn begin(&mut self, key: usize) -> Result<(), String> {
        let result = Rc::default();
        let mut answer = ask(&self.layer, (key, Rc::clone(&result)));
        let (owner, call) = self.model.begin((key < KEYS - 1).then_some(key));
        let is_rejected = poll(&mut answer).is_ready();
        same("rejected", is_rejected, call.is_none())?;
        self.calls.extend(call.map(|call| CallInFlight { answer, result, owner, call }));
        Ok(())
    }

    fn finish(&mut self, index: usize, outcome: Option<Outcome>) -> Result<(), String> {
        if self.calls.is_empty() {
            return Ok(());
        }
        let CallInFlight { mut answer, result, owner, call } =
            self.calls.swap_remove(index % self.calls.len());
        result.set(outcome);
        if outcome.is_some() {
            same("answered", poll(&mut answer).is_ready(), true)?;
        }
        drop(answer);
        self.model.finish(owner, call, outcome);
        Ok(())
    }

    /// The circuit of `key` on both sides, if it has one.
    fn find(&self, key: usize) -> Result<Option<(Circuit, Owner)>, String> {
        let name = format!("api/{}", name(key));
        let circuit = self.layer.circuits().into_iter().find(|circuit| circuit.name() == name);
        let entry = self.model.entries.iter().find(|entry| entry.key == key);
        same("is there", circuit.is_some(), entry.is_some())?;
        Ok(circuit.zip(entry.map(|entry| Some(entry.number))))
    }

    fn command(&mut self, key: usize, command: Command) -> Result<(), String> {
        let Some((circuit, owner)) = self.find(key)? else { return Ok(()) };
        let model = self.model.of(owner).expect("it was found");
        command.give(&circuit, model);
        compare(&circuit, model)
    }

    fn hold(&mut self, key: usize) -> Result<(), String> {
        if let Some((circuit, owner)) = self.find(key)? {
            self.model.hold(owner, true);
            self.held.push((circuit, owner));
        }
        Ok(())
    }

    fn unregister(&mut self, key: usize) -> Result<(), String> {
        let Some((circuit, owner)) = self.find(key)? else { return Ok(()) };
        if let Some(registry) = &self.registry {
            registry.remove(circuit.name());
            self.unregistered.extend(owner);
        }
        Ok(())
    }

    fn compare_all(&mut self) -> Result<(), String> {
        compare(self.layer.overflow(), &self.model.overflow)?;
        let circuits = self.layer.circuits();
        self.model.entries.sort_by_key(|entry| entry.key);
        let names: Vec<_> =
            self.model.entries.iter().map(|entry| format!("api/{}", name(entry.key))).collect();
        same("circuits", names_of(&circuits), names.clone())?;
        for (circuit, entry) in circuits.iter().zip(&self.model.entries) {
            compare(circuit, &entry.circuit).map_err(|it| format!("{}: {it}", circuit.name()))?;
        }
        let Some(registry) = &self.registry else { return Ok(()) };
        let is_seen = |number: &usize| !self.unregistered.contains(number);
        let seen = self.model.entries.iter().zip(names);
        let seen = seen.filter(|(entry, _)| is_seen(&entry.number)).map(|(_, name)| name);
        same("registered", names_of(&registry.circuits()), seen.collect())
    }
}

fn names_of(circuits: &[Circuit]) -> Vec<String> {
    circuits.iter().map(|circuit| circuit.name().to_owned()).collect()
}

fn ask(layer: &Layered, request: Request) -> Answer {
    let inner = tower::service_fn(|(_, result): Request| {
        poll_fn(move |_| result.take().map_or(Poll::Pending, |outcome| Poll::Ready(Ok(outcome))))
    });
    Box::pin(layer.layer(inner).call(request))
}

fn poll(answer: &mut Answer) -> Poll<Result<Outcome, Error<Infallible>>> {
    answer.as_mut().poll(&mut Context::from_waker(Waker::noop()))
}
