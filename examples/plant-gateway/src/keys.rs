//! Who may ask, and how often in an hour.

use std::collections::HashSet;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use axum::Json;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::StatusCode;
use axum::http::header::RETRY_AFTER;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use moka::sync::Cache;
use serde_json::json;
use sha2::{Digest, Sha256};
use tokio::time::Instant;

use crate::settings::Mode;

/// The keys, and what each caller has used of its hour.
#[derive(Debug)]
pub(crate) struct Keys {
    mode: Mode,
    /// Their hashes: looking one up takes as long whatever it has in common with a right one.
    known: HashSet<[u8; 32]>,
    hours: Cache<Caller, Arc<Hour>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Caller {
    Key([u8; 32]),
    Anonymous(IpAddr),
}

/// An hour that began with a caller's first request.
#[derive(Debug)]
struct Hour {
    began: Instant,
    requests: AtomicU32,
}

impl Keys {
    pub(crate) fn new(mode: Mode, keys: &[String]) -> Self {
        let known = keys.iter().map(|key| hash(key.as_bytes())).collect();
        let hours = Cache::builder().max_capacity(MOST_CALLERS).time_to_live(HOUR).build();
        Self { mode, known, hours }
    }

    fn caller(&self, request: &Request) -> Option<Caller> {
        let shown = request.headers().get("x-api-key").map(|key| hash(key.as_bytes()));
        match (shown, self.mode) {
            (Some(key), _) => self.known.contains(&key).then_some(Caller::Key(key)),
            (None, Mode::Production) => None,
            (None, Mode::Development) => {
                let ConnectInfo(address) = request.extensions().get::<ConnectInfo<SocketAddr>>()?;
                Some(Caller::Anonymous(address.ip()))
            }
        }
    }

    /// How long `caller` has to wait, if its hour is used up.
    fn wait(&self, caller: &Caller) -> Option<Duration> {
        let allowed = match caller {
            Caller::Key(_) => WITH_KEY,
            Caller::Anonymous(_) => ANONYMOUS,
        };
        let begin = || Arc::new(Hour { began: Instant::now(), requests: AtomicU32::new(0) });
        let hour = self.hours.get_with_by_ref(caller, begin);
        // Relaxed: it only counts.
        let before = hour.requests.fetch_add(1, Ordering::Relaxed);
        (before >= allowed).then(|| HOUR.saturating_sub(hour.began.elapsed()))
    }
}

/// Lets those through who may ask.
pub(crate) async fn admit(State(keys): State<Arc<Keys>>, request: Request, next: Next) -> Response {
    let Some(caller) = keys.caller(&request) else {
        let error = "a valid key is needed in the header `X-API-Key`";
        return (StatusCode::UNAUTHORIZED, Json(json!({ "error": error }))).into_response();
    };
    match keys.wait(&caller) {
        None => next.run(request).await,
        Some(wait) => {
            let headers = [(RETRY_AFTER, (wait.as_secs() + 1).to_string())];
            let error = "the requests of this hour are used up; a key allows more";
            let body = Json(json!({ "error": error }));
            (StatusCode::TOO_MANY_REQUESTS, headers, body).into_response()
        }
    }
}

fn hash(key: &[u8]) -> [u8; 32] {
    Sha256::digest(key).into()
}

const WITH_KEY: u32 = 100;
const ANONYMOUS: u32 = 10;
const HOUR: Duration = Duration::from_secs(3600);
/// Each takes about 200 bytes.
const MOST_CALLERS: u64 = 100_000;
