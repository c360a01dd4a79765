//! Tokens: those of the environment, and one for a run.

use std::fmt;
use std::fmt::Write;

use tower_circuit_breaker_admin::AdminBuilder;

/// The tokens of the environment, which are never shown.
pub(crate) struct Tokens {
    steering: Vec<String>,
    reading: Vec<String>,
}

impl Tokens {
    /// Those of `ADMIN_TOKEN` and `ADMIN_READ_TOKEN`, each of which may hold several with commas between
    /// them, so that one can take the place of another.
    pub(crate) fn read(
        env: &impl Fn(&str) -> Option<String>,
        is_production: bool,
    ) -> Result<Self, String> {
        let read = |name: &str| {
            let list = env(name).unwrap_or_default();
            let tokens = list.split(',').map(str::trim).filter(|token| !token.is_empty());
            tokens.map(|token| checked(name, token, is_production)).collect::<Result<_, _>>()
        };
        Ok(Self { steering: read("ADMIN_TOKEN")?, reading: read("ADMIN_READ_TOKEN")? })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.steering.is_empty() && self.reading.is_empty()
    }

    pub(crate) fn can_steer(&self) -> bool {
        !self.steering.is_empty()
    }

    pub(crate) fn give(&self, admin: AdminBuilder) -> AdminBuilder {
        let admin = self.steering.iter().cloned().fold(admin, AdminBuilder::token);
        self.reading.iter().cloned().fold(admin, AdminBuilder::read_token)
    }
}

/// A token of `name`, if it will do.
fn checked(name: &str, token: &str, is_production: bool) -> Result<String, String> {
    if token.len() < SHORTEST || !token.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(format!("{name} must have {SHORTEST} or more visible ASCII characters"));
    }
    if is_production && token.len() < SHORTEST_IN_PRODUCTION {
        return Err(format!(
            "{name} is too short for APP_ENV=production: must have {SHORTEST_IN_PRODUCTION} or more \
             characters, as `openssl rand -hex 16` makes them"
        ));
    }
    Ok(token.to_owned())
}

/// A token that nobody can guess: 128 bits of the system's randomness.
pub(crate) fn made_for_this_run() -> Result<String, String> {
    let mut bits = [0; 16];
    getrandom::fill(&mut bits).map_err(|error| format!("the system has no randomness: {error}"))?;
    let mut token = String::new();
    for byte in bits {
        // Writing to a string cannot fail.
        let _ = write!(token, "{byte:02x}");
    }
    Ok(token)
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let numbers = (self.steering.len(), self.reading.len());
        f.debug_tuple("Tokens").field(&numbers.0).field(&numbers.1).finish()
    }
}

/// As the admin crate asks for.
const SHORTEST: usize = 16;
const SHORTEST_IN_PRODUCTION: usize = 24;
