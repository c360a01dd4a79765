//! An isolation, while something else goes on.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::time::sleep;
use tower_circuit_breaker::{Circuit, CircuitState, RejectReason, TokioClock};

use crate::support::{SECOND, circuit, fail, rejection};
use crate::wait_mode::Client;

fn on_tokios_clock() -> Circuit {
    Circuit::builder("api").consecutive_failures(1).clock(TokioClock::new()).build()
}

#[tokio::test(start_paused = true)]
async fn a_health_probe_leaves_an_isolated_circuit_alone() {
    let (circuit, asked) = (on_tokios_clock(), Arc::new(AtomicUsize::new(0)));
    let counted = Arc::clone(&asked);
    let is_well = move || {
        counted.fetch_add(1, Ordering::SeqCst);
        // The answer takes a while.
        async {
            sleep(5 * SECOND).await;
            true
        }
    };
    tokio::spawn(circuit.health_probe(10 * SECOND, is_well).then_close().run());
    sleep(SECOND).await;
    fail(&circuit);
    sleep(11 * SECOND).await;
    assert_eq!(asked.load(Ordering::SeqCst), 1, "it is being asked");

    let isolation = circuit.isolate();
    sleep(1_000 * SECOND).await;

    assert_eq!(asked.load(Ordering::SeqCst), 1);
    assert_eq!(rejection(&circuit).reason(), RejectReason::ForcedOpen);
    drop(isolation);
    assert_eq!(circuit.state(), CircuitState::Closed);
    fail(&circuit);
    sleep(16 * SECOND).await;
    assert_eq!((asked.load(Ordering::SeqCst), circuit.state()), (2, CircuitState::Closed));
}

#[test]
fn calls_of_before_an_isolation_do_not_hang_in_or_after_it() {
    let (circuit, clock) = circuit(|b| b.stalled_calls(1, 5 * SECOND));
    let hung = circuit.try_acquire().unwrap();
    clock.advance(10 * SECOND);

    let isolation = circuit.isolate();
    let epoch = circuit.snapshot().epoch;
    circuit.check_stalled_calls();
    assert_eq!(circuit.snapshot().epoch, epoch);
    drop(isolation);
    circuit.check_stalled_calls();

    assert_eq!((circuit.state(), circuit.snapshot().stalled_calls), (CircuitState::Closed, 0));
    drop(hung);
    assert_eq!(circuit.snapshot().totals.stale, 1);
}

#[test]
fn other_settings_during_an_isolation_hold_after_it() {
    let (circuit, _) = circuit(|b| b.consecutive_failures(9));
    let isolation = circuit.isolate();

    circuit.reconfigure(Circuit::builder("").consecutive_failures(1).into_config());

    assert_eq!(rejection(&circuit).reason(), RejectReason::ForcedOpen);
    assert_eq!(circuit.snapshot().isolations, 1);
    drop(isolation);
    assert_eq!((circuit.state(), circuit.snapshot().overridden), (CircuitState::Closed, None));
    fail(&circuit);
    assert_eq!(circuit.state(), CircuitState::Open);
}

#[tokio::test(start_paused = true)]
async fn services_that_wait_half_open_wait_for_the_end_of_an_isolation() {
    let circuit = on_tokios_clock();
    fail(&circuit);
    sleep(30 * SECOND).await;
    let mut clients = [Client::new(&circuit), Client::new(&circuit)];
    assert_eq!(clients.each_mut().map(Client::is_ready), [true, false]);
    assert_eq!(circuit.state(), CircuitState::HalfOpen);

    let isolation = circuit.isolate();
    assert_eq!(clients.each_mut().map(Client::is_ready), [false, false]);
    let before = clients.each_ref().map(Client::wakes);
    sleep(1_000 * SECOND).await;
    assert_eq!(clients.each_ref().map(Client::wakes), before, "no end is known");
    drop(isolation);

    for (client, before) in clients.iter_mut().zip(before) {
        assert_eq!(client.wakes(), before + 1);
        assert!(client.is_ready());
        assert_eq!(client.call(), Ok(()));
    }
}
