//! Callers that read no body, such as those of webhooks, or that look at the status alone.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use http::StatusCode;
use tokio::task::JoinSet;
use tower_circuit_breaker::{CircuitState, Rejected};

use crate::half_open::probing;
use crate::script::{SUCCESS, counted};
use crate::support::{SECOND, circuit};
use crate::verdicts::servers::{BOTH, Client, serve, whole};

#[tokio::test]
async fn good_answers_that_nobody_reads_close_a_half_open_circuit_at_the_first() {
    for over in BOTH {
        let address = serve(over, async |_| whole(StatusCode::OK, "rose")).await;
        let (circuit, _) = probing(|b| b);
        let client = Client::new(&circuit, over, address);

        drop(client.answer().await);

        assert_eq!(circuit.state(), CircuitState::Closed, "{over:?}");
        assert_eq!(counted(&circuit), SUCCESS, "{over:?}");
    }
}

#[tokio::test]
async fn one_500_in_twenty_answers_that_nobody_reads_keeps_the_default_circuit_closed() {
    for over in BOTH {
        let calls = Arc::new(AtomicUsize::new(0));
        let address = serve(over, move |_| {
            let is_twentieth = calls.fetch_add(1, Ordering::SeqCst) % 20 == 19;
            let status = if is_twentieth { 500 } else { 200 };
            std::future::ready(whole(StatusCode::from_u16(status).unwrap(), "rose"))
        })
        .await;
        let (circuit, clock) = circuit(|b| b);
        let client = Client::new(&circuit, over, address);

        for _ in 0..100 {
            drop(client.answer().await);
            clock.advance(SECOND / 4);
        }

        assert_eq!(circuit.state(), CircuitState::Closed, "{over:?}");
        assert_eq!(counted(&circuit), [95, 5, 0, 0], "{over:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_workers_that_read_no_body_are_all_answered_once_the_first_probe_was() {
    for over in BOTH {
        let is_well = Arc::<AtomicBool>::default();
        let asked = Arc::clone(&is_well);
        let address = serve(over, move |_| {
            let status = if asked.load(Ordering::SeqCst) { 200 } else { 500 };
            std::future::ready(whole(StatusCode::from_u16(status).unwrap(), "rose"))
        })
        .await;
        let (circuit, clock) = circuit(|b| b);
        let client = Client::new(&circuit, over, address);
        while circuit.state() == CircuitState::Closed {
            assert_eq!(client.answer().await.status(), 500, "{over:?}");
            clock.advance(Duration::from_millis(300));
        }
        is_well.store(true, Ordering::SeqCst);
        clock.advance(circuit.snapshot().retry_after.expect("open"));

        let first = client.answer().await;
        let error = client.ask().await.expect_err("the probe's response is there");
        assert!(Rejected::find(&*error).is_some(), "{over:?}: {error}");
        drop(first);
        let mut workers = JoinSet::new();
        for _ in 0..20 {
            let client = client.clone();
            workers.spawn(async move {
                for _ in 0..20 {
                    assert_eq!(client.answer().await.status(), 200);
                }
            });
        }
        while let Some(worker) = workers.join_next().await {
            worker.expect("every call of a worker is answered");
        }

        assert_eq!(circuit.snapshot().totals.rejected, 1, "{over:?}");
        assert_eq!(circuit.snapshot().totals.successes, 401, "{over:?}");
        assert_eq!(circuit.state(), CircuitState::Closed, "{over:?}");
    }
}
