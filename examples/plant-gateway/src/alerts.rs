//! A webhook is told when a circuit opens, when it has been down for long, and when it flaps.

use std::time::Duration;

use reqwest::{Client, Response, Url};
use serde_json::json;
use tokio::time::{Instant, timeout};
use tower_circuit_breaker::CircuitEvent::StateChanged;
use tower_circuit_breaker::CircuitState::Closed;
use tower_circuit_breaker::{Circuit, Delivery, Subscription};

/// Watches a circuit until the runtime ends. It reads at its own pace: no call waits for a webhook.
pub(crate) async fn watch(circuit: Circuit, client: Client, webhook: Url, open_for: Duration) {
    let tell = async |alert: &str, text: String| {
        let text = format!("circuit {} {text}", circuit.name());
        let body = json!({ "alert": alert, "circuit": circuit.name(), "text": text });
        let told = client.post(webhook.clone()).timeout(PATIENCE).json(&body).send().await;
        if let Err(error) = told.and_then(Response::error_for_status) {
            tracing::error!("[ERROR] the webhook did not take an alert ({text}): {error}");
        }
    };
    let (mut changes, mut trips) = (circuit.subscribe(), Vec::new());
    while let Some(delivery) = changes.next().await {
        let Delivery::Event(StateChanged { from: Closed, .. }) = delivery else { continue };
        let why = circuit.snapshot().last_trip.map(|trip| trip.to_string()).unwrap_or_default();
        tell("open", format!("opened: {why}")).await;
        trips.retain(|trip: &Instant| trip.elapsed() <= FLAP_WITHIN);
        trips.push(Instant::now());
        if trips.len() == FLAPS {
            // Said once for each so many.
            trips.clear();
            tell("flapping", format!("opened {FLAPS} times within {FLAP_WITHIN:?}")).await;
        }
        if timeout(open_for, closed(&mut changes)).await.is_err() {
            tell("still_open", format!("has not been closed for {open_for:?}")).await;
            closed(&mut changes).await;
        }
    }
}

/// Reads on until the circuit is closed, or may have been.
async fn closed(changes: &mut Subscription) {
    while let Some(delivery) = changes.next().await {
        match delivery {
            Delivery::Event(StateChanged { to: Closed, .. }) | Delivery::Lagged(_) => return,
            // Open => HalfOpen => Open: it is still down.
            Delivery::Event(_) => {}
        }
    }
}

const PATIENCE: Duration = Duration::from_secs(5);
const FLAPS: usize = 3;
const FLAP_WITHIN: Duration = Duration::from_secs(600);
