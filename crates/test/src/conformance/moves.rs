//! Steps of a sequence, and random ones.

use std::time::Duration;

use crate::model::Command;
use crate::random::SplitMix64;
use tower_circuit_breaker::Outcome;

/// One step. Samples and calls in flight go by their number.
#[derive(Debug, Clone, Copy)]
pub(super) enum Move {
    Begin(usize),
    Finish(usize),
    Abandon(usize),
    Call(usize),
    Panic,
    /// Asks a service whether it is ready, to be called later.
    Ready,
    /// Calls that service, and drops the call.
    CallReadied(usize),
    Wait(Wait),
    Command(Command),
    /// Under settings that differ a little, and the first ones again.
    Reconfigure,
}

/// How long to wait.
#[derive(Debug, Clone, Copy)]
pub(super) enum Wait {
    For(Duration),
    /// Until the open time is over, a probe's slot is free, or the backoff starts over.
    UntilDue,
    /// The same, less a nanosecond.
    UntilAlmostDue,
    /// As long as makes a call a slow one, or abandoned.
    AsSlow,
}

/// What the moves of one sequence are drawn from.
pub(super) struct Draw<'a> {
    pub(super) random: &'a mut SplitMix64,
    pub(super) outcomes: &'a [Outcome],
    /// So many of ten calls are failures.
    pub(super) failing: u64,
}

impl Draw<'_> {
    pub(super) fn step(&mut self) -> Move {
        match self.below(40) {
            0..6 => Move::Begin(self.sample()),
            6..11 => Move::Finish(self.index()),
            11..13 => Move::Abandon(self.index()),
            13..27 => Move::Call(self.sample()),
            27 | 28 => Move::Ready,
            29 => Move::CallReadied(self.sample()),
            // Where panics abort there is nobody to tell.
            30 if cfg!(panic = "unwind") => Move::Panic,
            31..38 => Move::Wait(self.wait()),
            38 => Move::Command(self.command()),
            39 if self.below(4) == 0 => Move::Reconfigure,
            _ => Move::Command(Command::Release),
        }
    }

    fn wait(&mut self) -> Wait {
        match self.below(8) {
            0 | 1 => Wait::UntilDue,
            2 => Wait::UntilAlmostDue,
            3 => Wait::AsSlow,
            4 => Wait::For(Duration::from_secs(self.below(120))),
            5 if self.below(8) == 0 => Wait::For(Duration::from_secs(86_400)),
            _ => Wait::For(Duration::from_millis(self.below(2_000))),
        }
    }

    fn command(&mut self) -> Command {
        match self.below(8) {
            0 => Command::Trip,
            1 => Command::TripFor(Duration::from_millis(self.below(100_000))),
            2 => Command::Reset,
            3 => Command::ForceOpen,
            4 => Command::ForceClosed,
            5 => Command::Observe,
            _ => Command::Release,
        }
    }

    /// A failure as often as is wanted, of those that a real upstream gives most.
    pub(super) fn sample(&mut self) -> usize {
        let wants_failure = self.below(10) < self.failing;
        let is_wanted = |outcome: &Outcome| {
            if wants_failure {
                matches!(outcome, Outcome::Failure(_))
            } else {
                matches!(outcome, Outcome::Success)
            }
        };
        let any = self.index() % self.outcomes.len();
        if self.below(12) == 0 {
            return any;
        }
        let of_a_kind: Vec<usize> =
            (0..self.outcomes.len()).filter(|at| is_wanted(&self.outcomes[*at])).collect();
        match of_a_kind.len() {
            0 => any,
            many => of_a_kind[self.index() % many],
        }
    }

    fn index(&mut self) -> usize {
        usize::try_from(self.below(1 << 16)).unwrap_or(0)
    }

    fn below(&mut self, end: u64) -> u64 {
        (self.random.roll() >> 16) % end
    }
}

impl Move {
    /// In words; `outcomes` are those of the samples.
    pub(super) fn describe(self, outcomes: &[Outcome]) -> String {
        match self {
            Self::Begin(sample) => format!("begin a call that will be {:?}", outcomes[sample]),
            Self::Finish(call) => format!("end call {call} of those in flight"),
            Self::Abandon(call) => format!("drop call {call} of those in flight"),
            Self::Call(sample) => format!("a call: {:?}", outcomes[sample]),
            Self::Ready => "ask a service whether it is ready".to_owned(),
            Self::CallReadied(_) => "call that service, and drop the call".to_owned(),
            Self::Panic => "a call that panics".to_owned(),
            Self::Wait(Wait::For(time)) => format!("wait for {time:?}"),
            Self::Wait(Wait::UntilDue) => "wait until what is awaited in that state".to_owned(),
            Self::Wait(Wait::UntilAlmostDue) => "wait until a nanosecond before that".to_owned(),
            Self::Wait(Wait::AsSlow) => "wait as long as makes a call a slow one".to_owned(),
            Self::Command(command) => format!("command: {command:?}"),
            Self::Reconfigure => "reconfigure to other settings, and back".to_owned(),
        }
    }
}
