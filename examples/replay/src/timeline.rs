//! What happened when, in at most 400 epochs of the same length, however long it went on.

use std::time::Duration;

use tower_circuit_breaker::CircuitState;

pub(crate) struct Timeline {
    pub(crate) width: Duration,
    pub(crate) stretches: Vec<Stretch>,
    lanes: usize,
}

#[derive(Debug, Default, Clone)]
pub(crate) struct Stretch {
    pub(crate) calls: u64,
    pub(crate) failures: u64,
    /// For how long the upstream was ill.
    pub(crate) ill: Duration,
    /// For how long each circuit was open, and half-open.
    pub(crate) lanes: Vec<[Duration; 2]>,
}

impl Timeline {
    pub(crate) fn new(lanes: usize) -> Self {
        let empty = Stretch { lanes: vec![Default::default(); lanes], ..Stretch::default() };
        Self { width: SHORTEST, stretches: vec![empty], lanes }
    }

    pub(crate) fn call(&mut self, at: Duration, has_failed: bool) {
        let stretch = self.at(at);
        stretch.calls += 1;
        stretch.failures += u64::from(has_failed);
    }

    pub(crate) fn ill(&mut self, from: Duration, to: Duration) {
        self.spread(from, to, |stretch, part| stretch.ill += part);
    }

    pub(crate) fn state(&mut self, lane: usize, state: CircuitState, from: Duration, to: Duration) {
        match state {
            CircuitState::Closed => {}
            CircuitState::Open => self.spread(from, to, |at, part| at.lanes[lane][0] += part),
            CircuitState::HalfOpen => self.spread(from, to, |at, part| at.lanes[lane][1] += part),
        }
    }

    /// Gives each epoch its part of the time between `from` and `to`.
    fn spread(&mut self, from: Duration, to: Duration, give: impl Fn(&mut Stretch, Duration)) {
        self.at(to);
        let width = self.width;
        let (first, mut begin) = (self.place(from), width * self.index(from));
        for stretch in self.stretches.iter_mut().skip(first) {
            let end = begin + width;
            give(stretch, to.min(end).saturating_sub(from.max(begin)));
            begin = end;
        }
    }

    /// The epoch of `time`; halves their number, by pairs, until there is room for it.
    fn at(&mut self, time: Duration) -> &mut Stretch {
        while time >= self.width * MOST {
            self.width *= 2;
            let pairs = self.stretches.chunks(2).map(|pair| match pair {
                [one, other] => one.with(other),
                rest => rest[0].clone(),
            });
            self.stretches = pairs.collect();
        }
        let place = self.place(time);
        if place >= self.stretches.len() {
            let empty =
                Stretch { lanes: vec![Default::default(); self.lanes], ..Stretch::default() };
            self.stretches.resize(place + 1, empty);
        }
        &mut self.stretches[place]
    }

    fn index(&self, time: Duration) -> u32 {
        u32::try_from(nanos(time) / nanos(self.width)).unwrap_or(MOST)
    }

    fn place(&self, time: Duration) -> usize {
        usize::try_from(self.index(time)).unwrap_or(usize::MAX)
    }
}

impl Stretch {
    fn with(&self, other: &Self) -> Self {
        let both =
            |(one, other): (&[Duration; 2], &[Duration; 2])| [one[0] + other[0], one[1] + other[1]];
        Self {
            calls: self.calls + other.calls,
            failures: self.failures + other.failures,
            ill: self.ill + other.ill,
            lanes: self.lanes.iter().zip(&other.lanes).map(both).collect(),
        }
    }
}

/// A division of 64 bits takes a fraction of one of 128; logs are shorter than 584 years.
fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

const MOST: u32 = 400;
const SHORTEST: Duration = Duration::from_millis(10);
