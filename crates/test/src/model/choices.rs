//! Any string of bytes as choices, for fuzzers and for the inputs they found.
//!
//! Bytes are taken in order, few for each choice, and zeros follow after the end; so a change of
//! one byte changes one choice and moves nothing else that is not optional.

use std::time::Duration;

use crate::model::settings::{KINDS, KindRule, Settings, Share, Window};
use crate::model::sure::{SURE, Sure};
use tower_circuit_breaker::Outcome;

#[derive(Debug)]
pub struct Choices<'a> {
    rest: &'a [u8],
}

impl<'a> Choices<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub fn is_over(&self) -> bool {
        self.rest.is_empty()
    }

    pub fn settings(&mut self) -> Settings {
        let (first_open, longest_open) = (self.time(), self.time());
        let lasting = self.lasting();
        let consecutive = self.option(|c| c.within(1, 8));
        Settings {
            consecutive,
            lasting: lasting.filter(|_| consecutive.is_some()),
            failure_rate_confident: self.confident(),
            failure_rate: self.option(Self::share),
            slow: self.option(|c| (c.share(), c.time())),
            failure_count: self.option(|c| c.within(1, 12)),
            kinds: KindRule::of_kinds(
                [(); 2].map(|()| self.option(|c| (c.within(1, 5), c.option(Self::time)))),
            ),
            window: Some(self.window()),
            minimum_calls: self.within(1, 15),
            first_open,
            longest_open: longest_open.max(first_open),
            probes: self.within(1, 4),
            concurrent_probes: self.within(1, 4),
            failed_probes_allowed: self.within(0, 3),
            probe_timeout: self.option(Self::time),
            abandoned_after: self.option(Self::time),
            max_trip_for: self.time(),
            stalled: self.option(|c| (c.within(1, 6), c.time())),
            ..Settings::default()
        }
    }

    pub fn outcome(&mut self) -> Outcome {
        match self.within(0, 13) {
            0..4 => Outcome::Success,
            kind @ 4..10 => Outcome::Failure(KINDS[kind as usize % KINDS.len()]),
            10 => Outcome::Ignored,
            11 => Outcome::NotSent,
            _ => Outcome::TripFor(self.pause()),
        }
    }

    pub fn pause(&mut self) -> Duration {
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

    /// From what the next byte has besides the choice that it is for, so that scripts mean what
    /// they meant before there was this rule.
    fn confident(&self) -> Option<(Share, Sure)> {
        let byte = usize::from(*self.rest.first()?);
        let is_set = byte >> 5 == 5;
        let (share, sure) = (byte >> 1 & 3, byte >> 3 & 3);
        is_set.then(|| (BELOW_ONE[share], SURE[sure]))
    }

    /// As [`confident`](Self::confident).
    fn lasting(&self) -> Option<Duration> {
        let byte = self.rest.first()?;
        (byte >> 5 == 6).then(|| Duration::from_millis(50 << (byte >> 1 & 7)))
    }

    fn time(&mut self) -> Duration {
        match self.within(0, 138) {
            seconds @ 0..89 => Duration::from_secs(u64::from(seconds) + 1),
            millis => Duration::from_millis(u64::from(millis) - 88),
        }
    }

    pub fn option<T>(&mut self, value: impl FnOnce(&mut Self) -> T) -> Option<T> {
        self.flag().then(|| value(self))
    }

    pub fn flag(&mut self) -> bool {
        self.within(0, 2) == 1
    }

    pub fn index(&mut self) -> usize {
        self.within(0, 256) as usize
    }

    /// A number from `least` up to below `end`, from as many bytes as that takes.
    pub fn within(&mut self, least: u32, end: u32) -> u32 {
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

const BELOW_ONE: [Share; 4] = [
    Share { part: 1, whole: 2 },
    Share { part: 1, whole: 10 },
    Share { part: 1, whole: 3 },
    Share { part: 9, whole: 10 },
];
