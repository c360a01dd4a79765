//! Posts every change of a circuit to a webhook, and never holds up a call for it.
//!
//! ```sh
//! cargo run -p webhook
//! ```
//!
//! The listener puts the change into a queue and goes on; one task posts what is there. A server that
//! is slow fills the queue, and what finds no room is counted and dropped; one that is down is asked
//! three times for each change. Each says when the change was received, by the clock on the wall, and which
//! process tells of it: `INSTANCE` of the environment, or its number. For a chat, post its form, such as
//! `{"text": ".."}`.

#![expect(clippy::print_stdout, reason = "an example tells what happens")]

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use axum::{Json, Router, http::StatusCode, routing::post};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::sleep;
use tower_circuit_breaker::{BoxError, Circuit, CircuitEvent, Listener};

/// Tells a webhook of changes; give it to a circuit, or to a registry for all circuits.
struct Webhook {
    queue: mpsc::Sender<Queued>,
    counts: Arc<Counts>,
}

/// A change, and when it was received: it may wait in the queue.
struct Queued {
    at: SystemTime,
    change: CircuitEvent,
}

#[derive(Debug, Default)]
struct Counts {
    delivered: AtomicU64,
    dropped: AtomicU64,
    given_up: AtomicU64,
}

const QUEUE: usize = 64;
const AT_MOST: Duration = Duration::from_secs(2);
const BETWEEN_ATTEMPTS: [Duration; 2] = [Duration::from_millis(50), Duration::from_millis(200)];

impl Webhook {
    /// The listener and its task, which ends after the last circuit that has the listener.
    fn new(url: String) -> (Self, JoinHandle<()>) {
        let (queue, changes) = mpsc::channel(QUEUE);
        let counts = Arc::<Counts>::default();
        let task = tokio::spawn(deliver(url, changes, Arc::clone(&counts)));
        (Self { queue, counts }, task)
    }
}

impl Listener for Webhook {
    fn on_event(&self, event: &CircuitEvent) {
        let queued = Queued { at: wall_clock(), change: event.clone() };
        if self.queue.try_send(queued).is_err() {
            self.counts.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

async fn deliver(url: String, mut changes: mpsc::Receiver<Queued>, counts: Arc<Counts>) {
    let instance = instance();
    while let Some(Queued { at, change }) = changes.recv().await {
        let at = humantime::format_rfc3339_millis(at).to_string();
        let dropped = counts.dropped.load(Ordering::Relaxed);
        let body =
            json!({ "at": at, "instance": instance, "change": change, "dropped_so_far": dropped });
        let body = body.to_string();
        let became = match send(&url, &body).await {
            Ok(_) => &counts.delivered,
            Err(_) => &counts.given_up,
        };
        became.fetch_add(1, Ordering::Relaxed);
    }
}

#[expect(clippy::disallowed_methods, reason = "people are told the time of day")]
fn wall_clock() -> SystemTime {
    SystemTime::now()
}

/// Which of several processes this is.
fn instance() -> String {
    std::env::var("INSTANCE").unwrap_or_else(|_| format!("process {}", std::process::id()))
}

/// Changes are rare: no connection is kept for the next.
async fn send(url: &str, body: &str) -> reqwest::Result<reqwest::Response> {
    let mut pauses = BETWEEN_ATTEMPTS.into_iter();
    loop {
        let request = reqwest::Client::new().post(url).header("content-type", "application/json");
        let answer = request.timeout(AT_MOST).body(body.to_owned()).send().await;
        match (answer.and_then(reqwest::Response::error_for_status), pauses.next()) {
            (Err(_), Some(pause)) => sleep(pause).await,
            (answer, _) => return answer,
        }
    }
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    run().await.map(|counts| println!("{counts:?}"))
}

/// Makes 2,003 changes, and returns what became of them.
async fn run() -> Result<Arc<Counts>, BoxError> {
    let (stalled, taken) = (watch::Sender::new(false), watch::Sender::new(0));
    let (url, server) = serve(stalled.subscribe(), taken.clone()).await?;
    let (webhook, task) = Webhook::new(url);
    let counts = Arc::clone(&webhook.counts);
    let circuit = Circuit::builder("plants").listener(webhook).build();
    println!(
        "the server fails once and is well; then it stalls while the circuit changes 2,000 times"
    );
    for (changes, stalls) in [(2, false), (2_000, true)] {
        stalled.send(stalls)?;
        for _ in 0..changes / 2 {
            circuit.trip();
            circuit.reset();
        }
        let expected = *taken.borrow() + changes - counts.dropped.load(Ordering::Relaxed);
        stalled.send(false)?;
        taken.subscribe().wait_for(|taken| *taken >= expected).await?;
    }
    println!("the server is gone");
    server.abort();
    let _ = server.await;
    circuit.trip();
    drop(circuit);
    task.await?;
    Ok(counts)
}

/// Starts a server that fails at the first change, and counts what it takes while it is not stalled.
async fn serve(
    stalled: watch::Receiver<bool>,
    taken: watch::Sender<u64>,
) -> io::Result<(String, JoinHandle<io::Result<()>>)> {
    let asked = Arc::<AtomicU64>::default();
    let take = post(async move |Json(told): Json<Value>| {
        let is_told = |name: &str| told[name].as_str().is_some_and(|text| !text.is_empty());
        if !is_told("at") || !is_told("instance") {
            return StatusCode::BAD_REQUEST;
        }
        let _ = stalled.clone().wait_for(|stalled| !stalled).await;
        if asked.fetch_add(1, Ordering::SeqCst) == 0 {
            return StatusCode::SERVICE_UNAVAILABLE;
        }
        taken.send_modify(|taken| *taken += 1);
        StatusCode::NO_CONTENT
    });
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/", listener.local_addr()?);
    Ok((url, tokio::spawn(async { axum::serve(listener, Router::new().route("/", take)).await })))
}

#[cfg(test)]
mod tests {
    #[tokio::test]
    async fn every_change_is_delivered_dropped_or_given_up() {
        let counts = super::run().await.unwrap();

        let [delivered, dropped, given_up] = [&counts.delivered, &counts.dropped, &counts.given_up]
            .map(|count| count.load(std::sync::atomic::Ordering::Relaxed));
        assert_eq!(delivered + dropped + given_up, 2_003, "{counts:?}");
        assert!(delivered >= 66 && dropped > 1_900 && given_up == 1, "{counts:?}");
    }
}
