//! `POST /api/v1/identify`: both upstreams at once, and what is there of their answers.

use std::collections::{BTreeMap, HashMap};
use std::panic::resume_unwind;
use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tower_circuit_breaker::http::service_unavailable;
use tower_circuit_breaker::{Error, Outcome, Rejected};

use crate::upstream::{Failure, Plants, Question, Upstream};

pub(crate) type Upstreams = [Arc<Upstream>; 2];

/// The picture is the body. An option says what it shows, `organ`: leaf, flower, fruit, bark.
pub(crate) async fn identify(
    State(upstreams): State<Upstreams>,
    Query(mut options): Query<HashMap<String, String>>,
    headers: HeaderMap,
    picture: Bytes,
) -> Response {
    let content_type = headers.get(header::CONTENT_TYPE);
    let Some(content_type) = content_type.filter(|of| of.as_bytes().starts_with(b"image/")) else {
        let error = "send the picture as the body, with `Content-Type: image/jpeg` or alike";
        return problem(StatusCode::UNSUPPORTED_MEDIA_TYPE, error);
    };
    if picture.is_empty() {
        return problem(StatusCode::BAD_REQUEST, "the picture is empty");
    }
    let (content_type, organ) = (content_type.clone(), options.remove("organ"));
    let question = Arc::new(Question { picture, content_type, organ });
    // Tasks of their own: a caller who leaves does not waste a call that is paid for.
    let ask = |upstream| tokio::spawn(Upstream::ask(upstream, Arc::clone(&question)));
    let (mut there, mut missing, mut failures) = (Vec::new(), Vec::new(), Vec::new());
    for (upstream, answer) in upstreams.iter().zip(upstreams.clone().map(ask)) {
        let source = upstream.circuit.name();
        match answer.await.unwrap_or_else(|panic| resume_unwind(panic.into_panic())) {
            Ok(plants) => there.push((source, plants)),
            Err(failure) => {
                missing.push(tell(source, &failure));
                failures.push(failure);
            }
        }
    }
    if there.is_empty() {
        return no_answer(&failures, &missing);
    }
    let (plants, degraded) = (merge(&there), !missing.is_empty());
    Json(json!({ "plants": plants, "degraded": degraded, "missing": missing })).into_response()
}

fn tell(source: &str, failure: &Failure) -> Value {
    let (why, left) = match failure {
        Error::Rejected(rejected) => (rejected.to_string(), rejected.retry_after()),
        Error::Inner(wrong) => (wrong.why.clone(), None),
    };
    let retry_after = left.map(|left| left.as_secs_f64());
    json!({ "source": source, "why": why, "retry_after_seconds": retry_after })
}

/// The plants of all sources with the best of their scores, the most likely first.
fn merge(answers: &[(&str, Plants)]) -> Vec<Value> {
    let mut plants: BTreeMap<&str, (f64, Vec<&str>)> = BTreeMap::new();
    for (source, found) in answers {
        for (name, score) in found {
            let (best, sources) = plants.entry(name).or_default();
            *best = best.max(*score);
            sources.push(source);
        }
    }
    let mut plants: Vec<_> = plants.into_iter().collect();
    plants.sort_by(|(_, (a, _)), (_, (b, _))| b.total_cmp(a));
    let plant =
        |(name, (score, sources))| json!({ "name": name, "score": score, "sources": sources });
    plants.into_iter().map(plant).collect()
}

/// Nobody was asked, or the picture is at fault, or those who were asked.
fn no_answer(failures: &[Arc<Failure>], missing: &[Value]) -> Response {
    let body = |error| Json(json!({ "error": error, "missing": missing }));
    let rejections: Option<Vec<_>> = failures.iter().map(|failure| failure.rejected()).collect();
    if let Some(soonest) = rejections.and_then(Rejected::earliest) {
        let error = "both upstreams are left alone; `Retry-After` says for how long, if known";
        return (service_unavailable::<()>(soonest.clone()), body(error)).into_response();
    }
    let (status, error) = match failures.iter().any(is_about_the_picture) {
        true => (StatusCode::BAD_REQUEST, "no upstream takes this picture"),
        false => (StatusCode::BAD_GATEWAY, "no upstream has an answer"),
    };
    (status, body(error)).into_response()
}

fn is_about_the_picture(failure: &Arc<Failure>) -> bool {
    matches!(&**failure, Error::Inner(wrong) if wrong.worth == Outcome::Ignored)
}

pub(crate) fn problem(status: StatusCode, error: &str) -> Response {
    (status, Json(json!({ "error": error }))).into_response()
}
