//! From a method and a path to what is asked for.

use http::Method;

use crate::command::Command;
use crate::ids::{Id, read_ids};
use crate::percent;
use crate::problem::{Problem, quoted};
use crate::query::Query;

/// What a request asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Route {
    Page,
    OpenApi,
    Circuits,
    Circuit(String),
    CircuitEvents(String),
    Events,
    Health,
    Metrics,
    Audit,
    Summary,
    Groups,
    Fleet,
    Settings(String),
    History(String),
    /// Of the circuits that have these numbers.
    Histories(Vec<Id>),
    /// The same.
    Counts(Vec<Id>),
    Command(String, Command),
    ResetAll,
}

impl Route {
    /// The route of `path`, if it takes `method`.
    pub(crate) fn find(method: &Method, path: &str, query: &mut Query) -> Result<Self, Problem> {
        let route = Self::of(method, path, query)?;
        let allowed = route.methods();
        if allowed.split(", ").any(|allowed| allowed == method.as_str()) {
            return Ok(route);
        }
        Err(Problem::method_not_allowed(allowed))
    }

    fn of(method: &Method, path: &str, query: &mut Query) -> Result<Self, Problem> {
        let segments = segments(path)?;
        let segments: Vec<_> = segments.iter().map(String::as_str).collect();
        if let ["circuits", rest @ ..] = segments.as_slice() {
            if let Some(name) = query.take("name") {
                return Self::of_named(name, rest);
            }
        }
        // Without numbers, these are names of circuits.
        if let ["circuits", what @ ("counts" | "history")] = segments.as_slice() {
            if let Some(ids) = query.take("ids") {
                let ids = read_ids(&ids)?;
                return Ok(if *what == "counts" {
                    Self::Counts(ids)
                } else {
                    Self::Histories(ids)
                });
            }
        }
        Ok(match segments.as_slice() {
            [] => Self::Page,
            ["openapi.json"] => Self::OpenApi,
            ["events"] => Self::Events,
            ["health"] => Self::Health,
            ["metrics"] => Self::Metrics,
            ["audit"] => Self::Audit,
            ["summary"] => Self::Summary,
            ["groups"] => Self::Groups,
            ["fleet"] => Self::Fleet,
            ["circuits"] => Self::Circuits,
            // A circuit may have that name: it is read by GET.
            ["circuits", "reset-all"] if method == Method::POST => Self::ResetAll,
            ["circuits", name] => Self::Circuit((*name).to_owned()),
            ["circuits", name, what] => Self::part_of((*name).to_owned(), what)?,
            _ => return Err(no_such_path()),
        })
    }

    /// The same for a name in the query, which reaches those that a path cannot hold: `..`, one with
    /// a slash that a proxy decodes, or an empty one.
    fn of_named(name: String, rest: &[&str]) -> Result<Self, Problem> {
        Ok(match rest {
            [] => Self::Circuit(name),
            [what] => Self::part_of(name, what)?,
            _ => return Err(no_such_path()),
        })
    }

    /// What a circuit's name is followed by.
    fn part_of(name: String, what: &str) -> Result<Self, Problem> {
        Ok(match what {
            "events" => Self::CircuitEvents(name),
            "history" => Self::History(name),
            "settings" => Self::Settings(name),
            command => Self::Command(name, known(command)?),
        })
    }

    fn methods(&self) -> &'static str {
        match self {
            Self::Command(..) | Self::ResetAll => "POST",
            _ => "GET, HEAD",
        }
    }

    /// Whether any query is taken: what a browser keeps of the page, or what a balancer adds to a
    /// check that would take this process out of service if it were refused.
    pub(crate) fn takes_any_query(&self) -> bool {
        matches!(self, Self::Page | Self::Health)
    }

    /// Whether it says nothing of the circuits, to whomever.
    pub(crate) fn is_empty(&self) -> bool {
        matches!(self, Self::Page | Self::OpenApi)
    }
}

fn no_such_path() -> Problem {
    Problem::not_found("no such path; GET openapi.json lists them all")
}

fn known(command: &str) -> Result<Command, Problem> {
    Command::parse(command).ok_or_else(|| {
        let known = Command::ALL.map(Command::as_str).join(", ");
        Problem::not_found(format!("no command {}; there are {known}", quoted(command)))
    })
}

/// The segments of a path, decoded; a slash at the end makes none.
fn segments(path: &str) -> Result<Vec<String>, Problem> {
    let path = path.strip_prefix('/').unwrap_or(path);
    let path = path.strip_suffix('/').unwrap_or(path);
    if path.is_empty() {
        return Ok(Vec::new());
    }
    let decoded = path.split('/').map(percent::decode).collect::<Option<_>>();
    decoded.ok_or_else(|| Problem::bad_request("the path is not percent-encoded UTF-8"))
}
