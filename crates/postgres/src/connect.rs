//! From the settings of a link to a link.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tokio_postgres::tls::{MakeTlsConnect, TlsConnect};
use tokio_postgres::{NoTls, Socket};
use tower_circuit_breaker::CircuitRegistry;
use tower_circuit_breaker_fleet::counts::FleetRate;
use tower_circuit_breaker_fleet::identity::Identity;
use tower_circuit_breaker_fleet::link::{Link, Settings};

use crate::builder::{First, PostgresSyncBuilder};
use crate::dial::Dial;
use crate::door::Door;
use crate::error::ConnectError;
use crate::health::{Monitor, SyncStatus};
use crate::names::Names;
use crate::statements::Statements;
use crate::store::PostgresStore;
use crate::sync::{Operators, PostgresSync};

/// Beyond the time in which the database is to answer: for the task to get its turn.
const SLACK: Duration = Duration::from_millis(250);

/// How often what calls have met is added to the sums of the fleet: each is a statement that writes.
const MERGE: Duration = Duration::from_secs(2);

impl PostgresSyncBuilder {
    /// Connects, and shares the circuits of `registry` from now on, also those to come.
    ///
    /// Spawns two tasks on the present runtime, whatever the number of circuits. Makes the tables where
    /// they are missing.
    ///
    /// # Errors
    ///
    /// [`ConnectError`] when the address is none, PostgreSQL cannot be reached, refuses the login, is
    /// older than 13, is a replica or lets the role write nothing, or when tables are missing and the
    /// role may not make them: then it has the [statements](ConnectError::statements) for an
    /// administrator. See also [`local_until_connected`](Self::local_until_connected).
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    ///
    /// # Cancel safety
    ///
    /// Dropping it shares nothing.
    pub async fn connect(self, registry: &CircuitRegistry) -> Result<PostgresSync, ConnectError> {
        self.connect_by(Dial::by(NoTls), registry).await
    }

    /// Connects as [`connect`](Self::connect) does, by your TLS.
    ///
    /// That of `tokio-postgres-rustls`, `postgres-native-tls` or `postgres-openssl`. `sslmode` of
    /// the address says whether it is required.
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect).
    ///
    /// # Panics
    ///
    /// As [`connect`](Self::connect).
    ///
    /// # Cancel safety
    ///
    /// As [`connect`](Self::connect).
    pub async fn connect_tls<T>(
        self,
        tls: T,
        registry: &CircuitRegistry,
    ) -> Result<PostgresSync, ConnectError>
    where
        T: MakeTlsConnect<Socket> + Clone + Send + Sync + 'static,
        T::Stream: Send,
        T::TlsConnect: Send,
        <T::TlsConnect as TlsConnect<Socket>>::Future: Send,
    {
        self.connect_by(Dial::by(tls), registry).await
    }

    async fn connect_by(
        self,
        dial: Dial,
        registry: &CircuitRegistry,
    ) -> Result<PostgresSync, ConnectError> {
        let config = self.config.clone().map_err(|why| ConnectError { why })?;
        let names = Names::new(&self.schema, &self.prefix);
        let statements = Statements::new(&names);
        let door = Door { config, dial, names, statements, timeout: self.response_timeout };
        let identity = self.identity();
        let now = Instant::now();
        let on_health = self.on_health.clone();
        let monitor = Arc::new(Monitor::new(&identity.vote, self.vote_window, on_health, now));
        let session = match door.open().await {
            Ok(session) => Some(session),
            Err(why) if self.first == First::Required || !why.may_pass() => {
                return Err(ConnectError { why });
            }
            Err(why) => {
                monitor.count_error(&why.fault());
                monitor.enter(SyncStatus::Disconnected, Instant::now());
                None
            }
        };
        let store = PostgresStore::new(door, session, Arc::clone(&monitor));
        let link = Link::share(store, registry, self.settings(identity));
        registry.join(Arc::new(Operators::new(link.operators(), monitor.reading())));
        Ok(PostgresSync { link, monitor })
    }

    fn identity(&self) -> Identity {
        // Seeded by the system, another in each process.
        let number = RandomState::new().hash_one(&self.prefix);
        match &self.node {
            Some(name) => Identity::named(name, number),
            None => {
                let host = gethostname::gethostname();
                Identity::on_host(&host.to_string_lossy(), std::process::id(), number)
            }
        }
    }

    fn settings(&self, identity: Identity) -> Settings {
        let settings = Settings::new(identity)
            .quorum(self.quorum)
            .vote_window(self.vote_window)
            .fleet_probes(self.fleet_probes)
            .poll_interval(self.poll_interval)
            .hold(self.response_timeout.saturating_add(SLACK));
        let settings = match self.probe_lease {
            Some(lease) => settings.probe_lease(lease),
            None => settings,
        };
        match self.rate() {
            Some(rule) => settings.fleet_rate(rule, MERGE),
            None => settings,
        }
    }

    /// The rule for the whole fleet; it decides when all have had time to add what they meet.
    fn rate(&self) -> Option<FleetRate> {
        let patience = self.poll_interval.saturating_mul(2).saturating_add(2 * MERGE);
        self.fleet_rate.map(|rule| FleetRate { patience, ..rule })
    }
}
