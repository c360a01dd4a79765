//! The scripts in a real Redis against the model that the protocol is tested with.

#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use redis::aio::MultiplexedConnection;
use redis::{Client, Value};
use tower_circuit_breaker::fleet::{FleetCommand, FleetOrder};
use tower_circuit_breaker_fleet::identity::{Identity, Voter};
use tower_circuit_breaker_fleet::record::{Cause, FleetRecord};
use tower_circuit_breaker_fleet::request::{Ask, Reply, Request, Shown};
use tower_circuit_breaker_fleet::store::ledger::Ledger;
use tower_circuit_breaker_fleet::terms::Terms;
use tower_circuit_breaker_fleet::words::Words;

use crate::keys::Keys;
use crate::replies::reply;
use crate::scripts::{Commands, Digests, load};
use crate::tests::server;

/// One circuit in Redis, and the same in the model.
struct Both {
    connection: MultiplexedConnection,
    digests: Digests,
    commands: Commands,
    real: Option<FleetRecord>,
    model: Ledger,
    random: Rng,
}

const PROBES: u32 = 2;
/// Nothing runs out while the test runs.
const LONG: Duration = Duration::from_secs(600);
/// It is over at the next step.
const SHORT: Duration = Duration::from_millis(1);
/// Of two hosts; the first and the last have the same number there.
fn processes() -> [Identity; 3] {
    [Identity::on_host("a", 1, 7), Identity::on_host("a", 2, 8), Identity::on_host("b", 1, 7)]
}

/// Words of an operator.
fn said(actor: &str) -> Words {
    let mut order = FleetOrder::new(FleetCommand::Release);
    order.actor = Some(actor.to_owned());
    order.reason = Some("50 % of calls, and more".to_owned());
    Words::of(&order)
}

impl Both {
    async fn new(client: &Client, circuit: u64) -> Self {
        let mut connection = client.get_multiplexed_async_connection().await.unwrap();
        let mut pipe = redis::pipe();
        load().for_each(|load| {
            pipe.add_command(load);
        });
        let digests: Vec<String> = pipe.query_async(&mut connection).await.unwrap();
        let terms = Terms {
            identity: Identity::named("none", 0),
            quorum: 2,
            vote_window: LONG,
            fleet_probes: PROBES,
        };
        let commands = Commands { keys: Keys::new("test", 1), terms };
        let (real, model) = (None, Ledger::default());
        let digests = digests.try_into().unwrap();
        Self { connection, digests, commands, real, model, random: Rng::with_seed(circuit) }
    }

    fn draw(&mut self, below: u64) -> u64 {
        self.random.u64(..) % below
    }

    /// A request for each side, alike but for the epochs, which are their own.
    fn request(&mut self, circuit: u64) -> (Identity, [Request; 2]) {
        let identity = processes()[usize::try_from(self.draw(3)).unwrap()].clone();
        let voter = if self.draw(3) == 0 { Voter::Young } else { Voter::Own };
        let epochs = [self.real.as_ref().map_or(0, FleetRecord::epoch), self.model.epoch()];
        let (kind, choice, step) = (self.draw(7), self.draw(4), self.draw(5));
        // The present one, one of long before, or one that is not known there; but a lease would be
        // met again when that comes.
        let age = self.draw(4);
        let epochs = epochs.map(|epoch| match age {
            0 => epoch / 2,
            1 if kind != 3 => epoch + 1,
            _ => epoch,
        });
        let step = u32::try_from(step).unwrap();
        // No time, one that is over when the next request comes, and one that is not.
        let lasting = [None, Some(SHORT), Some(LONG)][usize::try_from(self.draw(3)).unwrap()];
        let words = [Words::default(), said("ann")][usize::try_from(self.draw(2)).unwrap()].clone();
        let records = [self.real.clone(), self.model.record().cloned()];
        let ask = |side: usize| {
            let epoch = epochs[side];
            match kind {
                0 => Ask::Vote { known: epoch, open_for: LONG, step, cause: Cause::Votes, voter },
                1 if choice == 0 => {
                    Ask::Vote { known: epoch, open_for: LONG, step, cause: Cause::Rate, voter }
                }
                1 => Ask::Withdraw,
                2 if choice < 2 => Ask::Settle { epoch, shown: Shown::Well },
                2 => Ask::Settle { epoch, shown: Shown::Failing { open_for: LONG, step } },
                3 => Ask::Lease { epoch, lasts: LONG },
                4 => match &records[side] {
                    Some(record) => Ask::Restore { record: record.clone(), left: LONG },
                    None => Ask::Read,
                },
                5 => {
                    let command = [
                        FleetCommand::Reset,
                        FleetCommand::ForceOpen { lasting },
                        FleetCommand::ForceClosed { lasting },
                        FleetCommand::Release,
                    ];
                    let command = command[usize::try_from(choice).unwrap()];
                    Ask::Command { known: epoch, command, words: words.clone() }
                }
                _ => Ask::Read,
            }
        };
        let circuit: Arc<str> = format!("circuit {circuit}").into();
        let requests = [0, 1].map(|side| Request { circuit: Arc::clone(&circuit), ask: ask(side) });
        (identity, requests)
    }

