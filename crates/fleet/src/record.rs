//! What stands in Redis about a circuit.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use tower_circuit_breaker::Override;

use crate::words::Words;

/// What the fleet has agreed on about one circuit: the value of its key in Redis.
///
/// A line of words: the version, the epoch, the state (`c` closed, `o` open, `fo` forced
/// open, `fc` forced closed), the end of the open time and the whole of it in milliseconds, the
/// backoff's step, the cause, the node that wrote it. Where the circuit is forced, those are the end
/// and the time of the override, 0 where it lasts until it is released, and in the place of the step is
/// the override's [serial](Self::serial). Version 1 has these eight;
/// version 2 has two besides, which say who has forced it, and why ([`Words`]). Anything else is
/// refused, whatever its size.
///
/// # Examples
///
/// ```
/// use tower_circuit_breaker_fleet::record::FleetRecord;
///
/// let record: FleetRecord = "1 1790000000000000 o 1790000030000 30000 0 votes web-1".parse()?;
/// assert!(record.is_open());
/// assert_eq!(record.node(), "web-1");
/// assert!("2 something of a later version".parse::<FleetRecord>().is_err());
/// # Ok::<_, tower_circuit_breaker_fleet::record::BadRecord>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FleetRecord {
    epoch: u64,
    /// What the fleet's circuit is.
    pub standing: Standing,
    /// The end of the open time, or of the override, in milliseconds of Redis' clock; 0 where there
    /// is none.
    ends: u64,
    /// The open time, or the override's, zero where that has no end.
    pub open_for: Duration,
    /// The step of the backoff that its open time was; 0 where it is forced.
    pub step: u32,
    /// As it stands there; 0 where it is not forced, or was by a process that gave none.
    serial: u64,
    /// Why it was written.
    pub cause: Cause,
    node: String,
    /// What was said of an override.
    words: Words,
}

/// What a fleet's circuit is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Calls pass.
    Closed,
    /// Calls are rejected, and then one process probes.
    Open,
    /// An operator of the fleet has forced it open, or closed.
    Forced(Override),
}

/// Why a record was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// Enough processes have tripped.
    Votes,
    /// The failure rate of the whole fleet was reached.
    Rate,
    /// What probes have shown.
    Probes,
    /// An operator has reset it.
    Reset,
    /// An operator has forced or released it.
    Operator,
}

/// What stands in Redis is no record of this version: too long, or other words than it should have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BadRecord {
    what: &'static str,
}

/// Longer than any record; more is not even read.
pub const LONGEST: usize = 1024;

/// Numbers above this are not whole in the scripts.
const LAST_NUMBER: u64 = 9_000_000_000_000_000;

/// A name longer than this is no node's.
pub const LONGEST_NODE: usize = 64;

impl FleetRecord {
    /// Returns the epoch, a number that grows with every change of the fleet's circuit.
    ///
    /// Microseconds of Redis' clock, or one more than the last.
    #[must_use]
    pub const fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Returns whether the record's epoch is more than a day ahead of the store's clock.
    ///
    /// That clock is given in milliseconds. Such a record was forged, or written before the clock
    /// was set back by more; it is ignored.
    #[must_use]
    pub const fn is_ahead_of(&self, store_ms: u64) -> bool {
        is_ahead(self.epoch, store_ms)
    }

