#![allow(clippy::panic, clippy::unwrap_used, reason = "these are tests")]

use std::time::Duration;

use crate::engine::change::{Change, ChangeReason};
use crate::engine::machine::Machine;
use crate::engine::machine::admit::Rejection;
use crate::engine::machine::effect::Effect;
use crate::engine::machine::isolator::Isolator;
use crate::engine::machine::verdict::{Ruling, Verdict};
use crate::engine::outcome::{FailureKind, Outcome};
use crate::engine::rules::open_steps::OpenSteps;
use crate::engine::rules::rule::TripRule;
use crate::engine::rules::settings::Settings;
use crate::engine::state::{CircuitState, Override};
use crate::engine::time::Timestamp;
use crate::sync::Arc;

mod own;

const START: Timestamp = Timestamp::from_nanos(1);

fn at(seconds: u64) -> Timestamp {
    START.after(Duration::from_secs(seconds))
}

fn machine() -> Machine {
    let mut settings = Settings::without_rules();
    settings.add(TripRule::consecutive_failures(1));
    Machine::new(settings, 1, START)
}

fn open(left: u64) -> Ruling {
    let open_for = Duration::from_secs(30);
    Ruling::Open { open_for, left: Duration::from_secs(left), step: 0 }
}

fn adopt(machine: &Machine, epoch: u64, ruling: Ruling, now: Timestamp) -> Option<Change> {
    match machine.adopt(Verdict { epoch, ruling }, now) {
        Effect::Changed(change) => Some(*change),
        Effect::Nothing | Effect::SlotFreed | Effect::EndsSooner => None,
    }
}

fn rejected_until(machine: &Machine, now: Timestamp) -> Option<Timestamp> {
    match machine.admit(now).0 {
        Err(Rejection::Open { until }) => Some(until),
        Err(_) => None,
        Ok(ticket) => {
            machine.record(ticket, None, || now);
            None
        }
    }
}

#[test]
fn a_verdict_opens_a_closed_circuit_for_what_is_left() {
    let machine = machine();

    let change = adopt(&machine, 7, open(10), START).unwrap();

    assert_eq!(change.to.state, CircuitState::Open);
    assert_eq!((change.reason, change.fleet_epoch), (ChangeReason::Fleet, 7));
    assert_eq!(change.open_for, Some(Duration::from_secs(10)));
    assert_eq!(machine.lock().trips(), 1);
    assert_eq!(rejected_until(&machine, at(9)), Some(at(10)));
    assert_eq!(rejected_until(&machine, at(10)), None);
}

#[test]
fn a_verdict_that_is_not_newer_changes_nothing() {
    let machine = machine();
    adopt(&machine, 7, open(10), START);

    for epoch in [0, 6, 7] {
        assert!(adopt(&machine, epoch, Ruling::Closed, START).is_none(), "{epoch}");
    }

    assert_eq!(machine.word().state(), CircuitState::Open);
}

#[test]
fn a_verdict_moves_the_end_of_an_open_time_in_the_same_epoch() {
    let machine = machine();
    machine.trip(None, START);
    let epoch = machine.word().epoch();

    assert!(adopt(&machine, 7, open(90), START).is_none());

    assert_eq!(machine.word().epoch(), epoch);
    assert_eq!(rejected_until(&machine, at(31)), Some(at(90)));
}

#[test]
fn a_sooner_end_wakes_who_waits_and_a_later_one_does_not() {
    let machine = machine();
    let verdict = |epoch, left| Verdict { epoch, ruling: open(left) };
    adopt(&machine, 1, open(30), START);

    assert!(matches!(machine.adopt(verdict(2, 90), START), Effect::Nothing));
    assert!(matches!(machine.adopt(verdict(3, 10), START), Effect::EndsSooner));
    assert!(matches!(machine.hold(3, Duration::from_secs(20), START), Effect::Nothing));
    assert!(matches!(machine.hold(3, Duration::from_secs(5), START), Effect::EndsSooner));
}

