//! What went wrong, as it is said to people.

use std::fmt;
use std::sync::Arc;

use tokio_postgres::Error;

use crate::kind::SyncErrorKind;
use crate::remedy::remedy;
use crate::words::words;

/// Something that went wrong between this process and PostgreSQL: its kind, and the words of PostgreSQL
/// or of the system, in which there is no password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    kind: SyncErrorKind,
    words: Arc<str>,
}

impl Fault {
    pub(crate) fn new(kind: SyncErrorKind, words: &str) -> Self {
        Self { kind, words: one_line(words).into() }
    }

    pub(crate) fn of(error: &Error) -> Self {
        Self::new(SyncErrorKind::of(error), &words(error))
    }

    pub(crate) const fn kind(&self) -> SyncErrorKind {
        self.kind
    }

    /// What PostgreSQL or the system said.
    pub(crate) fn words(&self) -> &str {
        &self.words
    }

    /// The same, with what was done.
    pub(crate) fn while_doing(&self, what: impl fmt::Display) -> Self {
        Self::new(self.kind, &format!("{what}: {}", self.words))
    }
}

/// Whatever the other side has said: no lines of its own in a log, and not too long.
fn one_line(words: &str) -> String {
    const LONGEST: usize = 400;
    let plain = |letter: char| if letter.is_control() { ' ' } else { letter };
    words.trim().chars().map(plain).take(LONGEST).collect()
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.kind, self.words)?;
        match remedy(self.kind, &self.words) {
            Some(remedy) => write!(f, ": {remedy}"),
            None => Ok(()),
        }
    }
}
