//! An upstream: a real HTTP server that falls ill on command.

use std::convert::Infallible;
use std::future::pending;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::RETRY_AFTER;
use tokio::net::TcpListener;
use tokio::time::sleep;

/// A server on a free port of 127.0.0.1.
#[derive(Debug)]
pub(crate) struct Upstream {
    address: SocketAddr,
    condition: Mutex<Condition>,
    reached: AtomicU64,
}

/// How an upstream is doing.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Condition {
    /// Answers 200.
    Well,
    /// Answers 503, and takes its time, as servers without resources do.
    Unavailable,
    /// Takes calls and never answers.
    Hanging,
    /// Answers 429 and says when to come again.
    Throttling,
}

impl Upstream {
    /// Starts a server that is well. It ends with the process.
    pub(crate) async fn start() -> io::Result<Arc<Self>> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let upstream = Arc::new(Self {
            address: listener.local_addr()?,
            condition: Mutex::new(Condition::Well),
            reached: AtomicU64::new(0),
        });
        let app = Router::new().fallback(answer).with_state(Arc::clone(&upstream));
        tokio::spawn(axum::serve(listener, app).into_future());
        Ok(upstream)
    }

    /// From now on it is doing like this.
    pub(crate) fn set(&self, condition: Condition) {
        *self.condition.lock().unwrap_or_else(PoisonError::into_inner) = condition;
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many calls have come in.
    pub(crate) fn reached(&self) -> u64 {
        // Relaxed: a count for people.
        self.reached.load(Ordering::Relaxed)
    }

    fn condition(&self) -> Condition {
        *self.condition.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn answer(State(upstream): State<Arc<Upstream>>) -> Response {
    // Relaxed: a count for people.
    upstream.reached.fetch_add(1, Ordering::Relaxed);
    match upstream.condition() {
        Condition::Well => {
            sleep(WORK).await;
            "hello\n".into_response()
        }
        Condition::Unavailable => {
            sleep(STRUGGLE).await;
            (StatusCode::SERVICE_UNAVAILABLE, "no capacity left\n").into_response()
        }
        Condition::Hanging => pending::<Infallible>().await.into_response(),
        Condition::Throttling => {
            let come_again = [(RETRY_AFTER, COME_AGAIN_SECONDS)];
            (StatusCode::TOO_MANY_REQUESTS, come_again, "not so fast\n").into_response()
        }
    }
}

/// What a healthy answer takes.
const WORK: Duration = Duration::from_millis(5);
/// What it takes an upstream without resources to say so.
pub(crate) const STRUGGLE: Duration = Duration::from_millis(150);
/// Longer than the circuit's own open time, so that it shows.
pub(crate) const COME_AGAIN_SECONDS: &str = "2";
