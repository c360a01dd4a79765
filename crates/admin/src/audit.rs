//! What operators did, when and why.

use std::collections::VecDeque;
use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use humantime_serde::re::humantime::{format_duration, format_rfc3339_millis};
use serde::{Serialize, Serializer};
use tower_circuit_breaker::view::catch_panic;

use crate::sync::lock;

/// One command that was given through [`Admin`](super::Admin).
///
/// It is written before it is done. That says of one to a fleet that it was given, no more: where the
/// fleet has not kept it, another entry follows with the same fields, a command such as
/// `fleet force-open failed`, and why in [`failed`](Self::failed).
///
/// Its `Display` is one line for a log, in which no name and no word of an operator can end the line,
/// steer a terminal or turn text around; the fields hold them as they are.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct AuditEntry {
    /// Which entry it is; the first is 1.
    pub number: u64,
    /// When, by the wall clock; in JSON as RFC 3339.
    #[serde(serialize_with = "rfc3339")]
    pub at: SystemTime,
    /// Which circuit, by its name as it is; `None` for all.
    pub circuit: Option<Arc<str>>,
    /// What was asked for, as in the path: `reset`, `force-open`, `reset-all` and so on; to a fleet
    /// `fleet reset` and so on or, where that has failed, `fleet reset failed`.
    pub command: &'static str,
    /// The operator; `expiry` where an override's time was over.
    pub actor: Option<String>,
    /// Whether [`AdminBuilder::actor`](crate::AdminBuilder::actor) knows the operator; else the name
    /// is what somebody says.
    pub actor_checked: bool,
    /// Why, in their words.
    pub reason: Option<String>,
    /// The address it came from, where the server tells.
    pub peer: Option<IpAddr>,
    /// For how long.
    #[serde(rename = "for", serialize_with = "tower_circuit_breaker::view::optional_seconds")]
    pub lasting: Option<Duration>,
    /// Why the fleet has not kept the command, as far as is known: an answer that was lost may have
    /// been that it has. `None` where nothing has failed, or not yet.
    pub failed: Option<String>,
}

/// The last commands.
#[derive(Default)]
pub(crate) struct Audit {
    log: Mutex<Log>,
    pub(crate) listener: Option<Box<dyn Fn(&AuditEntry) + Send + Sync>>,
}

#[derive(Default)]
struct Log {
    entries: VecDeque<AuditEntry>,
    written: u64,
}

impl AuditEntry {
    #[expect(clippy::disallowed_methods, reason = "an audit tells the time of day")]
    pub(crate) fn now(command: &'static str, circuit: Option<&str>) -> Self {
        Self {
            number: 0,
            at: SystemTime::now(),
            circuit: circuit.map(Arc::from),
            command,
            actor: None,
            actor_checked: false,
            reason: None,
            peer: None,
            lasting: None,
            failed: None,
        }
    }

    /// The entry that follows this one where the fleet has not kept its command.
    pub(crate) fn of_failure(self, command: &'static str, why: String) -> Self {
        Self { at: Self::now(command, None).at, command, failed: Some(why), ..self }
    }
}

impl Audit {
    /// Keeps `entry`, and gives it to the listener.
    pub(crate) fn write(&self, mut entry: AuditEntry) {
        let mut log = lock(&self.log);
        log.written = log.written.saturating_add(1);
        entry.number = log.written;
        if log.entries.len() >= KEPT {
            log.entries.pop_front();
        }
        log.entries.push_back(entry.clone());
        drop(log);
        if let Some(listener) = &self.listener {
            let _ = catch_panic(|| listener(&entry));
        }
    }

    /// The number of the last entry; 0 before the first.
    pub(crate) fn written(&self) -> u64 {
        lock(&self.log).written
    }

    /// At most `most` of the entries after number `after`, the oldest first.
    pub(crate) fn after(&self, after: u64, most: usize) -> Vec<AuditEntry> {
        let log = lock(&self.log);
        let skipped = log.entries.len().saturating_sub(most);
        let last = log.entries.iter().skip(skipped);
        last.filter(|entry| entry.number > after).cloned().collect()
    }
}

impl fmt::Debug for Audit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Audit").field("written", &lock(&self.log).written).finish_non_exhaustive()
    }
}

impl fmt::Display for AuditEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.command)?;
        if let Some(circuit) = &self.circuit {
            write!(f, " of {circuit:?}")?;
        }
        if let Some(lasting) = self.lasting {
            write!(f, " for {}", format_duration(lasting))?;
        }
        if let Some(actor) = &self.actor {
            let by = if self.actor_checked { "by" } else { "by one who says" };
            write!(f, " {by} {actor:?}")?;
        }
        if let Some(peer) = self.peer {
            write!(f, " from {peer}")?;
        }
        if let Some(reason) = &self.reason {
            write!(f, ": {reason:?}")?;
        }
        self.failed.as_ref().map_or(Ok(()), |why| write!(f, "; it failed: {why:?}"))
    }
}

pub(crate) fn rfc3339<S: Serializer>(at: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_rfc3339_millis(*at))
}

/// Commands are rare; a listener can keep them all.
pub(crate) const KEPT: usize = 256;
