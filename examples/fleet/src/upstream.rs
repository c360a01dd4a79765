//! The upstream: an HTTP server that can be killed, and counts who asks.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use axum::Router;
use http::StatusCode;
use tokio::net::TcpListener;
use tower::BoxError;

/// An upstream on a port of its own.
pub(crate) struct Upstream {
    address: SocketAddr,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    is_dead: AtomicBool,
    calls: AtomicU64,
}

impl Upstream {
    pub(crate) async fn start() -> Result<Self, BoxError> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let state = Arc::new(State::default());
        let seen = Arc::clone(&state);
        let app = Router::new().fallback(move || async move { seen.answer() });
        // It ends with the runtime.
        tokio::spawn(axum::serve(listener, app).into_future());
        Ok(Self { address, state })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on it fails every call.
    pub(crate) fn die(&self) {
        self.state.is_dead.store(true, Ordering::SeqCst);
    }

    pub(crate) fn come_back(&self) {
        self.state.is_dead.store(false, Ordering::SeqCst);
    }

    /// The calls that have reached it.
    pub(crate) fn calls(&self) -> u64 {
        self.state.calls.load(Ordering::SeqCst)
    }
}

impl State {
    fn answer(&self) -> StatusCode {
        self.calls.fetch_add(1, Ordering::SeqCst);
        if self.is_dead.load(Ordering::SeqCst) {
            StatusCode::INTERNAL_SERVER_ERROR
        } else {
            StatusCode::OK
        }
    }
}
