//! The last events, and reading them at one's own pace.

use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use futures_util::FutureExt;
use tower_circuit_breaker::{
    ChangeReason, Circuit, CircuitEvent, CircuitState, Delivery, Interest, Listener, Override,
    Subscription,
};

use crate::readiness::Wakes;
use crate::support::{SECOND, circuit, fail, succeed};

/// What is there to read now, in short.
fn read(subscription: &mut Subscription) -> Vec<String> {
    let mut read = Vec::new();
    while let Some(Some(delivery)) = subscription.next().now_or_never() {
        read.push(match delivery {
            Delivery::Event(event) => short(&event),
            Delivery::Lagged(missed) => format!("{missed} missed"),
        });
    }
    read
}

fn short(event: &CircuitEvent) -> String {
    match event {
        CircuitEvent::StateChanged { from, to, .. } => format!("{from} -> {to}"),
        CircuitEvent::Overridden { to, .. } => format!("{to:?}"),
        _ => panic!("not a change: {event:?}"),
    }
}

/// So many events: two for each trip and reset.
fn trips(circuit: &Circuit, trips: usize) {
    for _ in 0..trips {
        circuit.trip();
        circuit.reset();
    }
}

#[test]
fn the_last_changes_are_kept_with_their_age_and_number() {
    let (circuit, clock) = circuit(|b| b.consecutive_failures(1));
    assert!(circuit.recent_events().is_empty());
    fail(&circuit);
    clock.advance(30 * SECOND);
    succeed(&circuit);
    clock.advance(2 * SECOND);

    let events = circuit.recent_events();

    assert_eq!(
        events.iter().map(|e| (e.number, e.ago, short(&e.event))).collect::<Vec<_>>(),
        [
            (1, 32 * SECOND, "closed -> open".to_owned()),
            (2, 2 * SECOND, "open -> half_open".to_owned()),
            (3, 2 * SECOND, "half_open -> closed".to_owned()),
        ]
    );
}

struct Everything;

impl Listener for Everything {
    fn on_event(&self, _: &CircuitEvent) {}

    fn interest(&self) -> Interest {
        Interest::CHANGES | Interest::CALLS | Interest::REJECTIONS
    }
}

#[test]
fn calls_and_rejections_are_not_kept() {
    let (circuit, _) = circuit(|b| b);
    circuit.on_event(Everything);
    succeed(&circuit);
    fail(&circuit);
    circuit.force_open();
    assert!(circuit.try_acquire().is_err());

    assert_eq!(circuit.recent_events().len(), 2, "the state and the override");
}

#[test]
fn no_more_than_256_are_kept() {
    let (circuit, _) = circuit(|b| b);

    trips(&circuit, 200);

    let events = circuit.recent_events();
    assert_eq!(events.len(), 256);
    assert_eq!((events[0].number, events[255].number), (145, 400));
}

#[test]
fn a_reader_reads_each_event_once_and_in_order() {
    let (circuit, _) = circuit(|b| b);
    circuit.trip();
    let mut reader = circuit.subscribe();
    assert!(read(&mut reader).is_empty(), "from now on");

    circuit.reset();
    circuit.force_open();
    assert_eq!(read(&mut reader), ["open -> closed", "closed -> open", "Some(ForcedOpen)"]);
    circuit.release();
    assert_eq!(read(&mut reader), ["open -> closed", "None"]);
    assert!(read(&mut reader).is_empty());
}

#[test]
fn a_slow_reader_is_told_how_many_it_missed_and_goes_on() {
    let (circuit, _) = circuit(|b| b);
    let mut reader = circuit.subscribe();

    trips(&circuit, 128);
    assert_eq!(read(&mut reader).len(), 256, "256 are no fault");

    trips(&circuit, 150);
    let late = read(&mut reader);
    assert_eq!(late[0], "44 missed");
    assert_eq!(late.len(), 257);
    trips(&circuit, 1);
    assert_eq!(read(&mut reader), ["closed -> open", "open -> closed"]);
}

#[test]
fn a_reader_that_waits_is_woken_once_by_its_latest_waker() {
    let (circuit, _) = circuit(|b| b);
    let mut reader = circuit.subscribe();
    let (earlier, latest) = (Arc::<Wakes>::default(), Arc::<Wakes>::default());
    for wakes in [&earlier, &latest] {
        let waker = Waker::from(Arc::clone(wakes));
        assert!(reader.poll_next(&mut Context::from_waker(&waker)).is_pending());
    }

    trips(&circuit, 2);

    assert_eq!((earlier.count(), latest.count()), (0, 1));
}

#[test]
fn a_reader_ends_when_nobody_holds_the_circuit() {
    let (circuit, _) = circuit(|b| b);
    let mut reader = circuit.subscribe();
    let wakes = Arc::<Wakes>::default();
    let waker = Waker::from(Arc::clone(&wakes));
    let mut cx = Context::from_waker(&waker);
    assert!(reader.poll_next(&mut cx).is_pending());
    circuit.trip();

    drop(circuit);

    assert_eq!(wakes.count(), 1, "woken by the trip");
    assert!(matches!(reader.poll_next(&mut cx), Poll::Ready(Some(Delivery::Event(_)))));
    assert!(matches!(reader.poll_next(&mut cx), Poll::Ready(None)));
    assert!(matches!(reader.poll_next(&mut cx), Poll::Ready(None)));

    let (circuit, _) = crate::support::circuit(|b| b);
    let mut reader = circuit.subscribe();
    assert!(reader.poll_next(&mut cx).is_pending());
    drop(circuit);
    assert_eq!(wakes.count(), 2, "woken by the end");
}

#[test]
fn a_reader_that_is_dropped_leaves_no_waker_behind() {
    let (circuit, _) = circuit(|b| b);
    let wakes = Arc::<Wakes>::default();
    let waker = Waker::from(Arc::clone(&wakes));
    let mut reader = circuit.subscribe();
    assert!(reader.poll_next(&mut Context::from_waker(&waker)).is_pending());
    drop(waker);
    assert_eq!(Arc::strong_count(&wakes), 2);

    drop(reader);

    assert_eq!(Arc::strong_count(&wakes), 1);
}

#[test]
fn readers_each_have_a_pace_of_their_own() {
    let (circuit, _) = circuit(|b| b);
    let (mut fast, mut slow) = (circuit.subscribe(), circuit.subscribe());
    for _ in 0..3 {
        trips(&circuit, 1);
        assert_eq!(read(&mut fast).len(), 2);
    }

    assert_eq!(read(&mut slow).len(), 6);
}

#[test]
fn events_are_told_as_json() {
    let (circuit, clock) = circuit(|b| b.consecutive_failures(1));
    fail(&circuit);
    clock.advance(SECOND / 2);
    circuit.force_closed();

    let events = serde_json::to_value(circuit.recent_events()).unwrap();

    assert_eq!(events[0]["number"], 1);
    assert_eq!(events[0]["ago"], 0.5);
    let trip = &events[0]["event"];
    assert_eq!(trip["event"], "state_changed");
    assert_eq!((&trip["from"], &trip["to"]), (&"closed".into(), &"open".into()));
    assert_eq!(trip["reason"], ChangeReason::ConsecutiveFailures.as_str());
    assert_eq!(trip["open_for"], 30.0);
    let forced = &events[2]["event"];
    assert_eq!(forced["event"], "overridden");
    assert_eq!(forced["to"], Override::ForcedClosed.as_str());
    assert_eq!(circuit.state(), CircuitState::Closed);
}
