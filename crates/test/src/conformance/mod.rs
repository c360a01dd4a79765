//! Whether *your* circuit keeps its promises: your settings, classifier, listeners and clock.
//!
//! [`Conformance`] builds circuits as you do, and runs random sequences of calls, waits and commands
//! on them, by permits and through [`CircuitBreakerLayer`](tower_circuit_breaker::CircuitBreakerLayer). Beside each
//! it has a model of a circuit, which says what your settings make of every step, and compares the
//! two. What breaks comes as a [`Broken`]: which [`Promise`], in words, with the fewest steps that show
//! it, and the seed that finds it again.
//!
//! # When to use it
//!
//! Once for each set of settings that you run, as a test: it says so when a circuit never opens at
//! your traffic, when a classifier takes your failures for successes, or when a listener panics.
//! With [`clock`](Conformance::clock), for a clock of your own.
//!
//! # When not to
//!
//! It does not say whether settings are wise: that an upstream as yours is cut off soon enough, and
//! not too soon, is for a replay of its traffic to say. It runs on one thread, calls a classifier at
//! once (not at the end of an HTTP body), and knows nothing of fleets. What is drawn at random it
//! takes over within bounds: open times with jitter, and which calls a ramp or a throttle sheds.
//!
//! # Examples
//!
//! ```
//! use tower_circuit_breaker::Circuit;
//! use tower_circuit_breaker_test::Conformance;
//!
//! let plants = || Circuit::builder("plants").failure_rate(0.5).minimum_calls(10);
//!
//! let report = Conformance::new(plants).cases(20).run()?;
//! assert_eq!(report.opened_after, 10);
//! # Ok::<(), tower_circuit_breaker_test::conformance::Broken>(())
//! ```
//!
//! A classifier, with results as the upstream brings them; and settings that look sound, but never
//! open a circuit that one request a second goes through:
//!
//! ```
//! use std::time::Duration;
//! use tower_circuit_breaker_test::{Conformance, conformance::Promise};
//! use tower_circuit_breaker::{Circuit, FailureKind, Outcome};
//!
//! let plants = || Circuit::builder("plants").failure_rate(0.5).minimum_calls(20);
//! let by_status = |result: &Result<u16, String>| match result {
//!     Ok(..=499) => Outcome::Success,
//!     _ => Outcome::Failure(FailureKind::OTHER),
//! };
//!
//! let broken = Conformance::new(plants)
//!     .classify_with(by_status)
//!     .success(|| Ok(200))
//!     .failure(|| Ok(503))
//!     .failure(|| Err("connection refused".into()))
//!     .one_call_every(Duration::from_secs(1))
//!     .run()
//!     .unwrap_err();
//!
//! assert_eq!(broken.promise(), Promise::Opens);
//! assert!(broken.what().contains("held 10 calls at most, and a rate needs 20"), "{broken}");
//! ```

use std::fmt;
use std::time::Duration;

use crate::conformance::layered::Layered;
use crate::conformance::opening::Opening;
use crate::conformance::samples::{Sample, SampleOutcome, Samples};
use crate::conformance::suite::Suite;
use crate::conformance::time::Time;
use crate::reach::MOST_CALLS;
use crate::settings::plain;
use std::sync::Arc;
use tower_circuit_breaker::{CircuitBuilder, Classify, Clock, Outcome};

mod calls;
mod case;
mod changes;
mod commands;
mod late;
mod layered;
mod moves;
mod opening;
mod promise;
mod report;
mod samples;
mod subject;
mod suite;
mod time;

pub use self::promise::Promise;
pub use self::report::{Broken, Report};
pub use self::samples::AsTold;

/// Runs circuits of one making through random sequences of calls; see the [module docs](self).
#[must_use = "nothing is checked until `run`"]
pub struct Conformance<C = AsTold, T = (), E = Outcome> {
    make: Box<dyn Fn() -> CircuitBuilder>,
    time: Box<dyn Fn() -> Time>,
    samples: Samples<C, T, E>,
    seed: u64,
    cases: u32,
    steps: u32,
    every: Duration,
    opens_within: u32,
    recovers_within: Duration,
}

impl Conformance {
    /// Makes the suite for circuits that `make` makes.
    ///
    /// It is called many times; the clock that it sets is replaced.
    pub fn new(make: impl Fn() -> CircuitBuilder + 'static) -> Self {
        let settings = plain(&make().build().config());
        Self {
            samples: Samples::told(&settings),
            make: Box::new(make),
            time: Box::new(Time::manual),
            seed: 1,
            cases: 100,
            steps: 100,
            every: Duration::ZERO,
            opens_within: MOST_CALLS,
            recovers_within: LONGEST_OPEN,
        }
    }
}

