//! The scripts that decide in Redis, and the commands that call them.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use redis::{Cmd, Value, cmd};
use tower_circuit_breaker_fleet::identity::{Identity, Voter};
use tower_circuit_breaker_fleet::record::{BadRecord, FleetRecord, LONGEST, Word};
use tower_circuit_breaker_fleet::request::{Ask, Merge, Reply, Request, Shown, Sum};
use tower_circuit_breaker_fleet::terms::Terms;

use crate::keys::Keys;
use crate::presence::{announce, is_of_another};

#[cfg(test)]
mod tests;

/// What commands need besides the request.
#[derive(Debug, Clone)]
pub(crate) struct Commands {
    pub(crate) keys: Keys,
    pub(crate) terms: Terms,
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
    include_str!("scripts/merge.lua"),
];

const VOTE: usize = 0;
const SETTLE: usize = 1;
const LEASE: usize = 2;
const RESTORE: usize = 3;
const COMMAND: usize = 4;
const MERGE: usize = 5;

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

impl Commands {
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
            Ask::Merge(merge) => {
                format!("EVALSHA (merge) {}", self.keys.sums(merge.partition))
            }
            Ask::Changes { partition } => format!("GETEX {}", self.keys.changes(*partition)),
            Ask::Begin { partition } => format!("SET {}", self.keys.changes(*partition)),
            Ask::Withdraw => format!("ZREM {}", self.keys.votes(circuit)),
            Ask::Announce => format!("SET {}", self.keys.process(circuit)),
            Ask::Read => format!("GETRANGE {}", self.keys.record(circuit)),
        }
    }

    /// The command that asks `request`.
    pub(crate) fn command(&self, request: &Request, digests: &Digests) -> Cmd {
        let name = &*request.circuit;
        let (keys, terms) = (&self.keys, &self.terms);
        let two = || [keys.record(name), keys.changes_of(name)];
        let three = || [keys.record(name), keys.changes_of(name), keys.votes(name)];
        let call = |script, keys: &[String]| Call::new(digests, script, keys);
        let told = |script, keys: &[String]| {
            call(script, keys).arg(self.keys.channel()).arg(name).arg(&terms.who.name)
        };
        match &request.ask {
            Ask::Vote { known, open_for, step, cause, voter } => {
                told(VOTE, &three())
                    .arg((*known, millis(*open_for), *step, millis(terms.vote_window)))
                    .arg(if cause.needs_quorum() { terms.quorum } else { 1 })
                    .arg(cause.as_str())
                    .arg(terms.who.entry(*voter))
                    .arg(terms.who.entry(voter.other()))
                    .0
            }
            Ask::Withdraw => {
                let entries = [Voter::Own, Voter::Young].map(|voter| terms.who.entry(voter));
                Cmd::zrem(self.keys.votes(name), &entries)
            }
            Ask::Settle { epoch, shown } => {
                let (state, open_for, step) = match shown {
                    Shown::Well => ("c", 0, 0),
                    Shown::Failing { open_for, step } => ("o", millis(*open_for), *step),
                };
                told(SETTLE, &three()).arg(*epoch).arg(state).arg(open_for).arg(step).0
            }
            Ask::Lease { epoch, lasts } => {
                let slots = (0..terms.fleet_probes).map(|slot| self.keys.lease(name, *epoch, slot));
                let keys: Vec<_> = std::iter::once(self.keys.record(name)).chain(slots).collect();
                call(LEASE, &keys).arg(terms.who.id()).arg(*epoch).arg(millis(*lasts).max(1)).0
            }
            Ask::Restore { record, left } => {
                told(RESTORE, &two())
                    .arg(record.epoch())
                    .arg(record.standing.as_str())
                    .arg(millis(*left))
                    .arg(millis(record.open_for))
                    .arg(record.step)
                    .arg(record.cause.as_str())
                    .arg(&record.words().as_words())
                    .0
            }
            Ask::Command { known, command, words } => {
                let lasts = command.lasting().map_or(0, |lasting| millis(lasting).max(1));
                told(COMMAND, &three())
                    .arg(*known)
                    .arg(command.as_str())
                    .arg(lasts)
                    .arg(&words.as_words())
                    .0
            }
            Ask::Announce => announce(&self.keys, &terms.who),
            Ask::Read => read(&self.keys.record(name)),
            // A write, too: a primary that has become a replica refuses it.
            Ask::Changes { partition } => renewed(&keys.changes(*partition)),
            Ask::Begin { partition } => begin(&keys.changes(*partition)),
            Ask::Merge(merge) => self.merge(merge, digests),
        }
    }

    fn merge(&self, merge: &Merge, digests: &Digests) -> Cmd {
        let keys = [self.keys.sums(merge.partition), self.keys.changes(merge.partition)];
        let mut call = Call::new(digests, MERGE, &keys)
            .arg(millis(merge.bucket).max(1))
            .arg(merge.buckets.max(1));
        for met in &merge.met {
            call = call.arg(&*met.circuit).arg(met.epoch).arg((met.sum.calls, met.sum.failures));
        }
        call.0
    }
}

