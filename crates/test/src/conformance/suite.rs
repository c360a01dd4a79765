//! All sequences, without the types of the user's results.

use std::collections::BTreeMap;

use crate::conformance::case::Case;
use crate::conformance::changes::Changes;
use crate::conformance::moves::{Draw, Move, Wait};
use crate::conformance::promise::Promise;
use crate::conformance::report::{Broken, Repeat};
use crate::conformance::subject::{Plain, Subject};
use crate::conformance::time::Time;
use crate::describe::Described;
use crate::model::Command;
use crate::random::SplitMix64;
use tower_circuit_breaker::{Circuit, CircuitBuilder, Outcome};

pub(super) struct Suite<'a> {
    pub(super) make: &'a dyn Fn() -> CircuitBuilder,
    pub(super) time: &'a dyn Fn() -> Time,
    pub(super) layered: &'a dyn Fn(&Circuit) -> Box<dyn Subject>,
    /// Of the samples, in their order.
    pub(super) outcomes: Vec<Outcome>,
    pub(super) seed: u64,
    pub(super) cases: u32,
    pub(super) steps: u32,
    /// So many failures open a closed circuit.
    pub(super) opened_after: u32,
}

/// How calls are made.
#[derive(Debug, Clone, Copy)]
pub(super) enum Calls {
    Plain,
    Layered,
}

/// What all sequences came to.
pub(super) struct Tally {
    pub(super) checks: BTreeMap<Promise, u64>,
    pub(super) steps: u64,
}

impl Suite<'_> {
    pub(super) fn build(&self, time: &Time, changes: Changes) -> Circuit {
        (self.make)().clock(time.clock()).listener(changes).build()
    }

    pub(super) fn subject(&self, circuit: &Circuit, calls: Calls) -> Box<dyn Subject> {
        match calls {
            Calls::Plain => {
                Box::new(Plain { circuit: circuit.clone(), outcomes: self.outcomes.clone() })
            }
            Calls::Layered => (self.layered)(circuit),
        }
    }

    /// Runs all sequences.
    pub(super) fn run(&self) -> Result<Tally, Broken> {
        let mut tally = Tally { checks: BTreeMap::new(), steps: 0 };
        for case in 0..self.cases {
            let calls = if case % 2 == 0 { Calls::Plain } else { Calls::Layered };
            let moves = self.moves(case);
            let mut run = Case::new(self, calls);
            if let Err((broken, after)) = run.run(&moves) {
                return Err(self.shortest(case, calls, &moves[..after], broken));
            }
            tally.steps += u64::try_from(moves.len()).unwrap_or(u64::MAX);
            for (promise, times) in run.checks.0 {
                *tally.checks.entry(promise).or_default() += times;
            }
        }
        Ok(tally)
    }

    /// The moves of one sequence: the same for the same seed and number.
    fn moves(&self, case: u32) -> Vec<Move> {
        let mut random = SplitMix64::new(self.seed ^ u64::from(case).wrapping_mul(SPREAD));
        let failing = [1, 5, 9][usize::try_from(random.roll() >> 60).unwrap_or(0) % 3];
        let mut moves = match random.roll() >> 62 {
            0 => self.to_the_brink(),
            1 => self.ignored_probes(&mut random),
            _ => Vec::new(),
        };
        let mut draw = Draw { random: &mut random, outcomes: &self.outcomes, failing };
        moves.extend((0..self.steps).map(|_| draw.step()));
        moves
    }

    /// To the very edge of a trip, which random calls seldom come to where limits are high.
    fn to_the_brink(&self) -> Vec<Move> {
        let failures: Vec<usize> = (0..self.outcomes.len())
            .filter(|at| matches!(self.outcomes[*at], Outcome::Failure(_)))
            .collect();
        let before = self.opened_after.saturating_sub(1).min(MOST_BEFORE);
        (0..before).zip(failures.iter().cycle()).map(|(_, at)| Move::Call(*at)).collect()
    }

    /// About as many probes as close a circuit by being ignored, perhaps with another between.
    fn ignored_probes(&self, random: &mut SplitMix64) -> Vec<Move> {
        let Some(ignored) = self.outcomes.iter().position(|it| *it == Outcome::Ignored) else {
            return Vec::new();
        };
        let any = Draw { random, outcomes: &self.outcomes, failing: 3 }.sample();
        let between = (random.roll() >> 63 == 0).then_some(Move::Call(any));
        let mut moves = vec![Move::Command(Command::Trip), Move::Wait(Wait::UntilDue)];
        moves.extend([Move::Call(ignored); 9]);
        moves.extend(between);
        moves.extend([Move::Call(ignored); 8]);
        moves
    }

    /// The shortest moves that were found to break the same promise.
    fn shortest(&self, case: u32, calls: Calls, moves: &[Move], broken: Broken) -> Broken {
        let mut best = (moves.to_vec(), broken);
        let mut tries = MOST_TRIES;
        let mut piece = (moves.len() / 2).max(1);
        loop {
            let mut at = 0;
            while at < best.0.len() && tries > 0 {
                tries -= 1;
                let mut fewer = best.0.clone();
                fewer.drain(at..(at + piece).min(fewer.len()));
                match Case::new(self, calls).run(&fewer) {
                    Err((broken, _)) if broken.promise() == best.1.promise() => {
                        best = (fewer, broken);
                    }
                    _ => at += piece,
                }
            }
            if piece == 1 || tries == 0 {
                return self.told(case, calls, &best.0, best.1);
            }
            piece /= 2;
        }
    }

    /// The same, with what is needed to see it again.
    fn told(&self, case: u32, calls: Calls, moves: &[Move], mut broken: Broken) -> Broken {
        let mut run = Case::new(self, calls);
        // Once more, for the state that it ends in.
        let _ = run.run(moves);
        broken.fault.circuit = Described(&run.circuit).to_string();
        broken.fault.steps = moves.iter().map(|step| step.describe(&self.outcomes)).collect();
        let calls = match calls {
            Calls::Plain => "calls by permit",
            Calls::Layered => "calls through the layer",
        };
        broken.fault.repeat = Some(Repeat { seed: self.seed, case, calls });
        broken
    }
}

/// An odd number with bits everywhere, so that neighbours draw differently.
const SPREAD: u64 = 0xd1b5_4a32_d192_ed03;
/// Beyond that a sequence would be mostly this.
const MOST_BEFORE: u32 = 500;
/// A second or so, at the length of most sequences.
const MOST_TRIES: u32 = 2_000;
