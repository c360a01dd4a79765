//! What a fleet does to a circuit on which another feature is at work, and what it hears of that.

#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::sync::Arc;
use std::time::Duration;

use tower_circuit_breaker::fleet::{Member, Ruling, Verdict};
use tower_circuit_breaker::{
    ChangeReason, Circuit, CircuitBuilder, CircuitGroup, CircuitState, FailureKind, ManualClock,
    OpenCap, Outcome, Override,
};
use tower_circuit_breaker_fleet::node::Node;
use tower_circuit_breaker_fleet::options::Options;
use tower_circuit_breaker_fleet::outbox::{LocalChange, Outbox, OutboxListener};
use tower_circuit_breaker_fleet::request::{Ask, Shown};
use tower_circuit_breaker_fleet::time::Timestamp;
use tower_circuit_breaker_fleet::word::Word;

mod restarts;
#[path = "../../tests/fleet/server.rs"]
#[allow(dead_code, reason = "the tests of faults use all of it")]
pub(crate) mod server;
#[path = "../../tests/fleet/shards.rs"]
#[allow(dead_code, reason = "the tests of fail-overs use all of it")]
mod shards;
mod suite;
#[path = "../../tests/fleet/watched.rs"]
#[allow(dead_code, reason = "the tests of fail-overs use all of it")]
mod watched;

const SECOND: Duration = Duration::from_secs(1);
const FAILURE: Outcome = Outcome::Failure(FailureKind::OTHER);

/// A circuit of the fleet, on a clock that stands still, and what it tells the fleet.
fn circuit(
    set: impl FnOnce(CircuitBuilder) -> CircuitBuilder,
) -> (Circuit, ManualClock, Arc<Outbox>) {
    let (clock, outbox) = (ManualClock::new(), Arc::new(Outbox::default()));
    let builder =
        Circuit::builder("api").clock(clock.clone()).listener(OutboxListener(Arc::clone(&outbox)));
    (set(builder).build(), clock, outbox)
}

fn open(epoch: u64, left: u32) -> Verdict {
    let open_for = 30 * SECOND;
    Verdict { epoch, ruling: Ruling::Open { open_for, left: left * SECOND, step: 0 } }
}

const fn said(epoch: u64, ruling: Ruling) -> Verdict {
    Verdict { epoch, ruling }
}

fn refuse(circuit: &Circuit, calls: usize) {
    let admitted = std::iter::repeat_with(|| circuit.try_acquire().ok()).flatten();
    let permits: Vec<_> = admitted.take(calls).collect();
    permits.into_iter().for_each(|permit| permit.record(FAILURE));
}

fn share(circuit: &Circuit) -> f64 {
    circuit.snapshot().admitted_share.unwrap_or(1.0)
}

fn left(circuit: &Circuit) -> Option<Duration> {
    circuit.snapshot().retry_after
}

/// What the fleet is asked about the changes of `circuit`, when the last it said is `word`.
fn asked(circuit: &Circuit, outbox: &Outbox, word: Option<&Word>) -> Vec<Ask> {
    let mut node = Node::new(Options { hold: SECOND, lease: None, vote_window: SECOND, seed: 0 });
    if let Some(word) = word {
        node.heard(circuit, Some(word), Timestamp::ZERO);
    }
    for change in outbox.take().values() {
        node.changed(circuit, change);
    }
    node.requests(9, Timestamp::ZERO).into_iter().map(|request| request.ask).collect()
}

#[test]
fn what_the_fleet_closes_ramps_and_what_it_resets_does_not() {
    let (circuit, ..) = circuit(|b| b.ramp(100 * SECOND));
    circuit.adopt(open(7, 30));

    circuit.adopt(said(8, Ruling::Closed));
    assert_eq!(circuit.state(), CircuitState::Closed);
    assert!((share(&circuit) - 0.1).abs() < 1e-6);

    circuit.adopt(open(9, 30));
    assert_eq!(left(&circuit), Some(30 * SECOND), "also while it ramps");
    circuit.adopt(said(10, Ruling::Fresh));
    assert_eq!(circuit.state(), CircuitState::Closed);
    assert!(share(&circuit) >= 1.0);
}

#[test]
fn what_the_fleet_closes_learns_its_share_anew() {
    let (circuit, _, outbox) = circuit(|b| b.throttle(1.0));
    refuse(&circuit, 10);
    assert!(share(&circuit) < 0.1);
    assert!(outbox.take().is_empty(), "shedding is no vote");

    circuit.adopt(open(7, 30));
    circuit.adopt(said(8, Ruling::Closed));

    assert!(share(&circuit) >= 1.0);
}

