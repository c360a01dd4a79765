//! What is seen before any random sequence: whether these settings open a circuit at all, and close
//! it again.

use std::time::Duration;

use tower_circuit_breaker::{Circuit, CircuitBuilder, CircuitState, Classify, Outcome};

use crate::conformance::promise::Promise;
use crate::conformance::report::{Broken, Checks};
use crate::conformance::samples::Samples;
use crate::conformance::time::Time;
use crate::describe::Described;
use crate::model::{Settings, Window};
use crate::reach::MOST_CALLS;
use crate::settings::plain;
use crate::trial::{Trial, Way, pause_for_runs};

pub(super) struct Opening<'a> {
    pub(super) make: &'a dyn Fn() -> CircuitBuilder,
    pub(super) time: &'a dyn Fn() -> Time,
    pub(super) every: Duration,
    pub(super) opens_within: u32,
    pub(super) recovers_within: Duration,
}

/// What opened the circuit first.
#[derive(Debug, Clone, Copy)]
pub(super) struct First {
    pub(super) calls: u32,
    pub(super) way: Way,
}

impl Opening<'_> {
    /// Gives what the samples are worth, and what opened the circuit.
    pub(super) fn check<C: Classify<T, E>, T, E>(
        &self,
        samples: &Samples<C, T, E>,
    ) -> Result<(Vec<Outcome>, First, Checks), Broken> {
        let mut checks = Checks::default();
        let [one, other] = [(self.make)(), (self.make)()].map(CircuitBuilder::into_config);
        checks.same(Promise::SameSettings, "the second circuit's settings", &other, &one)?;
        (self.time)().check(&mut checks)?;
        let outcomes = samples.outcomes(&mut checks)?;
        let time = (self.time)();
        let circuit = (self.make)().clock(time.clock()).build();
        let settings = plain(&circuit.config());
        self.check_open_times(&settings, &mut checks)?;
        let first = self.open(&circuit, &time, &settings, &outcomes, &mut checks)?;
        close(&circuit, &time, &mut checks)?;
        Ok((outcomes, first, checks))
    }

    fn check_open_times(&self, settings: &Settings, checks: &mut Checks) -> Result<(), Broken> {
        let kinds = settings.kinds.iter().filter_map(|rule| rule.open_for);
        let own = settings.open_times.iter().map(|(_, open_for)| *open_for).chain(kinds);
        let longest = own.chain([settings.longest_open]).max().unwrap_or_default();
        checks.hold(Promise::WayOut, longest <= self.recovers_within, || {
            let most = self.recovers_within;
            format!("it may be open for {longest:?}, and is to be for {most:?} at most")
        })
    }

    fn open(
        &self,
        circuit: &Circuit,
        time: &Time,
        settings: &Settings,
        outcomes: &[Outcome],
        checks: &mut Checks,
    ) -> Result<First, Broken> {
        let is_failure = |outcome: &Outcome| matches!(outcome, Outcome::Failure(_));
        let mut failures: Vec<Outcome> = outcomes.iter().copied().filter(is_failure).collect();
        if failures.is_empty() {
            failures = outcomes.iter().copied().filter(|it| *it != Outcome::Success).collect();
        }
        let advance = |by: Duration| time.advance(by);
        let (every, most) = (self.every, self.opens_within);
        let pause = every.is_zero().then(|| pause_for_runs(settings)).flatten();
        let trial = Trial { circuit, advance: &advance, every, most, pause };
        let found = trial.open(settings, &failures);
        checks.hold(Promise::Opens, found.is_some(), || {
            let why = self.why_not(settings, &failures);
            format!("{most} failing calls do not open it{why}\n{}", Described(circuit))
        })?;
        let (calls, way) = found.unwrap_or((most, Way::Failures));
        Ok(First { calls, way })
    }

    /// What in the settings keeps failures from opening the circuit.
    fn why_not(&self, settings: &Settings, failures: &[Outcome]) -> String {
        let mut why = String::new();
        let needs_window = settings.failure_rate.is_some() || settings.slow.is_some();
        if let (true, Some(held)) = (needs_window, self.most_in_window(settings)) {
            let needed = settings.minimum();
            if u64::from(needed) > held {
                why += &format!(
                    ": with a call every {:?} its window held {held} calls at most, and a rate \
                     needs {needed}",
                    self.every
                );
            }
        }
        let is_known = |kind: &str| {
            failures.iter().any(|it| matches!(it, Outcome::Failure(own) if own.as_str() == kind))
        };
        let kinds = settings.kinds.iter().map(|rule| rule.kind.as_str());
        for kind in kinds.filter(|kind| !is_known(kind)) {
            why +=
                &format!(": it has a rule about failures of kind {kind:?}, and no sample is one");
        }
        why
    }

    /// How many calls a window of time holds at this traffic.
    fn most_in_window(&self, settings: &Settings) -> Option<u64> {
        let Window::Time(buckets, width) = settings.kept_window()? else { return None };
        let length = width.saturating_mul(buckets);
        let held = length.as_nanos().div_ceil(self.every.as_nanos().max(1));
        Some(u64::try_from(held).unwrap_or(u64::MAX).min(self.opens_within.into()))
    }
}

/// Good probes are to close what failures have opened.
fn close(circuit: &Circuit, time: &Time, checks: &mut Checks) -> Result<(), Broken> {
    time.advance(circuit.snapshot().retry_after.unwrap_or_default());
    let mut probes = 0;
    while circuit.state() != CircuitState::Closed && probes < MOST_CALLS {
        probes += 1;
        let rejected = circuit.try_acquire().map(|permit| permit.record(Outcome::Success)).err();
        checks.hold(Promise::WayOut, rejected.is_none(), || {
            format!("its open time is over, and a probe was rejected: {rejected:?}")
        })?;
    }
    let state = circuit.state();
    checks.hold(Promise::WayOut, state == CircuitState::Closed, || {
        format!("after {probes} good probes it is {state}\n{}", Described(circuit))
    })
}
