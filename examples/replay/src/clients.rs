//! Many clients of one upstream that was down and comes back cold: what their circuits put on it.

use std::time::Duration;

use tower_circuit_breaker::{Circuit, CircuitConfig, FailureKind, ManualClock, Outcome, Permit};

use crate::chance::Chance;
use crate::report::{grouped, table};

/// What came of one setting: figures, and a history of seconds.
pub(crate) struct Outing {
    pub(crate) name: String,
    pub(crate) seconds: Vec<Second>,
}

#[derive(Debug, Default, Clone)]
pub(crate) struct Second {
    /// How many calls the upstream could have answered.
    pub(crate) capacity: f64,
    pub(crate) wanted: u32,
    /// Those that reached the upstream, and how many of these it answered.
    pub(crate) tried: u32,
    pub(crate) answered: u32,
}

/// Plays `clients`, each with a circuit of its own, all with the same settings.
pub(crate) fn play(name: &str, config: &CircuitConfig, clients: u32, seed: u64) -> Outing {
    let clock = ManualClock::new();
    let circuit = |_| Circuit::builder(name).config(config.clone()).clock(clock.clone()).build();
    let circuits: Vec<_> = (0..clients).map(circuit).collect();
    let mut chance = Chance::new(seed);
    let (mut tried, mut left) = (Vec::new(), 0.0_f64);
    let mut seconds = vec![Second::default(); END];
    for (index, second) in seconds.iter_mut().enumerate() {
        second.capacity = f64::from(clients) * HEADROOM * warmth(index);
        let a_tick = second.capacity / f64::from(TICKS);
        for _ in 0..TICKS {
            for circuit in circuits.iter().filter(|_| chance.happens(1.0 / f64::from(TICKS))) {
                second.wanted += 1;
                tried.extend(circuit.try_acquire());
            }
            // What one tick leaves is there in the next: a short burst is no overload.
            left = serve(&mut tried, left.min(a_tick) + a_tick, second, &mut chance);
            clock.advance(Duration::from_secs(1) / TICKS);
        }
    }
    Outing { name: name.to_owned(), seconds }
}

/// The share of its capacity that the upstream has: none while it is down, 30 % when it comes back
/// cold, and all of it after half a minute.
fn warmth(second: usize) -> f64 {
    match second {
        DOWN..BACK => 0.0,
        BACK..WARM => {
            let part = |seconds: usize| f64::from(u32::try_from(seconds).unwrap_or(u32::MAX));
            COLD + (1.0 - COLD) * part(second - BACK) / part(WARM - BACK)
        }
        _ => 1.0,
    }
}

/// Answers as many of the calls of one tick as there is capacity for, which ones is a matter of luck;
/// returns what is left of it.
fn serve(tried: &mut Vec<Permit>, capacity: f64, second: &mut Second, chance: &mut Chance) -> f64 {
    let calls = f64::from(u32::try_from(tried.len()).unwrap_or(u32::MAX));
    let answered = ((capacity - REFUSAL * calls) / (1.0 - REFUSAL)).clamp(0.0, calls);
    let share = if calls > 0.0 { answered / calls } else { 0.0 };
    for permit in tried.drain(..) {
        second.tried += 1;
        if chance.happens(share) {
            second.answered += 1;
            permit.record(Outcome::Success);
        } else {
            permit.record(Outcome::Failure(FailureKind::OTHER));
        }
    }
    (capacity - calls).max(0.0)
}

impl Outing {
    /// The calls of the busiest second since it is back, as a multiple of what could be answered.
    pub(crate) fn peak(&self) -> f64 {
        let loads = self.since_back().map(|one| f64::from(one.tried) / one.capacity);
        loads.fold(0.0, f64::max)
    }

    /// How many seconds after it is back all is well, and stays so: 98 % of the calls are answered.
    pub(crate) fn full_service(&self) -> Option<usize> {
        let is_full = |one: &Second| f64::from(one.answered) >= FULL * f64::from(one.wanted);
        let last_bad = self.seconds.iter().rposition(|one| !is_full(one))?;
        (last_bad + 1 < END).then(|| (last_bad + 1).saturating_sub(BACK))
    }

    fn since_back(&self) -> impl Iterator<Item = &Second> {
        self.seconds.iter().skip(BACK)
    }

    fn row(&self) -> [String; 6] {
        let sum =
            |of: fn(&Second) -> u32| grouped(self.since_back().map(|one| u64::from(of(one))).sum());
        // The first ten seconds are those in which the circuits open.
        let down = self.seconds.iter().take(BACK).skip(DOWN + 10);
        let while_down: u64 = down.map(|one| u64::from(one.tried)).sum();
        let length = u64::try_from(BACK - DOWN - 10).unwrap_or(1);
        [
            self.name.clone(),
            format!("{}/s", grouped(while_down / length)),
            format!("{:.1} x", self.peak()),
            sum(|one| one.tried - one.answered),
            sum(|one| one.wanted - one.tried),
            self.full_service().map_or_else(|| "not seen".to_owned(), |after| format!("{after} s")),
        ]
    }
}

pub(crate) fn report(outings: &[Outing], clients: u32) -> String {
    let mut rows = vec![HEAD.map(str::to_owned)];
    rows.extend(outings.iter().map(Outing::row));
    format!(
        "{} clients with a circuit each make a call a second. Their upstream is down from {DOWN} s \
         to {BACK} s, and comes back\ncold: with 30 % of its capacity, which is five calls for each \
         four that are made, and all of it at {WARM} s.\n\n{}\n{LEGEND}",
        grouped(clients.into()),
        table(&rows)
    )
}

const HEAD: [&str; 6] =
    ["settings", "while down", "peak", "refused", "rejected", "full service after"];
const LEGEND: &str = "\
while down  calls that reach the upstream while it is down, from 10 s after it went
peak        the busiest second after it is back, as a multiple of what it can answer in that second
refused     calls that it refused after it was back, each at a fifth of the cost of an answer
rejected    calls that the circuits held back after it was back
";
/// Seconds at which it goes down, is back, is warm, and at which all ends.
pub(crate) const DOWN: usize = 20;
pub(crate) const BACK: usize = 90;
const WARM: usize = 120;
pub(crate) const END: usize = 300;
/// Steps of a second: a call is answered within the one in which it is made.
const TICKS: u32 = 10;
/// What it can answer when warm, for each call that is made.
const HEADROOM: f64 = 1.25;
const COLD: f64 = 0.3;
/// What refusing a call costs, of what answering it costs.
const REFUSAL: f64 = 0.2;
const FULL: f64 = 0.98;
