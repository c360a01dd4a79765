//! Following the rows by the events, as the page does; and clocks that panic.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http::Request;
use http::request::Builder;
use http_body_util::{BodyExt, Full};
use serde_json::Value;
use tower_circuit_breaker::{Circuit, Clock};
use tower_circuit_breaker_admin::{Admin, AdminBody};

use super::{from_here, get, send};

/// Reads events as a browser would.
pub(super) struct Reader {
    body: AdminBody,
}

/// One event.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Event {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) json: Value,
    pub(super) bytes: usize,
}

impl Reader {
    pub(super) async fn open(admin: &Admin, path: &str) -> Self {
        Self::open_with(admin, from_here(Request::get(path))).await
    }

    pub(super) async fn open_with(admin: &Admin, request: Builder) -> Self {
        let response = send(admin, request.body(Full::default()).unwrap()).await;
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self::of(response.into_body()).await
    }

    /// A reader of what is sent, but for the beginning.
    pub(super) async fn of(mut body: AdminBody) -> Self {
        if let Some(first) = body.frame().await {
            assert_eq!(first.unwrap().into_data().unwrap(), "retry: 2000\n\n");
        }
        Self { body }
    }

    /// The next event; `None` at the end.
    pub(super) async fn next(&mut self) -> Option<Event> {
        let data = self.body.frame().await?.unwrap().into_data().unwrap();
        let text = String::from_utf8(data.to_vec()).unwrap();
        let event = text.strip_prefix("id: ").and_then(|rest| {
            let (id, rest) = rest.split_once("\nevent: ")?;
            let (name, json) = rest.strip_suffix("\n\n")?.split_once("\ndata: ")?;
            let (id, name) = (id.to_owned(), name.to_owned());
            Some(Event { id, name, json: serde_json::from_str(json).unwrap(), bytes: data.len() })
        });
        Some(event.unwrap_or_else(|| panic!("no event: {text:?}")))
    }

    /// The next event of this name.
    pub(super) async fn next_of(&mut self, wanted: &str) -> Value {
        for _ in 0..40 {
            let event = self.next().await.unwrap();
            if event.name == wanted {
                return event.json;
            }
        }
        panic!("no {wanted} among 40 events");
    }
}

/// The rows of a table by the names of its columns, with what is left out as null.
pub(super) fn rows(table: &Value) -> Vec<Value> {
    let columns = table["columns"].as_array().unwrap();
    let rows = table["circuits"].as_array().unwrap().iter();
    rows.map(|row| {
        let cell =
            |(at, name): (usize, &Value)| (name.as_str().unwrap().to_owned(), row[at].clone());
        columns.iter().enumerate().map(cell).collect::<serde_json::Map<_, _>>().into()
    })
    .collect()
}

/// A reader of what comes after what is there.
pub(super) async fn reader(admin: &Admin) -> Reader {
    let listed = get(admin, "/circuits?form=rows").await;
    Reader::open(admin, &format!("/events?after={}", listed.json["seq"].as_str().unwrap())).await
}

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
