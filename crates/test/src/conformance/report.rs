//! What a run of the suite has found.

use std::collections::BTreeMap;
use std::fmt;

use crate::conformance::promise::Promise;

/// Every promise held: what was run, and how often each was checked.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Report {
    /// The seed of the random sequences.
    pub seed: u64,
    /// How many sequences were run, half of them through the layer.
    pub cases: u32,
    /// How many steps they had together.
    pub steps: u64,
    /// What opened the circuit: `"failures"`, `"slow calls"` or `"stalled calls"`; `"shed calls"` where
    /// it did not open, but rejected calls while it was closed.
    pub opened_by: &'static str,
    /// After how many such calls it opened, with nothing else before them.
    pub opened_after: u32,
    /// How often each promise was checked.
    pub checks: BTreeMap<Promise, u64>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, cases, steps, opened_by, opened_after, checks } = self;
        writeln!(f, "{cases} sequences of {steps} steps, seed {seed}; every promise held.")?;
        match *opened_by {
            "shed calls" => writeln!(f, "It does not open, but sheds calls while it is closed.")?,
            by => writeln!(f, "It opens after {opened_after} {by}.")?,
        }
        checks.iter().try_for_each(|(promise, times)| writeln!(f, "{times:>9} {promise}"))
    }
}

/// A promise that did not hold.
#[derive(Clone)]
pub struct Broken {
    pub(super) fault: Box<Fault>,
}

/// What went wrong, and how to see it again.
#[derive(Debug, Clone)]
pub(super) struct Fault {
    pub(super) promise: Promise,
    pub(super) what: String,
    pub(super) steps: Vec<String>,
    pub(super) repeat: Option<Repeat>,
    pub(super) circuit: String,
}

#[derive(Debug, Clone)]
pub(super) struct Repeat {
    pub(super) seed: u64,
    pub(super) case: u32,
    pub(super) calls: &'static str,
}

impl Broken {
    pub(super) fn new(promise: Promise, what: impl Into<String>) -> Self {
        let (steps, repeat, circuit) = (Vec::new(), None, String::new());
        let fault = Fault { promise, what: what.into(), steps, repeat, circuit };
        Self { fault: Box::new(fault) }
    }

    /// Returns the promise that did not hold.
    #[must_use]
    pub fn promise(&self) -> Promise {
        self.fault.promise
    }

    /// Returns what happened instead.
    #[must_use]
    pub fn what(&self) -> &str {
        &self.fault.what
    }

    /// Returns the steps after which it happened.
    ///
    /// As few as were found; none where it needs no steps.
    #[must_use]
    pub fn steps(&self) -> &[String] {
        &self.fault.steps
    }

    /// Returns the seed that finds it again.
    #[must_use]
    pub fn seed(&self) -> Option<u64> {
        self.fault.repeat.as_ref().map(|repeat| repeat.seed)
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Fault { promise, what, steps, repeat, circuit } = &*self.fault;
        write!(f, "{what}\n  promise: {promise}")?;
        if let Some(Repeat { seed, case, calls }) = repeat {
            write!(f, "\n  again: seed({seed}), case {case}, {calls}")?;
        }
        for (number, step) in (1..).zip(steps) {
            write!(f, "\n  {number:>4}. {step}")?;
        }
        if circuit.is_empty() { Ok(()) } else { write!(f, "\n{circuit}") }
    }
}

/// As it is displayed: `run().unwrap()` is to show it in words.
impl fmt::Debug for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Broken {}

/// Counts what was checked.
#[derive(Debug, Default)]
pub(super) struct Checks(pub(super) BTreeMap<Promise, u64>);

impl Checks {
    /// Counts a check of `promise`, which holds if `holds` does.
    pub(super) fn hold(
        &mut self,
        promise: Promise,
        holds: bool,
        otherwise: impl FnOnce() -> String,
    ) -> Result<(), Broken> {
        *self.0.entry(promise).or_default() += 1;
        if holds { Ok(()) } else { Err(Broken::new(promise, otherwise())) }
    }

    /// Counts a check that `found` is what was `expected`.
    pub(super) fn same<T: PartialEq + fmt::Debug>(
        &mut self,
        promise: Promise,
        what: &str,
        found: &T,
        expected: &T,
    ) -> Result<(), Broken> {
        self.hold(promise, found == expected, || {
            format!("{what}: found {found:?}, and it should be {expected:?}")
        })
    }
}
