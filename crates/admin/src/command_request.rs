//! A command that is allowed, and waits for its body.

use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;

use http::{Response, StatusCode};
use serde_json::json;
use tower_circuit_breaker::Circuit;
use tower_circuit_breaker::fleet::FleetUnreachable;

use crate::audit::AuditEntry;
use crate::body::AdminBody;
use crate::command::{Command, CommandBody};
use crate::guard::BodyRule;
use crate::problem::Problem;
use crate::refused::Refusal;
use crate::respond;
use crate::scope::{Scope, failed_str, fleet_order, no_fleet};
use crate::state::AdminState;

#[derive(Debug)]
pub(crate) struct CommandRequest {
    pub(crate) state: Arc<AdminState>,
    pub(crate) target: Target,
    pub(crate) scope: Scope,
    pub(crate) body_rule: BodyRule,
    pub(crate) peer: Option<IpAddr>,
    /// As something in front of this service has checked.
    pub(crate) actor: Option<String>,
}

#[derive(Debug)]
pub(crate) enum Target {
    One(String, Command),
    /// All are reset.
    All,
}

/// What has become of a command.
pub(crate) enum Executed {
    Done(Response<AdminBody>),
    /// The command is on its way to the fleet.
    InProgress(InProgress),
}

pub(crate) type InProgress =
    Pin<Box<dyn Future<Output = Result<Response<AdminBody>, Problem>> + Send + Sync>>;

impl CommandRequest {
    pub(crate) fn execute(self, body: &[u8]) -> Result<Executed, Problem> {
        if self.body_rule == BodyRule::Empty && !body.is_empty() {
            self.state.refused.count(self.peer, Refusal::NotJson);
            return Err(Problem::not_json());
        }
        match (&self.target, self.scope) {
            (Target::One(name, command), Scope::Process) => {
                self.execute_one(name, *command, body).map(Executed::Done)
            }
            (Target::One(name, command), Scope::Fleet) => {
                self.execute_in_fleet(name, *command, body)
            }
            (Target::All, Scope::Process) => self.reset_all(body).map(Executed::Done),
            (Target::All, Scope::Fleet) => {
                let detail = "reset-all is for one process: reset each circuit with ?scope=fleet";
                Err(Problem::bad_request(detail))
            }
        }
    }

    fn execute_in_fleet(
        &self,
        name: &str,
        command: Command,
        body: &[u8],
    ) -> Result<Executed, Problem> {
        let circuit = self.state.find(name)?;
        command.for_fleet(None)?;
        let fleet = self.state.registry.fleet().ok_or_else(no_fleet)?;
        let body = command.read(body)?;
        let fleet_command = command.for_fleet(body.lasting)?;
        note_end(&circuit);
        let entry = self.entry(fleet_command.as_fleet_str(), Some(name), body);
        self.state.audit.write(entry.clone());
        let answer = fleet.order(name.into(), fleet_order(fleet_command, &entry));
        let state = Arc::clone(&self.state);
        let given =
            Unanswered { state: Arc::clone(&state), entry, failed_str: failed_str(fleet_command) };
        // The caller may leave before the answer: what has failed is written all the same.
        let kept = tokio::spawn(given.kept(answer));
        Ok(Executed::InProgress(Box::pin(async move {
            kept.await.unwrap_or_else(|_| Err(Problem::broken()))?;
            Ok(respond::json(StatusCode::OK, &state.view(&circuit)))
        })))
    }

    fn execute_one(
        &self,
        name: &str,
        command: Command,
        body: &[u8],
    ) -> Result<Response<AdminBody>, Problem> {
        let circuit = self.state.find(name)?;
        let entry = self.entry(command.as_str(), Some(name), command.read(body)?);
        note_end(&circuit);
        self.state.audit.write(entry.clone());
        command.execute(&circuit, &entry);
        if entry.lasting.is_some() && command.imposes() {
            self.state.override_ends.watch();
        }
        Ok(respond::json(StatusCode::OK, &self.state.view(&circuit)))
    }

    fn reset_all(&self, body: &[u8]) -> Result<Response<AdminBody>, Problem> {
        let body = CommandBody::read(body)?;
        if body.lasting.is_some() {
            return Err(Problem::bad_request("`for` has no meaning for reset-all: leave it out"));
        }
        self.state.registry.circuits().iter().for_each(note_end);
        self.state.audit.write(self.entry("reset-all", None, body));
        self.state.registry.reset_all();
        let registry = &self.state.registry;
        let done = json!({ "health": registry.health(), "circuits": registry.len() });
        Ok(respond::json(StatusCode::OK, &done))
    }

    /// What is written of a command before it is done: what is done is never unwritten.
    fn entry(&self, command: &'static str, circuit: Option<&str>, body: CommandBody) -> AuditEntry {
        let CommandBody { reason, actor: said, lasting } = body;
        let actor_checked = self.actor.is_some();
        let actor = self.actor.clone().or(said);
        let (entry, peer) = (AuditEntry::now(command, circuit), self.peer);
        AuditEntry { actor, actor_checked, reason, lasting, peer, ..entry }
    }
}

/// A command that was written down and given to the fleet.
struct Unanswered {
    state: Arc<AdminState>,
    entry: AuditEntry,
    failed_str: &'static str,
}

impl Unanswered {
    /// Waits until the fleet has kept it; that it has not is written, too.
    async fn kept(
        self,
        answer: impl Future<Output = Result<(), FleetUnreachable>>,
    ) -> Result<(), Problem> {
        let Err(unreachable) = answer.await else {
            if self.entry.lasting.is_some() {
                self.state.override_ends.watch();
            }
            return Ok(());
        };
        let why = unreachable.to_string();
        self.state.audit.write(self.entry.of_failure(self.failed_str, why.clone()));
        Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, why))
    }
}

/// Has the circuit notice that its override is over, if it is: that is written before the command
/// which would find it out.
fn note_end(circuit: &Circuit) {
    let _ = circuit.operators_override();
}
