//! The settings of a link.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;
use tower_circuit_breaker::CircuitRegistry;
use tower_circuit_breaker_fleet::counts::{BUCKETS, Counts, FleetRate};
use tower_circuit_breaker_fleet::node::Node;
use tower_circuit_breaker_fleet::options::Options;
use tower_circuit_breaker_fleet::outbox::{Outbox, OutboxListener};
use tower_circuit_breaker_fleet::rate::Rate;
use tower_circuit_breaker_fleet::record::is_node;

use crate::error::ConnectError;
use crate::health::{Monitor, OnHealth, SyncHealth, SyncStatus};
use crate::inbox::{Inbox, Push};
use crate::keys::Keys;
use crate::link::Connector;
use crate::scripts::Terms;
use crate::session::Session;
use crate::sync::{Operators, RedisSync, SyncState};
use crate::target::Places;
use crate::task::{Parts, Task};

mod reach;

/// The settings of a [`RedisSync`].
#[derive(Clone)]
#[must_use = "nothing is shared until `connect`"]
pub struct RedisSyncBuilder {
    places: Places,
    prefix: String,
    node: Option<String>,
    quorum: u32,
    vote_window: Duration,
    fleet_probes: u32,
    probe_lease: Option<Duration>,
    poll_interval: Duration,
    response_timeout: Duration,
    fleet_rate: Option<FleetRate>,
    first: First,
    on_health: Option<OnHealth>,
}

/// What a first connection that fails means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum First {
    Required,
    Optional,
}

/// Longer times are taken as this one, a year: neither clocks nor Redis count without end.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 3600);

/// How many orders of handles wait for the task.
const ORDERS: usize = 64;

/// Beyond the time in which Redis is to answer: for the task to get its turn.
const SLACK: Duration = Duration::from_millis(250);

impl RedisSync {
    /// Settings for a link to the Redis at `url`: `redis://host:6379/0`,
    /// `rediss://user:password@host:6379` for TLS, or
    /// `redis+sentinel://user:password@host:26379,host:26379/<name of the master>/0` for the primary
    /// that Sentinels name (`rediss+sentinel://` for TLS to all of them).
    ///
    /// Login and database in a URL of Sentinels are those of the primary; for a login of the
    /// Sentinels' own see [`sentinel_login`](RedisSyncBuilder::sentinel_login). They are asked at each
    /// new connection, and once a second while the primary is away. On this machine
    /// `redis+unix:///run/redis.sock?db=0&user=web&pass=a-secret` is a Unix socket.
    pub fn builder(url: impl Into<String>) -> RedisSyncBuilder {
        RedisSyncBuilder::new(url.into())
    }
}

impl RedisSyncBuilder {
    fn new(url: String) -> Self {
        Self {
            places: Places::new(url),
            prefix: "breaker".to_owned(),
            node: None,
            quorum: 2,
            vote_window: Duration::from_secs(10),
            fleet_probes: 1,
            probe_lease: None,
            poll_interval: Duration::from_secs(1),
            response_timeout: Duration::from_millis(500),
            fleet_rate: None,
            first: First::Required,
            on_health: None,
        }
    }

