//! Results as the user's calls bring them, and what the classifier makes of them.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use tower_circuit_breaker::{Classify, FailureKind, Outcome};

use crate::conformance::promise::Promise;
use crate::conformance::report::{Broken, Checks};
use crate::model::Settings;
use crate::trial::own_kinds;
use std::sync::Arc;

/// The results of calls that say themselves what they are worth: an `Err` is of that outcome.
#[derive(Debug, Clone, Copy, Default)]
#[expect(clippy::exhaustive_structs, reason = "a name for a rule, without settings")]
pub struct AsTold;

impl Classify<(), Outcome> for AsTold {
    fn classify(&self, result: &Result<(), Outcome>) -> Outcome {
        result.err().unwrap_or(Outcome::Success)
    }
}

/// What a sample was given as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SampleOutcome {
    Success,
    Failure,
    Ignored,
    NotSent,
}

pub(super) struct Sample<T, E> {
    pub(super) worth: SampleOutcome,
    pub(super) make: Box<dyn Fn() -> Result<T, E>>,
}

/// A classifier, and results for it.
pub(super) struct Samples<C, T, E> {
    pub(super) classify: Arc<C>,
    pub(super) list: Vec<Sample<T, E>>,
}

impl SampleOutcome {
    const fn of(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Success => Self::Success,
            Outcome::Failure(_) | Outcome::TripFor(_) => Self::Failure,
            Outcome::NotSent => Self::NotSent,
            // Ignored, or of a later version: it says nothing that is known here.
            _ => Self::Ignored,
        }
    }
}

impl Samples<AsTold, (), Outcome> {
    /// One of each that such settings tell apart.
    pub(super) fn told(settings: &Settings) -> Self {
        let kinds = own_kinds(settings).into_iter().map(Outcome::Failure);
        let others = [
            Outcome::Failure(FailureKind::OTHER),
            Outcome::Ignored,
            Outcome::NotSent,
            Outcome::TripFor(Duration::from_secs(3)),
        ];
        let mut list: Vec<Sample<(), Outcome>> = others
            .into_iter()
            .chain(kinds)
            .map(|outcome| Sample {
                worth: SampleOutcome::of(outcome),
                make: Box::new(move || Err(outcome)),
            })
            .collect();
        list.push(Sample { worth: SampleOutcome::Success, make: Box::new(|| Ok(())) });
        Self { classify: Arc::new(AsTold), list }
    }
}

impl<C, T, E> Samples<C, T, E> {
    pub(super) fn make(&self, sample: usize) -> Result<T, E> {
        (self.list[sample].make)()
    }
}

impl<C: Classify<T, E>, T, E> Samples<C, T, E> {
    /// What the classifier says of each sample, if that is what the sample was given as.
    pub(super) fn outcomes(&self, checks: &mut Checks) -> Result<Vec<Outcome>, Broken> {
        for worth in [SampleOutcome::Success, SampleOutcome::Failure] {
            let is_there = self.list.iter().any(|sample| sample.worth == worth);
            checks.hold(Promise::Classifier, is_there, || {
                format!("no sample of a {worth} was given: add one, or leave the classifier out")
            })?;
        }
        (0..self.list.len()).map(|sample| self.outcome(sample, checks)).collect()
    }

    fn outcome(&self, sample: usize, checks: &mut Checks) -> Result<Outcome, Broken> {
        let worth = self.list[sample].worth;
        let (first, again) = (self.ask(sample)?, self.ask(sample)?);
        checks.hold(Promise::Classifier, first == again, || {
            format!("sample {sample}: the classifier says {first:?} and then {again:?} of the same")
        })?;
        checks.hold(Promise::Classifier, SampleOutcome::of(first) == worth, || {
            format!("sample {sample} was given as a {worth}, and the classifier says {first:?}")
        })?;
        Ok(first)
    }

    fn ask(&self, sample: usize) -> Result<Outcome, Broken> {
        let result = self.make(sample);
        catch_unwind(AssertUnwindSafe(|| self.classify.classify(&result))).map_err(|_| {
            Broken::new(Promise::Classifier, format!("the classifier panics on sample {sample}"))
        })
    }
}

impl fmt::Display for SampleOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Ignored => "result to ignore",
            Self::NotSent => "call that was not sent",
        })
    }
}
