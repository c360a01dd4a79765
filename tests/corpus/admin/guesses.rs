//! Wrong tokens, as the documentation says that they are counted: ten a minute, by address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use http::header::AUTHORIZATION;
use tokio::time::Instant;

use super::{Ask, TOKEN};

#[derive(Default)]
pub(super) struct Guesses(HashMap<Option<IpAddr>, (Instant, u32)>);

/// What a request shows in the place of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shown {
    Nothing,
    Wrong,
    Right,
}

impl Guesses {
    /// Whether whoever asks has to wait.
    pub(super) fn is_stopped(&self, ask: &Ask) -> bool {
        let recent = self.0.get(&ask.peer).filter(|(since, _)| since.elapsed() < MINUTE);
        recent.is_some_and(|(_, guesses)| *guesses >= 10)
    }

    pub(super) fn count(&mut self, ask: &Ask, status: u16) {
        if status != 401 || ask.shown() != Shown::Wrong {
            return;
        }
        let recent = self.0.entry(ask.peer).or_insert_with(|| (Instant::now(), 0));
        if recent.0.elapsed() >= MINUTE {
            *recent = (Instant::now(), 0);
        }
        recent.1 += 1;
    }
}

impl Ask {
    pub(super) fn shown(&self) -> Shown {
        let shown = self.all(&AUTHORIZATION).first().map(|shown| String::from_utf8_lossy(shown));
        let shown = shown.unwrap_or_default();
        match shown.split_at_checked("Bearer ".len()) {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case("Bearer ") => {
                if token.trim_ascii() == TOKEN { Shown::Right } else { Shown::Wrong }
            }
            _ => Shown::Nothing,
        }
    }
}

const MINUTE: Duration = Duration::from_secs(60);
