//! What is wrong with a request, and what to do about it.

use std::borrow::Cow;
use std::time::Duration;

use http::header::{ALLOW, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderName, HeaderValue, StatusCode};

use crate::attempts::Held;
use crate::refused::Refusal;

/// What an error response says, with a `detail` that says what to do.
#[derive(Debug)]
pub(crate) struct Problem {
    pub(crate) status: StatusCode,
    pub(crate) detail: Cow<'static, str>,
    pub(crate) header: Option<(HeaderName, HeaderValue)>,
    /// Why it is a refusal, if it is one.
    pub(crate) refusal: Option<Refusal>,
    /// The place of an answer that is held back.
    pub(crate) held: Option<Held>,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { status, detail: detail.into(), header: None, refusal: None, held: None }
    }

    pub(crate) fn bad_request(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail)
    }

    pub(crate) fn forbidden(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::FORBIDDEN, detail)
    }

    pub(crate) fn not_found(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::NOT_FOUND, detail)
    }

    pub(crate) fn no_circuit(name: &str) -> Self {
        let detail = format!("no circuit is named {}; GET circuits lists them all", quoted(name));
        Self::not_found(detail)
    }

    pub(crate) fn method_not_allowed(allowed: &'static str) -> Self {
        let detail = format!("this path takes {allowed}");
        Self::new(StatusCode::METHOD_NOT_ALLOWED, detail)
            .with(ALLOW, HeaderValue::from_static(allowed))
    }

    pub(crate) fn unauthorized() -> Self {
        let detail = "a token is needed: send it as `Authorization: Bearer <token>`";
        Self::new(StatusCode::UNAUTHORIZED, detail)
            .with(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))
    }

    pub(crate) fn wrong_token() -> Self {
        let detail =
            "the token is none of this service's: look for a slip in it, or whether it was changed";
        Self::new(StatusCode::UNAUTHORIZED, detail)
            .with(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))
    }

    pub(crate) fn too_many_attempts(wait: Duration) -> Self {
        let seconds = wait.as_secs().saturating_add(1);
        let detail = format!("too many wrong tokens: come again in {seconds} s");
        Self::new(StatusCode::TOO_MANY_REQUESTS, detail).with(RETRY_AFTER, seconds.into())
    }

    pub(crate) fn too_many_streams() -> Self {
        let detail = "as many readers of events as are allowed are here: come again later";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, detail).with(RETRY_AFTER, 10_u64.into())
    }

    pub(crate) fn broken() -> Self {
        let detail = "the circuits could not be read, since a clock or an encoder has panicked: see the \
                      log of the process";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, detail)
    }

    pub(crate) fn too_large() -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "the body may have 64 KiB at most")
    }

    pub(crate) fn not_json() -> Self {
        let detail = "send a JSON body, with `Content-Type: application/json`; or no body, no \
                      `Content-Type`, and nothing that a browser adds";
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail).refusing(Refusal::NotJson)
    }

    /// The same, as a refusal.
    pub(crate) fn refusing(self, refusal: Refusal) -> Self {
        Self { refusal: Some(refusal), ..self }
    }

    /// The same, held back if there is a place for that.
    pub(crate) fn held(self, held: Option<Held>) -> Self {
        Self { held, ..self }
    }

    fn with(self, name: HeaderName, value: HeaderValue) -> Self {
        Self { header: Some((name, value)), ..self }
    }
}

/// The beginning of `text`, in quotes and with everything odd escaped.
pub(crate) fn quoted(text: &str) -> String {
    let cut = text.chars().take(MOST_QUOTED).collect::<String>();
    let rest = if cut.len() < text.len() { "…" } else { "" };
    format!("{cut:?}{rest}")
}

/// Enough to know a name by.
const MOST_QUOTED: usize = 64;
