//! What comes unasked: messages to the fleet, and the end of the connection.

use std::time::Duration;

use tokio::time::Instant;
use tower_circuit_breaker_fleet::word::Word;

use crate::fault::Fault;
use crate::inbox::{Push, Pushed};
use crate::kind::SyncErrorKind;
use crate::task::{BATCH, Task};

/// A connection that ends after so long without a question was cut for that.
const IDLE: Duration = Duration::from_secs(2);

/// A message that is on its way for longer has waited here to be read.
const LATE: Duration = Duration::from_secs(2);

impl Task {
    /// Hears `first`, and what came with it.
    pub(super) fn hear_all(&mut self, first: Push) {
        self.hear(first);
        for _ in 0..BATCH {
            match self.parts.pushes.try_recv() {
                Ok(push) => self.hear(push),
                Err(_) => return,
            }
        }
    }

    fn hear(&mut self, push: Push) {
        if push.generation != self.generation {
            return;
        }
        match push.what {
            Pushed::Message(message) => self.hear_message(&message),
            Pushed::Disconnected => self.cut(),
            // It may have been said of a connection that has ended meanwhile.
            Pushed::Elsewhere if self.parts.session.is_none() => {}
            Pushed::Elsewhere => {
                let share = self.random.f64();
                self.renewal.replace(Instant::now(), share);
            }
        }
    }

    fn hear_message(&mut self, message: &[u8]) {
        self.heard = Instant::now();
        if message.is_empty() {
            // A circuit has changed whose name has no room in a message: the numbers of changes tell
            // where it lies.
            self.next_poll = self.next_poll.min(self.heard);
            return;
        }
        match Word::parse_message(message) {
            // What is nobody's word is counted when it is read; and what was said a while ago, while this
            // process had no processor, may be over.
            Ok((word, name)) if self.is_ahead(&word) || self.is_late(&word, name) => {
                self.read_all();
            }
            Ok((word, name)) => {
                let age = self.clock_now().map(|now| word.record.age(now));
                let word = Word { age, ..word };
                let now = self.now();
                match self.parts.registry.get(name) {
                    Some(circuit) => self.parts.node.heard(&circuit, Some(&word), now),
                    None => self.parts.node.overheard(name, &word, now),
                }
            }
            Err(bad) => {
                let fault = Fault::new(SyncErrorKind::Foreign, &bad.to_string());
                self.parts.monitor.count_error(&fault.while_doing("a message"));
            }
        }
    }

    /// Why a connection ended that nobody here has ended.
    pub(super) fn hung_up(&self) -> Fault {
        let idle = self.heard.elapsed();
        let words = if self.work.is_none() && idle >= IDLE {
            format!(
                "the connection was closed after {} s in which nothing was asked",
                idle.as_secs()
            )
        } else {
            "the connection was closed by the other side".to_owned()
        };
        Fault::new(SyncErrorKind::Unreachable, &words)
    }

    /// What Redis' clock says now, in milliseconds, as far as is known.
    fn clock_now(&self) -> Option<u64> {
        self.clock.map(|(then, read)| {
            let since = u64::try_from(read.elapsed().as_millis()).unwrap_or(u64::MAX);
            then.saturating_add(since)
        })
    }

    /// Whether a word cannot be the fleet's, since it is too far ahead of Redis' clock, or that is not
    /// known yet.
    fn is_ahead(&self, word: &Word) -> bool {
        self.clock_now().is_none_or(|now| word.record.is_ahead_of(now))
    }

    /// Whether a word of how long the circuit is open was said so long ago that this is not what is left.
    fn is_late(&self, word: &Word, name: &str) -> bool {
        let is_news = word.record.epoch() > self.parts.node.epoch(name);
        let age = self.clock_now().map(|now| word.record.age(now));
        is_news && !word.left.is_zero() && age.is_some_and(|age| age > LATE)
    }

    /// Messages came faster than they were read: what they said is read again.
    pub(super) fn notice_missed(&mut self) {
        let inbox = &self.parts.connector.inbox;
        let (lagged, oversized) = (inbox.lagged(), inbox.oversized());
        if lagged != self.lagged {
            self.parts.monitor.count_lagged(lagged.wrapping_sub(self.lagged));
            self.lagged = lagged;
            self.read_all();
        }
        if oversized != self.oversized {
            let times = oversized.wrapping_sub(self.oversized);
            let fault = Fault::new(SyncErrorKind::Foreign, "messages of more than 4 kB");
            self.parts.monitor.count_errors(&fault, times);
            self.oversized = oversized;
        }
    }
}
