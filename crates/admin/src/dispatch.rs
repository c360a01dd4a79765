//! From a request's head to its answer, or to the command that its body completes.

use std::sync::Arc;

use http::request::Parts;
use http::{Method, Response};

use crate::access::{Access, Caller};
use crate::actor::ActorOf;
use crate::answer;
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
    pub(crate) actor: Option<ActorOf>,
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
        let next = self.next(parts);
        if let Err(Problem { refusal: Some(refusal), .. }) = &next {
            if parts.method == Method::POST {
                self.state.refused.count(self.guard.access.peer(parts), *refusal);
            }
        }
        next
    }

    fn next(&self, parts: &Parts) -> Result<Next, Problem> {
        let access = &self.guard.access;
        self.guard.check_host(parts)?;
        let route = Route::find(&parts.method, self.inner_path(parts.uri.path()))?;
        // Whoever shows a token is to hear that it is wrong, but where nothing depends on it.
        let caller = if route.is_empty() { Caller::Stranger } else { access.caller(parts)? };
        let target = match route {
            Route::Command(name, command) => Target::One(name, command),
            Route::ResetAll => Target::All,
            route => return self.read(route, caller, parts).map(Next::Answer),
        };
        access.check_steers(caller, parts)?;
        let body_rule = Guard::check_sender(parts)?;
        Ok(Next::Read(CommandRequest {
            state: Arc::clone(&self.state),
            target,
            scope: Scope::parse(parts.uri.query())?,
            body_rule,
            peer: access.peer(parts),
            actor: self.actor.as_ref().and_then(|actor| actor.of(parts)),
        }))
    }

    /// The path below the prefix; a router may have taken that off already.
    fn inner_path<'a>(&self, path: &'a str) -> &'a str {
        match path.strip_prefix(&self.prefix) {
            Some(rest) if rest.is_empty() || rest.starts_with('/') => rest,
            _ => path,
        }
    }

    fn read(
        &self,
        route: Route,
        caller: Caller,
        parts: &Parts,
    ) -> Result<Response<AdminBody>, Problem> {
        match route {
            Route::Page | Route::OpenApi | Route::Health => {}
            Route::Audit => Access::check_sees_all(caller)?,
            _ => Access::check_reads(caller)?,
        }
        let state = &*self.state;
        Ok(match route {
            Route::Page | Route::Command(..) | Route::ResetAll => page::page(),
            Route::OpenApi => ok(JSON, page::OPENAPI),
            Route::Circuits => answer::circuits(state),
            Route::Circuit(name) => answer::circuit(state, &name, caller)?,
            Route::CircuitEvents(name) => answer::circuit_events(state, &name)?,
            Route::Events if parts.method == Method::HEAD => respond::stream(AdminBody::full("")),
            Route::Events => answer::events(EventStream::open(&self.hub, caller))?,
            Route::Health => answer::health(&state.registry, caller),
            Route::Metrics => answer::metrics(self.metrics.as_ref(), &state.registry)?,
            Route::Audit => answer::audit(state, self.guard.access.attempts.total()),
        })
    }
}
