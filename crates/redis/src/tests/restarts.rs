//! A process that crashes and comes back every two seconds is one vote, whatever it is called and
//! wherever it runs.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use tower_circuit_breaker::CircuitRegistry;

use crate::builder::NodeName;
use crate::sync::RedisSync;
use crate::tests::server::Server;

/// How a process is called that has come back for so many times.
type Called = fn(u32) -> NodeName;

const EVERY: Duration = Duration::from_secs(2);
/// The votes of three restarts stand at once.
const WINDOW: Duration = Duration::from_secs(6);

struct Process {
    registry: CircuitRegistry,
    /// The process is gone when it is dropped, as one that was killed: its vote stays.
    sync: RedisSync,
}

impl Process {
    async fn start(url: &str, prefix: &str, name: NodeName) -> Self {
        let registry = CircuitRegistry::with_template(|builder| {
            builder.consecutive_failures(1).open_for(Duration::from_secs(600))
        });
        let mut builder = RedisSync::builder(url).prefix(prefix).quorum(2).vote_window(WINDOW);
        builder.node = name;
        let builder = builder.response_timeout(Duration::from_secs(5));
        let sync = builder.connect(&registry).await.unwrap();
        sync.ready().await;
        Self { registry, sync }
    }

    /// Trips, and waits until that is known to Redis.
    async fn vote(&self, server: &Server, prefix: &str) {
        let api = self.registry.get_or_create("api");
        let _ = api.run(|| Err::<(), _>("down"));
        let key = format!("{{{prefix}:0}}:votes:api");
        let votes = || server.cli(&["zrange", &key, "0", "-1"]);
        until(|| votes().contains(self.sync.node()) || !record(server, prefix).is_empty()).await;
        // Until all has been read again that its vote may have led to.
        self.sync.ready().await;
    }
}

fn record(server: &Server, prefix: &str) -> String {
    server.cli(&["get", &format!("{{{prefix}:0}}:record:api")])
}

async fn until(mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < Duration::from_secs(20), "not within 20 s");
        sleep(Duration::from_millis(5)).await;
    }
}

/// Three restarts, and two processes that are there all the time.
async fn is_one_vote(server: &Server, prefix: &str, called: Called) {
    let url = server.url();
    let mut steady = Vec::new();
    for name in ["steady-1", "steady-2"] {
        let name = NodeName::Given(name.to_owned());
        steady.push(Process::start(&url, prefix, name).await);
    }
    let start = Instant::now();
    for time in 0..3 {
        sleep((time * EVERY).saturating_sub(start.elapsed())).await;
        let process = Process::start(&url, prefix, called(time)).await;
        process.vote(server, prefix).await;
        drop(process);
        assert_eq!(record(server, prefix), "", "{prefix}: {:?}", called(time));
    }
    let last = Process::start(&url, prefix, called(3)).await;
    last.vote(server, prefix).await;
    until(|| steady.iter().all(|process| process.sync.health().own_vote_in.is_zero())).await;
    steady[0].vote(server, prefix).await;
    assert_eq!(record(server, prefix), "", "{prefix}: one that stays, and one that comes back");
    steady[1].vote(server, prefix).await;
    assert!(record(server, prefix).contains(" o "), "{prefix}: two that stay");
}

#[tokio::test]
#[ignore = "needs redis-server: run by tests/run.sh"]
async fn what_restarts_every_two_seconds_is_one_vote_also_on_ever_new_hosts() {
    let ways: [(&str, Called); 4] = [
        ("one-name", |_| NodeName::Given("web".to_owned())),
        ("new-names", |time| NodeName::Given(format!("web-{time}"))),
        ("one-host", |_| NodeName::OnHost("web".to_owned())),
        ("new-hosts", |time| NodeName::OnHost(format!("web-{time}"))),
    ];
    let server = Arc::new(Server::start().await);
    let mut all = JoinSet::new();
    for (prefix, called) in ways {
        let server = Arc::clone(&server);
        all.spawn(async move { is_one_vote(&server, prefix, called).await });
    }
    while let Some(done) = all.join_next().await {
        done.unwrap();
    }
}
