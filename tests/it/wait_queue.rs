//! Rule 21: a slot is worth waking one of those who wait, and that one passes it on.

use std::future::pending;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::time::advance;
use tower::{BoxError, Service};
use tower_circuit_breaker::{
    Circuit, CircuitBreaker, CircuitBuilder, CircuitConfig, CircuitState, Outcome, Permit,
    RejectReason,
};

use crate::left_bodies::announced;
use crate::readiness::{Asked, Wakes, ask};
use crate::script::call;
use crate::support::{Inner, SECOND, rejection};
use crate::wait_mode::{Client, circuit, waiting};
use crate::waiting::PanickingWake;

fn clients<const N: usize>(circuit: &Circuit) -> [Client; N] {
    let mut clients = std::array::from_fn(|_| Client::new(circuit));
    for client in &mut clients {
        assert!(!client.is_ready());
    }
    clients
}

/// A half-open circuit whose only slot is taken, to be freed.
async fn probed(set: impl FnOnce(CircuitBuilder) -> CircuitBuilder) -> (Circuit, Permit) {
    let circuit = circuit(set);
    circuit.trip();
    advance(30 * SECOND).await;
    let probe = circuit.try_acquire().unwrap();
    (circuit, probe)
}

fn wakes<const N: usize>(clients: &[Client; N]) -> [usize; N] {
    clients.each_ref().map(Client::wakes)
}

#[tokio::test(start_paused = true)]
async fn waiters_are_woken_one_for_each_slot_in_the_order_in_which_they_came() {
    let (circuit, probe) = probed(|b| b.probes(9)).await;
    let mut clients: [Client; 4] = clients(&circuit);

    drop(probe);
    assert_eq!(wakes(&clients), [1, 0, 0, 0]);
    assert!(clients[0].is_ready());
    assert_eq!(wakes(&clients), [1, 1, 0, 0], "in case another slot is free");
    assert!(!clients[1].is_ready());
    assert_eq!(clients[0].call(), Ok(()));
    assert_eq!(wakes(&clients), [1, 2, 0, 0], "its call has ended");
    assert!(clients[1].is_ready());
    assert!(!clients[0].is_ready(), "it waits anew, and behind the others");
    assert!(!clients[2].is_ready());
    assert_eq!(clients[1].call(), Ok(()));

    assert_eq!(wakes(&clients), [1, 2, 2, 0]);
    assert!(clients[2].is_ready());
    assert_eq!(wakes(&clients), [1, 2, 2, 1]);
    assert!(!clients[3].is_ready());
    assert_eq!(clients[2].call(), Ok(()));
    assert!(clients[3].is_ready());
    assert_eq!(wakes(&clients), [2, 2, 2, 2]);
}

#[tokio::test(start_paused = true)]
async fn a_woken_waiter_that_is_dropped_passes_its_wake_on() {
    let (circuit, probe) = probed(|b| b).await;
    let [first, second, mut third] = clients(&circuit);
    drop(probe);
    assert_eq!([&first, &second, &third].map(Client::wakes), [1, 0, 0]);

    drop(first);
    assert_eq!([&second, &third].map(Client::wakes), [1, 0]);
    drop(second);

    assert_eq!(third.wakes(), 1);
    assert!(third.is_ready());
    assert_eq!(third.call(), Ok(()));
}

#[tokio::test(start_paused = true)]
async fn waiters_that_are_dropped_asleep_wake_nobody() {
    let (circuit, probe) = probed(|b| b).await;
    let [first, second, third] = clients(&circuit);

    drop(second);

    assert_eq!([&first, &third].map(Client::wakes), [0, 0]);
    drop(probe);
    assert_eq!([&first, &third].map(Client::wakes), [1, 0]);
}

