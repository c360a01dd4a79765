//! Any string of bytes as settings and a script, for fuzzers and for the inputs they found.
//!
//! Bytes are taken in order, few for each choice, and zeros follow after the end; so a change of
//! one byte changes one setting or one step and moves nothing else that is not optional.

use std::time::Duration;

use tower_circuit_breaker::Outcome;

use crate::script::{Command, MOST_STEPS, Step};
use crate::settings::{KINDS, Settings, Share, Window};

/// Settings first, then steps until the bytes or the room for steps end.
pub(crate) fn decode(bytes: &[u8]) -> (Settings, Vec<Step>) {
    let mut bytes = Bytes { rest: bytes };
    let settings = bytes.settings();
    let steps = std::iter::from_fn(|| (!bytes.rest.is_empty()).then(|| bytes.step()));
    (settings, steps.take(MOST_STEPS).collect())
}

struct Bytes<'a> {
    rest: &'a [u8],
}

impl Bytes<'_> {
    fn settings(&mut self) -> Settings {
        let (first_open, longest_open) = (self.time(), self.time());
        Settings {
            consecutive: self.option(|b| b.within(1, 8)),
            failure_rate: self.option(Self::share),
            slow: self.option(|b| (b.share(), b.time())),
            failure_count: self.option(|b| b.within(1, 12)),
            kinds: [(); 2].map(|()| self.option(|b| (b.within(1, 5), b.option(Self::time)))),
            window: self.window(),
            minimum_calls: self.within(1, 15),
            first_open,
            longest_open: longest_open.max(first_open),
            probes: self.within(1, 4),
            concurrent_probes: self.within(1, 4),
            failed_probes_allowed: self.within(0, 3),
            probe_timeout: self.option(Self::time),
            abandoned_after: self.option(Self::time),
            longest_trip_for: self.time(),
        }
    }

    fn step(&mut self) -> Step {
        match self.within(0, 59) {
            0..12 => Step::Admit,
            12..24 => Step::Finish(self.index(), self.outcome()),
            24..27 => Step::Drop(self.index()),
            27 => Step::Panic,
            28..48 => Step::Call(self.outcome()),
            48..56 => Step::Advance(self.pause()),
            56 | 57 => Step::Command(self.command()),
            _ => Step::Reconfigure(Box::new(self.settings())),
        }
    }

    fn command(&mut self) -> Command {
        match self.within(0, 12) {
            0 | 1 => Command::Trip,
            2 => Command::TripFor(self.pause()),
            3 | 4 => Command::Reset,
            5 => Command::ForceOpen,
            6 => Command::ForceClosed,
            7 => Command::Observe,
            _ => Command::Release,
        }
    }

    fn outcome(&mut self) -> Outcome {
        match self.within(0, 13) {
            0..4 => Outcome::Success,
            kind @ 4..10 => Outcome::Failure(KINDS[kind as usize % KINDS.len()]),
            10 | 11 => Outcome::Ignored,
            _ => Outcome::TripFor(self.pause()),
        }
    }

    fn pause(&mut self) -> Duration {
        match self.within(0, 13) {
            0..3 => Duration::from_nanos(self.within(0, 1_000_000).into()),
            3..9 => Duration::from_millis(self.within(0, 3_000).into()),
            9..12 => Duration::from_secs(self.within(0, 120).into()),
            _ => Duration::from_secs(self.within(0, 5_184_000).into()), // 60 days
        }
    }

    fn window(&mut self) -> Window {
        if self.flag() {
            Window::Calls(self.within(1, 45))
        } else {
            Window::Time(self.within(1, 12), self.time())
        }
    }

    fn share(&mut self) -> Share {
        let whole = self.within(1, 11);
        Share { part: self.within(1, whole + 1), whole }
    }

    fn time(&mut self) -> Duration {
        match self.within(0, 138) {
            seconds @ 0..89 => Duration::from_secs(u64::from(seconds) + 1),
            millis => Duration::from_millis(u64::from(millis) - 88),
        }
    }

    fn option<T>(&mut self, value: impl FnOnce(&mut Self) -> T) -> Option<T> {
        self.flag().then(|| value(self))
    }

    fn flag(&mut self) -> bool {
        self.within(0, 2) == 1
    }

    fn index(&mut self) -> usize {
        self.within(0, 256) as usize
    }

    /// A number from `least` up to below `end`, from as many bytes as that takes.
    fn within(&mut self, least: u32, end: u32) -> u32 {
        let choices = end - least;
        let bytes = (u32::BITS - (choices - 1).leading_zeros()).div_ceil(8);
        let number = (0..bytes).fold(0, |number, _| number << 8 | self.byte());
        least + number % choices
    }

    fn byte(&mut self) -> u32 {
        let Some((first, rest)) = self.rest.split_first() else { return 0 };
        self.rest = rest;
        (*first).into()
    }
}
