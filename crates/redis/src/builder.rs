//! The settings of a link.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tower_circuit_breaker_fleet::counts::{BUCKETS, FleetRate};
use tower_circuit_breaker_fleet::rate::Rate;
use tower_circuit_breaker_fleet::record::is_node;

use crate::health::{OnHealth, SyncHealth};
use crate::sync::RedisSync;
use crate::target::Places;

mod reach;

/// The settings of a [`RedisSync`].
#[derive(Clone)]
#[must_use = "nothing is shared until `connect`"]
pub struct RedisSyncBuilder {
    pub(crate) places: Places,
    pub(crate) prefix: String,
    pub(crate) node: NodeName,
    pub(crate) quorum: u32,
    pub(crate) vote_window: Duration,
    pub(crate) fleet_probes: u32,
    pub(crate) probe_lease: Option<Duration>,
    pub(crate) poll_interval: Duration,
    pub(crate) response_timeout: Duration,
    pub(crate) fleet_rate: Option<FleetRate>,
    pub(crate) first: First,
    pub(crate) on_health: Option<OnHealth>,
}

/// What a process is called by, and its vote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NodeName {
    /// This host, whose vote it is, and the number of the process.
    OnHost(String),
    /// What the user has said.
    Given(String),
}

/// What a first connection that fails means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum First {
    Required,
    Optional,
}

/// Longer times are taken as this one, a year: neither clocks nor Redis count without end.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 3600);

impl RedisSync {
    /// Returns the settings for a link to the Redis at `url`.
    ///
    /// As in `redis://host:6379/0`, `rediss://user:password@host:6379` for TLS, or
    /// `redis+sentinel://user:password@host:26379,host:26379/<name of the master>/0` for the
    /// primary that Sentinels name (`rediss+sentinel://` for TLS to all of them).
    ///
    /// Login and database in a URL of Sentinels are those of the primary; for a login of the
    /// Sentinels' own see [`sentinel_login`](RedisSyncBuilder::sentinel_login). They are asked at each
    /// new connection, once a second while the primary is away, and every one to two seconds while it
    /// answers: the one that has named it last, over a connection that stays. On this machine
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
            node: NodeName::OnHost(gethostname::gethostname().to_string_lossy().into_owned()),
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

    /// Sets the prefix of all keys and of the channel. Default `breaker`.
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

    /// Names this process, and its vote.
    ///
    /// No other process of the fleet should have the same name. Default: the name of the host and
    /// the number of the process, as in `web-1:4711`, and the vote of the host: all processes of
    /// one host have one vote together, since what ails one of them may well be of the host.
    ///
    /// Give the processes of one host names of their own to have each vote for itself. Two processes of
    /// one name share a vote; [`SyncHealth`] says so.
    ///
    /// # Panics
    ///
    /// When it is not made of 1 to 64 letters, digits, `_`, `.`, `:` and `-`.
    #[track_caller]
    pub fn node(mut self, node: impl Into<String>) -> Self {
        self.node = NodeName::Given(plain("node", node.into()));
        self
    }

    /// Opens the fleet's circuit when processes with this many votes have tripped. Default 2.
    ///
    /// The votes count within the [vote window](Self::vote_window). With 2, one process with a
    /// fault of its own does not open all the others.
    ///
    /// All processes of a host have one vote together, unless they have [names](Self::node). Those that
    /// joined the fleet less than one vote window ago have none beside the others: each may be one that
    /// has voted and crashed since. So whatever crashes and comes back, under whatever name, is one vote.
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

    /// Sets how long a process's vote counts. Default 10 s.
    ///
    /// A vote is taken back when the circuit has closed again where it was cast.
    ///
    /// # Panics
    ///
    /// When it is shorter than 1 ms.
    #[track_caller]
    pub fn vote_window(mut self, window: Duration) -> Self {
        self.vote_window = at_least_a_millisecond("vote_window", window);
        self
    }

    /// Sets how many processes may probe at once for the fleet. Default 1.
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

    /// Sets how long a process may probe before another gets its turn.
    ///
    /// Default: as long as a probe of the circuit may take
    /// ([`probe_timeout`](tower_circuit_breaker::CircuitBuilder::probe_timeout)).
    ///
    /// # Panics
    ///
    /// When it is shorter than 1 ms.
    #[track_caller]
    pub fn probe_lease(mut self, lease: Duration) -> Self {
        self.probe_lease = Some(at_least_a_millisecond("probe_lease", lease));
        self
    }

    /// Sets how often Redis is asked whether anything has changed. Default 1 s.
    ///
    /// Whatever messages have said: every `interval` to twice that, drawn at random.
    ///
    /// That is one command, in a Redis Cluster 16, however many circuits there are; only what has
    /// changed is read. Once a minute all is, whatever Redis says.
    ///
    /// # Panics
    ///
    /// When it is shorter than 1 ms.
    #[track_caller]
    pub fn poll_interval(mut self, interval: Duration) -> Self {
        self.poll_interval = at_least_a_millisecond("poll_interval", interval);
        self
    }

    /// Sets how long Redis may take to answer or to connect. Default 500 ms.
    ///
    /// # Panics
    ///
    /// When it is shorter than 1 ms.
    #[track_caller]
    pub fn response_timeout(mut self, timeout: Duration) -> Self {
        self.response_timeout = at_least_a_millisecond("response_timeout", timeout);
        self
    }

    /// Opens the fleet's circuit also when the failure rate of all processes reaches `rate`.
    ///
    /// It is the share of failures among all calls of all processes over the last `over`, once
    /// these are at least `minimum_calls`.
    ///
    /// Off by default. While calls fail in any process, each adds what its calls have met to sums in
    /// Redis once a second, and looks at the sums then; while none fails nothing is added. It holds for
    /// every circuit of the registry. With every change of the fleet's circuit the sums start anew. What
    /// was added while the answer was lost is added again: the sums are as exact as the network is well.
    ///
    /// It is late: the others learn with their next poll that calls fail, and only then add their
    /// successes. So the sums decide no sooner than two [poll intervals](Self::poll_interval) and two
    /// seconds after the first failure, 4 s by default, and each second from then on. Votes of processes
    /// that trip by themselves are at once.
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
        let patience = Duration::ZERO;
        self.fleet_rate = Some(FleetRate { rate, minimum_calls, over, patience });
        self
    }

    /// Lets [`connect`](Self::connect) succeed although Redis cannot be reached.
    ///
    /// Until it can be, each circuit decides alone. Why it could not is logged, and passed to
    /// [`on_health`](Self::on_health). A URL that cannot be read is an error all the same.
    pub fn local_until_connected(mut self) -> Self {
        self.first = First::Optional;
        self
    }

    /// Calls `listener` at every change of [`SyncHealth::status`], from the link's task.
    ///
    /// Also once for each kind of error that comes while the link is not well, such as a login that
    /// is refused after Redis was away. Each is also one line of the log (target
    /// `tower_circuit_breaker`), with the words of Redis and what helps.
    pub fn on_health(mut self, listener: impl Fn(&SyncHealth) + Send + Sync + 'static) -> Self {
        self.on_health = Some(Arc::new(listener));
        self
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