/// Begins a number of changes, if there is none.
fn begin(key: &str) -> Cmd {
    // It is to be another than one of before, which Redis has lost.
    let number = RandomState::new().hash_one(key) >> 14;
    let mut set = cmd("SET");
    set.arg(key).arg(number).arg("NX").arg("PX").arg(WEEK_MS);
    set
}

/// Reads what stands under `key`, which then stays for another week.
fn renewed(key: &str) -> Cmd {
    let mut read = cmd("GETEX");
    read.arg(key).arg("PX").arg(WEEK_MS);
    read
}

/// How long what is renewed stays, in milliseconds.
const WEEK_MS: u64 = 7 * 24 * 3600 * 1000;

/// What says how the fleet's keys are laid: its version, and the number of partitions.
pub(crate) fn layout(keys: &Keys) -> (String, [Cmd; 2]) {
    let (key, own) = (keys.layout(), format!("1 {}", keys.partitions()));
    let mut set = cmd("SET");
    set.arg(&key).arg(&own).arg("NX").arg("PX").arg(WEEK_MS);
    (own, [set, renewed(&key)])
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
    let bad = BadRecord::new("the answer has another form");
    match (ask, value) {
        (Ask::Announce, before) => Ok(Reply::code(i64::from(is_of_another(before, who)))),
        (Ask::Begin { .. }, _) => Ok(Reply::code(1)),
        (Ask::Withdraw, Value::Int(code)) => Ok(Reply::code(*code)),
        (Ask::Changes { .. }, number) => Ok(changes(number)),
        (Ask::Merge(_), Value::Array(numbers)) => sums(numbers).ok_or(bad),
        (Ask::Read, Value::BulkString(line)) => read_line(line, now),
        (_, Value::Array(parts)) => match parts.as_slice() {
            [Value::Int(code), Value::Int(number), Value::BulkString(view)] => {
                let word = believed(Word::parse(view)?, now)?;
                Ok(Reply { code: *code, number: *number, word, ..Reply::default() })
            }
            _ => Err(bad),
        },
        _ => Err(bad),
    }
}

fn read_line(line: &[u8], now: u64) -> Result<Reply, BadRecord> {
    if line.is_empty() {
        return Ok(Reply::of(None));
    }
    let line = std::str::from_utf8(line).map_err(|_| BadRecord::new("it is not text"))?;
    let record: FleetRecord = line.parse()?;
    let left = record.left(now);
    Ok(Reply::of(believed(Some(Word { record, left }), now)?))
}

/// What is too far ahead is nobody's word.
fn believed(word: Option<Word>, now: u64) -> Result<Option<Word>, BadRecord> {
    match word {
        Some(word) if word.record.is_ahead_of(now) => Err(BadRecord::AHEAD),
        word => Ok(word),
    }
}

/// The number of changes. What is no number is none.
fn changes(number: &Value) -> Reply {
    let number = match number {
        Value::BulkString(digits) => std::str::from_utf8(digits).ok(),
        _ => None,
    };
    let number = number.and_then(|digits| digits.parse().ok());
    let code = number.map_or(0, |_| 1);
    Reply { code, number: number.unwrap_or(0), ..Reply::default() }
}

/// For how long calls fail, or a negative number, and a sum for each circuit.
fn sums(numbers: &[Value]) -> Option<Reply> {
    let number = |value: &Value| match value {
        Value::Int(number) => Some(*number),
        _ => None,
    };
    let numbers: Vec<i64> = numbers.iter().map(number).collect::<Option<_>>()?;
    let (failing, sums) = numbers.split_first()?;
    let failing_for = u64::try_from(*failing).ok().map(Duration::from_millis);
    let sum = |pair: &[i64]| {
        let [calls, failures] = [0, 1].map(|at| pair.get(at).copied().unwrap_or(0));
        let whole = |number| u64::try_from(number).unwrap_or(0);
        Sum { calls: whole(calls), failures: whole(failures) }
    };
    let sums = sums.chunks(2).map(sum).collect();
    Some(Reply { sums, failing_for, ..Reply::default() })
}

fn millis(duration: Duration) -> u64 {
    // Longer than any open time is meant to be: a year of centuries, and still whole in Lua.
    const LONGEST: u64 = 1_000_000_000_000;
    u64::try_from(duration.as_millis()).unwrap_or(LONGEST).min(LONGEST)
}
