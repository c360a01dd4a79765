//! The handle.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;
use tower_circuit_breaker::fleet::{FleetCommand, FleetLink, FleetLook, FleetOrder};
use tower_circuit_breaker_fleet::order::{Insight, Order, give, ready};

use crate::error::SyncError;
use crate::fault::Fault;
use crate::health::{Monitor, Reading, SyncHealth};
use crate::kind::SyncErrorKind;
use crate::look::LastLook;

/// Shares the circuits of a registry with the other processes of a fleet, through Redis.
///
/// See the [module docs](super). Clones are the same link; it ends when the last one is dropped.
#[derive(Clone)]
#[must_use = "the link ends when it is dropped"]
pub struct RedisSync {
    pub(crate) shared: Arc<SyncState>,
}

pub(crate) struct SyncState {
    pub(crate) orders: mpsc::Sender<Order<SyncError>>,
    pub(crate) monitor: Arc<Monitor>,
    pub(crate) node: String,
}

impl RedisSync {
    /// Waits until every circuit of the registry has been read from Redis.
    ///
    /// A process that starts while the fleet's circuit is open then knows it before its first call.
    ///
    /// While Redis is away it goes on waiting, and so would a service that starts with it: there
    /// [`ready_within`](Self::ready_within) is what is wanted. A key under which something
    /// else than a record stands keeps nobody waiting. Returns also when the link has stopped.
    ///
    /// # Cancel safety
    ///
    /// Dropping it changes nothing.
    pub async fn ready(&self) {
        ready(&self.shared.orders).await;
    }

    /// Waits as [`ready`](Self::ready) does, for `time` at most, and returns whether all has been read.
    ///
    /// For services, which are to start while Redis is away, too: their circuits decide alone until it
    /// is there. A second or two is enough for a Redis that answers.
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
        self.shared.monitor.health(Instant::now())
    }

    /// Returns the name of this process in the fleet.
    #[must_use]
    pub fn node(&self) -> &str {
        &self.shared.node
    }

    /// [Resets](tower_circuit_breaker::Circuit::reset) the circuit in every process; an override of the fleet stays.
    ///
    /// # Errors
    ///
    /// [`SyncError`] when Redis could not be reached, or did not answer; nothing was changed here then.
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

    /// Forces the circuit open in every process for `time`, by Redis' clock; then it starts closed.
    ///
    /// As [`Circuit::force_open_for`](tower_circuit_breaker::Circuit::force_open_for) in each. A
    /// process whose own operator has forced the circuit keeps that.
    ///
    /// # Errors
    ///
    /// As [`reset`](Self::reset).
    pub async fn force_open_for(&self, circuit: &str, time: Duration) -> Result<(), SyncError> {
        self.command(circuit, FleetCommand::ForceOpen { lasting: Some(time) }).await
    }

    /// Forces the circuit closed in every process for `time`, by Redis' clock; then it starts closed.
    ///
    /// As [`Circuit::force_closed_for`](tower_circuit_breaker::Circuit::force_closed_for) in each. A
    /// process whose own operator has forced the circuit keeps that.
    ///
    /// # Errors
    ///
    /// As [`reset`](Self::reset).
    pub async fn force_closed_for(&self, circuit: &str, time: Duration) -> Result<(), SyncError> {
        self.command(circuit, FleetCommand::ForceClosed { lasting: Some(time) }).await
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

    /// Drops the fleet's override: the circuit starts closed in every process that went by it.
    ///
    /// # Errors
    ///
    /// As [`reset`](Self::reset).
    pub async fn release(&self, circuit: &str) -> Result<(), SyncError> {
        self.command(circuit, FleetCommand::Release).await
    }

    pub(crate) async fn command(
        &self,
        circuit: &str,
        command: FleetCommand,
    ) -> Result<(), SyncError> {
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
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use std::time::Duration;
    ///
    /// use tower_circuit_breaker::fleet::{FleetCommand, FleetOrder};
    /// # async fn example(
    /// #     sync: tower_circuit_breaker_redis::RedisSync,
    /// # ) -> Result<(), tower_circuit_breaker_redis::SyncError> {
    /// let lasting = Some(Duration::from_secs(900));
    /// let mut order = FleetOrder::new(FleetCommand::ForceOpen { lasting });
    /// order.actor = Some("ann".to_owned());
    /// order.reason = Some("the upstream asked us to stop".to_owned());
    /// sync.order("payments", order).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn order(&self, circuit: &str, order: FleetOrder) -> Result<(), SyncError> {
        give(self.shared.orders.clone(), circuit.into(), order, stopped).await
    }
}

/// What metrics are shown of the link, and operators of the fleet. It keeps nothing of what the user
/// gave to the link: a listener of the health may hold the registry.
pub(crate) struct LinkInsight {
    pub(crate) health: Reading,
    pub(crate) shown: LastLook,
}

impl Insight for LinkInsight {
    fn link(&self) -> Option<FleetLink> {
        Some(self.health.link(Instant::now()))
    }

    fn look(&self) -> Option<FleetLook> {
        self.shown.look(Instant::now())
    }
}

/// That the task of the link is gone.
pub(crate) fn stopped() -> SyncError {
    SyncError::new(Fault::new(SyncErrorKind::Unreachable, "the link has stopped"))
}

impl fmt::Debug for RedisSync {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisSync")
            .field("node", &self.shared.node)
            .field("monitor", &self.shared.monitor)
            .finish_non_exhaustive()
    }
}
