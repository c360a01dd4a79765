//! What went wrong, as it is said to people.

use std::fmt;
use std::sync::Arc;

use redis::RedisError;

use crate::kind::SyncErrorKind;
use crate::remedy::remedy;

/// Something that went wrong between this process and Redis: its kind, and the words of Redis or of
/// the system, in which there is no password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    kind: SyncErrorKind,
    words: Arc<str>,
}

impl Fault {
    pub(crate) fn new(kind: SyncErrorKind, words: &str) -> Self {
        Self { kind, words: one_line(words).into() }
    }

    pub(crate) fn of(error: &RedisError) -> Self {
        Self::new(SyncErrorKind::of(error), &words(error))
    }

    /// What a server has said in RESP, if that is an error.
    pub(crate) fn said(line: &str) -> Option<Self> {
        let said = line.strip_prefix('-')?.lines().next()?;
        Some(Self::new(SyncErrorKind::said(said), said))
    }

    pub(crate) const fn kind(&self) -> SyncErrorKind {
        self.kind
    }

    /// What Redis or the system said.
    pub(crate) fn words(&self) -> &str {
        &self.words
    }

    /// The same, with what was done: a command and its key or channel.
    pub(crate) fn while_doing(&self, what: impl fmt::Display) -> Self {
        Self::new(self.kind, &format!("{what}: {}", self.words))
    }
}

/// What an error says, without what the URL may have brought into it.
fn words(error: &RedisError) -> String {
    // What the system or TLS says of a connection is one level down.
    let source = std::error::Error::source(error).map(ToString::to_string);
    let said = error.detail().map(ToOwned::to_owned).or(source);
    match (error.code(), said) {
        (Some(code), Some(said)) => format!("{code} {said}"),
        (None, Some(said)) => format!("{}: {said}", error.category()),
        (_, None) => error.category().to_owned(),
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
