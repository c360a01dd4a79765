//! Circuits that several threads call decide what others do.

#![allow(clippy::arithmetic_side_effects, clippy::unwrap_used, reason = "these are tests")]

use std::thread;
use std::time::Duration;

use crate::engine::machine::Machine;
use crate::engine::outcome::{FailureKind, Outcome};
use crate::engine::record::totals::Totals;
use crate::engine::rules::backoff::JitterRng;
use crate::engine::rules::rule::TripRule;
use crate::engine::rules::settings::Settings;
use crate::engine::state::Tag;
use crate::engine::stripes::{LOOKED_AT, Stripe};
use crate::engine::time::Timestamp;
use crate::engine::window::counts::WindowCounts;
use crate::engine::window::span::SlidingWindow;
use crate::sync::Ordering;

const START: Timestamp = Timestamp::from_nanos(1);

fn machine() -> Machine {
    let mut settings = Settings::without_rules();
    settings.add(TripRule::failure_rate(0.3));
    settings.minimum_calls = 12;
    settings.window = Some(SlidingWindow::time(Duration::from_secs(4)).buckets(4));
    Machine::new(settings, 1, START)
}

fn call(machine: &Machine, outcome: Outcome, now: Timestamp) -> bool {
    let admitted = machine.admit(now).0;
    admitted.is_ok_and(|ticket| !machine.record(ticket, Some(outcome), || now).is_stale())
}

fn counts(machine: &Machine, now: Timestamp) -> WindowCounts {
    machine.recorder().counts(Tag::of(machine.word().epoch()), now)
}

/// Calls from two threads in turn until the window counts in stripes; returns how many that took.
fn contend(machine: &Machine) -> u64 {
    let pass = || {
        for _ in 0..LOOKED_AT {
            assert!(call(machine, Outcome::Success, START));
        }
    };
    let mut calls = 0;
    while !machine.recorder().stripes().are_made() {
        thread::scope(|scope| scope.spawn(pass).join().unwrap());
        calls += LOOKED_AT;
        assert!(calls <= 4 * LOOKED_AT, "no stripes after {calls} calls of several threads");
    }
    calls
}

#[test]
fn a_time_window_that_one_thread_calls_has_no_stripes() {
    let machine = machine();

    for _ in 0..5 * LOOKED_AT {
        assert!(call(&machine, Outcome::Success, START));
    }

    assert!(!machine.recorder().stripes().are_made());
    assert_eq!(counts(&machine, START).calls, 5 * LOOKED_AT);
}

#[test]
fn a_time_window_that_several_threads_call_counts_in_their_stripes() {
    let machine = machine();
    let calls = contend(&machine);
    let in_stripes = || {
        let stripes = machine.recorder().stripes().all();
        let counted =
            stripes.map(|it| Tag::strip(it.in_window.load(Ordering::Relaxed)) % Stripe::UNUSED);
        counted.collect::<Vec<_>>()
    };
    let before: u64 = in_stripes().iter().sum();

    thread::scope(|scope| {
        for _ in 0..10 {
            scope.spawn(|| (0..7).all(|_| call(&machine, Outcome::Success, START)));
        }
    });

    assert_eq!(in_stripes().iter().sum::<u64>() - before, 70);
    assert!(in_stripes().iter().filter(|calls| **calls > 0).count() > 1, "{:?}", in_stripes());
    assert_eq!(counts(&machine, START).calls, calls + 70);
    assert_eq!(machine.totals().successes, calls + 70);
    assert_eq!(size_of::<Stripe>() * in_stripes().len(), 1_024);
}

/// By one script, a hundred steps a thread: what one circuit counts in stripes, the other counts as
/// one thread does.
#[test]
fn a_circuit_with_stripes_decides_what_one_without_decides() {
    let (alone, striped) = (machine(), machine());
    let calls = contend(&striped);
    alone.reset(START);
    striped.reset(START);
    let mut now = START;
    let mut trips = 0;
    for chunk in 0..400_u64 {
        let step = |step: u64| {
            let drawn = JitterRng::mix(chunk * 100 + step);
            let outcome = match drawn % 16 {
                0..=3 => Outcome::Failure(FailureKind::OTHER),
                _ => Outcome::Success,
            };
            let later = match drawn >> 32 & 0xff {
                0 => Duration::from_secs(70_000),
                1..=3 => Duration::from_secs(5),
                4..=40 => Duration::from_millis(300),
                _ => Duration::ZERO,
            };
            (outcome, later)
        };
        thread::scope(|scope| {
            let run = || {
                for (outcome, later) in (0..100).map(step) {
                    now = now.after(later);
                    assert_eq!(call(&alone, outcome, now), call(&striped, outcome, now));
                    assert_eq!(alone.word(), striped.word(), "chunk {chunk}");
                    assert_eq!(counts(&alone, now), counts(&striped, now), "chunk {chunk}");
                }
            };
            scope.spawn(run).join().unwrap();
        });
        trips = alone.lock().trips();
    }

    assert!(trips > 20, "{trips} trips");
    let totals = striped.totals();
    let without_first = Totals { successes: totals.successes - calls, ..totals };
    assert_eq!(without_first, alone.totals());
}