impl<C, T, E> Conformance<C, T, E> {
    /// Judges calls through the layer by `classify`, which is to be given
    /// [samples](Conformance::success) of results.
    ///
    /// Default: calls say themselves what they are worth, one of each [`Outcome`] and each kind that
    /// has a rule.
    pub fn classify_with<D, U, X>(self, classify: D) -> Conformance<D, U, X>
    where
        D: Classify<U, X>,
    {
        let Self { make, time, seed, cases, steps, every, opens_within, recovers_within, .. } =
            self;
        let samples = Samples { classify: Arc::new(classify), list: Vec::new() };
        Conformance {
            make,
            time,
            samples,
            seed,
            cases,
            steps,
            every,
            opens_within,
            recovers_within,
        }
    }

    /// Adds a result that is to be a success. At least one of these and of
    /// [`failure`](Self::failure) is needed.
    pub fn success(self, result: impl Fn() -> Result<T, E> + 'static) -> Self {
        self.sample(SampleOutcome::Success, result)
    }

    /// Adds a result that is to be a failure, or to trip the circuit at once.
    pub fn failure(self, result: impl Fn() -> Result<T, E> + 'static) -> Self {
        self.sample(SampleOutcome::Failure, result)
    }

    /// Adds a result that is to be ignored.
    pub fn ignored(self, result: impl Fn() -> Result<T, E> + 'static) -> Self {
        self.sample(SampleOutcome::Ignored, result)
    }

    /// Adds a result of a call that is to count as not sent.
    pub fn not_sent(self, result: impl Fn() -> Result<T, E> + 'static) -> Self {
        self.sample(SampleOutcome::NotSent, result)
    }

    /// Takes the time from clocks of your own; `advance` moves one on.
    ///
    /// Such a clock has to stand still until it is moved. Default: [`ManualClock`](crate::ManualClock).
    pub fn clock<K: Clock>(
        self,
        make: impl Fn() -> K + 'static,
        advance: impl Fn(&K, Duration) + 'static,
    ) -> Self {
        let advance = Arc::new(advance);
        Self { time: Box::new(move || Time::new(make(), &advance)), ..self }
    }

    /// Sets the seed of the random sequences. Default 1.
    pub fn seed(self, seed: u64) -> Self {
        Self { seed, ..self }
    }

    /// Sets how many sequences to run, every second one through the layer. Default 100.
    pub fn cases(self, cases: u32) -> Self {
        Self { cases, ..self }
    }

    /// Sets how many random steps a sequence has. Default 100.
    pub fn steps(self, steps: u32) -> Self {
        Self { steps, ..self }
    }

    /// Sets how far apart calls are in your traffic. Default: no time between them.
    ///
    /// Asked when it is seen whether failures open the circuit.
    pub fn one_call_every(self, every: Duration) -> Self {
        Self { every, ..self }
    }

    /// Sets after how many failures at most the circuit is to open. Default 10,000.
    pub fn opens_within(self, failures: u32) -> Self {
        Self { opens_within: failures, ..self }
    }

    /// Sets for how long at most a circuit may be open before it probes. Default 365 days.
    pub fn recovers_within(self, longest: Duration) -> Self {
        Self { recovers_within: longest, ..self }
    }

    fn sample(mut self, worth: SampleOutcome, result: impl Fn() -> Result<T, E> + 'static) -> Self {
        self.samples.list.push(Sample { worth, make: Box::new(result) });
        self
    }
}

impl<C, T, E> Conformance<C, T, E>
where
    C: Classify<T, E> + 'static,
    T: 'static,
    E: 'static,
{
    /// Runs everything, up to the first promise that does not hold.
    ///
    /// # Errors
    ///
    /// [`Broken`] with the promise, what happened instead, and how to see it again.
    pub fn run(self) -> Result<Report, Broken> {
        let Self { make, time, samples, seed, cases, steps, every, opens_within, .. } = self;
        let recovers_within = self.recovers_within;
        let opening = Opening { make: &make, time: &time, every, opens_within, recovers_within };
        let (outcomes, first, mut checks) = opening.check(&samples)?;
        let samples = Arc::new(samples);
        let suite = Suite {
            make: &make,
            time: &time,
            layered: &|circuit| Box::new(Layered::new(circuit, &samples)),
            outcomes,
            seed,
            cases,
            steps,
            opened_after: first.calls,
        };
        let tally = suite.run()?;
        for (promise, times) in tally.checks {
            *checks.0.entry(promise).or_default() += times;
        }
        let (steps, checks) = (tally.steps, checks.0);
        let (opened_by, opened_after) = (first.way.as_str(), first.calls);
        Ok(Report { seed, cases, steps, opened_by, opened_after, checks })
    }
}

impl<C, T, E> fmt::Debug for Conformance<C, T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Conformance")
            .field("classify", &std::any::type_name::<C>())
            .field("samples", &self.samples.list.len())
            .field("seed", &self.seed)
            .field("cases", &self.cases)
            .field("steps", &self.steps)
            .finish_non_exhaustive()
    }
}

/// Nobody means a circuit to be open for longer.
const LONGEST_OPEN: Duration = Duration::from_secs(365 * 86_400);
