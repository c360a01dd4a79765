//! An answer, and what every answer has to be like.

use std::future::poll_fn;
use std::pin::pin;

use http::{HeaderMap, Response};
use http_body::Body;
use serde_json::Value;
use tower_circuit_breaker_admin::AdminBody;

use super::oracle::is_odd;

#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    /// The whole body; of a stream of events the first.
    pub(super) body: Vec<u8>,
}

impl Answer {
    pub(super) async fn read(response: Response<AdminBody>) -> Result<Self, String> {
        let (parts, body) = response.into_parts();
        let mut body = pin!(body);
        let is_stream = body.size_hint().exact().is_none();
        let mut read = Vec::new();
        while let Some(Ok(frame)) = poll_fn(|cx| body.as_mut().poll_frame(cx)).await {
            read.extend(frame.into_data().unwrap_or_default());
            if is_stream {
                break;
            }
        }
        let answer = Self { status: parts.status.as_u16(), headers: parts.headers, body: read };
        answer.check().map_err(|wrong| format!("{wrong}: {}", answer.text()))?;
        Ok(answer)
    }

    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(super) fn json(&self) -> Result<Value, String> {
        serde_json::from_slice(&self.body).map_err(|error| format!("{error}: {}", self.text()))
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    fn check(&self) -> Result<(), String> {
        let is_stream = self.header("content-type") == EVENTS;
        let cache_control = match self.header("etag") {
            "" if is_stream => "no-store, no-transform",
            "" => "no-store",
            _ => "no-cache",
        };
        let guarding = [
            ("cache-control", cache_control),
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-resource-policy", "same-origin"),
        ];
        if let Some((name, _)) = guarding.iter().find(|(name, value)| self.header(name) != *value) {
            return Err(format!("no {name}"));
        }
        if !self.header("content-security-policy").starts_with("default-src 'none'; ") {
            return Err("no policy".to_owned());
        }
        if self.headers.keys().any(|name| name.as_str().starts_with("access-control-")) {
            return Err("other origins may read it".to_owned());
        }
        match (self.status, self.header("content-type")) {
            (200 | 503, "application/json") => self.json().map(drop),
            (200, HTML | EVENTS | METRICS) => Ok(()),
            (_, "application/problem+json") => self.check_problem(),
            (status, kind) => Err(format!("{status} with {kind:?}")),
        }
    }

    fn check_problem(&self) -> Result<(), String> {
        let json = self.json()?;
        let header = match self.status {
            401 => "www-authenticate",
            405 => "allow",
            429 | 503 => "retry-after",
            400 | 403 | 404 | 408 | 413 | 415 | 421 => "content-type",
            status => return Err(format!("{status} is no error of this service")),
        };
        if self.header(header).is_empty() {
            return Err(format!("no {header}"));
        }
        if json["status"] != self.status || json["title"].as_str().is_none_or(str::is_empty) {
            return Err("not the problem of this status".to_owned());
        }
        let detail = json["detail"].as_str().unwrap_or_default();
        if detail.is_empty() || detail.len() > LONGEST_DETAIL || detail.chars().any(is_odd) {
            return Err(format!("no line of text: {detail:?}"));
        }
        Ok(())
    }
}

/// A name is quoted up to 64 characters, of which one may become ten: `\u{10ffff}`.
const LONGEST_DETAIL: usize = 2_500;
const HTML: &str = "text/html; charset=utf-8";
const EVENTS: &str = "text/event-stream";
const METRICS: &str = "text/plain; version=0.0.4; charset=utf-8";
