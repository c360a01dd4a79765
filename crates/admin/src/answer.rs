//! Answers to requests that read.

use http::{Response, StatusCode};
use serde::Serialize;
use serde_json::json;
use tower_circuit_breaker::{CircuitRegistry, Health};

use crate::audit::{Audit, KEPT};
use crate::body::AdminBody;
use crate::metrics::Metrics;
use crate::problem::Problem;
use crate::respond;
use crate::state::AdminState;
use crate::stream::EventStream;
use crate::view::{CircuitView, HealthView};

/// Written at once: a thousand circuits are not to be made values of JSON first.
#[derive(Debug, Serialize)]
struct List {
    health: Health,
    circuits: Vec<CircuitView>,
}

/// What asks for the health.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Caller {
    /// Has not shown the token that is asked for, and is shown no names.
    Anonymous,
    Known,
}

pub(crate) fn circuits(state: &AdminState) -> Response<AdminBody> {
    let list = List { health: state.registry.health(), circuits: state.views() };
    respond::json(StatusCode::OK, &list)
}

pub(crate) fn circuit(state: &AdminState, name: &str) -> Result<Response<AdminBody>, Problem> {
    let circuit = state.find(name)?;
    Ok(respond::json(StatusCode::OK, &state.view(&circuit).with_config(&circuit)))
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
    Ok(respond::respond(StatusCode::OK, respond::EVENTS, AdminBody::events(stream)))
}

pub(crate) fn health(registry: &CircuitRegistry, caller: Caller) -> Response<AdminBody> {
    let health = registry.health();
    let status = match health {
        Health::Healthy | Health::Degraded => StatusCode::OK,
        Health::Failing => StatusCode::SERVICE_UNAVAILABLE,
    };
    if caller == Caller::Anonymous {
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

pub(crate) fn audit(audit: &Audit, wrong_tokens: u64) -> Response<AdminBody> {
    let entries = audit.after(0, KEPT);
    respond::json(StatusCode::OK, &json!({ "wrong_tokens": wrong_tokens, "entries": entries }))
}
