//! The names of keys and channels.

use std::fmt::Write;

/// Makes the names of all keys. All of one circuit carry the same hash tag, so that a script finds
/// them in one place.
#[derive(Debug, Clone)]
pub(crate) struct Keys {
    prefix: String,
}

impl Keys {
    /// The prefix is made of what [`is_node`](super::record::is_node) allows.
    pub(crate) fn new(prefix: &str) -> Self {
        Self { prefix: prefix.to_owned() }
    }

    /// Where changes are published.
    pub(crate) fn channel(&self) -> String {
        format!("{}:changes", self.prefix)
    }

    pub(crate) fn record(&self, circuit: &str) -> String {
        self.key(circuit, "record")
    }

    pub(crate) fn votes(&self, circuit: &str) -> String {
        self.key(circuit, "votes")
    }

    /// The lease `slot` of the open epoch of this number.
    pub(crate) fn lease(&self, circuit: &str, epoch: u64, slot: u32) -> String {
        format!("{}:{epoch}:{slot}", self.key(circuit, "probe"))
    }

    /// The start of the keys of the counts.
    pub(crate) fn counts(&self, circuit: &str) -> String {
        self.key(circuit, "counts:")
    }

    /// What the process of this name writes about itself; no circuit's key has a `~`.
    pub(crate) fn process(&self, name: &str) -> String {
        format!("{{{}:~{name}}}:process", self.prefix)
    }

    fn key(&self, circuit: &str, what: &str) -> String {
        format!("{{{}:{}}}:{what}", self.prefix, escape(circuit))
    }
}

/// `name` with everything but letters, digits, `_`, `-` and `.` as `%` and two digits: one key for
/// each name, and nothing in it that means anything to Redis, a shell or a terminal.
fn escape(name: &str) -> String {
    let mut escaped = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"_-.".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(escaped, "%{byte:02X}");
        }
    }
    escaped
}
