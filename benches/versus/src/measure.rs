//! Rounds, taken in turn by all contestants, so that noise hits all of them alike.

use std::time::Instant;

use crate::figure::{Cell, Missing, Samples};
use crate::inner::Load;
use crate::subject::Subject;

/// How much is measured.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Effort {
    pub(crate) rounds: u32,
    /// Rounds in which two threads take part.
    pub(crate) thread_rounds: u32,
    /// Rounds over HTTP.
    pub(crate) http_rounds: u32,
    /// How long one of those takes.
    pub(crate) http_round_seconds: f64,
    /// How long a circuit may take to be filled with calls.
    pub(crate) fill_seconds: f64,
}

impl Effort {
    pub(crate) const FULL: Self = Self {
        rounds: 600,
        thread_rounds: 60,
        http_rounds: 24,
        http_round_seconds: 0.25,
        fill_seconds: 5.0,
    };
    pub(crate) const QUICK: Self = Self {
        rounds: 120,
        thread_rounds: 20,
        http_rounds: 8,
        http_round_seconds: 0.15,
        fill_seconds: 2.0,
    };
}

/// Takes one measurement; nothing when the machine did not let it.
pub(crate) type Round = Box<dyn FnMut() -> Result<Option<f64>, Missing>>;

/// One contestant in one case.
pub(crate) struct Lane {
    pub(crate) round: Round,
    pub(crate) note: Option<&'static str>,
}

/// What came of a lane.
pub(crate) struct Finish {
    pub(crate) samples: Samples,
    pub(crate) note: Option<&'static str>,
}

/// Has all lanes take `rounds` rounds in turn. Who begins changes with each round.
pub(crate) fn race(lanes: Vec<Result<Lane, Missing>>, rounds: u32) -> Vec<Result<Finish, Missing>> {
    let mut states: Vec<_> =
        lanes.into_iter().map(|lane| lane.map(|lane| (lane, Samples::new()))).collect();
    let number = states.len();
    for first in (0..number).cycle().take(usize::try_from(rounds).unwrap_or(usize::MAX)) {
        for index in (first..number).chain(0..first) {
            let Ok((lane, samples)) = &mut states[index] else { continue };
            match (lane.round)() {
                Ok(sample) => samples.extend(sample),
                Err(missing) => states[index] = Err(missing),
            }
        }
    }
    let finish = |(lane, samples): (Lane, Samples)| {
        if samples.is_empty() {
            return Err(Missing::because("the machine was too busy"));
        }
        Ok(Finish { samples, note: lane.note })
    };
    states.into_iter().map(|state| state.and_then(finish)).collect()
}

/// The costs of all lanes above that of the first, which is bare.
pub(crate) fn costs(finishes: Vec<Result<Finish, Missing>>) -> Vec<Cell> {
    let bare = finishes.first().and_then(|finish| finish.as_ref().ok());
    let bare_samples = bare.map(|finish| &finish.samples);
    let cell = |(index, finish): (usize, &Result<Finish, Missing>)| match finish {
        Ok(finish) => {
            let above = if index == 0 { None } else { bare_samples };
            Cell::cost(&finish.samples, above).noting(finish.note)
        }
        Err(missing) => missing.clone().into(),
    };
    finishes.iter().enumerate().map(cell).collect()
}

/// How the circuit is when it is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expected {
    Closed,
    Open,
}

/// Nanoseconds for each of `calls` calls, if the circuit did what it should.
pub(crate) fn timed(
    subject: &mut dyn Subject,
    calls: u32,
    load: Load,
    expected: Expected,
) -> Result<Option<f64>, Missing> {
    let start = Instant::now();
    let succeeded = subject.run(calls, load);
    let elapsed = start.elapsed();
    check(succeeded, calls, load, expected)?;
    Ok(Some(elapsed.as_secs_f64() * 1e9 / f64::from(calls)))
}

/// Whether as many calls succeeded as should have: a figure of the wrong path is worth nothing.
pub(crate) fn check(
    succeeded: u32,
    calls: u32,
    load: Load,
    expected: Expected,
) -> Result<(), Missing> {
    let wanted = match expected {
        Expected::Closed => load.successes(calls),
        Expected::Open => 0,
    };
    if succeeded == wanted {
        Ok(())
    } else {
        let should = match expected {
            Expected::Closed => "stay closed",
            Expected::Open => "reject all calls",
        };
        Err(Missing::because(format!(
            "it did not {should}: {succeeded} calls of {calls} succeeded, not {wanted}"
        )))
    }
}
