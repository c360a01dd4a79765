//! The scripts that decide in Redis, and the commands that call them.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use redis::{Cmd, cmd};
use tower_circuit_breaker_fleet::identity::Voter;
use tower_circuit_breaker_fleet::record::{FleetRecord, LONGEST};
use tower_circuit_breaker_fleet::request::{Ask, Merge, Request, Shown};
use tower_circuit_breaker_fleet::terms::Terms;

use crate::keys::Keys;
use crate::presence::announce;

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

const SCRIPTS: [&str; 9] = [
    include_str!("scripts/vote.lua"),
    include_str!("scripts/settle.lua"),
    include_str!("scripts/lease.lua"),
    include_str!("scripts/restore.lua"),
    include_str!("scripts/command.lua"),
    include_str!("scripts/merge.lua"),
    include_str!("scripts/enlist.lua"),
    include_str!("scripts/census.lua"),
    include_str!("scripts/look.lua"),
];

const VOTE: usize = 0;
const SETTLE: usize = 1;
const LEASE: usize = 2;
const RESTORE: usize = 3;
const COMMAND: usize = 4;
const MERGE: usize = 5;
const ENLIST: usize = 6;
const CENSUS: usize = 7;
const LOOK: usize = 8;

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
            Ask::Changes { partition } => format!("INCRBY {} 0", self.keys.changes(*partition)),
            Ask::Begin { partition } => format!("SET {}", self.keys.changes(*partition)),
            Ask::Withdraw => format!("ZREM {}", self.keys.votes(circuit)),
            Ask::Announce { .. } => format!("SET {}", self.keys.process(circuit)),
            Ask::Enlist => format!("EVALSHA (enlist) {}", self.keys.processes()),
            Ask::Census => format!("EVALSHA (census) {}", self.keys.processes()),
            Ask::Look { .. } => format!("EVALSHA (look) {}", self.keys.votes(circuit)),
            Ask::Read => format!("GETRANGE {}", self.keys.record(circuit)),
        }
    }

    /// The command that asks `request`.
    pub(crate) fn command(&self, request: &Request, digests: &Digests) -> Cmd {
        let name = &*request.circuit;
        let (keys, terms) = (&self.keys, &self.terms);
        let three = || [keys.record(name), keys.changes_of(name), keys.votes(name)];
        let call = |script, keys: &[String]| Call::new(digests, script, keys);
        let told = |script, keys: &[String]| {
            call(script, keys).arg(self.keys.channel()).arg(name).arg(&terms.identity.name)
        };
        match &request.ask {
            Ask::Vote { known, open_for, step, cause, voter } => {
                told(VOTE, &three())
                    .arg((*known, millis(*open_for), *step, millis(terms.vote_window)))
                    .arg(if cause.needs_quorum() { terms.quorum } else { 1 })
                    .arg(cause.as_str())
                    .arg(terms.identity.entry(*voter))
                    .arg(terms.identity.entry(voter.other()))
                    .0
            }
            Ask::Withdraw => {
                let entries = [Voter::Own, Voter::Young].map(|voter| terms.identity.entry(voter));
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
                call(LEASE, &keys).arg(terms.identity.id()).arg(*epoch).arg(millis(*lasts).max(1)).0
            }
            Ask::Restore { record, left } => self.restore(name, record, *left, digests),
            Ask::Command { known, command, words } => {
                let lasts = command.lasting().map_or(0, |lasting| millis(lasting).max(1));
                told(COMMAND, &three())
                    .arg(*known)
                    .arg(command.as_str())
                    .arg(lasts)
                    .arg(&words.as_words())
                    .0
            }
            Ask::Read => read(&self.keys.record(name)),
            Ask::Announce { said } => announce(&keys.process(name), said),
            Ask::Enlist => call(ENLIST, &[keys.processes()]).arg(name).0,
            Ask::Census => call(CENSUS, &[keys.processes(), keys.process("")]).0,
            Ask::Look { open } => self.look(name, *open, digests),
            // A write, too: a primary that has become a replica refuses it.
            Ask::Changes { partition } => number(&keys.changes(*partition)),
            Ask::Begin { partition } => begin(&keys.changes(*partition)),
            Ask::Merge(merge) => self.merge(merge, digests),
        }
    }

    /// What reads votes and leases for operators.
    fn look(&self, name: &str, open: Option<u64>, digests: &Digests) -> Cmd {
        let slots = open.iter().flat_map(|epoch| {
            (0..self.terms.fleet_probes).map(|slot| self.keys.lease(name, *epoch, slot))
        });
        let keys: Vec<_> = std::iter::once(self.keys.votes(name)).chain(slots).collect();
        Call::new(digests, LOOK, &keys).arg(millis(self.terms.vote_window)).0
    }

    fn restore(&self, name: &str, record: &FleetRecord, left: Duration, digests: &Digests) -> Cmd {
        let keys = [self.keys.record(name), self.keys.changes_of(name)];
        Call::new(digests, RESTORE, &keys)
            .arg(self.keys.channel())
            .arg(name)
            .arg(&self.terms.identity.name)
            .arg(record.epoch())
            .arg(record.standing.as_str())
            .arg(millis(left))
            .arg(millis(record.open_for))
            .arg(record.step_or_serial())
            .arg(record.cause.as_str())
            .arg(&record.words().as_words())
            .0
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

/// Begins a number of changes where there is none. Where another process has begun it meanwhile it is
/// another one again, which has all read what they know already.
fn begin(key: &str) -> Cmd {
    // It is to be another than one of before, which Redis has lost.
    let number = RandomState::new().hash_one(key) >> 14;
    let mut set = cmd("SET");
    set.arg(key).arg(number).arg("PX").arg(WEEK_MS);
    set
}

/// Reads a number, and nothing else that may stand there.
fn number(key: &str) -> Cmd {
    let mut read = cmd("INCRBY");
    read.arg(key).arg(0);
    read
}

/// How long a number of changes stays without one, in milliseconds.
const WEEK_MS: u64 = 7 * 24 * 3600 * 1000;

/// What says how the fleet's keys are laid: its version, and the number of partitions.
pub(crate) fn layout(keys: &Keys) -> (String, [Cmd; 2]) {
    let (key, own) = (keys.layout(), format!("1 {}", keys.partitions()));
    let mut set = cmd("SET");
    set.arg(&key).arg(&own).arg("NX").arg("PX").arg(WEEK_MS);
    // No longer than it may be: somebody else may have written there.
    let mut read = cmd("GETRANGE");
    read.arg(&key).arg(0).arg(15);
    (own, [set, read])
}

fn read(key: &str) -> Cmd {
    let mut read = cmd("GETRANGE");
    // One more than the longest: what is too long shows.
    read.arg(key).arg(0).arg(LONGEST);
    read
}

fn millis(duration: Duration) -> u64 {
    // Longer than any open time is meant to be: a year of centuries, and still whole in Lua.
    const LONGEST: u64 = 1_000_000_000_000;
    u64::try_from(duration.as_millis()).unwrap_or(LONGEST).min(LONGEST)
}
