//! Names as they stand in the database.

use std::borrow::Cow;
use std::fmt::Write;

use sha2::{Digest, Sha256};

/// The tables of a schema, and the fleet in them.
#[derive(Debug, Clone)]
pub(crate) struct Names {
    schema: String,
    pub(crate) fleet: String,
}

/// Longer names do not fit into an index.
const LONGEST_NAME: usize = 400;

/// What such a name begins with in a row, and no other does.
const HASHED: char = '\u{1}';

impl Names {
    pub(crate) fn new(schema: &str, fleet: &str) -> Self {
        Self { schema: schema.to_owned(), fleet: fleet.to_owned() }
    }

    /// The schema, as it stands in a statement.
    pub(crate) fn schema(&self) -> String {
        quoted(&self.schema)
    }

    /// The schema, as it was given.
    pub(crate) fn plain_schema(&self) -> &str {
        &self.schema
    }

    /// A table, as it stands in a statement.
    pub(crate) fn table(&self, name: &str) -> String {
        format!("{}.{name}", self.schema())
    }

    /// The channel of the fleet's messages: a name of it may have 63 bytes, a prefix and a schema more.
    pub(crate) fn channel(&self) -> String {
        format!("breaker_{:.32}", hash(&format!("{}/{}", self.schema, self.fleet)))
    }
}

/// The name of a circuit's row: its own, where that can be written and is not too long.
pub(crate) fn row(circuit: &str) -> Cow<'_, str> {
    let is_plain = circuit.len() <= LONGEST_NAME && !circuit.contains(['\0', HASHED]);
    if is_plain { Cow::Borrowed(circuit) } else { Cow::Owned(format!("{HASHED}{}", hash(circuit))) }
}

/// Whether the name of a row is that of its circuit.
pub(crate) fn is_plain(row: &str) -> bool {
    !row.starts_with(HASHED)
}

/// SHA-256, in hexadecimal digits.
pub(crate) fn hash(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().fold(String::with_capacity(64), |mut digits, byte| {
        // Writing to a string cannot fail.
        let _ = write!(digits, "{byte:02x}");
        digits
    })
}

/// An identifier, whatever stands in it.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_has_a_row_of_its_own_that_can_be_written() {
        let long = "x".repeat(65_536);
        let longer = "x".repeat(65_537);
        let names =
            ["", "api", "a\0b", "a\u{1}b", "\u{1}", "it's \"one\"; --", "ü", &long, &longer];

        let rows: std::collections::HashSet<_> = names.iter().map(|name| row(name)).collect();

        assert_eq!(rows.len(), names.len());
        assert!(rows.iter().all(|row| row.len() <= LONGEST_NAME && !row.contains('\0')));
        assert_eq!(row("api"), "api");
        assert!(is_plain(&row("ü")) && !is_plain(&row(&long)));
    }

    #[test]
    fn a_channel_is_a_short_name_of_its_own_for_each_schema_and_fleet() {
        let channel = |schema, fleet| Names::new(schema, fleet).channel();

        assert_eq!(channel("public", "shop").len(), 40);
        assert_ne!(channel("public", "shop"), channel("public", "shop2"));
        assert_ne!(channel("public", "shop"), channel("other", "shop"));
        assert_eq!(Names::new("a\"b", "").table("t"), "\"a\"\"b\".t");
    }
}
