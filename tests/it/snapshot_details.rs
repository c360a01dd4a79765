//! What a snapshot tells of an incident: who, why, how far, and by which limits.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use tower::{Layer, Service, service_fn};
use tower_circuit_breaker::fleet::{Member, Ruling, Verdict};
use tower_circuit_breaker::{
    ChangeReason, Circuit, CircuitBreakerLayer, CircuitGroup, CircuitState, FailureKind, OpenCap,
    Outcome, Override, OverrideOrder, RejectReason, SlidingWindow, TripRule,
};

use crate::support::{SECOND, circuit, fail, fail_as, ready_to_probe, rejection, succeed};

/// The rejections by reason, and whether they are all.
#[track_caller]
fn rejected(circuit: &Circuit) -> [u64; 7] {
    let snapshot = circuit.snapshot();
    let of = snapshot.rejections;
    let all = [
        of.open,
        of.probes_busy,
        of.forced_open,
        of.isolated,
        of.not_ready,
        of.ramping,
        of.throttled,
    ];
    assert_eq!(all.iter().sum::<u64>(), snapshot.totals.rejected);
    all
}

#[test]
fn rejections_are_counted_by_reason() {
    let (circuit, clock) = circuit(|b| b.consecutive_failures(1));
    circuit.trip();
    (0..3).for_each(|_| drop(rejection(&circuit)));
    assert_eq!(rejected(&circuit), [3, 0, 0, 0, 0, 0, 0]);

    ready_to_probe(&circuit, &clock);
    let probe = circuit.try_acquire().unwrap();
    assert_eq!(rejection(&circuit).reason(), RejectReason::ProbesBusy);
    probe.record(Outcome::Success);
    circuit.force_open();
    (0..2).for_each(|_| drop(rejection(&circuit)));
    assert_eq!(rejected(&circuit), [3, 1, 2, 0, 0, 0, 0]);

    // An isolation lies over what is forced, and is told from it.
    let isolation = circuit.isolate();
    (0..4).for_each(|_| drop(rejection(&circuit)));
    assert_eq!(rejected(&circuit), [3, 1, 2, 4, 0, 0, 0]);
    drop(isolation);
    drop(rejection(&circuit));
    circuit.release();
    let isolation = circuit.isolate();
    drop(rejection(&circuit));
    drop(isolation);
    succeed(&circuit);
    assert_eq!(rejected(&circuit), [3, 1, 3, 5, 0, 0, 0]);
}

#[test]
fn shed_calls_are_counted_by_what_sheds_them() {
    let (throttling, _) = circuit(|b| b.throttle(1.1));
    for _ in 0..200 {
        if let Ok(permit) = throttling.try_acquire() {
            permit.record(crate::support::FAILURE);
        }
    }
    let [.., ramping, throttled] = rejected(&throttling);
    assert!(ramping == 0 && throttled > 10, "{throttled}");

    let (ramping, clock) = circuit(|b| b.ramp(60 * SECOND));
    ready_to_probe(&ramping, &clock);
    succeed(&ramping);
    for _ in 0..200 {
        if let Ok(permit) = ramping.try_acquire() {
            permit.record(Outcome::Success);
        }
    }
    let [.., shed, throttled] = rejected(&ramping);
    assert!(shed > 50 && throttled == 0, "{shed}");
}

#[tokio::test]
async fn calls_of_a_service_that_was_not_ready_are_counted_as_that() {
    let (circuit, _) = circuit(|b| b);
    let layer = CircuitBreakerLayer::new(circuit.clone());
    let mut service = layer.layer(service_fn(|()| async { Ok::<_, ()>(()) }));
    circuit.trip();
    std::future::poll_fn(|cx| service.poll_ready(cx)).await.unwrap();
    circuit.reset();

    service.call(()).await.unwrap_err();

    assert_eq!(rejected(&circuit), [0, 0, 0, 0, 1, 0, 0]);
}

