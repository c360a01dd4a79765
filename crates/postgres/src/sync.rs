//! The handle.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tower_circuit_breaker::fleet::{
    Fleet, FleetCommand, FleetLink, FleetLook, FleetOrder, FleetUnreachable,
};
use tower_circuit_breaker_fleet::link::Link;

use crate::error::SyncError;
use crate::health::{Monitor, Reading, SyncHealth};

/// Shares the circuits of a registry with the other processes of a fleet, through PostgreSQL.
///
/// See the [module docs](super). Clones are the same link; it ends when the last one is dropped.
#[derive(Clone)]
#[must_use = "the link ends when it is dropped"]
pub struct PostgresSync {
    pub(crate) link: Link,
    pub(crate) monitor: Arc<Monitor>,
}

impl PostgresSync {
    /// Waits until every circuit of the registry has been read from the database.
    ///
    /// A process that starts while the fleet's circuit is open then knows it before its first call.
    ///
    /// While the database is away it goes on waiting, and so would a service that starts with it: there
    /// [`ready_within`](Self::ready_within) is what is wanted. A row in which something else than a
    /// record stands keeps nobody waiting. Returns also when the link has stopped.
    ///
    /// # Cancel safety
    ///
    /// Dropping it changes nothing.
    pub async fn ready(&self) {
        self.link.ready().await;
    }

    /// Waits as [`ready`](Self::ready) does, for `time` at most, and returns whether all has been read.
    ///
    /// For services, which are to start while the database is away, too: their circuits decide alone
    /// until it is there. A second or two is enough for a database that answers.
    ///
    /// # Cancel safety
    ///
    /// Dropping it changes nothing.
    pub async fn ready_within(&self, time: Duration) -> bool {
        tokio::time::timeout(time, self.ready()).await.is_ok()
    }

    /// Returns the health of the link.
    ///
    /// Takes a short lock; no call waits for it.
    #[must_use]
    pub fn health(&self) -> SyncHealth {
        self.monitor.health(Instant::now())
    }

    /// Returns the name of this process in the fleet.
    #[must_use]
    pub fn node(&self) -> &str {
        &self.link.identity().name
    }

    /// [Resets](tower_circuit_breaker::Circuit::reset) the circuit in every process; an override of the
    /// fleet stays.
    ///
    /// # Errors
    ///
    /// [`SyncError`] when the database could not be reached, did not answer, or refused it; nothing was
    /// changed here then.
    ///
    /// # Cancel safety
    ///
    /// Dropped after its first poll it may or may not be carried out.
    pub async fn reset(&self, circuit: &str) -> Result<(), SyncError> {
        self.command(circuit, FleetCommand::Reset).await
    }

    /// Forces the circuit open in every process, until [`release`](Self::release).
    ///
    /// A process whose own operator has forced the circuit keeps that.
    ///
    /// # Errors
    ///
    /// As [`reset`](Self::reset).
    pub async fn force_open(&self, circuit: &str) -> Result<(), SyncError> {
        self.command(circuit, FleetCommand::ForceOpen { lasting: None }).await
    }

    /// Forces the circuit open in every process for `time`; then it starts closed.
    ///
    /// The time is that of the database's clock.
    ///
    /// # Errors
    ///
    /// As [`reset`](Self::reset).
    pub async fn force_open_for(&self, circuit: &str, time: Duration) -> Result<(), SyncError> {
        self.command(circuit, FleetCommand::ForceOpen { lasting: Some(time) }).await
    }

    /// Forces the circuit closed in every process, until [`release`](Self::release).
    ///
    /// A process whose own operator has forced the circuit keeps that.
    ///
    /// # Errors
    ///
    /// As [`reset`](Self::reset).
    pub async fn force_closed(&self, circuit: &str) -> Result<(), SyncError> {
        self.command(circuit, FleetCommand::ForceClosed { lasting: None }).await
    }

    /// Forces the circuit closed in every process for `time`; then it starts closed.
    ///
    /// The time is that of the database's clock.
    ///
    /// # Errors
    ///
    /// As [`reset`](Self::reset).
    pub async fn force_closed_for(&self, circuit: &str, time: Duration) -> Result<(), SyncError> {
        self.command(circuit, FleetCommand::ForceClosed { lasting: Some(time) }).await
    }

    /// Drops the fleet's override: the circuit starts closed in every process that went by it.
    ///
    /// # Errors
    ///
    /// As [`reset`](Self::reset).
    pub async fn release(&self, circuit: &str) -> Result<(), SyncError> {
        self.command(circuit, FleetCommand::Release).await
    }

    async fn command(&self, circuit: &str, command: FleetCommand) -> Result<(), SyncError> {
        self.order(circuit, FleetOrder::new(command)).await
    }

    /// Gives a command to every process, with the operator's name and reason.
    ///
    /// Each process shows these with the override
    /// ([`Circuit::operators_override`](tower_circuit_breaker::Circuit::operators_override)).
    ///
    /// At most 64 bytes of the actor and 200 of the reason are kept.
    ///
    /// # Errors
    ///
    /// As [`reset`](Self::reset).
    ///
    /// # Cancel safety
    ///
    /// As [`reset`](Self::reset).
    pub async fn order(&self, circuit: &str, order: FleetOrder) -> Result<(), SyncError> {
        self.link.order(circuit, order).await.map_err(SyncError::new)
    }
}

/// The way of a registry's operators to the link, and of its metrics to the health. It does not keep the
/// link, nor what the user gave to it: a listener of the health may hold the registry.
pub(crate) struct Operators {
    orders: Arc<dyn Fleet>,
    health: Reading,
}

impl Operators {
    pub(crate) fn new(orders: Arc<dyn Fleet>, health: Reading) -> Self {
        Self { orders, health }
    }
}

impl Fleet for Operators {
    fn command(
        &self,
        circuit: Arc<str>,
        command: FleetCommand,
    ) -> Pin<Box<dyn Future<Output = Result<(), FleetUnreachable>> + Send + Sync>> {
        self.orders.command(circuit, command)
    }

    fn order(
        &self,
        circuit: Arc<str>,
        order: FleetOrder,
    ) -> Pin<Box<dyn Future<Output = Result<(), FleetUnreachable>> + Send + Sync>> {
        self.orders.order(circuit, order)
    }

    fn look(&self) -> Option<FleetLook> {
        self.orders.look()
    }

    fn link(&self) -> Option<FleetLink> {
        Some(self.health.link(Instant::now()))
    }
}

impl fmt::Debug for PostgresSync {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresSync")
            .field("node", &self.node())
            .field("monitor", &self.monitor)
            .finish_non_exhaustive()
    }
}
