//! A gRPC client of three replicas, with a page and metrics on a second port.

#![expect(dead_code, reason = "`main` is for who copies the program")]

include!("../../../src/guide/programs/replicas.rs");

use std::net::SocketAddr;

use tokio::{sync::oneshot, task::JoinHandle, time::timeout};
use tonic::transport::{Server, server::TcpIncoming};
use tower_circuit_breaker::{Circuit, CircuitState};

/// A server of gRPC's health service, until it is stopped.
struct Replica {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Replica {
    fn start(address: SocketAddr) -> Self {
        let incoming = TcpIncoming::bind(address).unwrap();
        let address = incoming.local_addr().unwrap();
        let (_, health) = tonic_health::server::health_reporter();
        let (stop, stopped) = oneshot::channel();
        let until = async { stopped.await.unwrap_or_default() };
        let server =
            Server::builder().add_service(health).serve_with_incoming_shutdown(incoming, until);
        Self { address, stop, task: tokio::spawn(async { server.await.unwrap() }) }
    }

    async fn stop(self) -> SocketAddr {
        self.stop.send(()).unwrap();
        self.task.await.unwrap();
        self.address
    }
}

async fn serve(app: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(axum::serve(listener, app).into_future());
    url
}

async fn fetch(url: &str) -> String {
    reqwest::get(url).await.unwrap().error_for_status().unwrap().text().await.unwrap()
}

/// Asks so often; returns how many failed. None is rejected.
async fn ask(users: &str, times: usize) -> u64 {
    let mut failed = 0;
    for _ in 0..times {
        match &*fetch(&format!("{users}/garden")).await {
            "Serving" => {}
            answer => {
                assert!(answer.starts_with("failed") && !answer.contains("circuit"), "{answer}");
                failed += 1;
            }
        }
    }
    failed
}

fn state_line(name: &str, state: u8) -> String {
    format!("circuit_breaker_state{{name=\"{name}\"}} {state}\n")
}

fn successes(circuits: &[Circuit]) -> Vec<u64> {
    circuits.iter().map(|circuit| circuit.snapshot().totals.successes).collect()
}

#[tokio::test]
async fn the_balancer_goes_on_while_one_replica_is_away_and_takes_it_back() {
    let mut replicas: Vec<_> =
        (0..3).map(|_| Replica::start("127.0.0.1:0".parse().unwrap())).collect();
    let urls: Vec<_> =
        replicas.iter().map(|replica| format!("http://{}", replica.address)).collect();
    let registry = CircuitRegistry::with_template(|circuit| {
        circuit.consecutive_failures(3).open_for(Duration::from_millis(200))
    });
    let users = serve(app(client(&registry, &urls).unwrap())).await;
    let operators = serve(page(registry.clone())).await;
    let circuits: Vec<_> = urls.iter().map(|url| registry.get(url).unwrap()).collect();

    assert_eq!(ask(&users, 60).await, 0);
    assert!(successes(&circuits).iter().all(|count| *count > 0), "{circuits:?}");

    let address = replicas.remove(0).stop().await;
    let mut failed = 0;
    while circuits[0].state() == CircuitState::Closed {
        failed += ask(&users, 1).await;
    }
    assert_eq!(failed, 3, "those that opened the circuit");
    failed += ask(&users, 100).await;
    let down = circuits[0].snapshot();
    assert_eq!(failed, 3 + down.transitions.half_open_to_open, "besides them, probes alone");
    assert_eq!((down.totals.failures, down.totals.rejected), (failed, 0));
    // Open, or half-open where the balancer has asked whether it is ready for a probe.
    let metrics = fetch(&format!("{operators}/metrics")).await;
    assert!(
        [1, 2].iter().any(|state| metrics.contains(&state_line(&urls[0], *state))),
        "{metrics}"
    );
    assert!(metrics.contains(&state_line(&urls[1], 0)), "{metrics}");
    assert!(fetch(&operators).await.starts_with("<!"), "the page");

    let _back = Replica::start(address);
    let recovered = async {
        while circuits[0].state() != CircuitState::Closed {
            failed += ask(&users, 1).await;
        }
    };
    timeout(Duration::from_secs(20), recovered).await.expect("it is taken back");
    let before = successes(&circuits);
    assert_eq!(ask(&users, 60).await, 0);
    let after = successes(&circuits);
    assert!(before.iter().zip(&after).all(|(before, after)| before < after), "{after:?}");
    assert_eq!(circuits[1..].iter().map(|it| it.snapshot().totals.failures).sum::<u64>(), 0);
}
