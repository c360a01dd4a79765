//! A fleet of five processes that says what it is told to, for the pictures; the tests of faults have a
//! real store.

use std::future::{Future, ready};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tower_circuit_breaker::fleet::{
    Fleet, FleetCircuit, FleetCommand, FleetLease, FleetLink, FleetLook, FleetProcess,
    FleetRecordLook, FleetUnreachable, LinkStatus, ProcessCircuit,
};
use tower_circuit_breaker::{CircuitRegistry, CircuitState, Override};

pub(crate) struct ScriptedFleet {
    is_bad: bool,
}

impl ScriptedFleet {
    pub(crate) fn join(registry: &CircuitRegistry, is_bad: bool) {
        registry.join(Arc::new(Self { is_bad }));
    }
}

impl Fleet for ScriptedFleet {
    fn command(
        &self,
        _: Arc<str>,
        _: FleetCommand,
    ) -> Pin<Box<dyn Future<Output = Result<(), FleetUnreachable>> + Send + Sync>> {
        Box::pin(ready(Ok(())))
    }

    fn link(&self) -> Option<FleetLink> {
        let mut link = FleetLink::new(LinkStatus::Connected, Duration::from_secs(270_540));
        link.last_agreed = Some(Duration::from_millis(800));
        link.errors = 5;
        Some(link)
    }

    fn look(&self) -> Option<FleetLook> {
        let names = ["x2k8p", "b7qmz", "c4t9w", "h0v6d", "n5r2j"]
            .map(|end| format!("orders-api-7c9f4d-{end}"));
        let processes = (0_u64..).zip(&names).map(|(number, name)| {
            let mut process = FleetProcess::new(name, number);
            process.vote.clone_from(name);
            process.version = "0.1.0".to_owned();
            process.is_this = number == 0;
            if self.is_bad {
                process.circuits = seen_by(number);
            }
            process
        });
        let circuits = if self.is_bad { agreed(&names) } else { Vec::new() };
        Some(FleetLook::new(Duration::from_millis(600), processes.collect(), circuits))
    }
}

fn seen_by(process: u64) -> Vec<ProcessCircuit> {
    let mut forced = ProcessCircuit::new("fraud.score/v2", CircuitState::Open);
    forced.overridden = Some(Override::ForcedOpen);
    let adyen = if process == 2 { CircuitState::HalfOpen } else { CircuitState::Open };
    vec![
        ProcessCircuit::new("payments.stripe/charge", CircuitState::Open),
        ProcessCircuit::new("payments.adyen/charge", adyen),
        forced,
    ]
}

fn agreed(names: &[String; 5]) -> Vec<FleetCircuit> {
    let mut stripe = FleetCircuit::new("payments.stripe/charge");
    let mut record = FleetRecordLook::new(41, CircuitState::Open, "votes");
    record.left = Some(Duration::from_secs(12));
    record.process.clone_from(&names[1]);
    stripe.record = Some(record);
    stripe.votes = names[..4].to_vec();
    let mut adyen = FleetCircuit::new("payments.adyen/charge");
    let mut record = FleetRecordLook::new(17, CircuitState::HalfOpen, "votes");
    record.process.clone_from(&names[2]);
    adyen.record = Some(record);
    adyen.votes = names[..3].to_vec();
    adyen.leases = vec![FleetLease::new(&names[2], Duration::from_secs(7))];
    let mut fraud = FleetCircuit::new("fraud.score/v2");
    let mut record = FleetRecordLook::new(9, CircuitState::Open, "operator");
    record.overridden = Some(Override::ForcedOpen);
    record.left = Some(Duration::from_secs(1800));
    record.actor = Some("ann.meyer".to_owned());
    record.reason = Some("INC-4711: bad model rollout, answers are wrong".to_owned());
    fraud.record = Some(record);
    let mut tokens = FleetCircuit::new("auth.tokens");
    tokens.votes = names[4..].to_vec();
    vec![stripe, adyen, fraud, tokens]
}
