//! The processes of a fleet: each is a registry with a link of its own.

use std::time::Duration;

use tokio::time::Instant;
use tower_circuit_breaker::{Circuit, CircuitBuilder, CircuitRegistry, CircuitState};
use tower_circuit_breaker_postgres::{
    PostgresSync, PostgresSyncBuilder, SyncErrorKind, SyncStatus,
};

/// One process of the fleet, with the circuit `api`.
pub(crate) struct Node {
    pub(crate) registry: CircuitRegistry,
    pub(crate) sync: PostgresSync,
    pub(crate) api: Circuit,
}

/// Longer than any test.
pub(crate) const LONG: Duration = Duration::from_secs(600);

pub(crate) fn registry(open_for: Duration) -> CircuitRegistry {
    registry_with(move |builder| builder.open_for(open_for))
}

/// Its circuits trip at the first failure.
pub(crate) fn registry_with(
    template: impl Fn(CircuitBuilder) -> CircuitBuilder + Send + Sync + 'static,
) -> CircuitRegistry {
    CircuitRegistry::with_template(move |builder| template(builder.consecutive_failures(1)))
}

/// Settings that suit a test: the first trip opens the fleet's circuit, faults are noticed soon.
pub(crate) fn link(url: impl AsRef<str>) -> PostgresSyncBuilder {
    let (poll, timeout) = (Duration::from_millis(200), Duration::from_millis(400));
    PostgresSync::builder(url).any_node().poll_interval(poll).response_timeout(timeout)
}

/// A link to a database that is there: also where the machine is so slow that the first attempt fails.
pub(crate) async fn connected(
    builder: PostgresSyncBuilder,
    registry: &CircuitRegistry,
) -> PostgresSync {
    for _ in 0..10 {
        match builder.clone().connect(registry).await {
            Err(error) if error.kind() == Some(SyncErrorKind::TimedOut) => {}
            result => return result.unwrap(),
        }
    }
    panic!("the database has not answered in ten attempts");
}

impl Node {
    /// A process that has read everything.
    pub(crate) async fn join(builder: PostgresSyncBuilder, registry: CircuitRegistry) -> Self {
        let api = registry.get_or_create("api");
        let sync = connected(builder, &registry).await;
        sync.ready().await;
        Self { registry, sync, api }
    }

    /// So many processes, which connect at once.
    pub(crate) async fn join_all(number: usize, url: &str, open_for: Duration) -> Vec<Self> {
        Self::join_by(&link(url), number, open_for).await
    }

    pub(crate) async fn join_by(
        builder: &PostgresSyncBuilder,
        number: usize,
        open_for: Duration,
    ) -> Vec<Self> {
        let joining = (0..number).map(|at| {
            let builder = builder.clone().node(format!("node-{at}"));
            tokio::spawn(Self::join(builder, registry(open_for)))
        });
        let mut nodes = Vec::new();
        for joined in joining.collect::<Vec<_>>() {
            nodes.push(joined.await.unwrap());
        }
        nodes
    }

    pub(crate) fn status(&self) -> SyncStatus {
        self.sync.health().status
    }

    /// How often this kind of thing has gone wrong.
    pub(crate) fn errors(&self, kind: SyncErrorKind) -> u64 {
        let errors = self.sync.health().errors;
        errors.into_iter().find(|(of, _)| *of == kind).map_or(0, |(_, times)| times)
    }
}

/// One call that fails.
pub(crate) fn fail(circuit: &Circuit) {
    let _ = circuit.run(|| Err::<(), _>("down"));
}

/// One call to an upstream that is well; whether it was admitted.
pub(crate) fn call(circuit: &Circuit) -> bool {
    circuit.run(|| Ok::<_, ()>(())).is_ok()
}

/// One such call in each process.
pub(crate) fn call_all(nodes: &[Node]) {
    for node in nodes {
        call(&node.api);
    }
}

pub(crate) fn all_are(nodes: &[Node], state: CircuitState) -> bool {
    nodes.iter().all(|node| node.api.state() == state)
}

/// Waits for something to become true, for as long as no machine should need; tells how long it took.
pub(crate) async fn until(what: &str, is_so: impl FnMut() -> bool) {
    until_within(Duration::from_secs(20), what, is_so).await;
}

pub(crate) async fn until_within(limit: Duration, what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < limit, "not within {limit:?}: {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    eprintln!("{what}: after {:.1?}", start.elapsed());
}

/// Lets the fleet go on for a while, to count what happens meanwhile.
pub(crate) async fn watch_for(time: Duration) {
    tokio::time::sleep(time).await;
}
