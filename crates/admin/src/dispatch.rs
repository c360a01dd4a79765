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
use crate::query::Query;
use crate::respond;
use crate::route::Route;
use crate::scope::Scope;
use crate::selection::Selection;
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
            if self.is_command(parts) {
                self.state.refused.count(self.guard.access.peer(parts), *refusal);
            }
        }
        next
    }

    fn next(&self, parts: &Parts) -> Result<Next, Problem> {
        let access = &self.guard.access;
        self.guard.check_host(parts)?;
        let mut query = Query::read(parts.uri.query());
        let path = self.inner_path(parts.uri.path());
        let route = Route::find(&parts.method, path, &mut query)?;
        // Whoever shows a token is to hear that it is wrong, but where nothing depends on it.
        let caller = if route.is_empty() { Caller::Stranger } else { access.caller(parts)? };
        let target = match route {
            Route::Command(name, command) => Target::One(name, command),
            Route::ResetAll => Target::All,
            route => return self.read(route, query, caller, parts).map(Next::Answer),
        };
        access.check_steers(caller, parts)?;
        let body_rule = Guard::check_sender(parts)?;
        let scope = Scope::take(&mut query)?;
        query.end(Scope::KNOWN)?;
        Ok(Next::Read(CommandRequest {
            state: Arc::clone(&self.state),
            target,
            scope,
            body_rule,
            peer: access.peer(parts),
            actor: self.actor.as_ref().and_then(|actor| actor.of(parts)),
        }))
    }

    fn is_command(&self, parts: &Parts) -> bool {
        let (path, mut query) = (parts.uri.path(), Query::read(parts.uri.query()));
        let route = Route::find(&parts.method, self.inner_path(path), &mut query);
        matches!(route, Ok(Route::Command(..) | Route::ResetAll))
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
        mut query: Query,
        caller: Caller,
        parts: &Parts,
    ) -> Result<Response<AdminBody>, Problem> {
        match route {
            Route::Page | Route::OpenApi | Route::Health => {}
            Route::Audit => Access::check_sees_all(caller)?,
            _ => Access::check_reads(caller)?,
        }
        let (selection, known) = match route {
            Route::Circuits => (Selection::take(&mut query)?, Selection::KNOWN),
            _ => (Selection::default(), ""),
        };
        if !route.takes_any_query() {
            query.end(known)?;
        }
        let state = &*self.state;
        Ok(match route {
            Route::Page | Route::Command(..) | Route::ResetAll => page::page(parts),
            Route::OpenApi => page::openapi(parts),
            Route::Circuits => answer::circuits(state, &selection),
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
