//! PostgreSQL goes while the fleet's circuit is open and the upstream is still down: each process lets
//! through what it would without a fleet, and no more.

use std::time::Duration;

use tokio::task::{JoinHandle, JoinSet};
use tokio::time::Instant;
use tower_circuit_breaker::{Circuit, CircuitState};
use tower_circuit_breaker_postgres::{SyncErrorKind, SyncStatus};

use crate::nodes::{Node, all_are, call_all, fail, link, registry, until, until_within, watch_for};
use crate::server::Server;

/// How PostgreSQL is lost, and how it comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Loss {
    Killed,
    Hung,
    Restarted,
    ReadOnly,
    WithoutRights,
}

/// How long it is gone every day, and how long the upstream is still down once it is back.
const GONE: Duration = Duration::from_secs(4);
const BACK: Duration = Duration::from_secs(2);

/// It goes once, and comes back once.
const FLAPS: usize = 2;

impl Loss {
    async fn begin(self, server: &mut Server) {
        match self {
            Self::Killed => server.kill(),
            Self::Hung => server.freeze(),
            Self::Restarted => {
                server.stop();
                server.run().await;
            }
            Self::ReadOnly => drop(server.sql(
                "ALTER ROLE web SET default_transaction_read_only = on; \
                 SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'web'",
            )),
            Self::WithoutRights => {
                drop(server.sql("REVOKE ALL ON breaker_circuits, breaker_fleets FROM web"));
            }
        }
    }

    async fn end(self, server: &mut Server) {
        match self {
            Self::Killed => server.run().await,
            Self::Hung => server.thaw(),
            Self::Restarted => {}
            Self::ReadOnly => {
                drop(server.sql("ALTER ROLE web RESET default_transaction_read_only"))
            }
            Self::WithoutRights => {
                drop(server.sql("GRANT ALL ON breaker_circuits, breaker_fleets TO web"))
            }
        }
    }

    fn is_noticed(self, node: &Node) -> bool {
        match self {
            Self::Killed | Self::Hung => node.status() == SyncStatus::Disconnected,
            Self::Restarted => node.sync.health().connections > 1,
            Self::ReadOnly => node.errors(SyncErrorKind::ReadOnly) > 0,
            Self::WithoutRights => node.errors(SyncErrorKind::NoPermission) > 0,
        }
    }
}

/// Calls that never rest, to an upstream that is down; gives the moments at which it was called.
fn knock(circuit: &Circuit, end: Instant) -> JoinHandle<Vec<Instant>> {
    let circuit = circuit.clone();
    tokio::spawn(async move {
        let mut calls = Vec::new();
        while Instant::now() < end {
            let _ = circuit
                .call(async {
                    calls.push(Instant::now());
                    Err::<(), _>("down")
                })
                .await;
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        calls
    })
}

/// Two processes of a fleet whose circuit is open for so long at a time, one that is alone, and their
/// callers.
struct Fleet {
    open_for: Duration,
    nodes: Vec<Node>,
    alone: JoinHandle<Vec<Instant>>,
    callers: Vec<JoinHandle<Vec<Instant>>>,
}

impl Fleet {
    async fn begin(server: &Server, open_for: Duration, lasts: Duration) -> Self {
        let mut nodes = Vec::new();
        for name in ["one", "other"] {
            let builder = link(server.url_of("web")).prefix(format!("{}", open_for.as_millis()));
            nodes.push(Node::join(builder.node(name), registry(open_for)).await);
        }
        let lone = registry(open_for).get_or_create("api");
        fail(&nodes[0].api);
        fail(&lone);
        until("all open", || all_are(&nodes, CircuitState::Open)).await;
        let end = Instant::now() + lasts;
        let alone = knock(&lone, end);
        let callers = nodes.iter().map(|node| knock(&node.api, end)).collect();
        Self { open_for, nodes, alone, callers }
    }

    /// What callers got through until `back`, when PostgreSQL came back, and in all.
    async fn end(self, loss: Loss, lasts: Duration, back: Instant) {
        let Self { open_for, nodes, alone, callers } = self;
        let is_gone = |call: &&Instant| **call < back;
        let alone = alone.await.unwrap();
        let alone_meanwhile = alone.iter().filter(is_gone).count();
        let alone = alone.len();
        // So many it could have let through, whatever else the machine had to do.
        let most = alone.max(usize::try_from(lasts.as_millis() / open_for.as_millis()).unwrap());
        for (caller, node) in callers.into_iter().zip(&nodes) {
            let (calls, name) = (caller.await.unwrap(), node.sync.node());
            let what =
                format!("{loss:?}, {open_for:?}, {name}: {} calls, {alone} alone", calls.len());
            eprintln!("{what}");
            assert!(calls.len() <= most + FLAPS, "{what}");
            let meanwhile = calls.iter().filter(is_gone).count();
            // Where it is there again at once they take turns.
            let goes_on = loss == Loss::Restarted || meanwhile >= alone_meanwhile / 2;
            assert!(goes_on, "{what}; meanwhile {meanwhile}, {alone_meanwhile} alone");
            let soonest = calls.windows(2).map(|two| two[1] - two[0]).min().unwrap_or(open_for);
            assert!(soonest >= open_for, "{what}, the next {soonest:?} after the last");
        }
        let limit = open_for + Duration::from_secs(20);
        until_within(limit, "all recover", || {
            call_all(&nodes);
            all_are(&nodes, CircuitState::Closed)
        })
        .await;
    }
}

/// It is gone for so long, while circuits are open for each of these times.
async fn loses(loss: Loss, open_for: &[Duration], gone: Duration) {
    let mut server = Server::start().await;
    server.sql("CREATE ROLE web LOGIN");
    // Whose tables they are loses no rights to them.
    drop(Node::join_all(1, &server.url(), gone).await);
    server.sql("GRANT ALL ON breaker_circuits, breaker_fleets, breaker_processes TO web");
    let mut fleets = Vec::new();
    for open_for in open_for {
        fleets.push(Fleet::begin(&server, *open_for, gone + BACK).await);
    }

    let back = Instant::now() + gone;
    loss.begin(&mut server).await;
    let nodes = || fleets.iter().flat_map(|fleet| &fleet.nodes);
    until(&format!("{loss:?} is noticed"), || nodes().all(|node| loss.is_noticed(node))).await;
    watch_for(back.saturating_duration_since(Instant::now())).await;
    loss.end(&mut server).await;

    for fleet in fleets {
        fleet.end(loss, gone + BACK, back).await;
    }
}

const LOSSES: [Loss; 5] =
    [Loss::Killed, Loss::Hung, Loss::Restarted, Loss::ReadOnly, Loss::WithoutRights];

async fn all_losses(millis: &[u64], gone: Duration) {
    let open_for: Vec<_> = millis.iter().map(|millis| Duration::from_millis(*millis)).collect();
    let mut tasks = JoinSet::new();
    for loss in LOSSES {
        let open_for = open_for.clone();
        tasks.spawn(async move { loses(loss, &open_for, gone).await });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs postgres: run by tests/run.sh"]
async fn a_postgresql_that_is_lost_while_open_lets_no_more_calls_through_than_none() {
    all_losses(&[200, 1000], GONE).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes more than a minute: run by tests/deep.sh stores"]
async fn every_loss_at_every_open_time_lets_no_more_calls_through_than_none() {
    all_losses(&[200, 1000, 5000, 30_000], Duration::from_secs(60)).await;
}
