//! A command that is allowed, and waits for its body.

use std::net::IpAddr;

use http::{Response, StatusCode};
use serde_json::json;
use tokio::time::Instant;

use crate::admin::audit::AuditEntry;
use crate::admin::body::AdminBody;
use crate::admin::command::{Command, Form};
use crate::admin::expiry::Expiries;
use crate::admin::problem::Problem;
use crate::admin::respond;
use crate::admin::shared::Shared;
use crate::sync::Arc;

#[derive(Debug)]
pub(super) struct Order {
    pub(super) shared: Arc<Shared>,
    pub(super) target: Target,
    pub(super) peer: Option<IpAddr>,
}

#[derive(Debug)]
pub(super) enum Target {
    One(String, Command),
    /// All are reset.
    All,
}

impl Order {
    pub(super) fn give(self, body: &[u8]) -> Result<Response<AdminBody>, Problem> {
        match &self.target {
            Target::One(name, command) => self.give_one(name, *command, body),
            Target::All => self.reset_all(body),
        }
    }

    fn give_one(
        &self,
        name: &str,
        command: Command,
        body: &[u8],
    ) -> Result<Response<AdminBody>, Problem> {
        let circuit = self.shared.find(name)?;
        let form = command.read(body)?;
        let lasting = form.lasting;
        self.write(command.as_str(), Some(name), form);
        command.give(&circuit, lasting);
        if !command.keeps_override() {
            let end = lasting.and_then(|lasting| Instant::now().checked_add(lasting));
            Expiries::set(&self.shared, &circuit, command.imposes().zip(end));
        }
        Ok(respond::json(StatusCode::OK, &self.shared.view(&circuit)))
    }

    fn reset_all(&self, body: &[u8]) -> Result<Response<AdminBody>, Problem> {
        let form = Form::read(body)?;
        if form.lasting.is_some() {
            return Err(Problem::bad_request("`for` has no meaning for reset-all: leave it out"));
        }
        self.write("reset-all", None, form);
        self.shared.registry.reset_all();
        let registry = &self.shared.registry;
        let done = json!({ "health": registry.health(), "circuits": registry.len() });
        Ok(respond::json(StatusCode::OK, &done))
    }

    /// Before it is done: what is done is never unwritten.
    fn write(&self, command: &'static str, circuit: Option<&str>, form: Form) {
        let Form { reason, actor, lasting } = form;
        let entry = AuditEntry::now(command, circuit);
        self.shared.audit.write(AuditEntry { actor, reason, lasting, peer: self.peer, ..entry });
    }
}
