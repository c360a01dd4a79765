//! The processes of a fleet: each is a registry with a link of its own.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::time::Instant;
use tower_circuit_breaker::{Circuit, CircuitBuilder, CircuitRegistry, CircuitState};
use tower_circuit_breaker_redis::{
    RedisSync, RedisSyncBuilder, SyncError, SyncErrorKind, SyncStatus,
};

/// One process of the fleet, with the circuit `api`.
pub(crate) struct Node {
    pub(crate) registry: CircuitRegistry,
    pub(crate) sync: RedisSync,
    pub(crate) api: Circuit,
}

/// How long a circuit of these tests is open.
pub(crate) const OPEN: Duration = Duration::from_millis(400);

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

/// Settings that suit a test: the first trip opens the fleet's circuit, faults are noticed soon, and
/// each has a name of its own, though all are in one process.
pub(crate) fn link(url: impl Into<String>) -> RedisSyncBuilder {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    unnamed(url).node(format!("process-{}", NUMBER.fetch_add(1, Ordering::Relaxed)))
}

/// The same under the name that processes have by default.
pub(crate) fn unnamed(url: impl Into<String>) -> RedisSyncBuilder {
    let (poll, timeout) = (Duration::from_millis(200), Duration::from_millis(300));
    RedisSync::builder(url).any_node().poll_interval(poll).response_timeout(timeout)
}

/// A link to a Redis that is there: also where the machine is so slow that the first attempt fails.
async fn connected(builder: RedisSyncBuilder, registry: &CircuitRegistry) -> RedisSync {
    for _ in 0..10 {
        match builder.clone().connect(registry).await {
            Err(error) if error.kind() == Some(SyncErrorKind::TimedOut) => {}
            result => return result.unwrap(),
        }
    }
    panic!("Redis has not answered in ten attempts");
}

/// Gives a command until it is carried out, though Redis may be slow.
pub(crate) async fn carried_out<F>(mut command: impl FnMut() -> F)
where
    F: Future<Output = Result<(), SyncError>>,
{
    for _ in 0..10 {
        match command().await {
            Err(error) if error.kind() == SyncErrorKind::Unreachable => {
                watch_for(Duration::from_millis(200)).await;
            }
            result => return result.unwrap(),
        }
    }
    panic!("Redis has not carried it out in ten attempts");
}

impl Node {
    /// A process that has read everything.
    pub(crate) async fn join(builder: RedisSyncBuilder, registry: CircuitRegistry) -> Self {
        let api = registry.get_or_create("api");
        let sync = connected(builder, &registry).await;
        sync.ready().await;
        Self { registry, sync, api }
    }

    pub(crate) async fn join_all(number: usize, url: &str, open_for: Duration) -> Vec<Self> {
        let mut nodes = Vec::new();
        for at in 0..number {
            let builder = link(url).node(format!("node-{at}"));
            nodes.push(Self::join(builder, registry(open_for)).await);
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

    /// Waits until all has been read that there is now.
    pub(crate) async fn read_again(&self) {
        self.sync.ready().await;
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
