//! Tests of what a node keeps, forgets, and asks again.

#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::time::Duration;

use tower_circuit_breaker::fleet::{FleetCommand, Member};
use tower_circuit_breaker::{ChangeReason, Circuit, CircuitState, ManualClock, Override};

use crate::identity::Identity;
use crate::node::Node;
use crate::options::Options;
use crate::outbox::LocalChange;
use crate::reach::Reach;
use crate::request::{Ask, Reply, Request};
use crate::store::ledger::Ledger;
use crate::terms::Terms;
use crate::time::Timestamp;
use crate::word::Word;
use crate::words::Words;

const SECOND: Duration = Duration::from_secs(1);

fn node() -> Node {
    Node::new(Options { hold: SECOND, lease: None, vote_window: Duration::ZERO, seed: 0 })
}

fn circuit() -> Circuit {
    Circuit::builder("api").consecutive_failures(1).open_for(SECOND).build()
}

fn at(seconds: u64) -> Timestamp {
    Timestamp::ZERO.after(SECOND * u32::try_from(seconds).unwrap())
}

/// Open for a second from now on.
fn open(epoch: u64) -> Word {
    Word::of(&format!("1 {epoch} o 1000 1000 0 votes there"), 1000)
}

fn closed_by(node: &str, epoch: u64) -> Word {
    Word::of(&format!("1 {epoch} c 0 0 0 probes {node}"), 0)
}

fn trip(fleet_epoch: u64) -> LocalChange {
    LocalChange {
        from: CircuitState::Closed,
        to: CircuitState::Open,
        reason: ChangeReason::ConsecutiveFailures,
        open_for: SECOND,
        fleet_epoch,
    }
}

fn fail(circuit: &Circuit) {
    let _ = circuit.run(|| Err::<(), _>("down"));
}

#[test]
fn what_redis_refuses_is_asked_once_in_a_round() {
    let (mut node, circuit) = (node(), circuit());
    fail(&circuit);
    node.changed(&circuit, &trip(0));
    for round in 0..3 {
        let asked = node.requests(9, at(0));
        assert_eq!(asked.len(), 1, "round {round}");
        node.answered(&circuit, &asked[0], None, at(0), at(0));
        assert!(node.requests(9, at(0)).is_empty(), "round {round}");

        node.ask_again();
    }

    // The same for what Redis has lost.
    let (mut node, circuit) = (self::node(), self::circuit());
    node.heard(&circuit, Some(&open(7)), at(0));
    node.heard(&circuit, None, at(0));
    let asked = node.requests(9, at(0));
    assert!(matches!(asked[0].ask, Ask::Restore { .. }));
    node.answered(&circuit, &asked[0], None, at(0), at(0));
    assert!(node.requests(9, at(0)).is_empty());
    node.ask_again();
    assert_eq!(node.requests(9, at(0)), asked);
}

#[test]
fn of_circuits_that_are_gone_only_what_still_holds_is_kept() {
    let words = [
        (open(7), 0, 7),
        (open(7), 1, 0),
        (closed_by("there", 7), 0, 0),
        (Word::of("1 7 fo 0 0 0 operator there", 0), 9999, 7),
    ];
    for (word, later, kept) in words {
        let mut node = node();
        node.heard(&circuit(), Some(&word), at(0));
        node.changed(&circuit(), &trip(7));

        node.forget(|_| true, at(later));
        assert_eq!(node.epoch("api"), 7, "{word:?}");
        node.forget(|_| false, at(later));
        assert_eq!(node.epoch("api"), kept, "{word:?}, {later} s later");
    }
}

#[test]
fn a_lease_asked_for_a_circuit_that_is_gone_does_not_keep_the_next_from_asking() {
    let (mut node, first, next) = (node(), circuit(), circuit());
    node.heard(&first, Some(&open(7)), at(0));
    assert!(first.run(|| Ok::<_, ()>(())).is_err(), "somebody wants in");
    node.attend(|_| Some(first.clone()), Reach::Up, at(1));
    let asked = node.requests(9, at(1));
    assert!(matches!(asked[0].ask, Ask::Lease { .. }), "{asked:?}");

    node.answered_in_vain(&asked[0]);
    node.heard(&next, Some(&open(7)), at(1));
    assert!(next.run(|| Ok::<_, ()>(())).is_err());
    assert!(next.run(|| Ok::<_, ()>(())).is_err());
    node.attend(|_| Some(next.clone()), Reach::Up, at(1));

    assert_eq!(node.requests(9, at(1)).len(), 1);
}

/// The fleet was open in the epoch 6, the circuit has recovered in it, and tripped again.
fn tripped_again() -> (Node, Circuit) {
    let (mut node, circuit) = (node(), circuit());
    node.heard(&circuit, Some(&open(6)), at(0));
    circuit.reset();
    fail(&circuit);
    (node, circuit)
}

#[test]
fn a_trip_after_the_recovery_stands_whoever_tells_of_the_recovery_and_when() {
    for by in ["here", "there"] {
        let (mut node, circuit) = tripped_again();

        node.heard(&circuit, Some(&closed_by(by, 7)), at(0));
        node.changed(&circuit, &trip(6));

        assert_eq!(circuit.state(), CircuitState::Open, "closed by {by}");
        let asked = node.requests(9, at(0));
        assert!(matches!(asked[0].ask, Ask::Vote { known: 7, .. }), "closed by {by}: {asked:?}");
    }
}

