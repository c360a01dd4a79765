//! Commands that were refused: who asked, how often, and why.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::Mutex;
use std::time::{Duration, SystemTime};

use serde::Serialize;
use tokio::time::Instant;

use crate::audit::rfc3339;
use crate::host::network;
use crate::sync::lock;

/// Why a command was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Refusal {
    NoToken,
    WrongToken,
    /// The token is one to read by.
    ReadToken,
    ControlOff,
    NotThisMachine,
    ThroughProxy,
    ForeignHost,
    ForeignOrigin,
    NotJson,
}

/// The last refusals, in a ring of their own: whoever is refused pushes no command out of the audit.
#[derive(Debug, Default)]
pub(crate) struct Refused {
    log: Mutex<RefusalLog>,
}

#[derive(Debug, Default)]
struct RefusalLog {
    entries: VecDeque<Entry>,
    total: u64,
}

/// One peer, for one reason, in ten seconds.
#[derive(Debug)]
struct Entry {
    began: Instant,
    network: Option<IpAddr>,
    shown: RefusedEntry,
}

#[derive(Debug, Clone, Serialize)]
pub(crate) struct RefusedEntry {
    /// The first of them, by the wall clock.
    #[serde(serialize_with = "rfc3339")]
    at: SystemTime,
    /// The first address, of a network of them.
    peer: Option<IpAddr>,
    reason: Refusal,
    count: u64,
}

impl Refused {
    /// Counts a command that `peer` was refused.
    #[expect(clippy::disallowed_methods, reason = "an audit tells the time of day")]
    pub(crate) fn count(&self, peer: Option<IpAddr>, reason: Refusal) {
        let (now, network) = (Instant::now(), peer.map(network));
        let mut log = lock(&self.log);
        log.total = log.total.saturating_add(1);
        let is_same = |entry: &&mut Entry| {
            let is_young = now.saturating_duration_since(entry.began) < GATHERED;
            is_young && entry.network == network && entry.shown.reason == reason
        };
        if let Some(entry) = log.entries.iter_mut().rev().find(is_same) {
            entry.shown.count = entry.shown.count.saturating_add(1);
            return;
        }
        if log.entries.len() >= KEPT {
            log.entries.pop_front();
        }
        let shown = RefusedEntry { at: SystemTime::now(), peer, reason, count: 1 };
        log.entries.push_back(Entry { began: now, network, shown });
    }

    /// How many commands were refused in all, and the last of them, the oldest first.
    pub(crate) fn all(&self) -> (u64, Vec<RefusedEntry>) {
        let log = lock(&self.log);
        (log.total, log.entries.iter().map(|entry| entry.shown.clone()).collect())
    }
}

const KEPT: usize = 100;
/// For how long refusals of one peer for one reason are one entry.
const GATHERED: Duration = Duration::from_secs(10);
