//! One process of those that the suite plays.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout};
use tower_circuit_breaker::fleet::FleetCommand;

use crate::identity::{Identity, Voter};
use crate::record::Cause;
use crate::request::{Ask, Reply, Request, Shown};
use crate::store::{Change, Store};
use crate::terms::Terms;
use crate::word::Word;
use crate::words::Words;

/// What a look at a guarantee has come to: how it was broken, if it was.
pub(crate) type Verdict = Result<(), String>;

/// A process, and its way to the store.
pub(crate) struct Player<S> {
    store: S,
    pub(crate) terms: Terms,
}

/// Nothing of this length ends while the suite runs.
pub(crate) const LONG: Duration = Duration::from_secs(600);

const PATIENCE: Duration = Duration::from_secs(5);

impl<S: Store> Player<S> {
    pub(crate) fn new(store: S, number: u64) -> Self {
        let terms = Terms {
            identity: Identity::named(format!("suite-{number}"), number),
            quorum: 1,
            vote_window: LONG,
            fleet_probes: 1,
        };
        Self { store, terms }
    }

    /// Asks one thing of `circuit`.
    pub(crate) async fn ask(&mut self, circuit: &str, ask: Ask) -> Result<Reply, String> {
        let replies = self.ask_all(circuit, vec![ask]).await?;
        replies.into_iter().next().ok_or_else(|| "one request has no answer".to_owned())
    }

    /// Asks several things in one batch.
    pub(crate) async fn ask_all(
        &mut self,
        circuit: &str,
        asks: Vec<Ask>,
    ) -> Result<Vec<Reply>, String> {
        let circuit: Arc<str> = circuit.into();
        let request = |ask| Request { circuit: Arc::clone(&circuit), ask };
        let batch: Vec<_> = asks.into_iter().map(request).collect();
        let asking = timeout(PATIENCE, self.store.ask(&self.terms, &batch));
        let answers = asking.await.map_err(|_| format!("{batch:?} is not answered"))?;
        let answers = answers.map_err(|gone| gone.to_string())?;
        if answers.len() != batch.len() {
            return Err(format!("{} answers to {} requests", answers.len(), batch.len()));
        }
        answers.into_iter().map(|answer| answer.map_err(|refused| refused.to_string())).collect()
    }

    /// The next change of one of `circuits`; an error where none comes.
    pub(crate) async fn hear(&mut self, circuits: &[&str]) -> Result<Change, String> {
        let next = async {
            loop {
                match self.store.changed().await {
                    Change::Circuit(_, circuit) if !circuits.contains(&circuit.as_str()) => {}
                    change => return change,
                }
            }
        };
        timeout(PATIENCE, next).await.map_err(|_| "a change is not brought".to_owned())
    }

    /// Hears no more of what was before.
    pub(crate) async fn hear_all(&mut self) {
        const PAUSE: Duration = Duration::from_millis(200);
        while timeout(PAUSE, self.store.changed()).await.is_ok() {}
    }

    pub(crate) async fn read(&mut self, circuit: &str) -> Result<Option<Word>, String> {
        Ok(self.ask(circuit, Ask::Read).await?.word)
    }

    pub(crate) async fn vote(&mut self, circuit: &str, voter: Voter) -> Result<Reply, String> {
        self.ask(circuit, vote(0, Cause::Votes).voted_by(voter)).await
    }

    pub(crate) async fn command(
        &mut self,
        circuit: &str,
        what: FleetCommand,
    ) -> Result<u64, String> {
        epoch(&self.ask(circuit, command(what)).await?)
    }

    pub(crate) async fn settle(
        &mut self,
        circuit: &str,
        epoch: u64,
        shown: Shown,
    ) -> Result<Reply, String> {
        self.ask(circuit, Ask::Settle { epoch, shown }).await
    }

    /// The code, and the milliseconds that are left.
    pub(crate) async fn lease(
        &mut self,
        circuit: &str,
        epoch: u64,
        lasts: Duration,
    ) -> Result<(i64, i64), String> {
        let reply = self.ask(circuit, Ask::Lease { epoch, lasts }).await?;
        Ok((reply.code, reply.number))
    }
}

/// A process' own vote to open for long, where `known` is known.
pub(crate) const fn vote(known: u64, cause: Cause) -> Ask {
    Ask::Vote { known, open_for: LONG, step: 0, cause, voter: Voter::Own }
}

/// An operator's, who knows and says nothing.
pub(crate) fn command(command: FleetCommand) -> Ask {
    Ask::Command { known: 0, command, words: Words::default() }
}

/// Whether what began after `since` and lasts for `lasts` is certainly not over yet. Where it is not
/// certain, since the machine or the store was slow, nothing can be said.
pub(crate) fn is_early(since: Instant, lasts: Duration) -> bool {
    since.elapsed() < lasts * 9 / 10
}

/// All players follow these rules from now on.
pub(crate) fn agree<S>(players: &mut [Player<S>], quorum: u32, fleet_probes: u32) {
    for Player { terms, .. } in players {
        *terms =
            Terms { identity: terms.identity.clone(), quorum, vote_window: LONG, fleet_probes };
    }
}

/// The epoch of what stands there.
pub(crate) fn epoch(reply: &Reply) -> Result<u64, String> {
    let word = reply.word.as_ref().ok_or("nothing stands there")?;
    Ok(word.record.epoch())
}

/// An error where it is not so.
pub(crate) fn expect(is_so: bool, else_how: impl FnOnce() -> String) -> Verdict {
    if is_so { Ok(()) } else { Err(else_how()) }
}

/// Two of the players, of whom either may ask next.
pub(crate) fn two<S>(players: &mut [Player<S>]) -> Result<[&mut Player<S>; 2], String> {
    match players {
        [one, other, ..] => Ok([one, other]),
        _ => Err("too few processes".to_owned()),
    }
}

/// Three of the players.
pub(crate) fn three<S>(players: &mut [Player<S>]) -> Result<[&mut Player<S>; 3], String> {
    match players {
        [one, second, third, ..] => Ok([one, second, third]),
        _ => Err("too few processes".to_owned()),
    }
}
