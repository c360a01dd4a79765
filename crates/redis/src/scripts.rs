//! The scripts that decide in Redis, and the commands that call them.

use redis::{Cmd, Value, cmd};
use tower_circuit_breaker_fleet::identity::{Identity, Voter};
use tower_circuit_breaker_fleet::record::{BadRecord, FleetRecord, LONGEST, Word};
use tower_circuit_breaker_fleet::request::{Ask, Reply, Request, Shown};

use crate::keys::Keys;
use crate::presence::{announce, is_of_another};

#[cfg(test)]
mod tests;

/// What commands need besides the request.
#[derive(Debug, Clone)]
pub(crate) struct Terms {
    pub(crate) keys: Keys,
    pub(crate) who: Identity,
    pub(crate) quorum: u32,
    pub(crate) vote_window_ms: u64,
    pub(crate) fleet_probes: u32,
    pub(crate) bucket_ms: u64,
    pub(crate) buckets: u64,
}

/// The digests by which Redis knows the scripts, in the order of [`SCRIPTS`].
pub(crate) type Digests = [String; SCRIPTS.len()];

const RECORD: &str = include_str!("scripts/record.lua");

const SCRIPTS: [&str; 6] = [
    include_str!("scripts/vote.lua"),
    include_str!("scripts/settle.lua"),
    include_str!("scripts/lease.lua"),
    include_str!("scripts/restore.lua"),
    include_str!("scripts/command.lua"),
    include_str!("scripts/count.lua"),
];

const VOTE: usize = 0;
const SETTLE: usize = 1;
const LEASE: usize = 2;
const RESTORE: usize = 3;
const COMMAND: usize = 4;
const COUNT: usize = 5;

/// The commands that give Redis the scripts.
pub(crate) fn load() -> impl Iterator<Item = Cmd> {
    SCRIPTS.iter().map(|script| {
        let mut load = cmd("SCRIPT");
        load.arg("LOAD").arg(format!("{RECORD}\n{script}"));
        load
    })
}

/// A script's call, as it is built.
struct Call(Cmd);

impl Call {
    fn new(digests: &Digests, script: usize, keys: &[String]) -> Self {
        let mut call = cmd("EVALSHA");
        call.arg(digests.get(script)).arg(keys.len()).arg(keys);
        Self(call)
    }

    fn arg(mut self, arg: impl redis::ToRedisArgs) -> Self {
        self.0.arg(arg);
        self
    }
}

impl Terms {
    /// What asks `request`, for people: the command, the script and the first key.
    pub(crate) fn name(&self, request: &Request) -> String {
        let circuit = &*request.circuit;
        let script = |name| format!("EVALSHA ({name}) {}", self.keys.record(circuit));
        match &request.ask {
            Ask::Vote { .. } => script("vote"),
            Ask::Settle { .. } => script("verdict of probes"),
            Ask::Lease { .. } => script("lease"),
            Ask::Restore { .. } => script("restore"),
            Ask::Command { .. } => script("command"),
            Ask::Count { .. } => script("count"),
            Ask::Withdraw => format!("ZREM {}", self.keys.votes(circuit)),
            Ask::Announce => format!("SET {}", self.keys.process(circuit)),
            Ask::Read => format!("GETRANGE {}", self.keys.record(circuit)),
        }
    }

