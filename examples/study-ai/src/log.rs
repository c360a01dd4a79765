//! The log of a circuit: its changes at once, rejections once a second with how many there were.

use desk::Flood;
use tower_circuit_breaker::CircuitState::Closed;
use tower_circuit_breaker::{CircuitEvent, Interest, Listener};
use tracing::{info, warn};

/// Each event in the words of the crate.
#[derive(Default)]
pub(crate) struct CircuitLog(Flood);

impl Listener for CircuitLog {
    fn on_event(&self, event: &CircuitEvent) {
        let circuit = event.circuit();
        match event {
            CircuitEvent::StateChanged { from: Closed, to, reason, .. } => {
                warn!(circuit, from = %Closed, %to, %reason, "{event}");
            }
            CircuitEvent::StateChanged { from, to, reason, .. } => {
                info!(circuit, %from, %to, %reason, "{event}");
            }
            CircuitEvent::Rejected { .. } => {
                let event = event.clone();
                self.0.count(move |times| warn!(circuit = event.circuit(), times, "{event}"));
            }
            _ => info!(circuit, "{event}"),
        }
    }

    fn interest(&self) -> Interest {
        Interest::CHANGES | Interest::REJECTIONS
    }
}
