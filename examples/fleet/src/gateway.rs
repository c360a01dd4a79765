//! One of the gateways: a process of its own, and all that an application would copy.

use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use reqwest::Client;
use tokio::net::TcpListener;
use tower::BoxError;
use tower_circuit_breaker::http::problem_json;
use tower_circuit_breaker::{
    Circuit, CircuitEvent, CircuitRegistry, Error, FailureKind, Listener, Outcome,
};

use crate::place::Place;

/// How long the circuit stays open at first.
pub(crate) const OPEN_FOR: Duration = Duration::from_secs(2);

/// How long a vote counts, and how long a process is there before it has one of its own. So short for
/// the sake of the example: 10 s by default.
pub(crate) const VOTE_WINDOW: Duration = Duration::from_secs(2);

/// Serves until its standard input ends, that is until the process that started it does.
pub(crate) async fn run(
    name: &str,
    place: Place<'_>,
    upstream: SocketAddr,
) -> Result<(), BoxError> {
    let registry = CircuitRegistry::with_template(|circuit| {
        circuit.consecutive_failures(5).open_for(OPEN_FOR).probe_timeout(Duration::from_secs(1))
    });
    let circuit = registry.get_or_create("upstream");
    circuit.on_event(Reporter);
    let link = place.join(name, &registry).await?;
    // Before the first call: the fleet's circuit may be open already. Without a store, it starts alone.
    link.ready_within(Duration::from_secs(2)).await;

    let client = Client::builder().timeout(Duration::from_secs(1)).build()?;
    let url = format!("http://{upstream}/");
    let app = Router::new().fallback(call).with_state(Gateway { circuit, client, url });
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    tell(&format!("listening {}", listener.local_addr()?.port()));
    axum::serve(listener, app).with_graceful_shutdown(ended()).await?;
    Ok(())
}

#[derive(Clone)]
struct Gateway {
    circuit: Circuit,
    client: Client,
    url: String,
}

async fn call(State(gateway): State<Gateway>) -> Response {
    let asked = gateway.client.get(&gateway.url).send();
    match gateway.circuit.call_with(worth, asked).await {
        Ok(answer) => answer.status().into_response(),
        Err(Error::Inner(_)) => StatusCode::BAD_GATEWAY.into_response(),
        // At once, with the time to come again.
        Err(Error::Rejected(rejected)) => problem_json(rejected),
    }
}

fn worth(answer: &reqwest::Result<reqwest::Response>) -> Outcome {
    match answer {
        Ok(answer) if answer.status().is_server_error() => {
            Outcome::Failure(FailureKind::new("status"))
        }
        Ok(_) => Outcome::Success,
        Err(_) => Outcome::Failure(FailureKind::new("connect")),
    }
}

/// Tells the process that started this one what the circuit does.
struct Reporter;

impl Listener for Reporter {
    fn on_event(&self, event: &CircuitEvent) {
        if let CircuitEvent::StateChanged { to, reason, .. } = event {
            tell(&format!("circuit {to} {reason}"));
        }
    }
}

pub(crate) fn tell(line: &str) {
    // Nobody is left to be told if this fails, and the process ends.
    let _ = writeln!(io::stdout(), "{line}");
}

async fn ended() {
    let read = || io::stdin().read_to_end(&mut Vec::new());
    // What was read does not matter, nor why it ended.
    let _ = tokio::task::spawn_blocking(read).await;
}
