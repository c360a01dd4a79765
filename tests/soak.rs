//! A thousand circuits under load for as long as there is time, with a fault each minute: what was
//! admitted is accounted for, and memory stays flat.
//!
//! Long, so it runs only when asked for: `SOAK_SECONDS=3600 cargo test --release --all-features
//! --test soak -- --ignored --nocapture`. `SOAK_ROUND` is the length of a round, 60 s by default.

#![expect(clippy::disallowed_methods, reason = "it lasts as long as it is given time")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tower_circuit_breaker::{
    Circuit, CircuitConfig, CircuitEvent, FailureKind, Outcome, Permit, SlidingWindow, Totals,
};

const CIRCUITS: usize = 1_000;
const THREADS: u64 = 4;

static LIVE_BYTES: AtomicI64 = AtomicI64::new(0);

/// The system's allocator, which counts what is in use.
struct Counting;

#[expect(unsafe_code, reason = "an allocator cannot be written without")]
// SAFETY: passes everything on to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LIVE_BYTES.fetch_add(i64::try_from(layout.size()).unwrap_or(0), Ordering::Relaxed);
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE_BYTES.fetch_sub(i64::try_from(layout.size()).unwrap_or(0), Ordering::Relaxed);
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// What goes wrong during one round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    None,
    UpstreamFails,
    CallersGoAway,
    UpstreamHangs,
    UpstreamAsksForPauses,
    ListenersPanic,
    OperatorsPlay,
    SettingsChange,
}

const FAULTS: [Fault; 8] = [
    Fault::None,
    Fault::UpstreamFails,
    Fault::CallersGoAway,
    Fault::UpstreamHangs,
    Fault::UpstreamAsksForPauses,
    Fault::ListenersPanic,
    Fault::OperatorsPlay,
    Fault::SettingsChange,
];

static LISTENERS_PANIC: AtomicBool = AtomicBool::new(false);

/// Of three shapes, in turn.
fn settings(number: u64) -> CircuitConfig {
    let builder = Circuit::builder("").open_for(Duration::from_millis(20)).concurrent_probes(2);
    let builder = match number % 3 {
        0 => builder.consecutive_failures(5),
        1 => builder.failure_rate(0.5).window(SlidingWindow::count(100)),
        _ => builder.failure_rate(0.5).slow_call_rate(0.9, Duration::from_millis(5)),
    };
    builder.into_config()
}

fn circuits() -> Vec<Circuit> {
    let make = |number: usize| {
        let circuit =
            Circuit::builder(format!("upstream-{number}")).config(settings(number as u64)).build();
        circuit.on_event(|_: &CircuitEvent| {
            if LISTENERS_PANIC.load(Ordering::Relaxed) {
                std::panic::resume_unwind(Box::new("a listener's own fault"));
            }
        });
        circuit
    };
    (0..CIRCUITS).map(make).collect()
}

/// Numbers without a pattern that matters here (a linear congruential generator).
fn next(random: &mut u64) -> u64 {
    *random =
        random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    *random >> 33
}

/// Which circuit is next.
fn pick(random: &mut u64) -> usize {
    usize::try_from(next(random)).unwrap_or(0) % CIRCUITS
}

/// One thread's calls until `end`; gives how many were admitted, and those that hang.
fn work(circuits: &[Circuit], fault: Fault, end: Instant, random: &mut u64) -> (u64, Vec<Permit>) {
    let (mut admitted, mut hanging) = (0, Vec::new());
    while Instant::now() < end {
        for _ in 0..100 {
            let draw = next(random);
            let Some(circuit) = circuits.get(pick(random)) else {
                continue;
            };
            match (fault, draw % 1_000) {
                (Fault::OperatorsPlay, 0) => circuit.force_open(),
                (Fault::OperatorsPlay, 1) => circuit.observe(),
                (Fault::OperatorsPlay, 2) => circuit.trip(),
                (Fault::OperatorsPlay, 3..=9) => circuit.release(),
                (Fault::SettingsChange, 0..=5) => circuit.reconfigure(settings(draw / 1_000)),
                _ => {}
            }
            let Ok(permit) = circuit.try_acquire() else { continue };
            admitted += 1;
            match (fault, draw % 10) {
                (Fault::CallersGoAway, 0..=4) => drop(permit),
                (Fault::UpstreamHangs, 0) if hanging.len() < 5_000 => hanging.push(permit),
                (Fault::UpstreamAsksForPauses, 0) => {
                    permit.record(Outcome::TripFor(Duration::from_millis(draw % 50)));
                }
                (Fault::UpstreamFails, 0..=8) | (_, 0) => {
                    permit.record(Outcome::Failure(FailureKind::OTHER));
                }
                (_, 1) => permit.record(Outcome::Ignored),
                (_, 2) => permit.record(Outcome::NotSent),
                _ => permit.record(Outcome::Success),
            }
        }
    }
    (admitted, hanging)
}

fn ended(totals: Totals) -> u64 {
    totals.successes
        + totals.failures
        + totals.ignored
        + totals.not_sent
        + totals.abandoned
        + totals.stale
}

fn seconds(name: &str, default: u64) -> Duration {
    let value = std::env::var(name).ok();
    let value = value.map(|value| value.parse().unwrap_or_else(|_| panic!("{name} is no number")));
    Duration::from_secs(value.unwrap_or(default))
}

#[test]
#[ignore = "as long as it is given time: run by tests/deep.sh"]
fn a_thousand_circuits_lose_no_call_and_no_byte() {
    let end = Instant::now() + seconds("SOAK_SECONDS", 600);
    let round = seconds("SOAK_ROUND", 60);
    let circuits = circuits();
    let (admitted, trips) = (AtomicU64::new(0), || {
        circuits.iter().map(|circuit| circuit.snapshot().totals.trips).sum::<u64>()
    });
    // Live bytes after each fault was there once: from then on nothing new is made.
    let mut settled = None;
    let rounds = FAULTS.into_iter().cycle().enumerate();
    for (number, fault) in rounds.take_while(|(number, _)| *number < 16 || Instant::now() < end) {
        LISTENERS_PANIC.store(fault == Fault::ListenersPanic, Ordering::Relaxed);
        let until = Instant::now() + round;
        std::thread::scope(|scope| {
            for thread in 0..THREADS {
                let (circuits, admitted) = (&circuits, &admitted);
                scope.spawn(move || {
                    let mut random = number as u64 * THREADS + thread;
                    let (calls, hanging) = work(circuits, fault, until, &mut random);
                    admitted.fetch_add(calls, Ordering::Relaxed);
                    drop(hanging);
                });
            }
        });
        circuits.iter().for_each(Circuit::release);

        let counted: u64 = circuits.iter().map(|circuit| ended(circuit.snapshot().totals)).sum();
        let calls = admitted.load(Ordering::Relaxed);
        let live = LIVE_BYTES.load(Ordering::Relaxed);
        println!(
            "round {number:>4} {fault:<22?} {calls:>13} calls {:>9} trips {live:>9} bytes",
            trips()
        );
        assert_eq!(counted, calls, "round {number}, {fault:?}");
        let first = *settled.get_or_insert(live);
        if number + 1 == FAULTS.len() {
            settled = Some(live);
        } else if number >= FAULTS.len() {
            let limit = first + first / 50;
            assert!(live <= limit, "round {number}, {fault:?}: {live} bytes, {first} at first");
        }
    }
}
