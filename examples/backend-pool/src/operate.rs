//! What operators see and steer: the crate's own service, under the names that this API gives it.

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use tower::ServiceBuilder;
use tower_circuit_breaker_admin::Admin;

/// The page, the usual places of health and metrics, and the API of the pool. All are guarded alike,
/// and every command is in the audit.
pub(crate) fn routes(admin: &Admin) -> Router {
    let api = NAMES.into_iter().fold(Router::new(), |api, (ours, theirs)| {
        let renamed = ServiceBuilder::new().map_request(move |request| rename(request, theirs));
        api.route_service(ours, renamed.service(admin.clone()))
    });
    Router::new()
        .nest_service("/circuits", admin.clone())
        .route_service("/health", admin.clone())
        .route_service("/metrics", admin.clone())
        .nest("/api/v1/circuit-breaker", api)
}

/// Gives a request the path that the admin service knows; what it takes by which method is its own
/// affair.
fn rename(mut request: Request<Body>, theirs: &str) -> Request<Body> {
    let service = request.uri().path().rsplit('/').next().unwrap_or_default();
    // One segment of a path fits into another.
    if let Ok(uri) = theirs.replace("{service}", service).parse() {
        *request.uri_mut() = uri;
    }
    request
}

const NAMES: [(&str, &str); 6] = [
    ("/status", "/circuits"),
    ("/status/{service}", "/circuits/{service}"),
    ("/metrics", "/metrics"),
    ("/health", "/health"),
    ("/reset/{service}", "/circuits/{service}/reset"),
    ("/reset-all", "/circuits/reset-all"),
];
