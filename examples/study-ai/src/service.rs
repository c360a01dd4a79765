//! One of the provider's services: its circuit, and the stack around the calls to it.

use std::time::Duration;

use axum::http::{Request, Response};
use reqwest::{Body, Client};
use tower::util::BoxCloneSyncService;
use tower::{BoxError, Layer, ServiceExt};
use tower_circuit_breaker::http as breaker;
use tower_circuit_breaker::http::ResponseBody;
use tower_circuit_breaker::reqwest as of_reqwest;
use tower_circuit_breaker::{Circuit, Error};

use crate::events::{End, WholeAnswers};
use crate::log::CircuitLog;
use crate::settings::Limits;

pub(crate) type Answer = Response<ResponseBody<Body, End>>;
pub(crate) type Failure = Error<reqwest::Error>;

#[derive(Debug, Clone)]
pub(crate) struct Service {
    /// What dashboards call it.
    pub(crate) key: &'static str,
    pub(crate) circuit: Circuit,
    pub(crate) limits: Limits,
    url: String,
    stack: BoxCloneSyncService<Request<Body>, Answer, Failure>,
}

#[derive(Debug)]
pub(crate) struct Services {
    pub(crate) text: Service,
    pub(crate) vision: Service,
    pub(crate) imagen: Service,
}

/// The one client of the provider. `timeout` limits connecting and each silence, not the whole answer:
/// a stream may go on for as long as something comes.
pub(crate) fn client(timeout: Duration) -> Client {
    let client = Client::builder().no_proxy().connect_timeout(timeout).read_timeout(timeout);
    client.build().expect("nothing is set that could fail")
}

impl Service {
    /// The service `name` of the provider, which its circuit and dashboards call by its `key`.
    pub(crate) fn open(
        [name, key]: [&'static str; 2],
        provider: &str,
        client: Client,
        limits: Limits,
    ) -> Self {
        let circuit = Circuit::builder(format!("google_ai_{key}"))
            .consecutive_failures(limits.fail_max)
            .open_for(limits.reset_timeout)
            .listener(CircuitLog::default())
            // That log is its own.
            .quiet()
            .build();
        let breaker = breaker::layer(circuit.clone()).classify_with(WholeAnswers::new());
        let stack = BoxCloneSyncService::new(breaker.layer(of_reqwest::client(client)));
        Self { key, circuit, limits, url: format!("{provider}/{name}"), stack }
    }

    /// Calls the provider. The answer is judged when its body has been read to its end.
    pub(crate) async fn ask(
        &self,
        content_type: &str,
        body: impl Into<Body>,
    ) -> Result<Answer, Asked> {
        let request = Request::post(&self.url).header("content-type", content_type);
        let request = request.body(body.into()).map_err(|error| Asked::Badly(error.into()))?;
        self.stack.clone().oneshot(request).await.map_err(Asked::InVain)
    }
}

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum Asked {
    Badly(BoxError),
    InVain(Failure),
}

impl Services {
    pub(crate) fn all(&self) -> [&Service; 3] {
        [&self.text, &self.vision, &self.imagen]
    }
}