#[test]
fn the_fleet_closes_what_it_opened() {
    for is_probing in [false, true] {
        let machine = machine();
        adopt(&machine, 7, open(10), START);
        let probe = is_probing.then(|| machine.admit(at(10)).0.unwrap());

        let change = adopt(&machine, 8, Ruling::Closed, at(10)).unwrap();

        assert_eq!(change.to.state, CircuitState::Closed, "probing: {is_probing}");
        if let Some(probe) = probe {
            let failed = Some(Outcome::Failure(FailureKind::OTHER));
            machine.record(probe, failed, || at(10));
            assert_eq!(machine.word().state(), CircuitState::Closed, "its verdict is stale");
        }
    }
}

#[test]
fn a_closed_circuit_stays_in_its_epoch_when_the_fleet_closes() {
    let machine = machine();
    let epoch = machine.word().epoch();

    assert!(adopt(&machine, 8, Ruling::Closed, START).is_none());
    assert_eq!(machine.word().epoch(), epoch);

    assert!(adopt(&machine, 9, Ruling::Fresh, START).is_some(), "a reset clears all");
}

#[test]
fn what_the_fleet_forces_it_also_releases() {
    for forced in [Override::ForcedOpen, Override::ForcedClosed] {
        for after in [Ruling::Closed, Ruling::Fresh, open(10)] {
            let machine = machine();
            adopt(&machine, 7, Ruling::forced(forced), START);
            assert_eq!(machine.word().overridden(), Some(forced));

            let change = adopt(&machine, 8, after, START).unwrap();

            assert_eq!(change.from.overridden, Some(forced), "{after:?}");
            assert_eq!(change.to.overridden, None, "{after:?}");
            let is_open = matches!(after, Ruling::Open { .. });
            assert_eq!(change.to.state == CircuitState::Open, is_open, "{after:?}");
        }
    }
}

#[test]
fn what_an_operator_here_has_forced_stays() {
    let rulings = [Ruling::Closed, Ruling::Fresh, open(10), Ruling::forced(Override::ForcedOpen)];
    for ruling in rulings {
        let machine = machine();
        machine.force(Override::ForcedClosed, None, START);

        assert!(adopt(&machine, 7, ruling, START).is_none(), "{ruling:?}");

        assert_eq!(machine.word().overridden(), Some(Override::ForcedClosed), "{ruling:?}");
        assert!(adopt(&machine, 8, Ruling::Closed, START).is_none(), "after {ruling:?}");
        assert_eq!(machine.word().overridden(), Some(Override::ForcedClosed), "{ruling:?}");
    }
}

#[test]
fn an_operator_here_who_forces_the_same_has_forced_it() {
    for forced in [Override::ForcedOpen, Override::ForcedClosed] {
        let machine = machine();
        adopt(&machine, 7, Ruling::forced(forced), START);
        assert_eq!(machine.export(START).0.overridden, None);

        machine.force(forced, None, START);

        assert_eq!(machine.export(START).0.overridden, Some(forced));
        assert!(adopt(&machine, 8, Ruling::Closed, START).is_none());
        assert_eq!(machine.word().overridden(), Some(forced));
    }
}

#[test]
fn under_observation_the_fleet_opens_and_nothing_is_rejected() {
    let machine = machine();
    machine.observe(None, START);

    let change = adopt(&machine, 7, open(10), START).unwrap();

    assert_eq!(change.to.overridden, Some(Override::Observing));
    assert!(machine.admit(at(1)).0.is_ok());
}

#[test]
fn the_next_open_time_is_the_step_after_that_of_the_fleet() {
    let mut settings = Settings::without_rules();
    settings.add(TripRule::consecutive_failures(1));
    let (first, max) = (Duration::from_secs(1), Duration::from_secs(100));
    let backoff = crate::engine::rules::backoff::Backoff::exponential(first, max);
    settings.open = OpenSteps::Backoff(backoff.without_jitter());
    let machine = Machine::new(settings, 1, START);
    let ruling = Ruling::Open { open_for: 8 * first, left: first, step: 3 };
    machine.adopt(Verdict { epoch: 7, ruling }, START);

    let probe = machine.admit(at(1)).0.unwrap();
    let failed = Some(Outcome::Failure(FailureKind::OTHER));
    let change = machine.record(probe, failed, || at(1));

    assert_eq!(change.change().unwrap().open_for, Some(16 * first));
    assert_eq!(machine.lock().backoff(), (16 * first, 4));
}