#[test]
fn a_half_open_circuit_tells_how_its_probes_have_done() {
    let (circuit, clock) = circuit(|b| {
        b.probes(3).concurrent_probes(2).failed_probes_allowed(1).probe_timeout(7 * SECOND)
    });
    assert_eq!(circuit.snapshot().probes, None);
    ready_to_probe(&circuit, &clock);
    assert_eq!(circuit.snapshot().probes, None, "open until the first call");

    succeed(&circuit);
    fail(&circuit);
    let in_flight = circuit.try_acquire().unwrap();
    let probes = circuit.snapshot().probes.unwrap();

    assert_eq!((probes.succeeded, probes.failed, probes.in_flight), (1, 1, 1));
    assert_eq!((probes.needed, probes.failed_allowed), (3, 1));
    assert_eq!(probes.timeout, 7 * SECOND);
    in_flight.record(Outcome::Success);
    succeed(&circuit);
    assert_eq!((circuit.state(), circuit.snapshot().probes), (CircuitState::Closed, None));
}

#[test]
fn a_trip_tells_the_kind_and_the_limits_as_they_were() {
    let (circuit, _) = circuit(|b| {
        b.failure_rate(0.5).minimum_calls(4).window(SlidingWindow::count(10)).open_for(SECOND)
    });
    fail_as(&circuit, "connect");
    fail_as(&circuit, "connect");
    succeed(&circuit);
    fail_as(&circuit, "timeout");
    let others = Circuit::builder("other").failure_rate(0.9).into_config();
    circuit.reconfigure(others);

    let trip = circuit.snapshot().last_trip.unwrap();

    assert_eq!(trip.reason, ChangeReason::FailureRate);
    assert_eq!(trip.kind, Some(FailureKind::new("timeout")));
    assert_eq!((trip.window.failures, trip.window.calls), (3, 4));
    assert_eq!(trip.limits.get("failure_rate"), Some(0.5));
    assert_eq!(trip.limits.get("minimum_calls"), Some(4.0));
    assert_eq!(circuit.config().thresholds().get("failure_rate"), Some(0.9));
}

#[test]
fn a_trip_by_one_kind_tells_that_kind_and_one_by_an_operator_none() {
    let kind = FailureKind::new("connect");
    let (circuit, _) = circuit(|b| b.rule(TripRule::consecutive_failures(2).of(kind)));
    fail_as(&circuit, "connect");
    fail_as(&circuit, "timeout");
    fail_as(&circuit, "connect");
    assert_eq!(circuit.snapshot().last_trip.unwrap().kind, Some(kind));

    circuit.reset();
    circuit.trip();
    let trip = circuit.snapshot().last_trip.unwrap();
    assert_eq!((trip.reason, trip.kind), (ChangeReason::Operator, None));
}

#[test]
fn a_trip_by_hung_calls_tells_how_many() {
    let (circuit, clock) = circuit(|b| b.stalled_calls(3, 2 * SECOND));
    let permits: Vec<_> = (0..5).map(|_| circuit.try_acquire().unwrap()).collect();
    assert_eq!(circuit.snapshot().in_flight, Some(5));
    clock.advance(3 * SECOND);

    circuit.check_stalled_calls();

    let trip = circuit.snapshot().last_trip.unwrap();
    assert_eq!((trip.reason, trip.stalled_calls), (ChangeReason::StalledCalls, 5));
    assert_eq!((trip.kind, trip.limits.get("stalled_calls")), (None, Some(3.0)));
    assert_eq!(circuit.snapshot().in_flight, None, "known while it is closed");
    drop(permits);
}

#[test]
fn calls_in_flight_are_known_where_a_rule_counts_them() {
    let (plain, _) = circuit(|b| b);
    let permit = plain.try_acquire().unwrap();
    assert_eq!(plain.snapshot().in_flight, None);
    drop(permit);

    let (slow, clock) = circuit(|b| b.slow_call_rate(0.9, 2 * SECOND).minimum_calls(100));
    let mut permits: Vec<_> = (0..40).map(|_| slow.try_acquire().unwrap()).collect();
    assert_eq!(slow.snapshot().in_flight, Some(40));
    clock.advance(10 * SECOND);
    permits.extend((0..2).map(|_| slow.try_acquire().unwrap()));
    assert_eq!(slow.snapshot().in_flight, Some(42), "however old they are");
    permits.truncate(1);
    assert_eq!(slow.snapshot().in_flight, Some(1));
}