    /// The command that asks `request`.
    pub(crate) fn command(&self, request: &Request, digests: &Digests) -> Cmd {
        let name = &*request.circuit;
        let both = [self.keys.record(name), self.keys.votes(name)];
        let call = |script, keys: &[String]| Call::new(digests, script, keys);
        let told = |script, keys: &[String]| {
            call(script, keys).arg(self.keys.channel()).arg(name).arg(&self.who.name)
        };
        match &request.ask {
            Ask::Vote { known, open_for, step, cause, voter } => {
                told(VOTE, &both)
                    .arg((*known, millis(*open_for), *step, self.vote_window_ms))
                    .arg(if cause.needs_quorum() { self.quorum } else { 1 })
                    .arg(cause.as_str())
                    .arg(self.who.entry(*voter))
                    .arg(self.who.entry(voter.other()))
                    .0
            }
            Ask::Withdraw => {
                let entries = [Voter::Own, Voter::Young].map(|voter| self.who.entry(voter));
                Cmd::zrem(self.keys.votes(name), &entries)
            }
            Ask::Settle { epoch, shown } => {
                let (state, open_for, step) = match shown {
                    Shown::Well => ("c", 0, 0),
                    Shown::Failing { open_for, step } => ("o", millis(*open_for), *step),
                };
                told(SETTLE, &both).arg(*epoch).arg(state).arg(open_for).arg(step).0
            }
            Ask::Lease { epoch, lasts } => {
                let slots = (0..self.fleet_probes).map(|slot| self.keys.lease(name, *epoch, slot));
                let keys: Vec<_> = std::iter::once(self.keys.record(name)).chain(slots).collect();
                call(LEASE, &keys).arg(self.who.id()).arg(*epoch).arg(millis(*lasts).max(1)).0
            }
            Ask::Restore { record, left } => {
                told(RESTORE, &[self.keys.record(name)])
                    .arg(record.epoch())
                    .arg(record.standing.as_str())
                    .arg(millis(*left))
                    .arg(millis(record.open_for))
                    .arg(record.step)
                    .arg(record.cause.as_str())
                    .0
            }
            Ask::Command { known, command } => {
                let lasts = command.lasting().map_or(0, |lasting| millis(lasting).max(1));
                told(COMMAND, &both).arg(*known).arg(command.as_str()).arg(lasts).0
            }
            Ask::Announce => announce(&self.keys, &self.who),
            Ask::Read => read(&self.keys.record(name)),
            Ask::Count { calls, failures } => {
                call(COUNT, &[self.keys.record(name), self.keys.counts(name)])
                    .arg(*calls)
                    .arg(*failures)
                    .arg(self.bucket_ms)
                    .arg(self.buckets)
                    .0
            }
        }
    }
}

fn read(key: &str) -> Cmd {
    let mut read = cmd("GETRANGE");
    // One more than the longest: what is too long shows.
    read.arg(key).arg(0).arg(LONGEST);
    read
}

/// What Redis has answered to `ask`; `now` is its clock in milliseconds.
pub(crate) fn reply(
    ask: &Ask,
    who: &Identity,
    value: &Value,
    now: u64,
) -> Result<Reply, BadRecord> {
    if *ask == Ask::Announce {
        let code = i64::from(is_of_another(value, who));
        return Ok(Reply { code, number: 0, word: None });
    }
    let reply = any_reply(ask, value, now)?;
    match &reply.word {
        Some(word) if word.record.is_ahead_of(now) => {
            Err(BadRecord::new("its epoch is more than a day ahead of the clock of Redis"))
        }
        _ => Ok(reply),
    }
}

fn any_reply(ask: &Ask, value: &Value, now: u64) -> Result<Reply, BadRecord> {
    let bad = BadRecord::new("the answer has another form");
    match (ask, value) {
        (Ask::Read, Value::BulkString(line)) if line.is_empty() => Ok(Reply::of(None)),
        (Ask::Read, Value::BulkString(line)) => {
            let line = std::str::from_utf8(line).map_err(|_| bad)?;
            let record: FleetRecord = line.parse()?;
            let left = record.left(now);
            Ok(Reply::of(Some(Word { record, left })))
        }
        (Ask::Withdraw, Value::Int(code)) => Ok(Reply { code: *code, number: 0, word: None }),
        (_, Value::Array(parts)) => match parts.as_slice() {
            [Value::Int(code), Value::Int(number), Value::BulkString(view)] => {
                Ok(Reply { code: *code, number: *number, word: Word::parse(view)? })
            }
            _ => Err(bad),
        },
        _ => Err(bad),
    }
}

fn millis(duration: std::time::Duration) -> u64 {
    // Longer than any open time is meant to be: a year of centuries, and still whole in Lua.
    const LONGEST: u64 = 1_000_000_000_000;
    u64::try_from(duration.as_millis()).unwrap_or(LONGEST).min(LONGEST)
}
