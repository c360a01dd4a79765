//! Answers to requests that read.

mod fleet;
mod group;
pub(crate) mod history;
pub(crate) mod live;
mod may;

use std::sync::Arc;

use http::request::Parts;
use http::{Response, StatusCode};
use serde_json::json;
use tokio::time::Instant;
use tower_circuit_breaker::{Circuit, CircuitRegistry, Health};

use crate::access::Caller;
use crate::answer::group::GroupView;
use crate::audit::KEPT;
use crate::body::AdminBody;
use crate::caught::unless_it_panics;
use crate::etag::Tagged;
use crate::live::Live;
use crate::metrics::Metrics;
use crate::problem::Problem;
use crate::respond;
use crate::state::AdminState;
use crate::stream::EventStream;
use crate::view::{CircuitDetail, HealthView};
use crate::wall_clock::now_in_millis;

pub(crate) fn circuit(
    state: &AdminState,
    live: &Live,
    name: &str,
    caller: Caller,
) -> Result<Response<AdminBody>, Problem> {
    let circuit = state.find(name)?;
    let view = state.view(&circuit);
    let name = Arc::clone(&view.snapshot.name);
    let (id, shares) = live.know(|roster| roster.find(&name, Instant::now()));
    let five_minutes = live.know(|roster| {
        let (places, at) = roster.history()?;
        Some(places.get(&name)?.failures(at))
    });
    let view = view.known_as(id, shares);
    let detail = CircuitDetail::new(view, &circuit, five_minutes, caller);
    Ok(respond::json(StatusCode::OK, &detail))
}

/// The settings of a circuit, which are as they were until they are changed.
pub(crate) fn settings(
    state: &AdminState,
    name: &str,
    parts: &Parts,
) -> Result<Response<AdminBody>, Problem> {
    let config = state.find(name)?.config();
    let thresholds = config.thresholds();
    let settings = json!({ "circuit": name, "config": config, "thresholds": thresholds });
    Ok(Tagged::new(settings.to_string()).unless_known(parts, respond::JSON))
}

/// The groups that the service was given.
pub(crate) fn groups(state: &AdminState, caller: Caller) -> Response<AdminBody> {
    let sees_reasons = caller >= Caller::Insider;
    let is_here = |circuit: &Circuit| {
        let here = state.registry.get(circuit.name());
        here.is_some_and(|here| std::ptr::eq(here.name(), circuit.name()))
    };
    let view = |group| GroupView::of(group, is_here, sees_reasons);
    let groups: Vec<_> = state.groups.iter().map(view).collect();
    respond::json(StatusCode::OK, &json!({ "groups": groups }))
}

pub(crate) fn circuit_events(
    state: &AdminState,
    name: &str,
) -> Result<Response<AdminBody>, Problem> {
    let events = state.find(name)?.recent_events();
    Ok(respond::json(
        StatusCode::OK,
        &json!({ "at": now_in_millis(), "circuit": name, "events": events }),
    ))
}

/// `stream` goes on as long as it is read; there is none where too many read.
pub(crate) fn events(stream: Option<EventStream>) -> Result<Response<AdminBody>, Problem> {
    let stream = stream.ok_or_else(Problem::too_many_streams)?;
    Ok(respond::stream(AdminBody::events(stream)))
}

pub(crate) fn health(state: &AdminState, caller: Caller) -> Response<AdminBody> {
    let health = state.health();
    let status = match health {
        Health::Healthy | Health::Degraded => StatusCode::OK,
        Health::Failing => StatusCode::SERVICE_UNAVAILABLE,
    };
    if caller < Caller::Reader {
        return respond::json(status, &json!({ "health": health }));
    }
    let circuits = state.registry.circuits();
    let seen = circuits.iter().filter_map(|circuit| unless_it_panics(|| circuit.snapshot()));
    let circuits: Vec<_> = seen.map(HealthView::of).collect();
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
