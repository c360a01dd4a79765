//! What the example applications share: who may steer them, how they log, what probes ask, and how they
//! are asked to end.
//!
//! A service of your own would have this in its `main.rs`; here four have it.

#![forbid(unsafe_code)]

mod end;
mod flood;
mod log;
mod probes;
mod run;
#[cfg(feature = "testing")]
pub mod testing;
mod tokens;

use std::fmt::Write;
use std::time::SystemTime;

use axum::extract::ConnectInfo;
use tower_circuit_breaker::CircuitRegistry;
use tower_circuit_breaker_admin::{About, Admin, AdminBuilder, History};
use tower_circuit_breaker_telemetry::PrometheusText;

pub use crate::end::asked_to_end;
pub use crate::flood::Flood;
pub use crate::log::start_log;
pub use crate::probes::probes;
pub use crate::run::failures_in_a_row;
use crate::tokens::{Tokens, made_for_this_run};

/// What the command line says of who may steer.
#[derive(Debug, Clone, Copy, Default, clap::Args)]
pub struct ControlArgs {
    /// Without a token, let every program on this machine steer, and whoever is behind a proxy on it
    #[arg(long)]
    open_control: bool,
}

/// Who may see and steer, by environment and command line.
#[derive(Debug)]
pub struct Desk {
    /// When it was read, which an application does first of all.
    started: SystemTime,
    environment: &'static str,
    control: Control,
    tokens: Tokens,
}

/// How one comes to steer.
#[derive(Debug)]
enum Control {
    /// By the tokens of the environment.
    Tokens,
    /// By a token that was made for this run.
    Made(String),
    /// From this machine.
    Open,
    /// By nothing.
    Off,
}

impl Desk {
    /// Reads `APP_ENV`, `ADMIN_TOKEN` and `ADMIN_READ_TOKEN` of this process.
    ///
    /// # Errors
    ///
    /// What cannot be, in a line that names it and never shows a token.
    pub fn read(args: ControlArgs) -> Result<Self, String> {
        Self::by(args, |name| Some(std::env::var_os(name)?.to_string_lossy().into()))
    }

    /// The same by any environment.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    pub fn by(args: ControlArgs, env: impl Fn(&str) -> Option<String>) -> Result<Self, String> {
        let is_production = is_production(&env)?;
        let tokens = Tokens::read(&env, is_production)?;
        let control = match (args.open_control, is_production) {
            (true, true) => {
                let instead = "set ADMIN_TOKEN";
                return Err(format!(
                    "--open-control is refused with APP_ENV=production: {instead}"
                ));
            }
            (true, false) if !tokens.is_empty() => {
                return Err("--open-control and tokens exclude each other: leave one out".into());
            }
            (true, false) => Control::Open,
            (false, _) if tokens.can_steer() => Control::Tokens,
            (false, true) => Control::Off,
            (false, false) => Control::Made(made_for_this_run()?),
        };
        let environment = if is_production { "production" } else { "development" };
        Ok(Self { started: wall_clock(), environment, control, tokens })
    }

    /// The admin service of the `registry` of this `service` in its `version`, as axum serves it with
    /// the peers' addresses, with metrics for Prometheus and an hour of history.
    pub fn admin(&self, service: &str, version: &str, registry: CircuitRegistry) -> AdminBuilder {
        let about = About::new(service)
            .instance(format!("process {}", std::process::id()))
            .environment(self.environment)
            .version(version)
            .started(self.started);
        let text = PrometheusText::new();
        let admin = Admin::builder(registry)
            .peer(|extensions| extensions.get().map(|ConnectInfo(address)| *address))
            .metrics(move |circuits| text.encode(circuits))
            .history(History::busiest(1_000))
            .about(about);
        let admin = self.tokens.give(admin);
        match &self.control {
            Control::Made(token) => admin.token(token.clone()),
            Control::Open => AdminBuilder::control_from_loopback(admin),
            Control::Tokens | Control::Off => admin,
        }
    }

    /// Where the page is and how one comes to steer, in lines for the start.
    #[must_use]
    pub fn told(&self, page: &str) -> String {
        let mut told = format!("page      {page}");
        // Writing to a string cannot fail.
        let _ = match &self.control {
            Control::Tokens => write!(told, "\ntoken     that of ADMIN_TOKEN"),
            Control::Made(token) => {
                write!(told, "\ntoken     {token}  (of this run; ADMIN_TOKEN sets one)")
            }
            Control::Open => write!(
                told,
                "\ncontrol   open to every program on this machine and to any proxy on it, by \
                 --open-control"
            ),
            Control::Off => write!(told, "\ncontrol   off: set ADMIN_TOKEN to steer"),
        };
        told
    }
}

#[expect(clippy::disallowed_methods, reason = "people are told the time of day")]
fn wall_clock() -> SystemTime {
    SystemTime::now()
}

fn is_production(env: &impl Fn(&str) -> Option<String>) -> Result<bool, String> {
    match env("APP_ENV").as_deref() {
        None | Some("" | "development") => Ok(false),
        Some("production") => Ok(true),
        Some(it) => Err(format!("APP_ENV is {it:?}: must be development or production")),
    }
}

#[cfg(test)]
mod tests;
