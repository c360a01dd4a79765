//! From the settings of a link to a link.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;
use tower_circuit_breaker::CircuitRegistry;
use tower_circuit_breaker_fleet::counts::{FleetRate, MERGE};
use tower_circuit_breaker_fleet::identity::Identity;
use tower_circuit_breaker_fleet::node::Node;
use tower_circuit_breaker_fleet::options::Options;
use tower_circuit_breaker_fleet::order::Operators;
use tower_circuit_breaker_fleet::outbox::{Outbox, OutboxListener};
use tower_circuit_breaker_fleet::terms::Terms;
use tower_circuit_breaker_fleet::time::Timestamp;

use crate::builder::{First, NodeName, RedisSyncBuilder};
use crate::error::ConnectError;
use crate::health::{Monitor, SyncStatus};
use crate::inbox::{Inbox, Push};
use crate::link::Connector;
use crate::look::LastLook;
use crate::session::Session;
use crate::sync::{LinkInsight, RedisSync, SyncState, stopped};
use crate::task::{Parts, Task};

/// How many orders of handles wait for the task.
const ORDERS: usize = 64;

/// Beyond the time in which Redis is to answer: for the task to get its turn.
const SLACK: Duration = Duration::from_millis(250);

impl RedisSyncBuilder {
    /// Connects, and shares the circuits of `registry` from now on, also those to come.
    ///
    /// Spawns one task on the present runtime, whatever the number of circuits.
    ///
    /// # Errors
    ///
    /// [`ConnectError`] when the URL is none, the certificate is none, Redis cannot be reached,
    /// refuses the login, is older than 6.2, is a replica or is a Sentinel; when no Sentinel names a primary,
    /// or a cluster has no slots. See also
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
        let identity = self.identity(seed);
        let (inbox, pushed) = Inbox::new();
        let connector = Connector {
            target,
            prefix: self.prefix.clone(),
            terms: self.terms(identity.clone()),
            timeout: self.response_timeout,
            inbox,
        };
        let monitor = Arc::new(Monitor::new(
            &identity.vote,
            self.vote_window,
            self.on_health.clone(),
            Instant::now(),
        ));
        let session = match connector.clone().connect(0).await {
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
        Ok(self.start(registry, identity, seed, connector, pushed, monitor, session))
    }

    #[expect(clippy::too_many_arguments, reason = "each is made once, on the way here")]
    fn start(
        self,
        registry: &CircuitRegistry,
        identity: Identity,
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
            monitor.count_connection(Instant::now());
            monitor.enter(SyncStatus::Connected, Instant::now());
        }
        let options = Options {
            hold: self.response_timeout.saturating_add(SLACK),
            lease: self.probe_lease,
            vote_window: self.vote_window,
            seed,
        };
        let mut node = Node::new(options);
        if session.is_some() {
            node.join(Timestamp::ZERO);
        }
        let shown = LastLook::default();
        let parts = Parts {
            registry: registry.clone(),
            node,
            fleet_rate: self.rate(),
            outbox,
            connector,
            session,
            pushes,
            orders: ordered,
            monitor: Arc::clone(&monitor),
            shown: shown.clone(),
            poll: self.poll_interval,
            seed,
        };
        let health = monitor.reading();
        registry.join(Arc::new(Operators::new(&orders, stopped, LinkInsight { health, shown })));
        tokio::spawn(Task::new(parts).run());
        RedisSync { shared: Arc::new(SyncState { orders, monitor, node: identity.name }) }
    }

    fn identity(&self, number: u64) -> Identity {
        match &self.node {
            NodeName::Given(name) => Identity::named(name, number),
            NodeName::OnHost(host) => Identity::on_host(host, std::process::id(), number),
        }
    }

    fn terms(&self, identity: Identity) -> Terms {
        let (quorum, fleet_probes) = (self.quorum, self.fleet_probes);
        Terms { identity, quorum, vote_window: self.vote_window, fleet_probes }
    }

    /// The rule for the whole fleet; it decides when all have had time to add what they meet.
    fn rate(&self) -> Option<FleetRate> {
        let patience = self.poll_interval.saturating_mul(2).saturating_add(2 * MERGE);
        self.fleet_rate.map(|rule| FleetRate { patience, ..rule })
    }
}
