//! How often `failure_rate_confident` trips without reason, and how soon with one, beside
//! `failure_rate`: `cargo bench --bench confidence`.
//!
//! A rule looks at its window after each failure, and the confidence is that of one look. So each
//! of [`CIRCUITS`] circuits has an upstream that fails by chance alone, at the rate of the rule or
//! below it, until it trips or has looked [`MOST_LOOKS`] times; printed is the share of circuits
//! that has tripped by then. The same on every run.

use tower_circuit_breaker::{
    Circuit, CircuitBuilder, CircuitState, FailureKind, Outcome, SlidingWindow,
};

const CIRCUITS: u32 = 1_000;
const MOST_LOOKS: u32 = 10_000;
const LOOKS: [u32; 3] = [100, 1_000, MOST_LOOKS];

/// `failure_rate` at its default minimum, or with a confidence.
#[derive(Clone, Copy)]
enum Rule {
    Plain,
    Confident(f64),
}

impl Rule {
    const ALL: [Self; 4] =
        [Self::Plain, Self::Confident(0.95), Self::Confident(0.99), Self::Confident(0.999)];

    fn set(self, rate: f64, builder: CircuitBuilder) -> CircuitBuilder {
        match self {
            Self::Plain => builder.failure_rate(rate).minimum_calls(20),
            Self::Confident(confidence) => builder.failure_rate_confident(rate, confidence),
        }
    }

    fn name(self) -> String {
        match self {
            Self::Plain => "20 calls".to_owned(),
            Self::Confident(confidence) => confidence.to_string(),
        }
    }

    fn circuit(self, rate: f64, calls: u32) -> Circuit {
        self.set(rate, Circuit::builder("upstream").window(SlidingWindow::count(calls))).build()
    }

    /// The looks of each circuit until it trips, where it does.
    fn looks(self, rate: f64, failing: f64, window: u32) -> Vec<u32> {
        let mut random = Random(1);
        let trips =
            (0..CIRCUITS).filter_map(|_| looks(&self.circuit(rate, window), failing, &mut random));
        trips.collect()
    }

    /// How many calls it takes to notice that each one fails.
    fn needed(self, rate: f64) -> u32 {
        let circuit = self.circuit(rate, 1_000);
        let fails = |_: &u32| fail(&circuit);
        (1..).find(fails).unwrap_or(0)
    }
}

fn looks(circuit: &Circuit, failing: f64, random: &mut Random) -> Option<u32> {
    let mut looks = 0;
    while looks < MOST_LOOKS {
        if random.roll() >= failing {
            circuit.try_acquire().ok()?.record(Outcome::Success);
            continue;
        }
        looks += 1;
        if fail(circuit) {
            return Some(looks);
        }
    }
    None
}

/// Has a call fail; whether that opens the circuit.
fn fail(circuit: &Circuit) -> bool {
    if let Ok(permit) = circuit.try_acquire() {
        permit.record(Outcome::Failure(FailureKind::OTHER));
    }
    circuit.state() == CircuitState::Open
}

/// `SplitMix64`, from 0 up to below 1.
struct Random(u64);

impl Random {
    #[expect(clippy::cast_precision_loss, reason = "52 bits")]
    fn roll(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 12) as f64 / (1_u64 << 52) as f64
    }
}

#[expect(clippy::print_stdout, reason = "it is what this is for")]
fn main() {
    println!("calls until a total failure is noticed, by rate");
    println!("| rule | 0.1 | 0.3 | 0.5 |\n|---|---:|---:|---:|");
    for rule in Rule::ALL {
        let [a, b, c] = [0.1, 0.3, 0.5].map(|rate| rule.needed(rate));
        println!("| {} | {a} | {b} | {c} |", rule.name());
    }
    println!("\npercent of {CIRCUITS} circuits that trip by so many looks");
    println!("| rate | failing | window | rule | {} | {} | {} |", LOOKS[0], LOOKS[1], LOOKS[2]);
    println!("|---:|---:|---:|---|---:|---:|---:|");
    for rate in [0.1, 0.3, 0.5] {
        for (part, window) in [(1.0, 100), (0.8, 100), (0.5, 100), (0.8, 1_000), (0.5, 1_000)] {
            for rule in Rule::ALL {
                let failing = rate * part;
                let [a, b, c] = tripped(&rule.looks(rate, failing, window));
                let rule = rule.name();
                println!(
                    "| {rate} | {failing:.2} | {window} | {rule} | {a:.1} | {b:.1} | {c:.1} |"
                );
            }
        }
    }
}

/// How many percent of all circuits have tripped by each number of looks.
fn tripped(trips: &[u32]) -> [f64; LOOKS.len()] {
    LOOKS.map(|looks| {
        let tripped: u32 = trips.iter().map(|trip| u32::from(*trip <= looks)).sum();
        f64::from(tripped) / f64::from(CIRCUITS) * 100.0
    })
}