    /// Asks Redis; gives its clock, too.
    async fn ask_real(&mut self, identity: &Identity, request: &Request) -> (Reply, u64) {
        self.commands.terms.identity = identity.clone();
        let mut pipe = redis::pipe();
        pipe.cmd("TIME").add_command(self.commands.command(request, &self.digests));
        let values: Vec<Value> = pipe.query_async(&mut self.connection).await.unwrap();
        let (seconds, micros): (u64, u64) = redis::from_redis_value(values[0].clone()).unwrap();
        let now = seconds * 1000 + micros / 1000;
        (reply(&request.ask, identity, &values[1], now).unwrap(), now)
    }

    async fn step(&mut self, circuit: u64) {
        let serial = |record: Option<&FleetRecord>| record.and_then(FleetRecord::serial);
        let serials = [serial(self.real.as_ref()), serial(self.model.record())];
        let before = [self.real.as_ref().map_or(0, FleetRecord::epoch), self.model.epoch()];
        let (identity, [asked, modelled]) = self.request(circuit);
        let (real, now) = self.ask_real(&identity, &asked).await;
        if matches!(&asked.ask, Ask::Command { command, .. } if command.lasting() == Some(SHORT)) {
            tokio::time::sleep(SHORT * 2).await;
        }
        let terms = Terms { identity: identity.clone(), ..self.commands.terms.clone() };
        let model = self.model.answer(&terms, &modelled.ask, now).unwrap();

        assert_eq!(real.code, model.code, "{identity:?}: {asked:?}");
        let apart = real.number.abs_diff(model.number);
        assert!(apart < 60_000, "{identity:?}: {asked:?}: {real:?}, {model:?}");
        if asked.ask.has_view() {
            let record = |reply: &Reply| reply.word.as_ref().map(|word| word.record.clone());
            let (real, model) = (record(&real), record(&model));
            let plain = |record: &FleetRecord| {
                (
                    record.standing,
                    record.open_for,
                    record.step,
                    record.cause,
                    record.node().to_owned(),
                    record.words().clone(),
                )
            };
            assert_eq!(
                real.as_ref().map(plain),
                model.as_ref().map(plain),
                "{identity:?}: {asked:?}"
            );
            let epoch = |record: Option<&FleetRecord>| record.map_or(0, FleetRecord::epoch);
            let after = [epoch(real.as_ref()), epoch(model.as_ref())];
            let grown = [0, 1].map(|side| after[side] > before[side]);
            assert_eq!(grown[0], grown[1], "{identity:?}: {asked:?}: {before:?}, {after:?}");
            let kept = serial(real.as_ref()) == serials[0];
            let is_kept = serial(model.as_ref()) == serials[1];
            assert_eq!(kept, is_kept, "{identity:?}: {asked:?}: {real:?}, {model:?}");
            self.real = real;
        }
    }
}

#[tokio::test]
#[ignore = "needs redis-server: run by tests/run.sh"]
async fn scripts_do_what_the_model_does() {
    let server = server::Server::start().await;
    let client = Client::open(server.url()).unwrap();
    for circuit in 0..60 {
        let mut both = Both::new(&client, circuit).await;
        for _ in 0..60 {
            both.step(circuit).await;
        }
    }
}