#[test]
fn a_circuit_that_a_cap_keeps_closed_says_so() {
    let group = CircuitGroup::new("vendors").at_most_open(OpenCap::number(1));
    let (first, _) = circuit(|b| b.consecutive_failures(1));
    let (second, clock) = circuit(|b| b.consecutive_failures(1));
    group.add(&first);
    group.add(&second);
    fail(&first);
    assert_eq!(second.snapshot().trip_prevented_ago, None);

    fail(&second);
    clock.advance(3 * SECOND);
    assert_eq!(second.state(), CircuitState::Closed);
    assert_eq!(second.snapshot().trip_prevented_ago, Some(3 * SECOND));

    first.reset();
    fail(&second);
    assert_eq!((second.state(), second.snapshot().trip_prevented_ago), (CircuitState::Open, None));
}

#[test]
fn an_override_tells_who_and_why() {
    let (circuit, clock) = circuit(|b| b);
    circuit.impose(OverrideOrder::observe().said_by("ann").reason("a look").lasting(9 * SECOND));
    let seen = circuit.operators_override().unwrap();
    assert_eq!((seen.actor.as_deref(), seen.actor_checked), (Some("ann"), false));
    assert_eq!((seen.reason.as_deref(), seen.ends_in), (Some("a look"), Some(9 * SECOND)));

    // The same once more says nothing, and by somebody else it does.
    let epoch = circuit.snapshot().epoch;
    circuit.impose(OverrideOrder::observe().said_by("ann").reason("a look").lasting(9 * SECOND));
    assert_eq!(circuit.operators_override().unwrap().serial, seen.serial);
    circuit.impose(OverrideOrder::observe().actor("bob").lasting(9 * SECOND));
    let seen = circuit.operators_override().unwrap();
    assert_eq!((seen.actor.as_deref(), seen.actor_checked), (Some("bob"), true));
    assert_eq!((seen.reason, circuit.snapshot().epoch), (None, epoch));

    // Words belong to their override alone.
    circuit.force_open();
    assert_eq!(circuit.operators_override().unwrap().actor, None);
    circuit.impose(OverrideOrder::force_closed().actor("cy").lasting(SECOND));
    clock.advance(SECOND);
    assert_eq!(circuit.operators_override(), None);
    circuit.force_closed();
    assert_eq!(circuit.operators_override().unwrap().actor, None);
}

#[test]
fn who_and_why_outlive_the_process_and_reset_and_isolation() {
    let (earlier, _) = circuit(|b| b);
    let order = OverrideOrder::force_open().actor("ann").reason("the vendor moves");
    earlier.impose(order.lasting(60 * SECOND));
    earlier.reset();
    drop(earlier.isolate());
    let saved = earlier.export();
    let text = serde_json::to_string(&saved).unwrap();
    let back: tower_circuit_breaker::SavedCircuit = serde_json::from_str(&text).unwrap();
    assert_eq!(back, saved);

    let (restored, _) = circuit(|b| b.restore(saved.clone()));
    let seen = restored.operators_override().unwrap();
    assert_eq!((seen.actor.as_deref(), seen.actor_checked), (Some("ann"), true));
    assert_eq!(seen.reason.as_deref(), Some("the vendor moves"));

    let (released, _) = circuit(|b| b.restore(saved.without_override()));
    assert_eq!(released.operators_override(), None);
}

#[test]
fn an_isolation_tells_which_group_and_why() {
    let group = CircuitGroup::new("eu-west");
    let (circuit, clock) = circuit(|b| b);
    group.add(&circuit);
    assert!(circuit.snapshot().isolated_by.is_empty());

    let by_group = group.isolate_because("the region is drained");
    clock.advance(SECOND);
    let again = group.isolate();
    let alone = circuit.isolate_because("its own trouble");
    let seen = circuit.snapshot().isolated_by;

    let said: Vec<_> =
        seen.iter().map(|it| (it.group.as_deref(), it.reason.as_deref(), it.began_ago)).collect();
    let expected = [
        (Some("eu-west"), Some("the region is drained"), SECOND),
        (None, Some("its own trouble"), Duration::ZERO),
    ];
    assert_eq!(said, expected);
    drop(by_group);
    assert_eq!(circuit.snapshot().isolated_by.len(), 2, "another handle keeps it");
    drop(again);
    assert_eq!(circuit.snapshot().isolated_by.len(), 1);
    drop(alone);
    assert_eq!(circuit.snapshot().isolated_by, []);
}

