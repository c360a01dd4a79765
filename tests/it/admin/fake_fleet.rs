//! A fleet that keeps orders to itself, and looks as it is told.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::Semaphore;
use tower_circuit_breaker::fleet::{
    Fleet, FleetCircuit, FleetCommand, FleetLease, FleetLink, FleetLook, FleetOrder, FleetProcess,
    FleetRecordLook, FleetUnreachable, LinkStatus, ProcessCircuit,
};
use tower_circuit_breaker::{CircuitRegistry, CircuitState, Override};

use crate::support::SECOND;

/// Takes orders as long as it is given no reason to fail.
pub(crate) struct FakeFleet {
    link: Option<FleetLink>,
    look: Option<FleetLook>,
    fails: Option<&'static str>,
    /// An answer needs a permit of it.
    answers: Arc<Semaphore>,
    orders: Mutex<Vec<(Arc<str>, FleetOrder)>>,
}

impl FakeFleet {
    /// Nothing is known of it.
    pub(crate) fn new() -> Self {
        let answers = Arc::new(Semaphore::new(PLENTY));
        Self { link: None, look: None, fails: None, answers, orders: Mutex::default() }
    }

    /// One that is linked, and was read two seconds ago.
    pub(crate) fn read() -> Self {
        let mut link = FleetLink::new(LinkStatus::Connected, 90 * SECOND);
        link.last_agreed = Some(Duration::from_millis(1_500));
        link.errors = 3;
        Self { link: Some(link), look: Some(look()), ..Self::new() }
    }

    pub(crate) fn failing(why: &'static str) -> Self {
        Self { fails: Some(why), ..Self::new() }
    }

    pub(crate) fn join(self, registry: &CircuitRegistry) -> Arc<Self> {
        let fleet = Arc::new(self);
        registry.join(Arc::<Self>::clone(&fleet));
        fleet
    }

    /// Gives no answer until it is told to.
    pub(crate) fn hold_answers(&self) {
        self.answers.forget_permits(PLENTY);
    }

    pub(crate) fn answer(&self) {
        self.answers.add_permits(1);
    }

    pub(crate) fn orders(&self) -> Vec<(Arc<str>, FleetOrder)> {
        self.orders.lock().unwrap().clone()
    }
}

impl Fleet for FakeFleet {
    fn command(
        &self,
        circuit: Arc<str>,
        command: FleetCommand,
    ) -> Pin<Box<dyn Future<Output = Result<(), FleetUnreachable>> + Send + Sync>> {
        self.order(circuit, FleetOrder::new(command))
    }

    fn order(
        &self,
        circuit: Arc<str>,
        order: FleetOrder,
    ) -> Pin<Box<dyn Future<Output = Result<(), FleetUnreachable>> + Send + Sync>> {
        self.orders.lock().unwrap().push((circuit, order));
        let (answers, fails) = (Arc::clone(&self.answers), self.fails);
        Box::pin(async move {
            answers.acquire().await.unwrap().forget();
            fails.map_or(Ok(()), |why| Err(FleetUnreachable::new(why)))
        })
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
    let mut link = FleetLink::new(LinkStatus::Connected, 12 * SECOND);
    link.last_agreed = Some(SECOND);
    link.is_degraded = true;
    this.link = Some(link);
    let mut other = FleetProcess::new("pod-2", u64::MAX);
    let mut forced = ProcessCircuit::new("plants", CircuitState::Open);
    forced.overridden = Some(Override::ForcedOpen);
    other.circuits = vec![forced, ProcessCircuit::new("prices", CircuitState::HalfOpen)];
    other.is_cut = true;

    let mut record = FleetRecordLook::new(7, CircuitState::Open, "operator");
    record.overridden = Some(Override::ForcedOpen);
    record.serial = Some(5);
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

/// More answers than any test asks for.
const PLENTY: usize = 1000;
