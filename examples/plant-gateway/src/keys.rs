//! Who may ask, and how often in an hour.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use axum::extract::{ConnectInfo, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use moka::sync::Cache;
use sha2::{Digest, Sha256};
use tokio::time::Instant;

use crate::app::App;
use crate::identify::problem;
use crate::settings;

pub(crate) struct Keys {
    needs_key: bool,
    /// Their hashes: looking one up takes as long whatever it has in common with a right one.
    known: HashSet<String>,
    /// When each caller's hour began, which is at its first request, and how many there were since.
    hours: Cache<String, Arc<(Instant, AtomicU32)>>,
}

impl Keys {
    pub(crate) fn read() -> Result<Self, String> {
        let keys = settings::text("API_KEYS").unwrap_or_default();
        let keys = keys.split(',').map(str::trim).filter(|key| !key.is_empty());
        let known: HashSet<_> = keys.map(|key| hash(key.as_bytes())).collect();
        let needs_key = match settings::text("APP_ENV").as_deref() {
            None | Some("development") => false,
            Some("production") if known.is_empty() => return Err(NO_KEYS.to_owned()),
            Some("production") => true,
            Some(it) => {
                return Err(format!("APP_ENV is {it:?}: must be development or production"));
            }
        };
        // Each takes about 300 bytes.
        let hours = Cache::builder().max_capacity(100_000).time_to_live(HOUR).build();
        Ok(Self { needs_key, known, hours })
    }

    /// Who asks, and how often that one may within an hour.
    fn caller(&self, request: &Request) -> Option<(String, u32)> {
        if let Some(key) = request.headers().get("x-api-key") {
            let key = hash(key.as_bytes());
            return self.known.contains(&key).then_some((key, WITH_KEY));
        }
        let ConnectInfo(address) = request.extensions().get::<ConnectInfo<SocketAddr>>()?;
        (!self.needs_key).then(|| (address.ip().to_string(), ANONYMOUS))
    }
}

/// Lets those through who may ask, and counts who did.
pub(crate) async fn admit(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    app.figures.requests.add();
    if request.uri().path() == OLD_PATH {
        app.figures.old_path.add();
    }
    let Some((caller, allowed)) = app.keys.caller(&request) else {
        app.figures.unauthorized.add();
        return problem(StatusCode::UNAUTHORIZED, "a valid key is needed in `X-API-Key`");
    };
    let hour = app.keys.hours.get_with(caller, || Arc::new((Instant::now(), AtomicU32::new(0))));
    let (began, requests) = &*hour;
    // Relaxed: it only counts.
    if requests.fetch_add(1, Ordering::Relaxed) < allowed {
        return next.run(request).await;
    }
    let wait = HOUR.saturating_sub(began.elapsed()).as_secs() + 1;
    let error = "the requests of this hour are used up; a key allows more";
    let refused = problem(StatusCode::TOO_MANY_REQUESTS, error);
    ([(header::RETRY_AFTER, wait.to_string())], refused).into_response()
}

fn hash(key: &[u8]) -> String {
    format!("{:x}", Sha256::digest(key))
}

pub(crate) const OLD_PATH: &str = "/api/identify";
const NO_KEYS: &str = "API_KEYS is not set, and APP_ENV=production answers nobody without one";
const WITH_KEY: u32 = 100;
const ANONYMOUS: u32 = 10;
const HOUR: Duration = Duration::from_secs(3600);
