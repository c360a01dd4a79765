//! `POST /api/v1/identify`: both upstreams at once, and what is there of their answers.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::http::header::{CONTENT_TYPE, HeaderName};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tower::ServiceExt;
use tower_circuit_breaker::{Rejected, http};

use crate::answer::{Candidates, merge};
use crate::cache::Answers;
use crate::upstream::{Failure, Question, Stack};

/// What answers one question.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    pub(crate) name: &'static str,
    pub(crate) answers: Answers,
    pub(crate) stack: Stack,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Options {
    /// What the picture shows: `leaf`, `flower`, `fruit`, `bark`, or `auto`.
    #[serde(default = "auto")]
    organ: String,
}

type Answered = Result<Candidates, Arc<Failure>>;

pub(crate) async fn identify(
    State(sources): State<Arc<[Source; 2]>>,
    Query(Options { organ }): Query<Options>,
    headers: HeaderMap,
    picture: Bytes,
) -> Response {
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let Some(content_type) = content_type.filter(|of| of.starts_with("image/")) else {
        let error = "send the picture as the body, with `Content-Type: image/jpeg` or alike";
        return problem(StatusCode::UNSUPPORTED_MEDIA_TYPE, error, &[]);
    };
    if picture.is_empty() {
        return problem(StatusCode::BAD_REQUEST, "the picture is empty", &[]);
    }
    let content_type = content_type.to_owned();
    let question = Arc::new(Question { picture, content_type, organ });
    let [paid, free] = &*sources;
    let (by_paid, by_free) = tokio::join!(paid.ask(&question), free.ask(&question));
    respond([(paid.name, by_paid), (free.name, by_free)])
}

/// The same by its old name, which says what it is called now
/// ([RFC 9745](https://www.rfc-editor.org/rfc/rfc9745)).
pub(crate) async fn identify_by_old_name(
    sources: State<Arc<[Source; 2]>>,
    options: Query<Options>,
    headers: HeaderMap,
    picture: Bytes,
) -> Response {
    let headers_of_old = [
        (HeaderName::from_static("deprecation"), DEPRECATED_SINCE),
        (HeaderName::from_static("link"), "</api/v1/identify>; rel=\"successor-version\""),
    ];
    (headers_of_old, identify(sources, options, headers, picture).await).into_response()
}

impl Source {
    /// The cache is asked before the circuit, so a hit says nothing about the upstream.
    async fn ask(&self, question: &Arc<Question>) -> Answered {
        let (stack, question) = (self.stack.clone(), Arc::clone(question));
        self.answers.get_or(key(self.name, &question), stack.oneshot(question)).await
    }
}

/// The SHA-256 of all that an answer depends on; each part with its length, so that none runs over.
fn key(source: &str, question: &Question) -> String {
    let mut hash = Sha256::new();
    let parts = [source, API_VERSION, &question.organ, &question.content_type];
    for part in parts.map(str::as_bytes).iter().chain([&&*question.picture]) {
        hash.update(part.len().to_le_bytes());
        hash.update(part);
    }
    format!("{:x}", hash.finalize())
}

fn respond(answered: [(&'static str, Answered); 2]) -> Response {
    let there =
        || answered.iter().filter_map(|(name, answer)| Some((*name, answer.as_ref().ok()?)));
    let failures: Vec<_> = answered
        .iter()
        .filter_map(|(name, answer)| Some((*name, answer.as_ref().err()?)))
        .collect();
    let missing: Vec<_> = failures.iter().map(|(name, failure)| missing(name, failure)).collect();
    if there().next().is_some() {
        let degraded = !missing.is_empty();
        let plants = merge(there());
        return Json(json!({ "plants": plants, "degraded": degraded, "missing": missing }))
            .into_response();
    }
    let is_bad_picture =
        |(_, failure): &(_, &Arc<Failure>)| matches!(***failure, Failure::BadPicture(_));
    if failures.iter().any(is_bad_picture) {
        return problem(StatusCode::BAD_REQUEST, "no upstream takes this picture", &missing);
    }
    let rejections: Option<Vec<_>> =
        failures.iter().map(|(_, failure)| failure.rejected()).collect();
    match rejections.and_then(soonest) {
        Some(rejected) => {
            let head = http::service_unavailable::<()>(rejected.clone()).into_parts().0;
            let error = "both upstreams are left alone for now; `Retry-After` says for how long";
            (head.headers, problem(head.status, error, &missing)).into_response()
        }
        None => problem(StatusCode::BAD_GATEWAY, "no upstream has an answer", &missing),
    }
}

/// The rejection that is over first; one that does not say is as good as over.
fn soonest(rejections: Vec<&Rejected>) -> Option<&Rejected> {
    let wait = |rejected: &&Rejected| rejected.retry_after().unwrap_or(Duration::ZERO);
    rejections.into_iter().min_by_key(wait)
}

fn missing(name: &str, failure: &Failure) -> Value {
    let left = failure.rejected().and_then(Rejected::retry_after);
    let retry_after = left.map(|left| left.as_secs_f64());
    json!({ "source": name, "why": failure.to_string(), "retry_after_seconds": retry_after })
}

fn problem(status: StatusCode, error: &str, missing: &[Value]) -> Response {
    (status, Json(json!({ "error": error, "missing": missing }))).into_response()
}

fn auto() -> String {
    "auto".to_owned()
}

const API_VERSION: &str = "v1";
/// 2026-01-01.
const DEPRECATED_SINCE: &str = "@1767225600";
