//! What a caller is told when there is no answer.

use axum::Json;
use axum::body::Body;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;
use tower::BoxError;
use tower::timeout::error::Elapsed;
use tower_circuit_breaker::http::problem_json;
use tower_circuit_breaker::{Error, Rejected};

use crate::link::Trouble;

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum Failed {
    /// A circuit is open, and there is no substitute: 503, with `Retry-After` if the time is known.
    Rejected(Rejected),
    /// Anything else, in words.
    With(StatusCode, String),
}

impl Failed {
    pub(crate) fn bad_request(why: String) -> Self {
        Self::With(StatusCode::BAD_REQUEST, why)
    }

    pub(crate) fn not_found() -> Self {
        Self::With(StatusCode::NOT_FOUND, "there is none".to_owned())
    }

    pub(crate) fn timed_out() -> Self {
        Self::With(StatusCode::GATEWAY_TIMEOUT, "the backend took too long".to_owned())
    }

    pub(crate) fn bad_backend(why: String) -> Self {
        Self::With(StatusCode::BAD_GATEWAY, why)
    }
}

impl From<BoxError> for Failed {
    fn from(error: BoxError) -> Self {
        match Rejected::find(&*error) {
            Some(rejected) => Self::Rejected(rejected.clone()),
            None if error.is::<Elapsed>() => Self::timed_out(),
            None => Self::bad_backend(error.to_string()),
        }
    }
}

impl From<Error<Trouble>> for Failed {
    fn from(error: Error<Trouble>) -> Self {
        match error {
            Error::Rejected(rejected) => Self::Rejected(rejected),
            Error::Inner(Trouble::Refused(why)) => Self::bad_request(why),
            Error::Inner(Trouble::TimedOut) => Self::timed_out(),
            Error::Inner(Trouble::Lost(why)) => Self::bad_backend(why),
        }
    }
}

impl IntoResponse for Failed {
    fn into_response(self) -> Response {
        match self {
            Self::Rejected(rejected) => problem_json::<Body>(rejected),
            Self::With(status, why) => (status, Json(json!({ "error": why }))).into_response(),
        }
    }
}