#[test]
fn a_vote_refused_for_the_recovery_before_it_is_cast_again() {
    let (mut node, circuit) = tripped_again();
    node.changed(&circuit, &trip(6));
    let asked = node.requests(9, at(0));
    let refusal = Reply::of(Some(closed_by("there", 7)));

    node.answered(&circuit, &asked[0], Some(&refusal), at(0), at(0));
    let again = node.requests(9, at(0));
    assert!(matches!(again[0].ask, Ask::Vote { known: 7, .. }), "{again:?}");

    node.answered(&circuit, &again[0], Some(&refusal), at(0), at(0));
    assert!(node.requests(9, at(0)).is_empty(), "there was nothing newer");
}

#[test]
fn a_trip_of_before_the_fleet_was_open_is_no_vote() {
    for after in [open(7), closed_by("there", 8)] {
        let (mut node, circuit) = (node(), circuit());
        node.heard(&circuit, Some(&closed_by("there", 6)), at(0));
        fail(&circuit);
        node.heard(&circuit, Some(&after), at(0));

        node.changed(&circuit, &trip(6));

        assert!(node.requests(9, at(0)).is_empty(), "{after:?}");
        assert_eq!(circuit.state(), CircuitState::Open, "{after:?}: it acts here");
    }
}

#[test]
fn a_record_opens_no_circuit_for_longer_than_it_may_be_open() {
    let clock = ManualClock::new();
    let circuit = Circuit::builder("api").open_for(SECOND).clock(clock.clone()).build();
    let year = 365 * 24 * 3600;
    let line = format!("1 7 o {ends} {ends} 0 votes there", ends = year * 1000);
    let mut node = node();

    node.heard(&circuit, Some(&Word::of(&line, year * 1000)), at(0));
    let hour = Duration::from_secs(3600);
    assert_eq!(circuit.snapshot().retry_after, Some(hour), "`max_trip_for` of the circuit");

    for link in [Reach::Up, Reach::Down] {
        let seen = node.attend(|_| Some(circuit.clone()), link, at(1));
        assert!(seen.is_none_or(|when| when < at(3600)), "{seen:?}");
        assert!(circuit.snapshot().retry_after <= Some(hour), "{link:?}");
    }
    clock.advance(hour);
    assert!(circuit.try_acquire().is_ok());
}

/// A record that was written while the clock of the store was days ahead.
#[test]
fn after_a_clock_was_set_back_by_days_an_operator_is_heard() {
    const NOW: u64 = 1_790_000_000_000;
    const DAY: u64 = 24 * 3600 * 1000;
    let terms = Terms {
        identity: Identity::named("one", 1),
        quorum: 1,
        vote_window: 10 * SECOND,
        fleet_probes: 1,
    };
    let (mut store, mut node, circuit) = (Ledger::default(), node(), circuit());
    let ask = |known, command| Ask::Command { known, command, words: Words::default() };
    let forced = ask(0, FleetCommand::ForceOpen { lasting: None });
    let word = store.answer(&terms, &forced, NOW + 3 * DAY).unwrap().word;
    node.heard(&circuit, word.as_ref(), at(1));
    assert_eq!(circuit.state(), CircuitState::Open);

    let ask = ask(node.epoch("api"), FleetCommand::ForceClosed { lasting: None });
    let request = Request { circuit: "api".into(), ask };
    let reply = store.answer(&terms, &request.ask, NOW + 2).unwrap();
    node.answered(&circuit, &request, Some(&reply), at(2), at(2));

    assert_eq!(circuit.snapshot().overridden, Some(Override::ForcedClosed));
    let release = Request { circuit: "api".into(), ask: Ask::Read };
    store
        .answer(
            &terms,
            &Ask::Command {
                known: node.epoch("api"),
                command: FleetCommand::Release,
                words: Words::default(),
            },
            NOW + 3,
        )
        .unwrap();
    let reply = store.answer(&terms, &release.ask, NOW + 4).unwrap();
    node.answered(&circuit, &release, Some(&reply), at(4), at(4));
    assert_eq!(circuit.snapshot().overridden, None);
}

/// The fleet had recovered before, and this process alone has tripped since.
#[test]
fn a_vote_that_is_not_enough_is_cast_once() {
    let (mut node, circuit) = (node(), circuit());
    let recovered = Word { age: Some(60 * SECOND), ..closed_by("there", 7) };
    node.heard(&circuit, Some(&recovered), at(0));
    fail(&circuit);
    node.changed(&circuit, &trip(7));
    let mut cast = 0;

    for _ in 0..5 {
        for request in node.requests(9, at(1)) {
            cast += usize::from(matches!(request.ask, Ask::Vote { .. }));
            let reply = Reply { code: 1, ..Reply::of(Some(recovered.clone())) };
            node.answered(&circuit, &request, Some(&reply), at(1), at(1));
        }
        node.heard(&circuit, Some(&recovered), at(1));
    }

    assert_eq!(cast, 1);
    assert_eq!(circuit.state(), CircuitState::Open);
}

/// As after it was evicted and made again by the call that trips it.
#[test]
fn a_circuit_that_is_made_again_and_trips_is_not_closed_by_what_was_before() {
    let (mut node, earlier) = (node(), circuit());
    let reset = Word::of("1 7 c 0 0 0 reset there", 0);
    node.heard(&earlier, Some(&Word { age: Some(SECOND), ..reset }), at(5));
    let again = circuit();
    fail(&again);

    node.remind(&again, at(9));

    assert_eq!((again.state(), again.fleet_epoch()), (CircuitState::Open, 7));
}
