//! What nginx does, and what the circuit makes of it.

use std::time::Duration;

use tower_circuit_breaker::{CircuitState, FailureKind};

use crate::nginx::{LARGE, Nginx};
use crate::support::{Proxy, settings};

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs nginx: run by tests/run.sh"]
async fn an_upstream_that_is_stopped_opens_it_and_one_that_is_back_closes_it() {
    let mut nginx = Nginx::start(false).await;
    let proxy = Proxy::before(&nginx, settings()).await;
    assert_eq!(proxy.get("/").await.unwrap().status(), 200);

    for _ in 0..2 {
        nginx.stop();
        proxy.call_until("/", nginx.address(), CircuitState::Open).await;
        let rejected = proxy.get("/").await.unwrap();
        assert_eq!(
            (rejected.status().as_u16(), &rejected.headers()["retry-after"]),
            (503, &"1".parse().unwrap())
        );
        nginx.run().await;
        let status = proxy.call_until("/", nginx.address(), CircuitState::Closed).await;
        assert_eq!(status, 200);
    }

    let transitions = proxy.circuit(nginx.address()).snapshot().transitions;
    assert_eq!((transitions.closed_to_open, transitions.half_open_to_closed), (2, 2));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs nginx: run by tests/run.sh"]
async fn an_upstream_that_does_not_answer_opens_it() {
    let nginx = Nginx::start(false).await;
    let mut settings = settings();
    settings.patience = Duration::from_millis(300);
    let proxy = Proxy::before(&nginx, settings).await;
    assert_eq!(proxy.get("/").await.unwrap().status(), 200);

    nginx.freeze(true);
    let slow = proxy.get("/").await.unwrap();
    assert_eq!(slow.status(), 504);
    proxy.call_until("/", nginx.address(), CircuitState::Open).await;
    nginx.freeze(false);

    proxy.call_until("/", nginx.address(), CircuitState::Closed).await;
    let kinds = proxy.circuit(nginx.address()).snapshot().failures_by_kind;
    let is_timeout = |(kind, times): &(FailureKind, u64)| kind.as_str() == "timeout" || *times == 0;
    assert!(kinds.iter().all(is_timeout), "{kinds:?}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs nginx: run by tests/run.sh"]
async fn an_upstream_that_breaks_off_midway_opens_it() {
    let nginx = Nginx::start(false).await;
    let proxy = Proxy::before(&nginx, settings()).await;
    let whole = proxy.get("/large").await.unwrap();
    assert_eq!(whole.body().len(), LARGE);

    let circuit = proxy.circuit(nginx.address());
    while circuit.state() == CircuitState::Closed {
        let call = proxy.get("/slow");
        let cut = async {
            tokio::time::sleep(Duration::from_millis(150)).await;
            nginx.cut();
        };
        let (answer, ()) = tokio::join!(call, cut);
        assert!(answer.is_err() || answer.is_ok_and(|answer| answer.status() != 200), "it was cut");
    }

    assert_eq!(circuit.state(), CircuitState::Open);
    let kinds = circuit.snapshot().failures_by_kind;
    assert!(kinds.iter().any(|(kind, times)| kind.as_str() == "body" && *times > 1), "{kinds:?}");
    proxy.call_until("/", nginx.address(), CircuitState::Closed).await;
}
