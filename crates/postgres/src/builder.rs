//! The settings of a link.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio_postgres::Config;
use tower_circuit_breaker_fleet::counts::{BUCKETS, FleetRate};
use tower_circuit_breaker_fleet::rate::Rate;
use tower_circuit_breaker_fleet::record::is_node;

use crate::error::Why;
use crate::health::{OnHealth, SyncHealth};
use crate::sync::PostgresSync;

/// The settings of a [`PostgresSync`].
#[derive(Clone)]
#[must_use = "nothing is shared until `connect`"]
pub struct PostgresSyncBuilder {
    pub(crate) config: Result<Config, Why>,
    pub(crate) schema: String,
    pub(crate) prefix: String,
    pub(crate) node: Option<String>,
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

/// What a first connection that fails means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum First {
    Required,
    Optional,
}

/// Longer times are taken as this one, a year: neither clocks nor databases count without end.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 3600);

impl PostgresSync {
    /// Returns the settings for a link to the PostgreSQL at `url`.
    ///
    /// As in `postgresql://role:password@host:5432/database`, for several hosts
    /// `postgresql://role:password@one,other/database?target_session_attrs=read-write`, or
    /// `host=/run/postgresql user=role dbname=database`.
    ///
    /// Several hosts are tried in their order, and the first that is a primary is taken; each for
    /// [`response_timeout`](PostgresSyncBuilder::response_timeout), whatever `connect_timeout` says.
    pub fn builder(url: impl AsRef<str>) -> PostgresSyncBuilder {
        let parsed = url.as_ref().parse::<Config>();
        // What is wrong is said without what stands there, which may be a password.
        let bad = |error: tokio_postgres::Error| {
            let detail =
                std::error::Error::source(&error).map_or_else(String::new, ToString::to_string);
            Why::BadConfig { detail: hidden(&detail) }
        };
        PostgresSyncBuilder::new(parsed.map_err(bad))
    }

    /// Settings for a link to a PostgreSQL that is configured in code.
    pub fn with_config(config: Config) -> PostgresSyncBuilder {
        PostgresSyncBuilder::new(Ok(config))
    }
}

/// What comes before the first quotation: the rest may be of the user's.
fn hidden(detail: &str) -> String {
    let plain = detail.split(['`', '"', '\'']).next().unwrap_or_default().trim();
    if plain.is_empty() { "it cannot be read".to_owned() } else { plain.to_owned() }
}

impl PostgresSyncBuilder {
    fn new(config: Result<Config, Why>) -> Self {
        Self {
            config,
            schema: "public".to_owned(),
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

    /// Sets the schema of the tables. Default `public`.
    ///
    /// It is made where it is missing and the role may make one.
    ///
    /// # Panics
    ///
    /// When it is empty, longer than 63 bytes or has a NUL in it.
    #[track_caller]
    pub fn schema(mut self, name: impl Into<String>) -> Self {
        let name = name.into();
        let is_name = (1..=63).contains(&name.len()) && !name.contains('\0');
        assert!(is_name, "schema is {name:?}: a name of 1 to 63 bytes is needed");
        self.schema = name;
        self
    }

    /// Sets the prefix that tells this fleet from others in the same tables. Default `breaker`.
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
    /// one host have one vote together.
    ///
    /// Give the processes of one host names of their own to have each vote for itself.
    ///
    /// # Panics
    ///
    /// When it is not made of 1 to 64 letters, digits, `_`, `.`, `:` and `-`.
    #[track_caller]
    pub fn node(mut self, node: impl Into<String>) -> Self {
        self.node = Some(plain("node", node.into()));
        self
    }

    /// Opens the fleet's circuit when processes with this many votes have tripped. Default 2.
    ///
    /// The votes count within the [vote window](Self::vote_window). With 2, one process with a
    /// fault of its own does not open all the others.
    ///
    /// All processes of a host have one vote together, unless they have [names](Self::node). Those that
    /// joined the fleet less than one vote window ago have none beside the others.
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

    /// Sets how often the database is asked whether anything has changed. Default 1 s.
    ///
    /// Whatever messages have said: every `interval` to twice that, drawn at random.
    ///
    /// That is one statement, however many circuits there are; only what has changed is read. Once a
    /// minute all is, whatever the database says. Behind a pooler in transaction mode, which lets no
    /// message through, changes of others are known so much later.
    ///
    /// # Panics
    ///
    /// When it is shorter than 1 ms.
    #[track_caller]
    pub fn poll_interval(mut self, interval: Duration) -> Self {
        self.poll_interval = at_least_a_millisecond("poll_interval", interval);
        self
    }

    /// Sets how long the database may take to answer or to connect. Default 500 ms.
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
    /// Off by default. While calls fail in any process, each adds what its calls have met to sums in the
    /// database once in two seconds, and looks at the sums then; while none fails nothing is added. It
    /// holds for every circuit of the registry. With every change of the fleet's circuit the sums start
    /// anew. What was added while the answer was lost is added again: the sums are as exact as the
    /// network is well.
    ///
    /// It is late: the others learn with their next poll that calls fail, and only then add their
    /// successes. So the sums decide no sooner than two [poll intervals](Self::poll_interval) and four
    /// seconds after the first failure, 6 s by default. Votes of processes that trip by themselves are
    /// at once.
    ///
    /// # Panics
    ///
    /// When `rate` is not above 0 and at most 1, or `over` is shorter than 10 ms.
    #[track_caller]
    pub fn fleet_failure_rate(mut self, rate: f64, minimum_calls: u64, over: Duration) -> Self {
        let Some(rate) = Rate::new(rate) else {
            panic!("fleet_failure_rate is {rate}: a share above 0 and at most 1, such as 0.5");
        };
        let least = Duration::from_millis(BUCKETS.into());
        assert!(over >= least, "fleet_failure_rate looks at {over:?}: at least 10 ms");
        let over = over.min(LONGEST);
        let patience = Duration::ZERO;
        self.fleet_rate = Some(FleetRate { rate, minimum_calls, over, patience });
        self
    }

    /// Lets [`connect`](Self::connect) succeed although the database cannot be reached.
    ///
    /// Until it can be, each circuit decides alone. Why it could not is logged, and passed to
    /// [`on_health`](Self::on_health). An address that cannot be read is an error all the same.
    pub fn local_until_connected(mut self) -> Self {
        self.first = First::Optional;
        self
    }

    /// Calls `listener` at every change of [`SyncHealth::status`], from the link's task.
    ///
    /// Also once for each kind of error that comes while the link is not well. Each is also one
    /// line of the log (target `tower_circuit_breaker`), with the words of PostgreSQL and what
    /// helps.
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

/// Without the address, which may hold a password.
impl fmt::Debug for PostgresSyncBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresSyncBuilder")
            .field("schema", &self.schema)
            .field("prefix", &self.prefix)
            .field("node", &self.node)
            .field("quorum", &self.quorum)
            .field("fleet_probes", &self.fleet_probes)
            .finish_non_exhaustive()
    }
}