    /// Returns whether the fleet's circuit is open.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        matches!(self.standing, Standing::Open | Standing::Forced(Override::ForcedOpen))
    }

    /// Returns the override that an operator of the fleet has set; its time may be over.
    #[must_use]
    pub const fn overridden(&self) -> Option<Override> {
        match self.standing {
            Standing::Forced(forced) => Some(forced),
            Standing::Closed | Standing::Open => None,
        }
    }

    /// Returns whether the override ends by itself, not when it is released.
    pub fn has_override_end(&self) -> bool {
        self.overridden().is_some() && !self.open_for.is_zero()
    }

    /// Returns the number that tells this override from others of the circuit.
    ///
    /// The epoch of the record that set it, which it keeps where a reset gives the circuit another.
    /// `None` where there is no override.
    pub fn serial(&self) -> Option<u64> {
        let serial = if self.serial == 0 { self.epoch } else { self.serial };
        self.overridden().map(|_| serial)
    }

    /// Returns the field that holds the step of the backoff, or an override's serial.
    pub fn step_or_serial(&self) -> u64 {
        self.serial().unwrap_or_else(|| self.step.into())
    }

    /// Returns which operator has set the override, and why, as far as that was said.
    #[must_use]
    pub const fn words(&self) -> &Words {
        &self.words
    }

    /// Returns the node whose vote, probe or command it was.
    #[must_use]
    pub fn node(&self) -> &str {
        &self.node
    }

    /// Returns what is left of the open time, or of the override's, at `now`.
    ///
    /// `now` is Redis' clock, in milliseconds. Never more than all of it, also when that clock was
    /// set back.
    pub fn left(&self, now: u64) -> Duration {
        Duration::from_millis(self.ends.saturating_sub(now)).min(self.open_for)
    }

    /// Returns how long ago the record was written, at `now`.
    ///
    /// `now` is the store's clock, in milliseconds. The epoch is that clock's time of writing,
    /// unless two changes came at once.
    pub fn age(&self, now: u64) -> Duration {
        Duration::from_micros(now.saturating_mul(1000).saturating_sub(self.epoch))
    }

    fn parse(line: &str) -> Result<Self, BadRecord> {
        if line.len() > LONGEST {
            return Err(BadRecord::new("it is too long"));
        }
        let parts: Vec<_> = line.split(' ').collect();
        let (words, said) = match parts.as_slice() {
            ["1", words @ ..] => (words, Words::default()),
            ["2", words @ .., actor, reason] => {
                let said = Words::parse([actor, reason]);
                (words, said.ok_or(BadRecord::new("its actor or reason is malformed"))?)
            }
            _ => return Err(BadRecord::new("it does not begin with the version 1 or 2")),
        };
        let &[epoch, standing, ends, open_for, step, cause, node] = words else {
            return Err(BadRecord::new("it has not as many words as its version"));
        };
        let number = |word| number(word).ok_or(BadRecord::new("a number is none, or too large"));
        let unknown = BadRecord::new("its state or cause is unknown");
        if !is_node(node) {
            return Err(BadRecord::new("its node's name is malformed"));
        }
        let standing = Standing::parse(standing).ok_or(unknown)?;
        let (step, serial) = match standing {
            Standing::Forced(_) => (0, number(step)?),
            Standing::Closed | Standing::Open => (number(step)?, 0),
        };
        Ok(Self {
            epoch: number(epoch)?,
            standing,
            ends: number(ends)?,
            open_for: Duration::from_millis(number(open_for)?),
            step: u32::try_from(step).unwrap_or(u32::MAX),
            serial,
            cause: Cause::parse(cause).ok_or(unknown)?,
            node: node.to_owned(),
            words: said,
        })
    }
}

/// Returns whether `epoch` is more than a day ahead of the store's clock, in milliseconds.
pub const fn is_ahead(epoch: u64, store_ms: u64) -> bool {
    const DAY: u64 = 24 * 60 * 60 * 1_000_000;
    epoch > store_ms.saturating_mul(1000).saturating_add(DAY)
}

/// Returns whether a node can have this name: letters, digits, `_`, `.`, `:` and `-`.
pub fn is_node(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_.:-".contains(&byte);
    (1..=LONGEST_NODE).contains(&name.len()) && name.bytes().all(is_plain)
}

/// Digits only, and not too many.
pub(crate) fn number(word: &str) -> Option<u64> {
    if !word.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    word.parse().ok().filter(|number| *number <= LAST_NUMBER)
}

impl BadRecord {
    /// It is nobody's word.
    pub const AHEAD: Self = Self::new("its epoch is more than a day ahead of the store's clock");

    /// Makes an error that says what is wrong with the record.
    pub const fn new(what: &'static str) -> Self {
        Self { what }
    }
}

impl Standing {
    fn parse(word: &str) -> Option<Self> {
        [
            Self::Closed,
            Self::Open,
            Self::Forced(Override::ForcedOpen),
            Self::Forced(Override::ForcedClosed),
        ]
        .into_iter()
        .find(|standing| standing.as_str() == word)
    }

    /// Returns the word that stands for it in a record.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "c",
            Self::Open => "o",
            Self::Forced(Override::ForcedOpen) => "fo",
            Self::Forced(_) => "fc",
        }
    }
}

impl Cause {
    /// Returns whether it takes several nodes; the sums of the whole fleet need only one.
    pub const fn needs_quorum(self) -> bool {
        !matches!(self, Self::Rate)
    }

    fn parse(word: &str) -> Option<Self> {
        [Self::Votes, Self::Rate, Self::Probes, Self::Reset, Self::Operator]
            .into_iter()
            .find(|cause| cause.as_str() == word)
    }

    /// Returns the word that stands for it in a record.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Votes => "votes",
            Self::Rate => "rate",
            Self::Probes => "probes",
            Self::Reset => "reset",
            Self::Operator => "operator",
        }
    }
}

impl FromStr for FleetRecord {
    type Err = BadRecord;

    fn from_str(line: &str) -> Result<Self, BadRecord> {
        Self::parse(line)
    }
}

impl fmt::Display for FleetRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { epoch, standing, ends, open_for, cause, node, words, .. } = self;
        let (standing, open_for) = (standing.as_str(), open_for.as_millis());
        let step = if self.overridden().is_some() { self.serial } else { self.step.into() };
        let version = if words.is_empty() { 1 } else { 2 };
        let cause = cause.as_str();
        write!(f, "{version} {epoch} {standing} {ends} {open_for} {step} {cause} {node}")?;
        if words.is_empty() {
            return Ok(());
        }
        let [actor, reason] = words.as_words();
        write!(f, " {actor} {reason}")
    }
}

impl fmt::Display for BadRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not a fleet record of version 1 or 2: {}", self.what)
    }
}

impl std::error::Error for BadRecord {}
