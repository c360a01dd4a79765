//! Outages by name: what calls to such an upstream are like, and when it is ill.

use std::collections::VecDeque;
use std::time::Duration;

use tower_circuit_breaker::{FailureKind, Outcome};

use crate::call::Call;
use crate::chance::Chance;
use crate::truth::{Truth, Turn};

#[derive(Debug)]
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    /// The mean time between two calls.
    gap: Duration,
    phases: &'static [Phase],
    /// How often the phases come.
    times: u32,
}

#[derive(Debug)]
struct Phase {
    lasts: Duration,
    /// The share of calls that fail.
    failing: f64,
    /// What calls take at its beginning, and at its end.
    takes: [Duration; 2],
    is_ill: bool,
}

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "blip",
        about: "100 calls/s; every call fails for 0.3 s, and no more: not worth a trip",
        gap: ms(10),
        phases: &[
            WELL,
            Phase { lasts: ms(300), failing: 1.0, takes: [ms(20); 2], is_ill: false },
            WELL,
        ],
        times: 1,
    },
    Scenario {
        name: "brown-out",
        about: "100 calls/s; 40 % fail for 2 min, and the others take 5 times as long",
        gap: ms(10),
        phases: &[
            WELL,
            Phase { lasts: s(120), failing: 0.4, takes: [ms(400); 2], is_ill: true },
            WELL,
        ],
        times: 1,
    },
    Scenario {
        name: "hard-down",
        about: "100 calls/s; connections are refused for 2 min",
        gap: ms(10),
        phases: &[
            WELL,
            Phase { lasts: s(120), failing: 1.0, takes: [ms(5); 2], is_ill: true },
            WELL,
        ],
        times: 1,
    },
    Scenario {
        name: "hanging",
        about: "100 calls/s; for 2 min none is answered, and each times out after 10 s",
        gap: ms(10),
        phases: &[
            WELL,
            Phase { lasts: s(120), failing: 1.0, takes: [TIME_OUT; 2], is_ill: true },
            WELL,
        ],
        times: 1,
    },
    Scenario {
        name: "flapping",
        about: "100 calls/s; down for 10 s and up for 15 s, six times",
        gap: ms(10),
        phases: &[
            Phase { lasts: s(8), ..WELL },
            Phase { lasts: s(10), failing: 1.0, takes: [ms(5); 2], is_ill: true },
            Phase { lasts: s(7), ..WELL },
        ],
        times: 6,
    },
    Scenario {
        name: "slow-death",
        about: "100 calls/s; ever slower for 1 min, then time-outs of 10 s for 1 min",
        gap: ms(10),
        phases: &[
            WELL,
            Phase { lasts: s(20), failing: 0.01, takes: [ms(80), ms(500)], is_ill: false },
            Phase { lasts: s(40), failing: 0.02, takes: [ms(500), TIME_OUT], is_ill: true },
            Phase { lasts: s(60), failing: 1.0, takes: [TIME_OUT; 2], is_ill: true },
            WELL,
        ],
        times: 1,
    },
    Scenario {
        name: "low-traffic",
        about: "a call every 5 s; connections are refused for 10 min",
        gap: s(5),
        phases: &[
            Phase { lasts: s(600), ..WELL },
            Phase { lasts: s(600), failing: 1.0, takes: [ms(5); 2], is_ill: true },
            Phase { lasts: s(600), ..WELL },
        ],
        times: 1,
    },
];

/// Short, and long enough to see the circuit probe twice: what `outage` plays.
pub(crate) const OUTAGE: Scenario = Scenario {
    name: "outage",
    about: "40 calls/s; connections are refused for 50 s",
    gap: ms(25),
    phases: &[
        Phase { lasts: s(20), ..WELL },
        Phase { lasts: s(50), failing: 1.0, takes: [ms(5); 2], is_ill: true },
        Phase { lasts: s(30), ..WELL },
    ],
    times: 1,
};

impl Scenario {
    pub(crate) fn named(name: &str) -> Result<&'static Self, String> {
        let names = SCENARIOS.iter().map(|scenario| scenario.name).collect::<Vec<_>>().join(", ");
        SCENARIOS
            .iter()
            .find(|scenario| scenario.name == name)
            .ok_or_else(|| format!("{name:?}: must be one of {names}"))
    }

    fn phases(&self) -> impl Iterator<Item = (Duration, &'static Phase)> {
        let phases = (0..self.times).flat_map(|_| self.phases);
        phases.scan(Duration::ZERO, |end, phase| {
            let begin = *end;
            *end += phase.lasts;
            Some((begin, phase))
        })
    }

    /// When the upstream turns ill, and when well.
    pub(crate) fn truth(&self) -> Truth {
        let mut was_ill = false;
        let mut turns = VecDeque::new();
        for (begin, phase) in self.phases() {
            if phase.is_ill != was_ill {
                turns.push_back(if phase.is_ill { Turn::Ill(begin) } else { Turn::Well(begin) });
            }
            was_ill = phase.is_ill;
        }
        if was_ill {
            turns.push_back(Turn::Well(self.phases().map(|(_, phase)| phase.lasts).sum()));
        }
        Truth::Known(turns)
    }

    pub(crate) fn calls(&self, seed: u64) -> impl Iterator<Item = Call> {
        let (mut chance, gap) = (Chance::new(seed), self.gap);
        let mut phases = self.phases().peekable();
        let mut at = Duration::ZERO;
        std::iter::from_fn(move || {
            at += chance.gap(gap);
            while phases.peek().is_some_and(|(begin, phase)| *begin + phase.lasts <= at) {
                phases.next();
            }
            let (begin, phase) = phases.peek()?;
            Some(phase.call(at, at.saturating_sub(*begin), &mut chance))
        })
    }
}

impl Phase {
    fn call(&self, at: Duration, into: Duration, chance: &mut Chance) -> Call {
        let [first, last] = self.takes;
        let part = into.as_secs_f64() / self.lasts.as_secs_f64();
        let median = first.mul_f64((last.as_secs_f64() / first.as_secs_f64()).powf(part));
        // A call that hangs takes as long as its time-out, to the nanosecond.
        let took = if median < TIME_OUT { chance.around(median).min(TIME_OUT) } else { TIME_OUT };
        let outcome = if took == TIME_OUT || chance.happens(self.failing) {
            let kind = if took == TIME_OUT { "timeout" } else { "status" };
            Outcome::Failure(FailureKind::new(kind))
        } else {
            Outcome::Success
        };
        Call { at, took, outcome }
    }
}

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

const fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// One call in 200 fails even so.
const WELL: Phase = Phase { lasts: s(60), failing: 0.005, takes: [ms(80); 2], is_ill: false };
const TIME_OUT: Duration = s(10);
