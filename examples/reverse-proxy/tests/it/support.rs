//! The proxy before an nginx, and good calls to it.

use std::net::SocketAddr;
use std::time::Duration;

use axum::body::{Body, Bytes};
use http::{Request, Response};
use http_body_util::BodyExt;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use reverse_proxy::{Route, Settings, Upstreams, proxy};
use tokio::net::TcpListener;
use tokio::time::Instant;
use tower_circuit_breaker::{Circuit, CircuitRegistry, CircuitState};

use crate::nginx::Nginx;

/// The proxy, on a port of its own.
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    pub(crate) registry: CircuitRegistry,
}

/// What the proxy of a test goes by: soon open, soon asked again.
pub(crate) fn settings() -> Settings {
    let mut settings = Settings::default();
    settings.open_for = Duration::from_millis(500);
    settings.patience = Duration::from_secs(5);
    settings
}

impl Proxy {
    pub(crate) async fn before(nginx: &Nginx, settings: Settings) -> Self {
        Self::to(&[nginx.address().to_string()], settings).await
    }

    pub(crate) async fn to(routes: &[String], settings: Settings) -> Self {
        let registry = CircuitRegistry::new();
        let upstreams: Upstreams =
            routes.iter().map(|route| route.parse::<Route>().unwrap()).collect();
        let app = proxy(upstreams, &settings, &registry);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        // It ends with the runtime.
        tokio::spawn(axum::serve(listener, app).into_future());
        Self { address, registry }
    }

    /// The circuit of `upstream`, once it was asked.
    pub(crate) fn circuit(&self, upstream: SocketAddr) -> Circuit {
        self.registry.get(&format!("upstream/{upstream}")).expect("it was asked")
    }

    /// A call to the end of its answer, over a connection of its own.
    pub(crate) async fn get(&self, path: &str) -> Result<Response<Bytes>, String> {
        self.call(Request::get(format!("http://{}{path}", self.address)), false, "").await
    }

    pub(crate) async fn call(
        &self,
        call: http::request::Builder,
        http2: bool,
        body: impl Into<Body>,
    ) -> Result<Response<Bytes>, String> {
        let client = Client::builder(TokioExecutor::new()).http2_only(http2).build_http();
        let answer = client.request(call.body(body.into()).unwrap()).await;
        let (head, body) = answer.map_err(|error| format!("{error:?}"))?.into_parts();
        let body = body.collect().await.map_err(|error| format!("{error:?}"))?;
        Ok(Response::from_parts(head, body.to_bytes()))
    }

    /// Calls until the circuit is so; gives the last status.
    pub(crate) async fn call_until(
        &self,
        path: &str,
        upstream: SocketAddr,
        state: CircuitState,
    ) -> u16 {
        let start = Instant::now();
        loop {
            let answer = self.get(path).await;
            let status = answer.as_ref().map_or(0, |answer| answer.status().as_u16());
            if self.circuit(upstream).state() == state {
                return status;
            }
            assert!(
                start.elapsed() < Duration::from_secs(30),
                "not {state} within 30 s: {answer:?}"
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}
