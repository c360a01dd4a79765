//! Plays calls through real circuits, each on the time of the calls.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fmt;
use std::time::Duration;

use tower_circuit_breaker::{CircuitConfig, ManualClock, Outcome, Permit};

use crate::call::Call;
use crate::lane::Lane;
use crate::timeline::Timeline;
use crate::truth::{Truth, Turn};

pub(crate) struct Bench {
    pub(crate) lanes: Vec<Lane>,
    pub(crate) timeline: Timeline,
    pub(crate) calls: u64,
    truth: Truth,
    ill_since: Option<Duration>,
    clock: ManualClock,
    /// When the first call began, and the time since then.
    origin: Option<Duration>,
    now: Duration,
    under_way: UnderWay,
}

/// Admitted calls that have not ended. The permits of one, a place for each circuit, lie in a row.
#[derive(Default)]
struct UnderWay {
    ends: BinaryHeap<Reverse<(Duration, usize)>>,
    permits: Vec<Option<Permit>>,
    outcomes: Vec<Outcome>,
    free: Vec<usize>,
}

impl Bench {
    pub(crate) fn new(settings: &[(String, CircuitConfig)], truth: Truth) -> Self {
        let clock = ManualClock::new();
        let lane = |(name, config): &(String, CircuitConfig)| {
            Lane::new(name, config.clone(), clock.clone())
        };
        let lanes: Vec<_> = settings.iter().map(lane).collect();
        // A scenario begins before its first call.
        let origin = matches!(truth, Truth::Known(_)).then_some(Duration::ZERO);
        Self {
            timeline: Timeline::new(lanes.len()),
            lanes,
            calls: 0,
            truth,
            ill_since: None,
            clock,
            origin,
            now: Duration::ZERO,
            under_way: UnderWay::default(),
        }
    }

    /// Plays one call; calls come in the order in which they began.
    pub(crate) fn play(&mut self, call: &Call) -> Result<(), TooMany> {
        let origin = *self.origin.get_or_insert(call.at);
        let call = Call { at: call.at.saturating_sub(origin), ..*call };
        self.end_calls(call.at);
        while let Some(turn) = self.truth.turn_before(&call) {
            self.turn(turn);
        }
        self.go_to(call.at);
        self.calls += 1;
        self.timeline.call(call.at, call.has_failed());
        self.admit(&call)?;
        if let Some(turn) = self.truth.turn_by(&call) {
            self.turn(turn);
        }
        Ok(())
    }

    fn admit(&mut self, call: &Call) -> Result<(), TooMany> {
        let slot = self.under_way.slot(self.lanes.len());
        let places = &mut self.under_way.permits[slot * self.lanes.len()..];
        let mut is_admitted = false;
        for (index, (lane, place)) in self.lanes.iter_mut().zip(places).enumerate() {
            *place = lane.admit(call);
            is_admitted |= place.is_some();
            if let Some((state, since)) = lane.look(self.now) {
                self.timeline.state(index, state, since, self.now);
            }
        }
        if !is_admitted {
            self.under_way.free.push(slot);
            return Ok(());
        }
        self.under_way.outcomes[slot] = call.outcome;
        self.under_way.ends.push(Reverse((call.at + call.took, slot)));
        if self.under_way.ends.len() > MOST { Err(TooMany) } else { Ok(()) }
    }

    /// Ends the calls that end by `time`.
    fn end_calls(&mut self, time: Duration) {
        while let Some(Reverse((end, slot))) = self.under_way.ends.peek().copied() {
            if end > time {
                return;
            }
            self.under_way.ends.pop();
            self.go_to(end);
            let outcome = self.under_way.outcomes[slot];
            let places = &mut self.under_way.permits[slot * self.lanes.len()..];
            for (index, (lane, place)) in self.lanes.iter_mut().zip(places).enumerate() {
                let Some(permit) = place.take() else { continue };
                permit.record(outcome);
                if let Some((state, since)) = lane.look(self.now) {
                    self.timeline.state(index, state, since, self.now);
                }
            }
            self.under_way.free.push(slot);
        }
    }

    fn turn(&mut self, turn: Turn) {
        match turn {
            Turn::Ill(at) => self.ill_since = Some(at),
            Turn::Well(at) => {
                if let Some(since) = self.ill_since.take() {
                    self.timeline.ill(since, at);
                }
            }
        }
        for lane in &mut self.lanes {
            lane.turn(turn);
        }
    }

    fn go_to(&mut self, time: Duration) {
        self.clock.advance(time.saturating_sub(self.now));
        self.now = time.max(self.now);
    }

    /// Ends all calls, and the figures.
    pub(crate) fn finish(&mut self) {
        self.end_calls(Duration::MAX);
        if let Some(since) = self.ill_since.take() {
            self.timeline.ill(since, self.now);
        }
        for (index, lane) in self.lanes.iter_mut().enumerate() {
            self.timeline.state(index, lane.state, lane.since, self.now);
            lane.finish();
        }
    }

    /// How long it all took.
    pub(crate) fn length(&self) -> Duration {
        self.now
    }
}

impl UnderWay {
    /// A free place for one call.
    fn slot(&mut self, lanes: usize) -> usize {
        self.free.pop().unwrap_or_else(|| {
            self.outcomes.push(Outcome::Ignored);
            self.permits.resize_with(self.outcomes.len() * lanes, || None);
            self.outcomes.len() - 1
        })
    }
}

/// More calls are under way at once than any upstream has.
#[derive(Debug)]
pub(crate) struct TooMany;

impl fmt::Display for TooMany {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "more than {MOST} calls are under way at once: are the latencies in seconds?")
    }
}

/// So that memory stays bounded: about 64 bytes for each, and 24 for each circuit.
const MOST: usize = 1_000_000;
