//! What is said of an invalid setting.

use std::borrow::Cow;
use std::fmt;

/// An invalid setting: its field, its value and what is allowed.
#[derive(Debug)]
pub(crate) struct ConfigError {
    field: String,
    found: String,
    allowed: Cow<'static, str>,
}

impl ConfigError {
    pub(crate) fn new(
        field: impl Into<String>,
        found: impl fmt::Display,
        allowed: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self { field: field.into(), found: found.to_string(), allowed: allowed.into() }
    }

    /// The same, seen from outside of table `table`.
    pub(super) fn within(self, table: &str) -> Self {
        Self { field: format!("{table}.{}", self.field), ..self }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is {}: must be {}", self.field, self.found, self.allowed)
    }
}
