//! A cap on open members, while something else goes on.

use std::future::ready;

use tokio::time::sleep;
use tower::{Layer, ServiceExt, service_fn};
use tower_circuit_breaker::keyed::KeyedCircuits;
use tower_circuit_breaker::{
    Circuit, CircuitBreakerLayer, CircuitGroup, CircuitRegistry, CircuitState, ManualClock,
    OpenCap, Permit, TokioClock,
};

use crate::groups::group;
use crate::support::{SECOND, circuit, fail};
use CircuitState::{Closed, Open};

fn trips_prevented(circuit: &Circuit) -> u64 {
    circuit.snapshot().totals.trips_prevented
}

#[test]
fn an_isolated_member_has_a_place() {
    let (group, [one, other, _third], _) = group();
    let group = group.at_most_open(OpenCap::number(1));
    let isolation = one.isolate();
    fail(&other);
    assert_eq!((group.open_members(), other.state(), trips_prevented(&other)), (1, Closed, 1));

    drop(isolation);

    assert_eq!(group.open_members(), 0);
    fail(&other);
    assert_eq!((group.open_members(), other.state()), (1, Open));
}

#[tokio::test(start_paused = true)]
async fn a_member_that_a_health_probe_closes_gives_its_place_back() {
    let make = |name| Circuit::builder(name).consecutive_failures(1).clock(TokioClock::new());
    let [one, other] = ["one", "other"].map(|name| make(name).build());
    let group = CircuitGroup::new("all").at_most_open(OpenCap::number(1));
    [&one, &other].into_iter().for_each(|circuit| group.add(circuit));
    let mut asked = 0;
    let is_well = move || {
        asked += 1;
        ready(asked > 5)
    };
    tokio::spawn(one.health_probe(10 * SECOND, is_well).then_close().run());
    sleep(SECOND).await;
    fail(&one);

    // Past its open time, which the probe prolongs.
    sleep(24 * SECOND).await;
    fail(&other);
    assert_eq!((one.state(), other.state()), (Open, Closed), "it has its place for as long");
    sleep(40 * SECOND).await;
    assert_eq!((one.state(), group.open_members()), (Closed, 0));

    fail(&other);
    assert_eq!((other.state(), group.open_members()), (Open, 1));
}

#[test]
fn a_ticker_asks_for_a_place_again_until_there_is_one() {
    let clock = ManualClock::new();
    let hanging = Circuit::builder("hanging").stalled_calls(2, 15 * SECOND).clock(clock.clone());
    let hanging = hanging.build();
    let (open, _) = circuit(|b| b.consecutive_failures(1));
    let group = CircuitGroup::new("all").at_most_open(OpenCap::number(1));
    [&hanging, &open].into_iter().for_each(|circuit| group.add(circuit));
    fail(&open);
    let _hung: Vec<Permit> = (0..2).map(|_| hanging.try_acquire().unwrap()).collect();
    clock.advance(20 * SECOND);

    for asked in 1..=3 {
        hanging.check_stalled_calls();
        assert_eq!((hanging.state(), trips_prevented(&hanging)), (Closed, asked));
        clock.advance(2 * SECOND);
    }
    open.reset();
    hanging.check_stalled_calls();

    assert_eq!((hanging.state(), group.open_members()), (Open, 1));
}

#[test]
fn a_keyed_circuit_that_is_evicted_gives_its_place_back() {
    let clock = ManualClock::new();
    let of_keys = clock.clone();
    let circuits = KeyedCircuits::new(move |b| b.consecutive_failures(1).clock(of_keys.clone()));
    let overflow = Circuit::builder("api").clock(clock.clone()).build();
    let layer = CircuitBreakerLayer::new(overflow)
        .keyed(|key: &&'static str| (*key).to_owned(), circuits.cap(1));
    let service = layer.layer(service_fn(|key: &'static str| {
        ready(if key == "down" { Err("refused") } else { Ok(()) })
    }));
    let call = |key| futures_util::FutureExt::now_or_never(service.clone().oneshot(key)).unwrap();
    let group = CircuitGroup::new("all");
    let (other, _) = circuit(|b| b);
    group.add(&other);
    assert!(call("down").is_err());
    group.add(&layer.circuits()[0]);
    assert_eq!(group.open_members(), 1);

    clock.advance(30 * SECOND);
    assert!(call("well").is_ok());

    assert_eq!((layer.evicted(), group.open_members(), group.members().len()), (1, 0, 1));
}

#[test]
fn a_member_that_comes_back_open_takes_a_place_unasked() {
    let (earlier, _) = circuit(|b| b.consecutive_failures(1));
    fail(&earlier);
    let (first, _) = circuit(|b| b.consecutive_failures(1));
    let group = CircuitGroup::new("all").at_most_open(OpenCap::number(1));
    group.add(&first);
    let (later, _) = circuit(|b| b.consecutive_failures(1));
    group.add(&later);
    fail(&first);

    let registry = CircuitRegistry::new();
    registry.restore([earlier.export()]);
    registry.insert(&later).unwrap();

    assert_eq!((later.state(), group.open_members()), (Open, 2));
    first.reset();
    fail(&first);
    assert_eq!(
        (first.state(), trips_prevented(&first)),
        (Closed, 1),
        "and nothing else trips then"
    );
}

#[test]
fn other_settings_leave_a_member_its_place_and_take_none() {
    let (group, [one, other, _third], clock) = group();
    let group = group.at_most_open(OpenCap::number(1));
    let settings = |failures| Circuit::builder("").consecutive_failures(failures).into_config();
    fail(&one);

    one.reconfigure(settings(2));
    other.reconfigure(settings(1));
    assert_eq!(group.open_members(), 1, "open");
    clock.advance(10 * SECOND);
    let probe = one.try_acquire().unwrap();
    one.reconfigure(settings(3));
    assert_eq!((one.state(), group.open_members()), (CircuitState::HalfOpen, 1));
    drop(probe);

    fail(&other);
    assert_eq!((other.state(), trips_prevented(&other)), (Closed, 1));
}
