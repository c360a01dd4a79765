//! Wrong tokens, as the documentation says that they are counted: by address, and answered late after
//! ten in a minute.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use http::header::AUTHORIZATION;
use tokio::time::Instant;

use super::{Ask, READ_TOKEN, Setup, TOKEN};

#[derive(Default)]
pub(super) struct Guesses(HashMap<Option<IpAddr>, (Instant, u32)>);

/// What a request shows in the place of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shown {
    Nothing,
    Wrong,
    /// The token to read by.
    Reads,
    Right,
}

impl Guesses {
    /// Whether one more wrong token is one too many.
    pub(super) fn are_many(&self, ask: &Ask) -> bool {
        let recent = self.0.get(&ask.peer).filter(|(since, _)| since.elapsed() < MINUTE);
        recent.is_some_and(|(_, guesses)| *guesses >= 10)
    }

    /// The answer may have come late, to a request of `asked_at`.
    pub(super) fn count(&mut self, setup: &Setup, ask: &Ask, status: u16, asked_at: Instant) {
        if ![401, 429].contains(&status) || ask.shown(setup) != Shown::Wrong {
            return;
        }
        let recent = self.0.entry(ask.peer).or_insert_with(|| (asked_at, 0));
        if asked_at.saturating_duration_since(recent.0) >= MINUTE {
            *recent = (asked_at, 0);
        }
        recent.1 += 1;
    }
}

impl Ask {
    pub(super) fn shown(&self, setup: &Setup) -> Shown {
        if self.all(&AUTHORIZATION).len() > 1 {
            return Shown::Wrong;
        }
        let shown = self.all(&AUTHORIZATION).first().map(|shown| String::from_utf8_lossy(shown));
        let shown = shown.unwrap_or_default();
        match shown.split_at_checked("Bearer ".len()) {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case("Bearer ") => {
                match token.trim_ascii() {
                    TOKEN if setup.has_token => Shown::Right,
                    READ_TOKEN if setup.has_read_token => Shown::Reads,
                    _ => Shown::Wrong,
                }
            }
            _ => Shown::Nothing,
        }
    }
}

const MINUTE: Duration = Duration::from_secs(60);
