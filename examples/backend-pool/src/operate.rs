//! What operators see and steer: the crate's own service, under the names that this API gives it, and
//! with the members that its dashboards know.

use axum::body::{Body, to_bytes};
use axum::extract::State;
use axum::http::header::{ACCEPT_ENCODING, CONTENT_LENGTH};
use axum::http::{HeaderValue, Request};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use desk::failures_in_a_row;
use serde_json::{Map, Value, json};
use tower::{ServiceBuilder, ServiceExt};
use tower_circuit_breaker::{CircuitRegistry, CircuitSnapshot, CircuitState, Health};
use tower_circuit_breaker_admin::Admin;

#[derive(Clone)]
struct Operators {
    admin: Admin,
    registry: CircuitRegistry,
}

type Shared = State<Operators>;

/// The page, the usual places of health and metrics, and the API of the pool. All are guarded alike,
/// and every command is in the audit.
pub(crate) fn routes(admin: &Admin, registry: &CircuitRegistry) -> Router {
    let operators = Operators { admin: admin.clone(), registry: registry.clone() };
    let api = Router::new()
        .route("/status", get(status))
        .route("/metrics", get(status))
        .route("/status/{service}", get(service))
        .route("/health", get(health))
        .with_state(operators.clone());
    let api = COMMANDS.into_iter().fold(api, |api, (ours, theirs)| {
        let renamed = ServiceBuilder::new().map_request(move |request| rename(request, theirs));
        api.route_service(ours, renamed.service(admin.clone()))
    });
    Router::new()
        .route("/health", get(health))
        .with_state(operators)
        .nest_service("/circuits", admin.clone())
        .route_service("/metrics", admin.clone())
        .nest("/api/v1/circuit-breaker", api)
}

async fn status(State(operators): Shared, request: Request<Body>) -> Response {
    operators
        .answer(request, "/circuits", |registry| {
            let circuits: Vec<_> = registry.circuits().iter().map(|one| one.snapshot()).collect();
            let of = |state| circuits.iter().filter(|circuit| circuit.state == state).count();
            let so = |health| circuits.iter().filter(|circuit| circuit.health() == health).count();
            let breakers: Map<_, _> = circuits
                .iter()
                .map(|circuit| (circuit.name.to_string(), breaker(circuit)))
                .collect();
            json!({
                "summary": {
                    "healthy_circuits": so(Health::Healthy),
                    "degraded_circuits": so(Health::Degraded),
                    "failed_circuits": so(Health::Failing),
                },
                "details": {
                    "global": {
                        "total_circuits": circuits.len(),
                        "open_circuits": of(CircuitState::Open),
                        "half_open_circuits": of(CircuitState::HalfOpen),
                        "closed_circuits": of(CircuitState::Closed),
                    },
                    "breakers": breakers,
                },
            })
        })
        .await
}

async fn service(State(operators): Shared, request: Request<Body>) -> Response {
    let name = last_segment(&request).to_owned();
    operators
        .answer(request, "/circuits/{service}", |registry| {
            let circuit = registry.get(&name).map(|circuit| breaker(&circuit.snapshot()));
            circuit.unwrap_or_default()
        })
        .await
}

async fn health(State(operators): Shared, request: Request<Body>) -> Response {
    operators.answer(request, "/health", |registry| {
        let state = |circuit: &CircuitSnapshot| {
            json!({ "state": circuit.state, "health": circuit.health().as_str() })
        };
        let circuits = registry.circuits();
        let circuits = circuits.iter().map(|circuit| circuit.snapshot());
        let all: Map<_, _> = circuits.map(|it| (it.name.to_string(), state(&it))).collect();
        json!({ "circuit_breakers": all })
    })
    .await
}

/// A circuit in the words of this API.
fn breaker(circuit: &CircuitSnapshot) -> Value {
    let (good, bad) = (circuit.totals.successes, circuit.totals.failures);
    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    let rate =
        (good + bad > 0).then(|| format!("{:.1}%", 100.0 * good as f64 / (good + bad) as f64));
    json!({
        "name": circuit.name,
        "state": circuit.state,
        "metrics": {
            "total_calls": good + bad,
            "successful_calls": good,
            "failed_calls": bad,
            "success_rate": rate,
            "consecutive_failures": failures_in_a_row(circuit),
        },
    })
}

impl Operators {
    /// What the crate's service answers there, with these members besides; those that it refuses see
    /// neither.
    async fn answer(
        &self,
        request: Request<Body>,
        theirs: &str,
        besides: impl FnOnce(&CircuitRegistry) -> Value,
    ) -> Response {
        let mut request = rename(request, theirs);
        // It is read here.
        request.headers_mut().insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        let answer = self.admin.clone().oneshot(request).await.into_response();
        let (mut head, body) = answer.into_parts();
        // What is the service's own fits into memory.
        let Ok(body) = to_bytes(body, usize::MAX).await else { return head.status.into_response() };
        let Ok(Value::Object(mut members)) = serde_json::from_slice(&body) else {
            return (head, body).into_response();
        };
        // Without a token nobody is told of circuits.
        if ["circuits", "totals"].iter().any(|name| members.contains_key(*name)) {
            let Value::Object(besides) = besides(&self.registry) else {
                return head.status.into_response();
            };
            members.extend(besides);
        }
        head.headers.remove(CONTENT_LENGTH);
        (head, Json(members)).into_response()
    }
}

/// Gives a request the path that the admin service knows; what it takes by which method is its own
/// affair.
fn rename(mut request: Request<Body>, theirs: &str) -> Request<Body> {
    // One segment of a path fits into another.
    if let Ok(uri) = theirs.replace("{service}", last_segment(&request)).parse() {
        *request.uri_mut() = uri;
    }
    request
}

fn last_segment(request: &Request<Body>) -> &str {
    request.uri().path().rsplit('/').next().unwrap_or_default()
}

const COMMANDS: [(&str, &str); 2] =
    [("/reset/{service}", "/circuits/{service}/reset"), ("/reset-all", "/circuits/reset-all")];
