//! What handles ask of the task of a link.

use std::sync::Arc;

use tokio::sync::oneshot;
use tower_circuit_breaker::fleet::{FleetOrder, FleetUnreachable};

#[derive(Debug)]
pub(crate) enum Order {
    /// Tell me when everything has been read, from now on.
    Ready(oneshot::Sender<()>),
    Command {
        circuit: Arc<str>,
        order: FleetOrder,
        done: oneshot::Sender<Result<(), FleetUnreachable>>,
    },
}
