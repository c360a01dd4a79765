//! A server with the page below a path of an axum router, and a page of no interest beside it.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use axum::response::Html;
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tower_circuit_breaker::{Circuit, CircuitRegistry, SlidingWindow};
use tower_circuit_breaker_admin::{Admin, AdminBuilder};

pub(crate) struct Site {
    pub(crate) registry: CircuitRegistry,
    pub(crate) address: SocketAddr,
    runtime: Option<Runtime>,
    set: Box<dyn Fn(AdminBuilder) -> AdminBuilder + Send + Sync>,
}

impl Site {
    pub(crate) fn start(names: &[&str]) -> Self {
        Self::start_with(names, AdminBuilder::control_from_loopback)
    }

    pub(crate) fn start_with(names: &[&str], set: fn(AdminBuilder) -> AdminBuilder) -> Self {
        let registry = CircuitRegistry::with_template(|builder| {
            builder
                .failure_rate(0.5)
                .slow_call_rate(0.8, Duration::from_secs(1))
                .window(SlidingWindow::time(Duration::from_secs(60)))
                .minimum_calls(10)
        });
        for name in names {
            registry.get_or_create(name);
        }
        Self::of(registry, set)
    }

    /// Of any circuits.
    pub(crate) fn of(
        registry: CircuitRegistry,
        set: impl Fn(AdminBuilder) -> AdminBuilder + Send + Sync + 'static,
    ) -> Self {
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut site = Self { registry, address, runtime: None, set: Box::new(set) };
        site.serve();
        site
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn circuit(&self, name: &str) -> Circuit {
        self.registry.get(name).unwrap()
    }

    /// Serves at the address that it had before, if it had one.
    pub(crate) fn serve(&mut self) {
        let admin = (self.set)(Admin::builder(self.registry.clone()))
            .peer(|extensions| extensions.get().map(|ConnectInfo(address)| *address))
            .build();
        let app = Router::new()
            .nest_service("/ops", admin)
            .route("/plain", get(|| async { Html("plain") }));
        // One thread: what blocks it blocks all.
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = runtime.block_on(TcpListener::bind(self.address)).unwrap();
        self.address = listener.local_addr().unwrap();
        let server = app.into_make_service_with_connect_info::<SocketAddr>();
        runtime.spawn(async move { axum::serve(listener, server).await });
        self.runtime = Some(runtime);
    }

    /// Runs a task on the server's thread.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.runtime.as_ref().unwrap().spawn(task);
    }

    /// How many commands were refused so far.
    pub(crate) fn refused(&self) -> u64 {
        let mut stream = TcpStream::connect(self.address).unwrap();
        let head = "GET /ops/audit HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
        stream.write_all(head.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        let audit: serde_json::Value = serde_json::from_str(body).unwrap();
        audit["refused"]["total"].as_u64().unwrap()
    }

    /// Ends as a killed server does: connections break.
    pub(crate) fn stop(&mut self) {
        self.runtime.take().unwrap().shutdown_background();
    }
}
