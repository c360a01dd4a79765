//! The open time of each step: how often in a row recovery has failed.

use std::time::Duration;

use crate::engine::rules::backoff::Backoff;
use crate::sync::Arc;

/// The open times of a circuit, by steps that are counted from 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum OpenSteps {
    Backoff(Backoff),
    /// At least one, none of them zero; the last holds for all further steps.
    Listed(Arc<[Duration]>),
}

/// For how many steps open times may be listed: far more failed recoveries in a row than anybody
/// tells apart.
pub(crate) const MOST_STEPS: u32 = 64;

impl OpenSteps {
    /// These open times; one that is repeated at the end is kept once.
    pub(crate) fn listed(mut times: Vec<Duration>) -> Self {
        while matches!(times[..], [.., before, last] if before == last) {
            times.pop();
        }
        Self::Listed(times.into())
    }

    /// The longest open time.
    pub(crate) fn max(&self) -> Duration {
        match self {
            Self::Backoff(backoff) => backoff.max(),
            Self::Listed(times) => times.iter().copied().max().unwrap_or_default(),
        }
    }

    /// The open time of step `step`; `draw` is a random number.
    pub(crate) fn step(&self, step: u32, draw: u64) -> Duration {
        match self {
            Self::Backoff(backoff) => backoff.step(step, draw),
            Self::Listed(times) => {
                let own = usize::try_from(step).ok().and_then(|step| times.get(step));
                own.or_else(|| times.last()).copied().unwrap_or_default()
            }
        }
    }
}

#[cfg(test)]
mod tests;
