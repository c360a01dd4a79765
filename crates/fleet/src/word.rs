//! A record as it travels: with what is left of its time, and its age.

use std::time::Duration;

use tower_circuit_breaker::fleet::{FleetCommand, FleetOrder, Member, Ruling, Verdict};
use tower_circuit_breaker::{Circuit, Override};

use crate::record::{BadRecord, Cause, FleetRecord, Standing, is_ahead, number};

/// A record and what was left of its open time when Redis was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// The record.
    pub record: FleetRecord,
    /// What was left of its open time, or of its override's.
    pub left: Duration,
    /// How long ago it was written, where the store's clock was known.
    pub age: Option<Duration>,
}

impl Word {
    /// Reads a script's reply, the milliseconds left and the record; `None` where there is no
    /// record.
    ///
    /// # Errors
    ///
    /// Where it is neither, or no record of this version.
    pub fn parse(text: &[u8]) -> Result<Option<Self>, BadRecord> {
        let text = std::str::from_utf8(text).map_err(|_| BadRecord::new("it is not text"))?;
        if text.is_empty() {
            return Ok(None);
        }
        let (left, line) = text.split_once(' ').ok_or(BadRecord::new("it is one word"))?;
        let left = number(left).ok_or(BadRecord::new("the time left is no number"))?;
        Ok(Some(Self { record: line.parse()?, left: Duration::from_millis(left), age: None }))
    }

    /// Reads a message to the fleet: a script's reply, and the name of the circuit.
    ///
    /// # Errors
    ///
    /// Where it is none.
    pub fn parse_message(message: &[u8]) -> Result<(Self, &str), BadRecord> {
        // The words before the name: the time left, and those of the record.
        let mut spaces = message.iter().enumerate().filter(|(_, byte)| **byte == b' ');
        let version = spaces.clone().next().and_then(|(at, _)| message.get(at + 1));
        let end = spaces
            .nth(if version == Some(&b'2') { 10 } else { 8 })
            .map(|(at, _)| at)
            .ok_or(BadRecord::new("the message has too few words"))?;
        let (text, name) = message.split_at(end);
        let name = name.get(1..).unwrap_or_default();
        let name = std::str::from_utf8(name).map_err(|_| BadRecord::new("the name is not text"))?;
        let word = Self::parse(text)?.ok_or(BadRecord::new("it is empty"))?;
        Ok((word, name))
    }

    /// Returns whether it forces the circuit for a time that was over when Redis was asked.
    pub fn is_over(&self) -> bool {
        self.record.has_override_end() && self.left.is_zero()
    }

    /// Returns whether the store's clock was set back to over a day before the epoch `known`.
    pub fn is_of_an_earlier_clock(&self, known: u64) -> bool {
        let now = self.age.map(|age| u64::try_from(age.as_micros()).unwrap_or(u64::MAX));
        let now = now.map(|age| self.record.epoch().saturating_add(age) / 1000);
        known > self.record.epoch() && now.is_some_and(|now| is_ahead(known, now))
    }

    /// Returns the same as it is where it is heard `late` after the store said it.
    #[must_use]
    pub fn heard(&self, late: Duration) -> Self {
        let left = self.left.saturating_sub(late);
        Self { left, age: self.age.map(|age| age.saturating_add(late)), ..self.clone() }
    }

    /// Returns the same for a circuit that stays open for `longest` at most, whatever the record
    /// says.
    #[must_use]
    pub fn bounded(&self, longest: Duration) -> Self {
        let mut word = self.clone();
        if word.record.standing == Standing::Open {
            word.record.open_for = word.record.open_for.min(longest);
            word.left = word.left.min(longest);
        }
        word
    }

    /// Has `circuit` go by it; an open one is held for `longer`.
    pub fn adopt_by(&self, circuit: &Circuit, longer: Duration) {
        let verdict = self.verdict(longer);
        match self.order() {
            Some(order) => circuit.adopt_order(verdict, &order),
            None => circuit.adopt(verdict),
        }
    }

    /// The order that has forced it, if anything was said of it.
    fn order(&self) -> Option<FleetOrder> {
        let words = self.record.words();
        let lasting = self.record.has_override_end().then_some(self.record.open_for);
        let command = match self.record.overridden()? {
            Override::ForcedOpen => FleetCommand::ForceOpen { lasting },
            _ => FleetCommand::ForceClosed { lasting },
        };
        (!words.is_empty()).then(|| words.order(command))
    }

    /// Returns what a circuit is to make of it; an open one is held for `longer`.
    pub fn verdict(&self, longer: Duration) -> Verdict {
        let ruling = match self.record.standing {
            Standing::Closed if self.record.cause == Cause::Reset => Ruling::Fresh,
            Standing::Closed => Ruling::Closed,
            Standing::Forced(_) if self.is_over() => Ruling::Closed,
            Standing::Forced(overridden) => {
                let left = self.record.has_override_end().then_some(self.left);
                Ruling::Forced { overridden, left }
            }
            Standing::Open => Ruling::Open {
                open_for: self.record.open_for,
                left: self.left.saturating_add(longer),
                step: self.record.step,
            },
        };
        Verdict { epoch: self.record.epoch(), ruling }
    }
}

impl Word {
    /// Reads a record from its text; for tests.
    ///
    /// # Panics
    ///
    /// Where the text is no record.
    pub fn of(line: &str, left: u64) -> Self {
        let record = line.parse().expect("a record");
        Self { record, left: Duration::from_millis(left), age: None }
    }
}
