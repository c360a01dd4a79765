//! From a request's head to its answer, or to the command that its body completes.

use std::sync::Arc;

use http::request::Parts;
use http::{Method, Response};

use crate::answer::{self, Caller};
use crate::body::AdminBody;
use crate::command_request::{CommandRequest, Target};
use crate::guard::Guard;
use crate::hub::Hub;
use crate::metrics::Metrics;
use crate::page;
use crate::problem::Problem;
use crate::respond::{self, JSON, ok};
use crate::route::Route;
use crate::scope::Scope;
use crate::state::AdminState;
use crate::stream::EventStream;

/// What all clones of the service share.
#[derive(Debug)]
pub(crate) struct Dispatcher {
    pub(crate) guard: Guard,
    pub(crate) prefix: String,
    pub(crate) metrics: Option<Metrics>,
    pub(crate) hub: Arc<Hub>,
    pub(crate) state: Arc<AdminState>,
}

/// What becomes of a request once its head is read.
pub(crate) enum Next {
    Answer(Response<AdminBody>),
    /// The body comes first.
    Read(CommandRequest),
}

impl Dispatcher {
    pub(crate) fn dispatch(&self, parts: &Parts) -> Result<Next, Problem> {
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
        Ok(Next::Read(CommandRequest { state: Arc::clone(&self.state), target, scope, peer }))
    }

    /// The path below the prefix; a router may have taken that off already.
    fn inner_path<'a>(&self, path: &'a str) -> &'a str {
        match path.strip_prefix(&self.prefix) {
            Some(rest) if rest.is_empty() || rest.starts_with('/') => rest,
            _ => path,
        }
    }

    fn read(&self, route: Route, parts: &Parts) -> Result<Response<AdminBody>, Problem> {
        let state = &*self.state;
        Ok(match route {
            Route::Page | Route::Command(..) | Route::ResetAll => page::page(),
            Route::OpenApi => ok(JSON, page::OPENAPI),
            Route::Circuits => answer::circuits(state),
            Route::Circuit(name) => answer::circuit(state, &name)?,
            Route::CircuitEvents(name) => answer::circuit_events(state, &name)?,
            Route::Events if parts.method == Method::HEAD => ok(respond::EVENTS, ""),
            Route::Events => answer::events(EventStream::open(&self.hub))?,
            Route::Health => answer::health(&state.registry, self.caller(parts)?),
            Route::Metrics => answer::metrics(self.metrics.as_ref(), &state.registry)?,
            Route::Audit => answer::audit(&state.audit, self.guard.attempts.total()),
        })
    }

    /// Without the token, only the overall health is shown; a wrong one is a problem.
    fn caller(&self, parts: &Parts) -> Result<Caller, Problem> {
        if self.guard.is_anonymous(parts) {
            return Ok(Caller::Anonymous);
        }
        self.guard.check_token(parts)?;
        Ok(Caller::Known)
    }
}
