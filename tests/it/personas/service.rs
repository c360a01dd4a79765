//! A service that calls another with reqwest.

#![expect(dead_code, reason = "`main` is for who copies the program")]

include!("../../../src/guide/programs/service.rs");

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::http::header::RETRY_AFTER;
use tokio::{sync::oneshot, task::JoinHandle};
use tower_circuit_breaker::{CircuitState, ManualClock};

/// An upstream, until it is stopped.
struct Upstream {
    stop: oneshot::Sender<()>,
    task: JoinHandle<std::io::Result<()>>,
}

impl Upstream {
    /// Counts what reaches it; answers as long as the path is not `/broken`.
    fn start(listener: TcpListener, reached: Arc<AtomicUsize>) -> Self {
        let app = Router::new().fallback(async move |request: Request<axum::body::Body>| {
            reached.fetch_add(1, Ordering::SeqCst);
            match request.uri().path() {
                "/broken" => (StatusCode::INTERNAL_SERVER_ERROR, "sorry"),
                _ => (StatusCode::OK, "an oak"),
            }
        });
        let (stop, stopped) = oneshot::channel();
        let until = async { stopped.await.unwrap_or_default() };
        let server = axum::serve(listener, app).with_graceful_shutdown(until);
        Self { stop, task: tokio::spawn(server.into_future()) }
    }

    async fn stop(self) {
        self.stop.send(()).unwrap();
        self.task.await.unwrap().unwrap();
    }
}

/// Status, `Retry-After` and body, as a user of the service sees them.
async fn ask(app: &Router, name: &str) -> (u16, Option<String>, String) {
    let call = Request::get(format!("/plants/{name}")).body(axum::body::Body::empty()).unwrap();
    let answer = app.clone().oneshot(call).await.unwrap();
    let status = answer.status().as_u16();
    let wait = answer.headers().get(RETRY_AFTER).map(|it| it.to_str().unwrap().to_owned());
    let body = axum::body::to_bytes(answer.into_body(), 1000).await.unwrap();
    (status, wait, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn users_get_502_then_503_with_a_time_and_answers_once_the_upstream_is_back() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let reached = Arc::<AtomicUsize>::default();
    let upstream = Upstream::start(listener, Arc::clone(&reached));
    let clock = ManualClock::new();
    let circuit = Circuit::builder("plants").consecutive_failures(3).clock(clock.clone()).build();
    let app = app(Plants::new(format!("http://{address}"), circuit.clone()).unwrap());

    assert_eq!(ask(&app, "oak").await, (200, None, "an oak".into()));
    assert_eq!(ask(&app, "broken").await, (500, None, "sorry".into()));
    upstream.stop().await;
    for _ in 0..2 {
        assert_eq!(ask(&app, "oak").await, (502, None, String::new()));
    }
    assert_eq!(circuit.state(), CircuitState::Open);
    let upstream = Upstream::start(TcpListener::bind(address).await.unwrap(), Arc::clone(&reached));

    let (status, wait, _) = ask(&app, "oak").await;
    assert_eq!((status, wait.as_deref()), (503, Some("30")));
    assert_eq!(reached.load(Ordering::SeqCst), 2, "while it is open nothing reaches the upstream");

    clock.advance(Duration::from_secs(30));
    assert_eq!(ask(&app, "oak").await, (200, None, "an oak".into()));
    assert_eq!(circuit.state(), CircuitState::Closed);
    upstream.stop().await;
}
