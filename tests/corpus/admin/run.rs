//! A service, and everything that it is asked.

use http::Method;
use tokio::time::Instant;
use tower_circuit_breaker::{Circuit, CircuitState, Override};

use super::guesses::Guesses;
use super::oracle::judge;
use super::site::Site;
use super::{Aim, Ask, Setup, Step, told};

/// Takes every step, and looks at the names at the end.
///
/// # Errors
///
/// Which step it was, and what does not hold.
pub(super) fn run(setup: &Setup, steps: &[Step]) -> Result<(), String> {
    let site = Site::new(setup);
    let log = site.log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || log.clone())
        .with_ansi(false)
        .without_time()
        .finish();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .map_err(|error| error.to_string())?;
    tracing::subscriber::with_default(subscriber, || {
        runtime.block_on(async {
            let mut run = Run { setup, site, guesses: Guesses::default() };
            for (number, step) in steps.iter().enumerate() {
                let taken = run.take(step).await;
                taken.map_err(|wrong| format!("step {number}, {step:?}: {wrong}"))?;
            }
            told::check(setup, &run.site).await
        })
    })
}

struct Run<'a> {
    setup: &'a Setup,
    site: Site,
    guesses: Guesses,
}

impl Run<'_> {
    async fn take(&mut self, step: &Step) -> Result<(), String> {
        match step {
            Step::Ask(ask) => return self.ask(ask).await,
            Step::Guess(times) => return self.guess(*times).await,
            Step::Call(at, outcome) => {
                if let Ok(permit) = self.site.circuits[*at].try_acquire() {
                    permit.record(*outcome);
                }
            }
            Step::Advance(time) => {
                self.site.clock.advance(*time);
                // Overrides that were given a time end meanwhile.
                tokio::time::sleep(*time).await;
                tokio::task::yield_now().await;
                self.site.audit.take();
            }
        }
        Ok(())
    }

    /// Guesses, from an address that nobody knows.
    async fn guess(&mut self, times: u32) -> Result<(), String> {
        for _ in 0..times {
            self.ask(&Ask { aim: Aim::Audit, ..told::with_token("/audit", "guessed")? }).await?;
        }
        Ok(())
    }

    async fn ask(&mut self, ask: &Ask) -> Result<(), String> {
        let verdict = judge(self.setup, ask, &self.guesses);
        let (before, asked_at) = (self.stretches(), Instant::now());
        let answer = self.site.ask(ask).await?;
        let success: &[u16] = if ask.aim == Aim::Health { &[200, 503] } else { &[200] };
        if !verdict.allows(answer.status, success) {
            return Err(format!("{} where {verdict:?}: {}", answer.status, answer.text()));
        }
        self.guesses.count(self.setup, ask, answer.status, asked_at);
        let is_command = answer.status == 200 && ask.method == Method::POST;
        // While a body stalls the time of an override may end; nothing else changes by itself.
        let written: Vec<_> = self.site.audit.take();
        let commands: Vec<_> =
            written.iter().filter(|entry| entry.actor.as_deref() != Some("expiry")).collect();
        match (is_command, &commands[..]) {
            (false, []) if before == self.stretches() || !written.is_empty() => Ok(()),
            (true, [entry]) => {
                let path = ask.uri.path().trim_end_matches('/');
                let is_right = path.ends_with(&format!("/{}", entry.command));
                if !is_right || entry.peer != ask.peer {
                    return Err(format!("written as {entry:?}"));
                }
                self.check_done(entry.command, entry.circuit.as_deref(), &before)
            }
            _ => Err(format!("{} with {commands:?}, from {before:?}", answer.status)),
        }
    }

    /// What the command says has come true, of that circuit and of no other.
    fn check_done(
        &self,
        command: &str,
        named: Option<&str>,
        before: &[Stretch],
    ) -> Result<(), String> {
        let circuits = self.site.circuits.iter().zip(before).zip(self.stretches());
        for ((circuit, before), after) in circuits {
            let is_meant = named.is_none_or(|name| name == circuit.name());
            let is_done = match command {
                _ if !is_meant => *before == after,
                "force-open" => after.overridden == Some(Override::ForcedOpen),
                "force-closed" => after.overridden == Some(Override::ForcedClosed),
                "observe" => after.overridden == Some(Override::Observing),
                "release" => after.overridden.is_none(),
                _ if before.overridden.is_some() => after.overridden == before.overridden,
                "trip" => after.state == CircuitState::Open && after.epoch > before.epoch,
                "reset" | "reset-all" => {
                    after.state == CircuitState::Closed && after.epoch > before.epoch
                }
                _ => false,
            };
            if !is_done {
                let name = circuit.name();
                return Err(format!("{command} of {named:?}, {name:?}: {before:?}, {after:?}"));
            }
        }
        Ok(())
    }

    fn stretches(&self) -> Vec<Stretch> {
        self.site.circuits.iter().map(Stretch::of).collect()
    }
}

/// What every command begins anew.
#[derive(Debug, Clone, PartialEq)]
struct Stretch {
    epoch: u64,
    state: CircuitState,
    overridden: Option<Override>,
}

impl Stretch {
    fn of(circuit: &Circuit) -> Self {
        let snapshot = circuit.snapshot();
        Self { epoch: snapshot.epoch, state: snapshot.state, overridden: snapshot.overridden }
    }
}
