//! Tests of a process whose link comes late, for want of a processor: its callers may be there first.

#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::time::Duration;

use tower_circuit_breaker::{CircuitState, FailureKind, Outcome};

use crate::node::tests::apart::{CutOff, HOLD};
use crate::reach::Reach;
use crate::request::{Ask, Reply, Request};
use crate::word::Word;

impl CutOff {
    /// With a lease that is over in 1.25 s; the open time is in a quarter of a second.
    fn with_lease() -> Self {
        let mut process = Self::new();
        process.wait(750);
        let asked = process.asks_for_a_lease();
        process.answered(&asked, Some((1, 1250)));
        process
    }

    /// It was stopped, and a caller is there before the link: what that finds until the link is due.
    fn waits_for_its_link(&self, when: &str) {
        assert!(!self.call(), "{when}: another may probe by now");
        assert_eq!(self.circuit.state(), CircuitState::Open, "{when}");
        assert_eq!(self.circuit.snapshot().retry_after, Some(HOLD), "{when}");
    }

    /// Its link has a processor again.
    fn asks_again(&mut self) {
        self.attend(Reach::Up);
        assert!(!self.call());
        self.attend(Reach::Up);
        let asked = self.asks();
        assert!(asked.iter().any(|asked| matches!(asked.ask, Ask::Lease { .. })), "{asked:?}");
    }
}

#[test]
fn nobody_probes_after_the_end_of_a_lease_though_the_link_comes_late() {
    // No call has come while it lasted.
    let mut process = CutOff::with_lease();
    process.wait(1249);
    assert!(process.circuit.try_acquire().is_ok(), "while it lasts");
    let mut process = CutOff::with_lease();
    process.wait(1250);
    process.waits_for_its_link("open");
    process.asks_again();

    // A call has, and has shown nothing.
    let mut process = CutOff::with_lease();
    process.wait(250);
    process.circuit.try_acquire().unwrap().record(Outcome::Ignored);
    assert_eq!(process.circuit.state(), CircuitState::HalfOpen);
    process.wait(1000);
    process.waits_for_its_link("half-open");
    process.asks_again();
}

#[test]
fn what_a_probe_shows_after_its_lease_says_nothing() {
    for outcome in [Outcome::Success, Outcome::Failure(FailureKind::OTHER)] {
        let mut process = CutOff::with_lease();
        process.wait(250);
        let probe = process.circuit.try_acquire().unwrap();
        process.wait(1000);

        probe.record(outcome);

        let found = process.circuit.snapshot();
        assert_eq!((found.state, found.totals.stale), (CircuitState::Open, 1), "{outcome:?}");
        assert_eq!(found.retry_after, Some(HOLD), "{outcome:?}: it is no step of the backoff");
    }
}

#[test]
fn a_process_that_was_stopped_asks_before_it_probes() {
    type Stop = fn(&mut CutOff);
    let stops: [(&str, Stop); 5] = [
        ("since it heard of a long time", |process| {
            *process = CutOff::open_for(Duration::from_secs(30));
            process.wait(30_000);
        }),
        ("since it heard of a short time", |process| {
            *process = CutOff::open_for(Duration::from_millis(150));
            process.wait(150);
        }),
        ("when it is near", |process| {
            process.wait(750);
            process.attend(Reach::Up);
            process.wait(250 + 500 + 500);
        }),
        ("when it has asked", |process| {
            process.wait(750);
            process.asks_for_a_lease();
            process.wait(250 + 500 + 500);
        }),
        ("while another probes", |process| {
            process.wait(750);
            let asked = process.asks_for_a_lease();
            process.answered(&asked, Some((0, 1000)));
            process.wait(1000 + 500);
        }),
    ];
    for (when, stop) in stops {
        let mut process = CutOff::new();
        stop(&mut process);
        process.waits_for_its_link(when);
        process.wait(499);
        assert!(!process.call(), "{when}");

        // There may be no link any longer.
        process.wait(1);
        let probe = process.circuit.try_acquire();
        assert!(probe.is_ok(), "{when}: then it goes by itself");
        assert!(!process.call(), "{when}: with as many calls as it may alone");
    }
}

#[test]
fn a_process_that_goes_by_itself_waits_for_no_link() {
    let mut process = CutOff::with_lease();
    process.attend(Reach::Down);
    process.wait(9000);
    assert!(process.call(), "the store is away");

    let mut process = CutOff::with_lease();
    process.node.leave(|_| Some(process.circuit.clone()), process.now);
    process.wait(9000);
    assert!(process.call(), "it has left");

    let mut process = CutOff::new();
    process.wait(750);
    let asked = process.asks_for_a_lease();
    assert!(matches!(asked.ask, Ask::Lease { .. }));
    process.answered(&asked, None);
    process.wait(9000);
    assert!(process.call(), "the store could not say");
    process.wait(9000);
    assert!(process.call(), "nor does it after an open time of its own");
}

/// Redis is silent, and the probe that it was not asked about takes its time.
#[test]
fn a_probe_without_a_lease_is_not_ended_for_want_of_one() {
    let mut process = CutOff::new();
    process.wait(750);
    process.asks_for_a_lease();
    process.wait(250 + 500);
    let probe = process.circuit.try_acquire().unwrap();
    process.wait(900);

    probe.record(Outcome::Success);

    assert_eq!(process.circuit.state(), CircuitState::Closed);
    process.wait(Duration::from_secs(9).as_millis().try_into().unwrap());
    assert!(process.call());
}

/// It was stopped while Redis answered: what was left then is over.
#[test]
fn an_answer_that_is_read_late_says_what_is_left_by_now() {
    for (late, left) in [(0, 30_000), (1000, 30_000), (11_000, 20_000), (90_000, 0)] {
        let mut process = CutOff::new();
        let asked = Request { circuit: "api".into(), ask: Ask::Read };
        let sent = process.now;
        process.wait(late);

        let word = Word::of("1 8 o 30000 30000 0 votes there", 30_000);
        let word = Word { age: Some(Duration::from_millis(5)), ..word };
        let reply = Reply::of(Some(word));
        process.node.answered(&process.circuit, &asked, Some(&reply), sent, process.now);

        let known = process.node.word("api", process.now).unwrap();
        assert_eq!(known.left, Duration::from_millis(left), "{late} ms late");
        let most = Duration::from_millis(left) + HOLD;
        assert!(process.circuit.snapshot().retry_after.unwrap() <= most, "{late} ms late");
    }
}
