//! A webhook is told when a circuit opens, when it has been down for long, and when it flaps.

use std::collections::VecDeque;
use std::time::Duration;

use reqwest::Client;
use serde_json::json;
use tokio::time::{Instant, sleep_until};
use tower_circuit_breaker::{Circuit, CircuitEvent, CircuitState, Delivery};

/// Watches one circuit. It reads at its own pace: no call waits for the webhook.
pub(crate) struct Watch {
    circuit: Circuit,
    client: Client,
    url: String,
    open_for: Duration,
    /// When to say that it has been down for long.
    due: Option<Instant>,
    /// The trips that may make a flap.
    trips: VecDeque<Instant>,
}

impl Watch {
    pub(crate) fn new(circuit: &Circuit, url: &str, open_for: Duration) -> Self {
        let client = Client::builder().no_proxy().timeout(PATIENCE).build();
        Self {
            circuit: circuit.clone(),
            client: client.expect("nothing is set but that"),
            url: url.to_owned(),
            open_for,
            due: None,
            trips: VecDeque::new(),
        }
    }

    /// Runs until the runtime ends.
    pub(crate) async fn run(mut self) {
        let mut changes = self.circuit.subscribe();
        loop {
            let due = self.due.unwrap_or_else(|| Instant::now() + self.open_for);
            tokio::select! {
                delivery = changes.next() => match delivery {
                    Some(Delivery::Event(event)) => self.hear(&event).await,
                    // What it is now is what matters.
                    Some(Delivery::Missed(_)) => {}
                    None => return,
                },
                () = sleep_until(due), if self.due.is_some() => self.say_that_it_lasts().await,
            }
        }
    }

    async fn hear(&mut self, event: &CircuitEvent) {
        let CircuitEvent::StateChanged { from, to, reason, .. } = event else {
            return;
        };
        match (from, to) {
            (CircuitState::Closed, CircuitState::Open) => {
                self.due = Some(Instant::now() + self.open_for);
                self.tell("open", &format!("opened: {}", reason.as_str())).await;
                self.look_for_flapping().await;
            }
            (_, CircuitState::Closed) => self.due = None,
            // Open => HalfOpen => Open: it is still down.
            _ => {}
        }
    }

    async fn say_that_it_lasts(&mut self) {
        self.due = None;
        let seconds = self.open_for.as_secs_f64();
        let text = format!("has not been closed for {seconds} s");
        self.tell("still_open", &text).await;
    }

    async fn look_for_flapping(&mut self) {
        let now = Instant::now();
        self.trips.retain(|trip| now.duration_since(*trip) <= FLAP_WITHIN);
        self.trips.push_back(now);
        let trips = self.trips.len();
        if trips >= FLAPS {
            // Said once for each so many.
            self.trips.clear();
            let seconds = FLAP_WITHIN.as_secs();
            let text = format!("is flapping: opened {trips} times within {seconds} s");
            self.tell("flapping", &text).await;
        }
    }

    async fn tell(&self, alert: &str, text: &str) {
        let circuit = self.circuit.name();
        let text = format!("circuit {circuit} {text}");
        let body = json!({ "alert": alert, "circuit": circuit, "text": text });
        let told = self.client.post(&self.url).json(&body).send().await;
        if let Err(error) = told.and_then(reqwest::Response::error_for_status) {
            eprintln!("plant-gateway: the webhook did not take an alert ({text}): {error}");
        }
    }
}

const PATIENCE: Duration = Duration::from_secs(5);
const FLAPS: usize = 3;
const FLAP_WITHIN: Duration = Duration::from_secs(600);
