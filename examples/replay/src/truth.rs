//! How the upstream was: known of a scenario, guessed from a log.

use std::collections::VecDeque;
use std::time::Duration;

use tower_circuit_breaker::Outcome;

use crate::call::Call;

/// The upstream turned ill or well, then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    Ill(Duration),
    Well(Duration),
}

/// The calls of a log tell, whether the circuit would have let them through or not.
pub(crate) enum Truth {
    /// In the order of their times.
    Known(VecDeque<Turn>),
    Guessed(Guess),
}

impl Truth {
    /// The next turn that is known of by the time that `call` begins.
    pub(crate) fn turn_before(&mut self, call: &Call) -> Option<Turn> {
        match self {
            Self::Known(turns) => {
                let (Turn::Ill(at) | Turn::Well(at)) = turns.front()?;
                if *at <= call.at { turns.pop_front() } else { None }
            }
            Self::Guessed(_) => None,
        }
    }

    /// The turn that `call` makes known.
    pub(crate) fn turn_by(&mut self, call: &Call) -> Option<Turn> {
        match self {
            Self::Known(_) => None,
            Self::Guessed(guess) => guess.hear(call),
        }
    }
}

/// Looks at the last 30 calls. The upstream is ill once 12 of them fail, from the first of these on,
/// and well again once at most 3 do, from the first success among them on.
#[derive(Debug, Default)]
pub(crate) struct Guess {
    last: VecDeque<(Duration, bool)>,
    failures: usize,
    ill_since: Option<Duration>,
}

impl Guess {
    fn hear(&mut self, call: &Call) -> Option<Turn> {
        if matches!(call.outcome, Outcome::Ignored | Outcome::NotSent) {
            return None;
        }
        if self.last.len() == LOOKED_AT {
            let (_, has_failed) = self.last.pop_front()?;
            self.failures -= usize::from(has_failed);
        }
        self.last.push_back((call.at, call.has_failed()));
        self.failures += usize::from(call.has_failed());
        match self.ill_since {
            None if self.failures >= ILL => {
                self.ill_since = self.first(true);
                self.ill_since.map(Turn::Ill)
            }
            Some(since) if self.failures <= WELL => {
                self.ill_since = None;
                self.first(false).map(|at| Turn::Well(at.max(since)))
            }
            _ => None,
        }
    }

    /// When the first of the last calls began that failed, or did not.
    fn first(&self, that_failed: bool) -> Option<Duration> {
        self.last.iter().find(|(_, failed)| *failed == that_failed).map(|(at, _)| *at)
    }
}

const LOOKED_AT: usize = 30;
/// Two fifths and a tenth of these; far apart, so that an upstream that fails half of the time is ill
/// once rather than many times.
const ILL: usize = 12;
const WELL: usize = 3;
