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
use sha2::{Digest, Sha256};
use tokio::time::Instant;
use tower_circuit_breaker::http::service_unavailable;
use tower_circuit_breaker::{Error, Outcome, Rejected};
use tracing::{error, info, warn};

use crate::app::App;
use crate::upstream::{Failure, Plants, Question, Upstream};

/// The picture is the body. An option says what it shows, `organ`: leaf, flower, fruit, bark.
pub(crate) async fn identify(
    State(app): State<Arc<App>>,
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
    let image = name_of(&picture);
    let question = Arc::new(Question { picture, image, content_type, organ });
    let started = Instant::now();
    // Tasks of their own: a caller who leaves does not waste a call that is paid for.
    let ask = |upstream| tokio::spawn(Upstream::ask(upstream, Arc::clone(&question)));
    let (mut there, mut away, mut failures) = (Vec::new(), Vec::new(), Vec::new());
    for (upstream, answer) in app.upstreams.iter().zip(app.upstreams.clone().map(ask)) {
        match answer.await.unwrap_or_else(|panic| resume_unwind(panic.into_panic())) {
            Ok(plants) => there.push((upstream, plants)),
            Err(failure) => {
                away.push(upstream);
                failures.push(failure);
            }
        }
    }
    let took = started.elapsed().as_secs_f64();
    info!("[PERF] Parallel API execution completed in {took:.2}s");
    app.log(&there, &away, &failures);
    let missing: Vec<_> = away.iter().zip(&failures).map(|(of, why)| tell(of, why)).collect();
    if there.is_empty() {
        return no_answer(&failures, &missing);
    }
    let features: Vec<_> = away.iter().flat_map(|upstream| upstream.kind.features).collect();
    let note = away.iter().find_map(|upstream| upstream.kind.note);
    let (plants, degraded) = (merge(&there), !away.is_empty());
    let body = json!({
        "plants": plants, "degraded": degraded, "note": note, "missing_features": features,
        "missing": missing,
    });
    Json(body).into_response()
}

impl App {
    /// What failed, and who is left where circuits are open.
    fn log(&self, there: &[Found<'_>], away: &[&Arc<Upstream>], failures: &[Arc<Failure>]) {
        for (upstream, failure) in away.iter().zip(failures) {
            if let Error::Inner(wrong) = &**failure {
                error!("[ERROR] {}: {}", upstream.circuit.name(), wrong.why);
            }
        }
        let are_open = failures.iter().all(|failure| failure.rejected().is_some());
        match (there, away) {
            ([(left, _)], [away]) if are_open => {
                let [left, away] = [left, away].map(|upstream| upstream.circuit.clone());
                self.degraded.count(move |times| {
                    let (left, away) = (left.name(), away.name());
                    warn!(times, "[CIRCUIT] DEGRADED: {away} unavailable, using {left} only");
                });
            }
            ([], _) if are_open => {
                self.critical
                    .count(|times| error!(times, "[CIRCUIT] CRITICAL: Both circuits OPEN"));
            }
            _ => {}
        }
    }
}

/// What the log calls a picture: eight digits of its hash.
fn name_of(picture: &[u8]) -> String {
    let mut hash = format!("{:x}", Sha256::digest(picture));
    hash.truncate(8);
    hash
}

/// Who has answered, and what.
type Found<'a> = (&'a Arc<Upstream>, Plants);

fn tell(upstream: &Upstream, failure: &Failure) -> Value {
    let (why, left) = match failure {
        Error::Rejected(rejected) => (rejected.to_string(), rejected.retry_after()),
        Error::Inner(wrong) => (wrong.why.clone(), None),
    };
    let retry_after = left.map(|left| left.as_secs_f64());
    json!({ "source": upstream.kind.name, "why": why, "retry_after_seconds": retry_after })
}

/// The plants of all sources with the best of their scores, the most likely first.
fn merge(answers: &[Found<'_>]) -> Vec<Value> {
    let mut plants: BTreeMap<&str, (f64, Vec<&str>)> = BTreeMap::new();
    for (upstream, found) in answers {
        for (name, score) in found {
            let (best, sources) = plants.entry(name).or_default();
            *best = best.max(*score);
            sources.push(upstream.kind.name);
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
    let body = |error, detail| {
        let body =
            json!({ "success": false, "error": error, "detail": detail, "missing": missing });
        Json(body)
    };
    let rejections: Option<Vec<_>> = failures.iter().map(|failure| failure.rejected()).collect();
    if let Some(soonest) = rejections.and_then(Rejected::earliest) {
        let detail = "both upstreams are left alone; `Retry-After` says for how long, if known";
        let body = body(UNAVAILABLE, detail);
        return (service_unavailable::<()>(soonest.clone()), body).into_response();
    }
    let (status, error) = match failures.iter().any(is_about_the_picture) {
        true => (StatusCode::BAD_REQUEST, "no upstream takes this picture"),
        false => (StatusCode::BAD_GATEWAY, UNAVAILABLE),
    };
    (status, body(error, "no upstream has an answer")).into_response()
}

fn is_about_the_picture(failure: &Arc<Failure>) -> bool {
    matches!(&**failure, Error::Inner(wrong) if wrong.worth == Outcome::Ignored)
}

pub(crate) fn problem(status: StatusCode, error: &str) -> Response {
    (status, Json(json!({ "success": false, "error": error }))).into_response()
}

const UNAVAILABLE: &str =
    "Plant identification is temporarily unavailable. Please try again in a few moments.";
