//! Who gives a command, as something in front of the service has checked.

use std::fmt;

use http::request::Parts;

use crate::command::one_line;

/// Finds the name of the operator in a request.
pub(crate) struct ActorOf(pub(crate) Box<dyn Fn(&Parts) -> Option<String> + Send + Sync>);

impl ActorOf {
    /// The name, on one line.
    pub(crate) fn of(&self, parts: &Parts) -> Option<String> {
        let name = (self.0)(parts)?;
        Some(one_line(&name)).filter(|name| !name.trim().is_empty())
    }
}

impl fmt::Debug for ActorOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ActorOf")
    }
}
