//! Answers to requests that read.

use std::sync::Arc;

use http::{Response, StatusCode};
use serde::Serialize;
use serde_json::json;
use tower_circuit_breaker::{CircuitRegistry, Health};

use crate::access::Caller;
use crate::audit::KEPT;
use crate::body::AdminBody;
use crate::metrics::Metrics;
use crate::problem::Problem;
use crate::respond;
use crate::selection::Selection;
use crate::state::AdminState;
use crate::stream::EventStream;
use crate::view::{CircuitDetail, CircuitView, HealthView};

/// Written at once: a thousand circuits are not to be made values of JSON first.
#[derive(Debug, Serialize)]
struct List {
    health: Health,
    circuits: Vec<CircuitView>,
    /// The last name here, where more follow.
    next: Option<Arc<str>>,
}

pub(crate) fn circuits(state: &AdminState, selection: &Selection) -> Response<AdminBody> {
    let mut selected = state.selected(selection);
    let circuits: Vec<_> = selected.by_ref().take(selection.limit()).collect();
    let has_more = selected.next().is_some();
    let next = circuits.last().filter(|_| has_more).map(|last| Arc::clone(&last.snapshot.name));
    let list = List { health: state.registry.health(), circuits, next };
    respond::json(StatusCode::OK, &list)
}

pub(crate) fn circuit(
    state: &AdminState,
    name: &str,
    caller: Caller,
) -> Result<Response<AdminBody>, Problem> {
    let circuit = state.find(name)?;
    let detail = CircuitDetail::new(state.view(&circuit), &circuit, caller);
    Ok(respond::json(StatusCode::OK, &detail))
}

pub(crate) fn circuit_events(
    state: &AdminState,
    name: &str,
) -> Result<Response<AdminBody>, Problem> {
    let events = state.find(name)?.recent_events();
    Ok(respond::json(StatusCode::OK, &json!({ "circuit": name, "events": events })))
}

/// `stream` goes on as long as it is read; there is none where too many read.
pub(crate) fn events(stream: Option<EventStream>) -> Result<Response<AdminBody>, Problem> {
    let stream = stream.ok_or_else(Problem::too_many_streams)?;
    Ok(respond::stream(AdminBody::events(stream)))
}

pub(crate) fn health(registry: &CircuitRegistry, caller: Caller) -> Response<AdminBody> {
    let health = registry.health();
    let status = match health {
        Health::Healthy | Health::Degraded => StatusCode::OK,
        Health::Failing => StatusCode::SERVICE_UNAVAILABLE,
    };
    if caller < Caller::Reader {
        return respond::json(status, &json!({ "health": health }));
    }
    let circuits: Vec<_> = registry.snapshots().into_iter().map(HealthView::of).collect();
    respond::json(status, &json!({ "health": health, "circuits": circuits }))
}

pub(crate) fn metrics(
    metrics: Option<&Metrics>,
    registry: &CircuitRegistry,
) -> Result<Response<AdminBody>, Problem> {
    let metrics = metrics.ok_or_else(|| {
        Problem::not_found("no metrics here: give the encoder to `AdminBuilder::metrics`")
    })?;
    let (content_type, text) = metrics.encode(registry);
    Ok(respond::ok(content_type, text))
}

pub(crate) fn audit(state: &AdminState, wrong_tokens: u64) -> Response<AdminBody> {
    let entries = state.audit.after(0, KEPT);
    let (total, refused) = state.refused.all();
    let all = json!({
        "wrong_tokens": wrong_tokens,
        "entries": entries,
        "refused": { "total": total, "entries": refused },
    });
    respond::json(StatusCode::OK, &all)
}