#[test]
fn who_joins_an_isolated_group_is_told_the_same_reason() {
    let group = CircuitGroup::new("eu-west");
    let isolation = group.isolate_because("the region is drained");
    let (joiner, _) = circuit(|b| b);
    group.add(&joiner);

    let reason = joiner.snapshot().isolated_by[0].reason.clone();

    assert_eq!(reason.as_deref(), Some("the region is drained"));
    drop(isolation);
    let next = group.isolate();
    assert_eq!(joiner.snapshot().isolated_by[0].reason, None, "each its own");
    drop(next);
}

#[test]
fn what_an_operator_of_the_fleet_ended_is_no_recovery() {
    for ruling in [Ruling::Closed, Ruling::Fresh] {
        let (circuit, clock) = circuit(|b| b);
        circuit.adopt(Verdict { epoch: 1, ruling: Ruling::forced(Override::ForcedOpen) });
        clock.advance(10 * SECOND);
        circuit.adopt(Verdict { epoch: 2, ruling });
        assert_eq!(circuit.snapshot().recoveries.count, 0, "{ruling:?}");
    }
    let (reset, clock) = circuit(|b| b.consecutive_failures(1));
    fail(&reset);
    clock.advance(SECOND);
    reset.adopt(Verdict { epoch: 2, ruling: Ruling::Fresh });
    assert_eq!((reset.state(), reset.snapshot().recoveries.count), (CircuitState::Closed, 0));
}

#[test]
fn recoveries_have_the_time_of_outages_alone() {
    let (circuit, clock) = circuit(|b| b.consecutive_failures(1).open_for(SECOND));
    circuit.force_open_for(3600 * SECOND);
    clock.advance(1800 * SECOND);
    circuit.release();
    fail(&circuit);
    clock.advance(SECOND);
    succeed(&circuit);
    let own = circuit.snapshot().recoveries;

    circuit.adopt(Verdict { epoch: 1, ruling: Ruling::forced(Override::ForcedOpen) });
    clock.advance(3600 * SECOND);
    let open = Ruling::Open { open_for: SECOND, left: SECOND, step: 0 };
    circuit.adopt(Verdict { epoch: 2, ruling: open });
    clock.advance(SECOND);
    succeed(&circuit);
    let both = circuit.snapshot().recoveries;

    assert_eq!((own.count, own.total), (1, SECOND));
    assert_eq!((both.count, both.total), (2, 2 * SECOND), "an outage that followed a forced hour");
}

#[test]
fn a_trip_has_the_kind_of_the_failure_that_made_it_though_the_clock_stands() {
    let (rule, _clock) = circuit(|b| b.consecutive_failures(2));
    fail_as(&rule, "connect");
    fail(&rule);
    assert_eq!(rule.snapshot().last_trip.unwrap().kind, Some(FailureKind::OTHER));

    let (asked, _clock) = circuit(|b| b.consecutive_failures(5));
    fail_as(&asked, "connect");
    asked.try_acquire().unwrap().record(Outcome::TripFor(SECOND));
    assert_eq!(asked.snapshot().last_trip.unwrap().kind, Some(FailureKind::OTHER));
}

#[test]
fn rejections_of_each_reason_only_grow_and_are_all_of_them() {
    let (circuit, _clock) = circuit(|b| b);
    circuit.trip_for(3600 * SECOND);
    (0..1000).for_each(|_| drop(rejection(&circuit)));
    circuit.force_open();
    let is_done = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !is_done.load(Ordering::Relaxed) {
                    drop(rejection(&circuit));
                }
            });
        }
        let seen: Vec<_> = (0..20_000).map(|_| circuit.snapshot()).collect();
        is_done.store(true, Ordering::Relaxed);
        assert!(seen.iter().all(|it| it.rejections.open == 1000));
        assert!(seen.is_sorted_by_key(|it| it.rejections.forced_open));
        let sums = seen.iter().map(|it| it.rejections.open + it.rejections.forced_open);
        assert!(sums.eq(seen.iter().map(|it| it.totals.rejected)));
    });
}
