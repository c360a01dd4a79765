//! What it takes to find a circuit by its name among others: `cargo bench --bench registry`.
//!
//! Names are asked for in no order, each timed by itself; the clock's own share is in every figure.
//! What grows with the number of circuits is how seldom one is in the processor's caches.

#![allow(clippy::print_stdout, reason = "it prints what it measures")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use tower_circuit_breaker::CircuitRegistry;

const LOOK_UPS: usize = 1_000_000;

/// Prime to every number of circuits here, so that all are asked for, and neighbours seldom follow.
const STRIDE: usize = 7_368_787;

fn main() {
    // `cargo test --benches` only asks whether it runs.
    let look_ups = if std::env::args().any(|arg| arg == "--bench") { LOOK_UPS } else { 100 };
    println!("{:>8} {:>8} {:>8} {:>8}  (ns)", "circuits", "p50", "p99", "mean");
    for number in [10, 1_000, 10_000, 100_000] {
        let (registry, names) = circuits(number);
        let mut times = each(&registry, &names, look_ups);
        times.sort_unstable();
        let [median, late] = [50, 99].map(|percent| times[(times.len() - 1) * percent / 100]);
        let [median, late, mean] =
            [median, late, mean(&registry, &names, look_ups)].map(|time| time.as_nanos());
        println!("{number:>8} {median:>8} {late:>8} {mean:>8}");
    }
}

fn circuits(number: usize) -> (CircuitRegistry, Vec<String>) {
    let registry = CircuitRegistry::new();
    let names: Vec<_> = (0..number).map(|number| format!("host-{number:06}")).collect();
    for name in &names {
        registry.get_or_create(name);
    }
    (registry, names)
}

fn in_no_order(names: &[String], look_ups: usize) -> impl Iterator<Item = &String> {
    (0..look_ups).map(|look_up| &names[look_up.wrapping_mul(STRIDE) % names.len()])
}

fn each(registry: &CircuitRegistry, names: &[String], look_ups: usize) -> Vec<Duration> {
    let timed = |name: &String| {
        // Whoever asks has the name at hand.
        let name = &name.clone();
        let started = now();
        black_box(registry.get_or_create(black_box(name)));
        now().duration_since(started)
    };
    in_no_order(names, look_ups).map(timed).collect()
}

fn mean(registry: &CircuitRegistry, names: &[String], look_ups: usize) -> Duration {
    let started = now();
    for name in in_no_order(names, look_ups) {
        black_box(registry.get_or_create(black_box(name)));
    }
    now().duration_since(started) / u32::try_from(look_ups).unwrap_or(u32::MAX)
}

#[expect(clippy::disallowed_methods, reason = "it measures")]
fn now() -> Instant {
    Instant::now()
}