#[test]
fn a_hold_is_only_for_the_epoch_it_was_meant_for() {
    let machine = machine();
    adopt(&machine, 7, open(10), START);

    machine.hold(6, Duration::from_secs(99), START);
    assert_eq!(rejected_until(&machine, at(1)), Some(at(10)), "another epoch");
    machine.hold(7, Duration::from_secs(20), START);
    assert_eq!(rejected_until(&machine, at(11)), Some(at(20)));
    machine.reset(START);
    machine.hold(7, Duration::from_secs(20), START);
    assert_eq!(rejected_until(&machine, at(1)), None, "closed meanwhile");
    machine.force(Override::ForcedOpen, None, START);
    machine.hold(7, Duration::ZERO, START);
    assert!(machine.admit(at(99)).0.is_err(), "forced meanwhile");
}

#[test]
fn a_recall_takes_probes_back_and_keeps_the_backoff() {
    let machine = machine();
    adopt(&machine, 7, open(10), START);
    let probe = machine.admit(at(10)).0.unwrap();
    let backoff = machine.lock().backoff();

    let Effect::Changed(change) = machine.recall(7, Duration::from_secs(5), at(10)) else {
        panic!("it probed");
    };

    assert_eq!(change.reason, ChangeReason::LeaseOver);
    assert_eq!(machine.lock().backoff(), backoff);
    assert_eq!(rejected_until(&machine, at(11)), Some(at(15)));
    let passed = machine.record(probe, Some(Outcome::Success), || at(11));
    assert!(passed.change().is_none(), "its verdict is stale");
}

#[test]
fn the_fleet_does_not_close_what_it_did_not_open() {
    let machine = machine();
    machine.trip(None, START);

    // Neither the first word,
    assert!(adopt(&machine, 7, Ruling::Closed, START).is_none());
    assert_eq!(machine.word().state(), CircuitState::Open);

    // nor that of a recovery that was this circuit's own.
    adopt(&machine, 8, open(10), START);
    let probe = machine.admit(at(30)).0.unwrap();
    machine.record(probe, Some(Outcome::Success), || at(30));
    machine.trip(None, at(30));
    assert!(adopt(&machine, 9, Ruling::Closed, at(30)).is_none());
    assert_eq!(machine.word().state(), CircuitState::Open);

    adopt(&machine, 10, open(10), at(30));
    assert!(adopt(&machine, 11, Ruling::Closed, at(30)).is_some());
}

#[test]
fn what_the_fleet_says_of_an_isolated_circuit_holds_after_the_isolation() {
    let forced = [Override::ForcedOpen, Override::ForcedClosed].map(Ruling::forced);
    let rulings = [forced[0], forced[1], Ruling::Fresh, Ruling::Closed, open(30)];
    for before in rulings {
        for during in rulings {
            let (machine, by) = (machine(), Arc::<Isolator>::default());
            adopt(&machine, 1, before, START);
            machine.isolate(&by, START);

            adopt(&machine, 2, during, START);
            let word = machine.word();
            assert_eq!(word.overridden(), Some(Override::ForcedOpen), "{before:?}, {during:?}");
            assert_eq!(word.state(), CircuitState::Open, "{before:?}, {during:?}");
            machine.end_isolation(&by, START);

            let expected = match during {
                Ruling::Forced { overridden: forced, .. } => Some(forced),
                _ => None,
            };
            assert_eq!(machine.word().overridden(), expected, "{before:?}, {during:?}");
            assert!(expected.is_some() || machine.word().is_closed(), "{before:?}, {during:?}");
            assert_eq!(
                machine.own_override().is_some_and(|(own, _)| own.by_fleet),
                expected.is_some(),
                "{during:?}"
            );
        }
    }
}

#[test]
fn an_isolation_leaves_alone_who_has_forced_the_circuit() {
    let (machine, by) = (machine(), Arc::<Isolator>::default());
    adopt(&machine, 1, Ruling::forced(Override::ForcedClosed), START);

    machine.isolate(&by, START);
    machine.end_isolation(&by, START);
    adopt(&machine, 2, Ruling::Closed, START);

    assert_eq!(machine.word().overridden(), None, "the fleet can take back what it has forced");
    machine.force(Override::ForcedClosed, None, START);
    machine.isolate(&by, START);
    adopt(&machine, 3, Ruling::forced(Override::ForcedOpen), START);
    machine.end_isolation(&by, START);
    assert_eq!(machine.word().overridden(), Some(Override::ForcedClosed));
}