#[tokio::test(start_paused = true)]
async fn a_woken_waiter_whose_slot_was_taken_waits_on_in_its_place() {
    let (circuit, probe) = probed(|b| b.probes(9)).await;
    let mut clients: [Client; 3] = clients(&circuit);
    drop(probe);
    let newcomer = circuit.try_acquire().unwrap();

    assert!(!clients[0].is_ready());

    assert_eq!(wakes(&clients), [1, 0, 0]);
    newcomer.record(Outcome::Success);
    assert_eq!(wakes(&clients), [2, 0, 0]);
    assert!(clients[0].is_ready());
}

/// What becomes of a waiter that is woken and does not take the slot.
#[tokio::test(start_paused = true)]
async fn a_woken_waiter_that_gets_something_else_passes_its_wake_on() {
    type Ask = fn() -> Poll<Result<(), BoxError>>;
    let answers: [(Ask, &str); 2] = [
        (|| Poll::Pending, "its inner service is busy"),
        (|| Poll::Ready(Err("gone".into())), "its inner service has failed"),
    ];
    for (answer, name) in answers {
        let (circuit, probe) = probed(|b| b.failed_probes_allowed(9).probes(9)).await;
        let mut first: CircuitBreaker<Asked<Ask>> = waiting(&circuit, Asked(answer));
        let woken = Arc::<Wakes>::default();
        assert!(ask(&mut first, &woken).is_pending());
        let [mut second] = clients(&circuit);
        drop(probe);
        assert_eq!((woken.count(), second.wakes()), (1, 0), "{name}");

        let _ = ask(&mut first, &woken);

        assert!(second.wakes() > 0, "{name}");
        assert!(second.is_ready(), "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_waiter_that_is_called_before_it_asks_again_is_rejected_and_passes_its_wake_on() {
    let (circuit, probe) = probed(|b| b).await;
    // Ready once, for the inner service is asked before the trip.
    let mut first = Client::new(&circuit);
    drop(probe);
    circuit.reset();
    assert!(first.is_ready());
    circuit.trip();
    advance(30 * SECOND).await;
    let probe = circuit.try_acquire().unwrap();
    assert!(!first.is_ready());
    let [mut second] = clients(&circuit);
    drop(probe);
    assert_eq!((first.wakes(), second.wakes()), (1, 0));
    let newcomer = circuit.try_acquire().unwrap();

    assert_eq!(first.call(), Err(RejectReason::ProbesBusy));

    assert_eq!(second.wakes(), 1, "another slot may be free");
    assert!(!second.is_ready());
    drop(newcomer);
    assert_eq!((first.wakes(), second.wakes()), (1, 2));
}

#[tokio::test(start_paused = true)]
async fn a_reservation_given_back_wakes_the_next() {
    let (circuit, probe) = probed(|b| b).await;
    let [mut first, mut second, third] = clients(&circuit);
    drop(probe);
    assert!(first.is_ready());
    assert!(!second.is_ready());
    let before = [&second, &third].map(Client::wakes);

    drop(first);

    assert_eq!([&second, &third].map(Client::wakes), [before[0] + 1, before[1]]);
    assert!(second.is_ready());
}

#[tokio::test(start_paused = true)]
async fn slots_that_come_free_together_are_all_taken() {
    let circuit = circuit(|b| b.probes(9).concurrent_probes(3));
    circuit.trip();
    advance(30 * SECOND).await;
    let probes = [(); 3].map(|()| circuit.try_acquire().unwrap());
    let mut clients: [Client; 5] = clients(&circuit);

    drop(probes);

    // Each asks when it is woken.
    let mut ready = Vec::new();
    for (i, client) in clients.iter_mut().enumerate() {
        if client.wakes() > 0 && client.is_ready() {
            ready.push(i);
        }
    }
    assert_eq!(ready, [0, 1, 2]);
    assert_eq!(wakes(&clients), [1, 1, 1, 1, 0], "one asks for nothing, and keeps the time");
}

#[tokio::test(start_paused = true)]
async fn a_timekeeper_that_is_dropped_hands_the_time_on() {
    let circuit = circuit(|b| b);
    circuit.trip();
    let [first, second, mut third] = clients(&circuit);
    advance(10 * SECOND).await;

    drop(first);
    drop(second);
    assert_eq!(third.wakes(), 1, "to set its alarm");
    assert!(!third.is_ready());

    advance(20 * SECOND - Duration::from_millis(1)).await;
    assert_eq!(third.wakes(), 1);
    advance(Duration::from_millis(1)).await;
    assert_eq!(third.wakes(), 2);
    assert!(third.is_ready());
}

#[tokio::test(start_paused = true)]
async fn the_next_waiter_keeps_the_time_of_a_probe_that_hangs() {
    let circuit = circuit(|b| b.probe_timeout(5 * SECOND).probes(9));
    circuit.trip();
    let mut clients: [Client; 3] = clients(&circuit);
    advance(30 * SECOND).await;
    let hung = Inner::new(|()| pending::<Result<(), BoxError>>());
    let mut hung = waiting(&circuit, hung);
    assert!(ask(&mut hung, &Arc::default()).is_ready());
    let _hung = hung.call(());
    assert!(!clients[0].is_ready(), "the slot was taken");

    drop(std::mem::replace(&mut clients[0], Client::new(&circuit)));
    assert!(!clients[1].is_ready(), "woken as the timekeeper went");
    let before = clients[1].wakes();
    advance(5 * SECOND).await;

    assert_eq!(clients[1].wakes(), before + 1);
    assert!(clients[1].is_ready());
}

#[tokio::test(start_paused = true)]
async fn a_waiter_wakes_when_the_probe_was_held_for_long_enough() {
    let holds: [(fn(CircuitBuilder) -> CircuitBuilder, Duration); 2] =
        [(|b| b, SECOND), (|b| b.abandoned_after(2 * SECOND), 2 * SECOND)];
    for (set, hold) in holds {
        let circuit = circuit(|b| set(b.probe_timeout(60 * SECOND)));
        circuit.trip();
        advance(30 * SECOND).await;
        let _kept = call(&circuit, announced("4", []));
        let [mut client] = clients(&circuit);

        advance(hold - Duration::from_millis(1)).await;
        assert_eq!(client.wakes(), 0, "{hold:?}: a moment is missing");
        advance(Duration::from_millis(1)).await;

        assert_eq!(client.wakes(), 1, "{hold:?}");
        assert!(client.is_ready(), "{hold:?}");
        assert_eq!(circuit.state(), CircuitState::Closed, "{hold:?}: as the head said");
    }
}

/// Such as a service that is kept while its task waits for something else.
#[tokio::test(start_paused = true)]
async fn a_waiter_that_does_not_ask_is_passed_over_after_a_second() {
    let circuit = circuit(|b| b.probes(9));
    circuit.trip();
    let [idle, also_idle, mut third, mut fourth] = clients(&circuit);

    advance(31 * SECOND).await;
    assert_eq!([&idle, &also_idle, &third].map(Client::wakes), [1, 1, 0]);
    advance(SECOND).await;

    assert_eq!(third.wakes(), 1);
    assert!(third.is_ready());
    assert_eq!(third.call(), Ok(()));
    while fourth.wakes() == 0 {
        advance(SECOND).await;
        assert!(circuit.snapshot().in_state_for <= 4 * SECOND);
    }
    assert!(fourth.is_ready());
}

#[tokio::test(start_paused = true)]
async fn a_waiter_that_asks_by_itself_and_gets_a_slot_wakes_the_next() {
    let circuit = circuit(|b| b.concurrent_probes(3).probes(9));
    circuit.trip();
    let [_idle, mut second, mut third, mut fourth] = clients(&circuit);
    advance(31 * SECOND).await;
    assert!(second.is_ready());
    advance(SECOND).await;
    assert_eq!((third.wakes(), fourth.wakes()), (1, 0));

    assert!(third.is_ready());

    assert_eq!(fourth.wakes(), 1);
    assert!(fourth.is_ready());
}

#[tokio::test(start_paused = true)]
async fn a_waiter_that_asks_by_itself_has_moved_up_to_where_others_have_gone() {
    let circuit = circuit(|b| b.probe_timeout(10 * SECOND).probes(9));
    circuit.trip();
    let [_idle, second, mut third] = clients(&circuit);
    drop(second);
    advance(30 * SECOND).await;
    let _hung = circuit.try_acquire().unwrap();
    advance(2 * SECOND).await;
    assert_eq!(third.wakes(), 1);
    assert!(!third.is_ready());

    advance(9 * SECOND - Duration::from_millis(1)).await;
    assert_eq!(third.wakes(), 1, "the first goes before it");
    advance(Duration::from_millis(1)).await;

    assert_eq!(third.wakes(), 2, "a second after the lease, no longer two");
    assert!(third.is_ready());
}

#[tokio::test(start_paused = true)]
#[cfg_attr(panic = "abort", ignore = "catches a panic")]
async fn a_waiter_whose_waker_panics_is_passed_over() {
    let (circuit, probe) = probed(|b| b).await;
    let mut first = waiting(&circuit, Asked(|| Poll::Ready(Ok(()))));
    let waker = Waker::from(Arc::new(PanickingWake));
    assert!(first.poll_ready(&mut Context::from_waker(&waker)).is_pending());
    let [mut second, third] = clients(&circuit);

    drop(probe);

    assert_eq!((second.wakes(), third.wakes()), (1, 0));
    assert!(second.is_ready());
}

#[tokio::test(start_paused = true)]
async fn a_change_to_closed_wakes_all_and_any_other_one() {
    type Act = fn(&Circuit);
    let acts: [(Act, &str, [usize; 3]); 8] = [
        (Circuit::reset, "reset", [1, 1, 1]),
        (Circuit::force_closed, "force_closed", [1, 1, 1]),
        (Circuit::observe, "observe", [1, 1, 1]),
        (Circuit::trip, "trip", [1, 0, 0]),
        (|circuit| circuit.trip_for(SECOND), "trip_for", [1, 0, 0]),
        (Circuit::force_open, "force_open", [1, 0, 0]),
        (|circuit| circuit.reconfigure(other()), "reconfigure", [1, 0, 0]),
        (|circuit| drop(circuit.isolate()), "isolate and not", [1, 1, 1]),
    ];
    for (act, name, expected) in acts {
        let circuit = circuit(|b| b);
        circuit.trip();
        let clients: [Client; 3] = clients(&circuit);

        act(&circuit);

        assert_eq!(wakes(&clients), expected, "{name}");
    }
}

fn other() -> CircuitConfig {
    Circuit::builder("").probes(2).concurrent_probes(2).into_config()
}

#[tokio::test(start_paused = true)]
async fn slots_that_other_settings_bring_are_taken() {
    let (circuit, _probe) = probed(|b| b).await;
    let mut clients: [Client; 4] = clients(&circuit);

    circuit.reconfigure(other());

    let mut ready = 0;
    for client in &mut clients {
        ready += usize::from(client.wakes() > 0 && client.is_ready());
    }
    assert_eq!(ready, 2);
    assert_eq!(rejection(&circuit).reason(), RejectReason::ProbesBusy);
}

#[tokio::test(start_paused = true)]
async fn the_time_that_a_shorter_trip_brings_is_kept() {
    let circuit = circuit(|b| b);
    circuit.trip_for(3_600 * SECOND);
    let mut clients: [Client; 3] = clients(&circuit);
    circuit.trip_for(5 * SECOND);
    assert!(!clients[0].is_ready());

    advance(5 * SECOND).await;

    assert_eq!(wakes(&clients), [2, 0, 0]);
    assert!(clients[0].is_ready());
    assert_eq!(clients[0].call(), Ok(()));
    assert!(clients.iter_mut().all(Client::is_ready), "closed");
}

#[tokio::test(start_paused = true)]
async fn a_slot_freed_while_nobody_waits_is_there_for_the_next() {
    let (circuit, probe) = probed(|b| b).await;
    let [first] = clients(&circuit);
    drop(first);

    drop(probe);

    let mut client = Client::new(&circuit);
    assert!(client.is_ready());
    assert_eq!(client.wakes(), 0);
}
