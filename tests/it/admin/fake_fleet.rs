//! A fleet that looks as it is told.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tower_circuit_breaker::fleet::{
    Fleet, FleetCircuit, FleetCommand, FleetLease, FleetLink, FleetLook, FleetProcess,
    FleetRecordLook, FleetUnreachable, LinkStatus, ProcessCircuit,
};
use tower_circuit_breaker::{CircuitRegistry, CircuitState, Override};

use crate::support::SECOND;

pub(crate) struct FakeFleet {
    pub(crate) link: Option<FleetLink>,
    pub(crate) look: Option<FleetLook>,
}

impl FakeFleet {
    /// Nothing is known of it.
    pub(crate) fn new() -> Self {
        Self { link: None, look: None }
    }

    /// One that is linked, and was read two seconds ago.
    pub(crate) fn read() -> Self {
        let mut link = FleetLink::new(LinkStatus::Connected, 90 * SECOND);
        link.last_agreed = Some(Duration::from_millis(1_500));
        link.errors = 3;
        Self { link: Some(link), look: Some(look()) }
    }

    pub(crate) fn join(self, registry: &CircuitRegistry) {
        registry.join(Arc::new(self));
    }
}

impl Fleet for FakeFleet {
    fn command(
        &self,
        _: Arc<str>,
        _: FleetCommand,
    ) -> Pin<Box<dyn Future<Output = Result<(), FleetUnreachable>> + Send + Sync>> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn link(&self) -> Option<FleetLink> {
        self.link.clone()
    }

    fn look(&self) -> Option<FleetLook> {
        self.look.clone()
    }
}

/// Two processes; of one circuit a command stands there, of another one vote alone.
fn look() -> FleetLook {
    let mut this = FleetProcess::new("pod-1", 0xbeef);
    this.vote = "eu".to_owned();
    this.version = "0.3.0".to_owned();
    this.is_this = true;
    let mut other = FleetProcess::new("pod-2", u64::MAX);
    let mut forced = ProcessCircuit::new("plants", CircuitState::Open);
    forced.overridden = Some(Override::ForcedOpen);
    other.circuits = vec![forced, ProcessCircuit::new("prices", CircuitState::HalfOpen)];
    other.is_cut = true;

    let mut record = FleetRecordLook::new(7, CircuitState::Open, "operator");
    record.overridden = Some(Override::ForcedOpen);
    record.left = Some(600 * SECOND);
    record.process = "pod-2".to_owned();
    record.actor = Some("ann".to_owned());
    record.reason = Some("the vendor's maintenance".to_owned());
    let mut plants = FleetCircuit::new("plants");
    plants.record = Some(record);
    plants.leases = vec![FleetLease::new("pod-2", Duration::from_millis(2_500))];
    let mut prices = FleetCircuit::new("prices");
    prices.votes = vec!["eu".to_owned()];
    FleetLook::new(2 * SECOND, vec![other, this], vec![prices, plants])
}
