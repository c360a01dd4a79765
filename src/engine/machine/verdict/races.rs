//! Race models of the fleet's verdicts; see `engine::explore`.

#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::time::Duration;

use crate::engine::explore::{Depth, explore, race};
use crate::engine::machine::effect::Effect;
use crate::engine::machine::races::{FAILED, PASSED, START, machine, seconds};
use crate::engine::machine::verdict::{Ruling, Verdict};
use crate::engine::state::CircuitState;
use crate::sync::Arc;

const SECOND: Duration = Duration::from_secs(1);

fn open(epoch: u64) -> Verdict {
    let ruling = Ruling::Open { open_for: 30 * SECOND, left: 30 * SECOND, step: 0 };
    Verdict { epoch, ruling }
}

fn closed(epoch: u64) -> Verdict {
    Verdict { epoch, ruling: Ruling::Closed }
}

/// L13: an old verdict and a new one come at once: the new one stands, whichever comes first.
#[test]
fn an_old_verdict_against_a_new_one() {
    explore(Depth::Every, 2, &["old-verdict"], || {
        let machine = machine(|_| {});
        let (a, b) = (Arc::clone(&machine), Arc::clone(&machine));
        race(move || a.adopt(open(2), START), move || b.adopt(closed(1), START));
        assert_eq!(machine.word().state(), CircuitState::Open);
        assert_eq!(machine.lock().fleet().epoch(), 2);
        assert!(machine.admit(seconds(29)).0.is_err());
    });
}

/// L13: the fleet opens while a call is admitted: a result of before is stale after.
#[test]
fn a_verdict_against_a_call() {
    explore(Depth::Every, 5, &["old-word"], || {
        let machine = machine(|_| {});
        machine.trip(None, START);
        machine.admit(seconds(30)).0.unwrap();
        let (a, b) = (Arc::clone(&machine), Arc::clone(&machine));
        let (_, admitted) =
            race(move || a.adopt(open(2), seconds(31)), move || b.admit(seconds(61)).0);
        assert_eq!(machine.lock().fleet().epoch(), 2);
        if let Ok(ticket) = admitted {
            let word = machine.word();
            assert!(!ticket.is_of(word) || word.state() == CircuitState::HalfOpen);
            let recorded = machine.record(ticket, PASSED, || seconds(61));
            let is_late = !ticket.is_of(machine.word()) && recorded.change().is_none();
            assert!(is_late || machine.word().state() == CircuitState::Closed);
        }
    });
}

/// A process learns that it may not probe while a call would be the probe: either it is rejected, or
/// its verdict is stale.
#[test]
fn a_recall_against_a_probe() {
    explore(Depth::Every, 5, &["old-probe"], || {
        let machine = machine(|_| {});
        machine.adopt(open(1), START);
        let (a, b) = (Arc::clone(&machine), Arc::clone(&machine));
        let (recalled, admitted) = race(
            move || a.recall(1, 60 * SECOND, seconds(30)),
            move || {
                let ticket = b.admit(seconds(30)).0;
                ticket.map(|ticket| (ticket, b.record(ticket, PASSED, || seconds(30))))
            },
        );
        match admitted {
            Ok((_, recorded)) if recorded.change().is_some() => {
                assert_eq!(machine.word().state(), CircuitState::Closed, "it was faster");
                assert!(!matches!(recalled, Effect::Changed(_)));
            }
            Ok((ticket, _)) => assert!(!ticket.is_of(machine.word()), "it was taken back"),
            Err(_) => assert!(machine.admit(seconds(89)).0.is_err(), "it was held"),
        }
    });
}

/// A process loses its store while a probe fails: the open time that begins then stands, whichever
/// came first.
#[test]
fn a_hold_against_a_failed_probe() {
    explore(Depth::Every, 5, &["old-end"], || {
        let machine = machine(|_| {});
        machine.adopt(open(1), START);
        let probe = machine.admit(seconds(30)).0.unwrap();
        let (a, b) = (Arc::clone(&machine), Arc::clone(&machine));
        let (_, recorded) = race(
            move || a.hold(1, Duration::ZERO, seconds(30)),
            move || b.record(probe, FAILED, || seconds(30)),
        );
        assert!(recorded.change().is_some());
        assert_eq!(machine.word().state(), CircuitState::Open);
        assert!(machine.admit(seconds(59)).0.is_err(), "for as long as the circuit said");
    });
}
