//! From a request's head to its answer, or to the command that its body completes.

use std::sync::Arc;

use http::request::Parts;
use http::{Method, Response};
use tokio::sync::Semaphore;

use crate::about::About;
use crate::access::{Access, Caller};
use crate::actor::ActorOf;
use crate::answer;
use crate::answer::history::Last;
use crate::answer::live::Desk;
use crate::body::AdminBody;
use crate::caught::unless_it_panics;
use crate::coding::Coding;
use crate::command_request::{CommandRequest, Target};
use crate::guard::Guard;
use crate::live::Live;
use crate::live::frames::Cursor;
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
    pub(crate) about: Option<Arc<About>>,
    pub(crate) live: Arc<Live>,
    pub(crate) state: Arc<AdminState>,
    /// For answers about many circuits.
    pub(crate) places: Arc<Semaphore>,
}

/// So many answers about many circuits are made at once: the threads that make them are the program's.
pub(crate) const AT_ONCE: usize = 4;

/// What becomes of a request once its head is read.
pub(crate) enum Next {
    Answer(Response<AdminBody>),
    /// It takes its time.
    Work(Work),
    /// The body comes first.
    Read(CommandRequest),
}

/// Makes an answer about many circuits.
pub(crate) type Work = Box<dyn FnOnce() -> Result<Response<AdminBody>, Problem> + Send + Sync>;

impl Dispatcher {
    pub(crate) fn dispatch(&self, parts: &Parts) -> Result<Next, Problem> {
        self.live.start_history();
        // Clocks and encoders are user code: their panics are not to end the connection.
        let next = unless_it_panics(|| self.next(parts)).unwrap_or_else(|| Err(Problem::broken()));
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
            route => return self.read(route, query, caller, parts),
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
    ) -> Result<Next, Problem> {
        match route {
            Route::Page | Route::OpenApi | Route::Health => {}
            Route::Audit => Access::check_sees_all(caller)?,
            _ => Access::check_reads(caller)?,
        }
        let asked = Asked::take(&route, &mut query, parts)?;
        if !route.takes_any_query() {
            query.end(asked.known())?;
        }
        let state = &*self.state;
        Ok(Next::Answer(match route {
            Route::Page | Route::Command(..) | Route::ResetAll => page::page(parts),
            Route::OpenApi => page::openapi(parts),
            Route::Circuit(name) => answer::circuit(state, &self.live, &name, caller)?,
            Route::CircuitEvents(name) => answer::circuit_events(state, &name)?,
            Route::Settings(name) => answer::settings(state, &name, parts)?,
            Route::Events if parts.method == Method::HEAD => respond::stream(AdminBody::full("")),
            Route::Events => answer::events(EventStream::open(&self.live, asked.after()))?,
            Route::Health => answer::health(state, caller),
            Route::Metrics => answer::metrics(self.metrics.as_ref(), &state.registry)?,
            Route::Audit => answer::audit(state, self.guard.access.attempts.total()),
            Route::Groups => answer::groups(state, caller),
            route => return Ok(Next::Work(work(self.desk(caller, parts), route, asked))),
        }))
    }

    fn desk(&self, caller: Caller, parts: &Parts) -> Desk {
        Desk {
            live: Arc::clone(&self.live),
            state: Arc::clone(&self.state),
            about: self.about.clone(),
            caller,
            coding: Coding::of_answers(&parts.headers),
        }
    }
}

/// What is to be done for a route of many circuits.
fn work(desk: Desk, route: Route, asked: Asked) -> Work {
    Box::new(move || match (route, asked) {
        (Route::Circuits, Asked::Circuits(selection)) => Ok(desk.circuits(&selection)),
        (Route::Counts(ids), _) => Ok(desk.counts(&ids)),
        (Route::Fleet, _) => desk.fleet(),
        (Route::Histories(ids), Asked::History(last)) => desk.histories(&ids, last),
        (Route::History(name), Asked::History(last)) => desk.history(&name, last),
        _ => Ok(desk.summary()),
    })
}

/// What the query asks for, by the route.
enum Asked {
    Nothing,
    Circuits(Selection),
    Events(Option<Cursor>),
    History(Last),
}

impl Asked {
    fn take(route: &Route, query: &mut Query, parts: &Parts) -> Result<Self, Problem> {
        Ok(match route {
            Route::Circuits => Self::Circuits(Selection::take(query)?),
            Route::Events => Self::Events(Cursor::asked_for(query, &parts.headers)?),
            Route::History(_) | Route::Histories(_) => Self::History(Last::take(query)?),
            _ => Self::Nothing,
        })
    }

    const fn known(&self) -> &'static str {
        match self {
            Self::Nothing => "",
            Self::Circuits(_) => Selection::KNOWN,
            Self::Events(_) => Cursor::KNOWN,
            Self::History(_) => Last::KNOWN,
        }
    }

    const fn after(&self) -> Option<Cursor> {
        match self {
            Self::Events(after) => *after,
            _ => None,
        }
    }
}
