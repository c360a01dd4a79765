use std::time::Duration;

use tower_circuit_breaker::redis::RedisSync;
use tower_circuit_breaker::{Circuit, CircuitRegistry, CircuitState};

use crate::server::Server;

async fn node(server: &Server, name: &str) -> (CircuitRegistry, RedisSync) {
    let registry = CircuitRegistry::with_template(|b| {
        b.consecutive_failures(1).open_for(Duration::from_secs(2))
    });
    registry.get_or_create("api");
    let sync =
        RedisSync::builder(server.url()).node(name).any_node().connect(&registry).await.unwrap();
    sync.ready().await;
    (registry, sync)
}

async fn until(what: &str, mut is: impl FnMut() -> bool) {
    let t = tokio::time::Instant::now();
    while !is() {
        assert!(t.elapsed() < Duration::from_secs(10), "{what}");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    println!("{what}: {:?}", t.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trip_travels() {
    let server = Server::start().await;
    let mut nodes = Vec::new();
    for i in 0..5 {
        nodes.push(node(&server, &format!("n{i}")).await);
    }
    let circuits: Vec<Circuit> = nodes.iter().map(|(r, _)| r.get("api").unwrap()).collect();
    let _ = circuits[0].run(|| Err::<(), _>("bad"));
    until("all open", || circuits.iter().all(|c| c.state() == CircuitState::Open)).await;
    println!("{}", server.cli(&["get", "{breaker:api}:record"]));
    for c in &circuits {
        println!("{:?}", c.snapshot().retry_after);
    }
    let mut reached = 0;
    until("all closed", || {
        for c in &circuits {
            if c.run(|| Ok::<(), ()>(())).is_ok() {
                reached += 1;
            }
        }
        circuits.iter().all(|c| c.state() == CircuitState::Closed)
    })
    .await;
    println!("reached {reached}");
    for (i, (_, s)) in nodes.iter().enumerate() {
        println!("{i} {:?}", s.health());
    }
    nodes[1].1.force_open("api").await.unwrap();
    until("all forced", || circuits.iter().all(|c| c.snapshot().overridden.is_some())).await;
    nodes[2].1.release("api").await.unwrap();
    until("all released", || circuits.iter().all(|c| c.snapshot().overridden.is_none())).await;
}