    /// What all keys and the channel begin with. Default `breaker`.
    ///
    /// Fleets with different prefixes do not meet. All of one fleet must have the same.
    ///
    /// # Panics
    ///
    /// When it is not made of 1 to 64 letters, digits, `_`, `.`, `:` and `-`.
    #[track_caller]
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = plain("prefix", prefix.into());
        self
    }

    /// The name of this process, which no other of the fleet may have. Default: drawn at random.
    ///
    /// # Panics
    ///
    /// When it is not made of 1 to 64 letters, digits, `_`, `.`, `:` and `-`.
    #[track_caller]
    pub fn node(mut self, node: impl Into<String>) -> Self {
        self.node = Some(plain("node", node.into()));
        self
    }

    /// Opens the fleet's circuit when `nodes` different processes have tripped within the
    /// [vote window](Self::vote_window). Default 2: one process with a fault of its own does not
    /// open all the others.
    ///
    /// # Panics
    ///
    /// When `nodes` is 0.
    #[track_caller]
    pub fn quorum(mut self, nodes: u32) -> Self {
        assert!(nodes > 0, "quorum is 0: at least one node has to vote");
        self.quorum = nodes;
        self
    }

    /// Opens the fleet's circuit as soon as one process has tripped: `quorum(1)`.
    pub fn any_node(self) -> Self {
        self.quorum(1)
    }

    /// How long a process's vote counts. Default 10 s. A vote is taken back when the circuit has
    /// closed again where it was cast.
    ///
    /// # Panics
    ///
    /// When it is shorter than 1 ms.
    #[track_caller]
    pub fn vote_window(mut self, window: Duration) -> Self {
        self.vote_window = at_least_a_millisecond("vote_window", window);
        self
    }

    /// How many processes may probe at once after the fleet's circuit was open. Default 1.
    ///
    /// Each lets as many calls through as its circuit says
    /// ([`concurrent_probes`](tower_circuit_breaker::CircuitBuilder::concurrent_probes)).
    ///
    /// # Panics
    ///
    /// When `nodes` is 0 or above 100.
    #[track_caller]
    pub fn fleet_probes(mut self, nodes: u32) -> Self {
        assert!((1..=100).contains(&nodes), "fleet_probes is {nodes}: from 1 to 100");
        self.fleet_probes = nodes;
        self
    }

    /// How long a process may probe before another gets its turn. Default: as long as a probe of
    /// the circuit may take ([`probe_timeout`](tower_circuit_breaker::CircuitBuilder::probe_timeout)).
    ///
    /// # Panics
    ///
    /// When it is shorter than 1 ms.
    #[track_caller]
    pub fn probe_lease(mut self, lease: Duration) -> Self {
        self.probe_lease = Some(at_least_a_millisecond("probe_lease", lease));
        self
    }

    /// How often everything is read from Redis, whatever messages have said: every `interval` to
    /// twice that, by lot. Default 1 s.
    ///
    /// # Panics
    ///
    /// When it is shorter than 1 ms.
    #[track_caller]
    pub fn poll_interval(mut self, interval: Duration) -> Self {
        self.poll_interval = at_least_a_millisecond("poll_interval", interval);
        self
    }

    /// How long Redis may take to answer or to connect. Default 500 ms.
    ///
    /// # Panics
    ///
    /// When it is shorter than 1 ms.
    #[track_caller]
    pub fn response_timeout(mut self, timeout: Duration) -> Self {
        self.response_timeout = at_least_a_millisecond("response_timeout", timeout);
        self
    }

    /// Opens the fleet's circuit also when the share of failures among all calls of all processes
    /// over the last `over` is at least `rate`, of at least `minimum_calls`.
    ///
    /// Off by default. Each process adds what it has met to sums in Redis every 250 ms, and looks
    /// at the sums then. It holds for every circuit of the registry. With every change of the fleet's
    /// circuit the sums start anew. What was added while the answer was lost is added again: the sums
    /// are as exact as the network is well.
    ///
    /// # Panics
    ///
    /// When `rate` is not above 0 and at most 1, or `over` is shorter than 10 ms.
    #[track_caller]
    pub fn fleet_failure_rate(mut self, rate: f64, minimum_calls: u64, over: Duration) -> Self {
        let Some(rate) = Rate::new(rate) else {
            panic!("fleet_failure_rate is {rate}: a share above 0 and at most 1, such as 0.5");
        };
        assert!(
            over >= Duration::from_millis(BUCKETS.into()),
            "fleet_failure_rate looks at {over:?}: at least 10 ms"
        );
        let over = over.min(LONGEST);
        self.fleet_rate = Some(FleetRate { rate, minimum_calls, over });
        self
    }

    /// Has [`connect`](Self::connect) succeed although Redis cannot be reached: circuits go by
    /// themselves until it can be. A URL that is none is an error all the same.
    pub fn local_until_connected(mut self) -> Self {
        self.first = First::Optional;
        self
    }

    /// Calls `listener` at every change of [`SyncHealth::status`], from the link's task. A change
    /// is also one line of the log (target `tower_circuit_breaker`).
    pub fn on_health(mut self, listener: impl Fn(&SyncHealth) + Send + Sync + 'static) -> Self {
        self.on_health = Some(Arc::new(listener));
        self
    }

    /// Connects, and shares the circuits of `registry` from now on, those that are there and those
    /// to come.
    ///
    /// Spawns one task on the present runtime, whatever the number of circuits.
    ///
    /// # Errors
    ///
    /// [`ConnectError`] when the URL is none, the certificate is none, Redis cannot be reached,
    /// refuses the login, is older than 6.2, is a replica or is a Sentinel; when no Sentinel
    /// names a primary, or a cluster has no slots. See also
    /// [`local_until_connected`](Self::local_until_connected).
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    ///
    /// # Cancel safety
    ///
    /// Dropping it shares nothing.
    pub async fn connect(self, registry: &CircuitRegistry) -> Result<RedisSync, ConnectError> {
        let target = self.places.target().map_err(|why| ConnectError { why })?;
        let seed = RandomState::new().hash_one(&self.places.url);
        let node = self.node.clone().unwrap_or_else(|| format!("{seed:016x}"));
        let (inbox, pushed) = Inbox::new();
        let connector = Connector {
            target,
            terms: Arc::new(self.terms(&node)),
            timeout: self.response_timeout,
            inbox,
        };
        let monitor = Arc::new(Monitor::new(self.on_health.clone(), Instant::now()));
        let session = match connector.clone().connect(0).await {
            Ok(session) => Some(session),
            Err(why) if self.first == First::Required || !why.may_pass() => {
                return Err(ConnectError { why });
            }
            Err(why) => {
                monitor.count_error(why.kind());
                None
            }
        };
        Ok(self.start(registry, node, seed, connector, pushed, monitor, session))
    }

    #[expect(clippy::too_many_arguments, reason = "each is made once, on the way here")]
    fn start(
        self,
        registry: &CircuitRegistry,
        node: String,
        seed: u64,
        connector: Connector,
        pushes: mpsc::Receiver<Push>,
        monitor: Arc<Monitor>,
        session: Option<Session>,
    ) -> RedisSync {
        let (orders, ordered) = mpsc::channel(ORDERS);
        let outbox = Arc::new(Outbox::default());
        registry.on_event(OutboxListener(Arc::clone(&outbox)));
        if session.is_some() {
            monitor.count_connection();
            monitor.enter(SyncStatus::Connected, Instant::now());
        }
        let options =
            Options { hold: self.response_timeout.saturating_add(SLACK), lease: self.probe_lease };
        let parts = Parts {
            registry: registry.clone(),
            node: Node::new(options),
            counts: self.fleet_rate.map(Counts::new),
            outbox,
            connector,
            session,
            pushes,
            orders: ordered,
            monitor: Arc::clone(&monitor),
            poll: self.poll_interval,
            seed,
        };
        let health = monitor.reading();
        registry.join(Arc::new(Operators { orders: orders.downgrade(), health }));
        tokio::spawn(Task::new(parts).run());
        RedisSync { shared: Arc::new(SyncState { orders, monitor, node }) }
    }

    fn terms(&self, node: &str) -> Terms {
        let over = self.fleet_rate.map_or(Duration::from_secs(10), |rule| rule.over);
        let bucket = over / BUCKETS;
        Terms {
            keys: Keys::new(&self.prefix),
            node: node.to_owned(),
            quorum: self.quorum,
            vote_window_ms: millis(self.vote_window),
            fleet_probes: self.fleet_probes,
            bucket_ms: millis(bucket).max(1),
            buckets: BUCKETS.into(),
        }
    }
}

#[track_caller]
fn plain(what: &str, name: String) -> String {
    assert!(
        is_node(&name),
        "{what} is {name:?}: 1 to 64 letters, digits, '_', '.', ':' and '-' are needed"
    );
    name
}

#[track_caller]
fn at_least_a_millisecond(what: &str, time: Duration) -> Duration {
    assert!(time >= Duration::from_millis(1), "{what} is {time:?}: at least 1 ms is needed");
    time.min(LONGEST)
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Without the URL, which may hold a password.
impl fmt::Debug for RedisSyncBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisSyncBuilder")
            .field("prefix", &self.prefix)
            .field("node", &self.node)
            .field("quorum", &self.quorum)
            .field("fleet_probes", &self.fleet_probes)
            .finish_non_exhaustive()
    }
}
