//! What all clones of the service share, and its answers to those who read.

use std::sync::Arc;

use http::request::Parts;
use http::{Method, Response, StatusCode};
use serde::Serialize;
use serde_json::json;
use tokio::time::Instant;
use tower_circuit_breaker::{Circuit, CircuitRegistry, Health};

use crate::audit::{Audit, KEPT};
use crate::body::AdminBody;
use crate::command_request::{CommandRequest, Target};
use crate::expiry::Expiries;
use crate::guard::{Control, Guard};
use crate::hub::Hub;
use crate::metrics::Metrics;
use crate::problem::Problem;
use crate::respond::{JSON, ok};
use crate::route::Route;
use crate::scope::Scope;
use crate::stream::EventStream;
use crate::view::{CircuitView, HealthView};
use crate::{page, respond};

#[derive(Debug)]
pub(crate) struct AdminState {
    pub(crate) registry: CircuitRegistry,
    pub(crate) guard: Guard,
    pub(crate) prefix: String,
    pub(crate) metrics: Option<Metrics>,
    pub(crate) audit: Audit,
    pub(crate) expiries: Expiries,
    pub(crate) hub: Hub,
}

/// Written at once: a thousand circuits are not to be made values of JSON first.
#[derive(Debug, Serialize)]
struct List {
    health: Health,
    circuits: Vec<CircuitView>,
}

/// What becomes of a request once its head is read.
pub(crate) enum Next {
    Answer(Response<AdminBody>),
    /// The body comes first.
    Read(CommandRequest),
}

impl AdminState {
    pub(crate) fn dispatch(self: &Arc<Self>, parts: &Parts) -> Result<Next, Problem> {
        self.guard.check_host(parts)?;
        let route = Route::find(&parts.method, self.inner_path(parts.uri.path()))?;
        if !route.is_open() {
            self.guard.check_token(parts)?;
        }
        let target = match route {
            Route::Command(name, command) => Target::One(name, command),
            Route::ResetAll => Target::All,
            route => return self.read(route, parts).map(Next::Answer),
        };
        self.guard.check_control(parts)?;
        let scope = Scope::parse(parts.uri.query())?;
        let peer = self.guard.peer(parts);
        Ok(Next::Read(CommandRequest { state: Arc::clone(self), target, scope, peer }))
    }

    /// The path below the prefix; a router may have taken that off already.
    fn inner_path<'a>(&self, path: &'a str) -> &'a str {
        match path.strip_prefix(&self.prefix) {
            Some(rest) if rest.is_empty() || rest.starts_with('/') => rest,
            _ => path,
        }
    }

    fn read(self: &Arc<Self>, route: Route, parts: &Parts) -> Result<Response<AdminBody>, Problem> {
        Ok(match route {
            Route::Page | Route::Command(..) | Route::ResetAll => page::page(),
            Route::OpenApi => ok(JSON, page::OPENAPI),
            Route::Circuits => self.circuits(),
            Route::Circuit(name) => self.circuit(&name)?,
            Route::CircuitEvents(name) => self.circuit_events(&name)?,
            Route::Events if parts.method == Method::HEAD => ok(respond::EVENTS, ""),
            Route::Events => self.events()?,
            Route::Health => self.health(parts)?,
            Route::Metrics => self.metrics()?,
            Route::Audit => self.audit(),
        })
    }

    pub(crate) fn views(&self) -> Vec<CircuitView> {
        self.registry.circuits().iter().map(|circuit| self.view(circuit)).collect()
    }

    pub(crate) fn view(&self, circuit: &Circuit) -> CircuitView {
        let mut view = CircuitView::new(&self.registry, circuit);
        let end = self.expiries.of(circuit.name()).filter(|_| view.snapshot.overridden.is_some());
        view.override_ends_in = end.map(|end| end.saturating_duration_since(Instant::now()));
        view
    }

    pub(crate) fn find(&self, name: &str) -> Result<Circuit, Problem> {
        self.registry.get(name).ok_or_else(|| Problem::no_circuit(name))
    }

    /// Whether the page is to show the commands; each is checked when it comes.
    pub(crate) fn shows_control(&self) -> bool {
        self.guard.control != Control::Off
    }

    fn circuits(&self) -> Response<AdminBody> {
        let list = List { health: self.registry.health(), circuits: self.views() };
        respond::json(StatusCode::OK, &list)
    }

    fn circuit(&self, name: &str) -> Result<Response<AdminBody>, Problem> {
        let circuit = self.find(name)?;
        Ok(respond::json(StatusCode::OK, &self.view(&circuit).with_config(&circuit)))
    }

    fn circuit_events(&self, name: &str) -> Result<Response<AdminBody>, Problem> {
        let events = self.find(name)?.recent_events();
        Ok(respond::json(StatusCode::OK, &json!({ "circuit": name, "events": events })))
    }

    fn events(self: &Arc<Self>) -> Result<Response<AdminBody>, Problem> {
        let stream = EventStream::open(self).ok_or_else(Problem::too_many_streams)?;
        Ok(respond::respond(StatusCode::OK, respond::EVENTS, AdminBody::events(stream)))
    }

    /// Who has not the token is told no names.
    fn health(&self, parts: &Parts) -> Result<Response<AdminBody>, Problem> {
        let health = self.registry.health();
        let status = match health {
            Health::Healthy | Health::Degraded => StatusCode::OK,
            Health::Failing => StatusCode::SERVICE_UNAVAILABLE,
        };
        if self.guard.is_anonymous(parts) {
            return Ok(respond::json(status, &json!({ "health": health })));
        }
        self.guard.check_token(parts)?;
        let circuits: Vec<_> = self.registry.snapshots().into_iter().map(HealthView::of).collect();
        Ok(respond::json(status, &json!({ "health": health, "circuits": circuits })))
    }

    fn metrics(&self) -> Result<Response<AdminBody>, Problem> {
        let metrics = self.metrics.as_ref().ok_or_else(|| {
            Problem::not_found("no metrics here: give the encoder to `AdminBuilder::metrics`")
        })?;
        let (content_type, text) = metrics.encode(&self.registry);
        Ok(ok(content_type, text))
    }

    fn audit(&self) -> Response<AdminBody> {
        let audit = json!({
            "wrong_tokens": self.guard.attempts.total(),
            "entries": self.audit.after(0, KEPT),
        });
        respond::json(StatusCode::OK, &audit)
    }
}