#[test]
fn what_the_fleet_opens_takes_a_place_unasked_and_what_finds_none_is_no_vote() {
    let (one, ..) = circuit(|b| b.consecutive_failures(1));
    let (other, _, outbox) = circuit(|b| b.consecutive_failures(1));
    let group = CircuitGroup::new("all").at_most_open(OpenCap::number(1));
    [&one, &other].into_iter().for_each(|circuit| group.add(circuit));
    refuse(&one, 1);
    refuse(&other, 1);
    assert_eq!((other.state(), group.open_members()), (CircuitState::Closed, 1));
    assert!(outbox.take().is_empty());

    other.adopt(open(7, 30));
    assert_eq!((other.state(), group.open_members()), (CircuitState::Open, 2));
    other.adopt(said(8, Ruling::Closed));

    assert_eq!((other.state(), group.open_members()), (CircuitState::Closed, 1));
}

#[test]
fn an_isolation_is_no_vote() {
    let (circuit, _, outbox) = circuit(|b| b.consecutive_failures(1));

    let isolation = circuit.isolate();
    assert_eq!(asked(&circuit, &outbox, None), []);
    drop(isolation);

    // What it has said before of the epoch that the isolation has ended.
    assert_eq!(asked(&circuit, &outbox, None), [Ask::Withdraw]);
}

#[test]
fn what_the_fleet_forces_ends_an_observation_here() {
    for forced in [Override::ForcedOpen, Override::ForcedClosed] {
        let (circuit, ..) = circuit(|b| b);
        circuit.observe();

        circuit.adopt(said(7, Ruling::forced(forced)));
        assert_eq!(circuit.snapshot().overridden, Some(forced));
        circuit.adopt(said(8, Ruling::Closed));

        assert_eq!(circuit.snapshot().overridden, None);
    }
}

#[test]
fn what_a_health_probe_closes_is_well_for_all() {
    let (circuit, ..) = circuit(|b| b);
    let word = Word::of("1 7 o 10000 10000 0 votes there", 10_000);
    let mut node = Node::new(Options { hold: SECOND, lease: None, vote_window: SECOND, seed: 0 });
    node.heard(&circuit, Some(&word), Timestamp::ZERO);
    let change = LocalChange {
        from: CircuitState::Open,
        to: CircuitState::Closed,
        reason: ChangeReason::HealthProbe,
        open_for: Duration::ZERO,
        fleet_epoch: 7,
    };

    node.changed(&circuit, &change);

    let asked: Vec<_> =
        node.requests(9, Timestamp::ZERO).into_iter().map(|request| request.ask).collect();
    assert_eq!(asked, [Ask::Settle { epoch: 7, shown: Shown::Well }]);
}

#[test]
fn what_a_ticker_opens_is_a_vote() {
    let (circuit, clock, outbox) = circuit(|b| b.stalled_calls(1, 5 * SECOND));
    let _hung = circuit.try_acquire().unwrap();
    clock.advance(6 * SECOND);

    circuit.check_stalled_calls();

    let reason = circuit.snapshot().last_trip.map(|trip| trip.reason);
    assert_eq!(reason, Some(ChangeReason::StalledCalls));
    let asked = asked(&circuit, &outbox, None);
    assert!(matches!(asked[..], [Ask::Vote { .. }]), "{asked:?}");
}

#[test]
fn what_the_fleet_has_opened_comes_back_for_what_was_left_and_what_it_forced_does_not() {
    let (earlier, clock, _) = circuit(|b| b);
    earlier.adopt(open(7, 20));
    clock.advance(5 * SECOND);

    let saved = earlier.export().away_for(5 * SECOND);
    let (later, ..) = circuit(|b| b.restore(saved));
    assert_eq!(left(&later), Some(10 * SECOND));
    later.adopt(said(8, Ruling::Closed));
    assert_eq!(left(&later), Some(10 * SECOND), "no longer than was said, and then it probes");
    later.adopt(open(9, 25));
    assert_eq!(left(&later), Some(25 * SECOND));

    earlier.adopt(said(8, Ruling::forced(Override::ForcedOpen)));
    let (later, ..) = circuit(|b| b.restore(earlier.export()));
    assert_eq!((later.state(), later.snapshot().overridden), (CircuitState::Closed, None));
}

#[test]
fn other_settings_leave_the_end_that_the_fleet_said_to_the_fleet() {
    for open_for in [SECOND, 500 * SECOND] {
        let (circuit, clock, outbox) = circuit(|b| b);
        circuit.adopt(open(7, 20));

        circuit.reconfigure(Circuit::builder("").open_for(open_for).into_config());

        assert_eq!(left(&circuit), Some(20 * SECOND));
        assert!(outbox.take().is_empty(), "that is no news");
        circuit.hold(7, 3 * SECOND);
        assert_eq!(left(&circuit), Some(3 * SECOND));
        clock.advance(3 * SECOND);
        let probe = circuit.try_acquire().unwrap();
        circuit.reconfigure(Circuit::builder("").open_for(2 * open_for).into_config());
        circuit.recall(7, 4 * SECOND);
        assert_eq!((circuit.state(), left(&circuit)), (CircuitState::Open, Some(4 * SECOND)));
        drop(probe);
    }
}
