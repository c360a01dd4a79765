//! Following the rows by the events, as the page does; and clocks that panic.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::Value;
use tower_circuit_breaker::{Circuit, Clock};
use tower_circuit_breaker_admin::Admin;

use super::events::{Event, Reader, rows};

/// Panics while it is told to.
struct Moody(Arc<AtomicBool>);

impl Clock for Moody {
    fn now(&self) -> Duration {
        assert!(!self.0.load(Ordering::SeqCst), "on purpose");
        Duration::ZERO
    }
}

pub(super) fn moody(name: &str) -> (Circuit, Arc<AtomicBool>) {
    let mood = Arc::new(AtomicBool::new(false));
    let circuit = Circuit::builder(name).clock(Moody(Arc::clone(&mood))).build();
    (circuit, mood)
}

/// Counts how often it is asked, and takes its time.
pub(super) struct Slow(pub(super) Arc<std::sync::atomic::AtomicUsize>, pub(super) Duration);

impl Clock for Slow {
    fn now(&self) -> Duration {
        self.0.fetch_add(1, Ordering::SeqCst);
        #[expect(clippy::disallowed_methods, reason = "it is slow")]
        std::thread::sleep(self.1);
        Duration::ZERO
    }
}

pub(super) async fn after(admin: &Admin, listed: &Value) -> Reader {
    let place = listed["seq"].as_str().unwrap();
    Reader::open(admin, &format!("/events?after={place}")).await
}

/// All that is told until so many ticks have come.
pub(super) async fn events(reader: &mut Reader, ticks: usize) -> Vec<Event> {
    let (mut told, mut seen) = (Vec::new(), 0);
    while seen < ticks {
        let event = reader.next().await.unwrap();
        seen += usize::from(event.name == "tick");
        told.push(event);
    }
    told
}

/// What a reader believes of the circuit `id` in `column`, after the rows and all that is told.
pub(super) fn believed(listed: &Value, told: &[Event], name: &str, column: &str) -> Value {
    let row = |table: &Value| rows(table).into_iter().find(|row| row["name"] == name);
    let mut known = row(listed).unwrap()[column].clone();
    for event in told.iter().filter(|event| event.name == "change") {
        if let Some(row) = row(&event.json) {
            known = row[column].clone();
        }
    }
    known
}
