//! Tokens, which nobody gets to see.

use std::fmt;

use subtle::{Choice, ConstantTimeEq};

/// A shared secret.
pub(crate) struct Token(Vec<u8>);

/// The tokens that callers may show.
#[derive(Debug, Default)]
pub(crate) struct Tokens {
    steering: Vec<Token>,
    reading: Vec<Token>,
}

/// What a token is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    Steer,
    Read,
}

impl Token {
    /// A token, if it is long enough and can stand in a header.
    pub(crate) fn new(token: String) -> Option<Self> {
        let is_right = token.len() >= SHORTEST_TOKEN && token.bytes().all(|b| b.is_ascii_graphic());
        is_right.then(|| Self(token.into_bytes()))
    }

    /// Whether `shown` is the token. How long that takes depends on lengths alone.
    fn is(&self, shown: &[u8]) -> Choice {
        self.0.ct_eq(shown)
    }
}

impl Tokens {
    pub(crate) fn add(&mut self, purpose: Purpose, token: Token) {
        match purpose {
            Purpose::Steer => self.steering.push(token),
            Purpose::Read => self.reading.push(token),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.steering.is_empty() && self.reading.is_empty()
    }

    /// Whether there is one to steer by.
    pub(crate) fn can_steer(&self) -> bool {
        !self.steering.is_empty()
    }

    /// What `shown` is good for; `None` if it is no token. Every token is compared, whichever it is.
    pub(crate) fn purpose_of(&self, shown: &[u8]) -> Option<Purpose> {
        let any = |tokens: &[Token]| {
            tokens.iter().fold(Choice::from(0), |found, token| found | token.is(shown))
        };
        let (steers, reads) = (any(&self.steering), any(&self.reading));
        match (bool::from(steers), bool::from(reads)) {
            (true, _) => Some(Purpose::Steer),
            (false, true) => Some(Purpose::Read),
            (false, false) => None,
        }
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}

/// 16 characters at random outlast whoever guesses them.
pub(crate) const SHORTEST_TOKEN: usize = 16;

#[cfg(test)]
mod tests;
