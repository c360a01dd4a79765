//! Whatever clients do, they open no circuit.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tower_circuit_breaker::CircuitState;

use crate::nginx::Nginx;
use crate::rude::ALL;
use crate::support::{Proxy, settings};

/// At once.
const CLIENTS: usize = 64;

/// So many calls of each kind, all kinds mixed, and among twenty a good one.
async fn calls(each: usize, http2: bool) {
    let nginx = Nginx::start(http2).await;
    let mut settings = settings();
    // Slow machines are no faults of an upstream.
    settings.patience = Duration::from_secs(60);
    settings.http2 = http2;
    let proxy = Arc::new(Proxy::before(&nginx, settings).await);
    assert_eq!(proxy.get("/").await.unwrap().status(), 200);

    let (places, mut tasks) = (Arc::new(Semaphore::new(CLIENTS)), JoinSet::new());
    let mut good = 0;
    for number in 0..each * ALL.len() {
        let place = Arc::clone(&places).acquire_owned().await.unwrap();
        let (rude, proxy) = (ALL[number % ALL.len()], Arc::clone(&proxy));
        let is_good = number % 19 == 0;
        good += usize::from(is_good);
        tasks.spawn(async move {
            // Whatever becomes of it is its own affair.
            let _ = rude.call(proxy.address, number / ALL.len()).await;
            if is_good {
                let answer = proxy.get("/").await.unwrap();
                assert_eq!(answer.body(), "a rose\n", "beside {rude:?}");
            }
            drop(place);
        });
        while let Some(done) = tasks.try_join_next() {
            done.unwrap();
        }
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }

    let circuit = proxy.circuit(nginx.address());
    let totals = circuit.snapshot().totals;
    let version = if http2 { 2 } else { 1 };
    eprintln!(
        "{each} calls of each of {} kinds and {good} good ones, over HTTP/{version} to nginx: state {}, \
         {} successes, {} failures, {} not sent, {} abandoned, {} rejected",
        ALL.len(),
        circuit.state(),
        totals.successes,
        totals.failures,
        totals.not_sent,
        totals.abandoned,
        totals.rejected,
    );
    assert_eq!((circuit.state(), totals.failures), (CircuitState::Closed, 0), "{totals:?}");
    assert_eq!((totals.trips, totals.rejected), (0, 0), "{totals:?}");
    // Three kinds reach nginx whole each time, and the good ones do.
    let least = u64::try_from(good + 3 * each).unwrap();
    assert!(totals.successes >= least, "{totals:?}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs nginx: run by tests/run.sh"]
async fn ten_kinds_of_clients_open_no_circuit() {
    tokio::join!(calls(500, false), calls(100, true));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes: run by tests/deep.sh clients"]
async fn ten_thousand_of_each_kind_open_no_circuit() {
    calls(10_000, false).await;
    calls(10_000, true).await;
}
