//! Errors as circuits see them, and what is kept of them: a text.

use std::any::{Any, type_name};
use std::fmt;

use crate::error::Rejected;
use crate::sync::Arc;

/// A reference to the error of a call, of a type that is known by name.
///
/// From [`Classify::error_ref`](crate::Classify::error_ref), for
/// [`last_error`](crate::CircuitBuilder::last_error).
#[derive(Clone, Copy)]
pub struct ErrorRef<'a> {
    error: &'a dyn Any,
    type_name: &'static str,
}

impl<'a> ErrorRef<'a> {
    /// Makes a reference to `error`.
    #[must_use]
    pub fn of<E: 'static>(error: &'a E) -> Self {
        Self { error, type_name: type_name::<E>() }
    }

    pub(crate) fn get(self) -> &'a dyn Any {
        self.error
    }

    /// Returns the name of the error's type, as [`type_name`] gives it.
    #[must_use]
    pub const fn type_name(self) -> &'static str {
        self.type_name
    }
}

impl fmt::Debug for ErrorRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ErrorRef").field(&self.type_name).finish()
    }
}

/// The text of an error, as [`last_error`](crate::CircuitBuilder::last_error) made it.
///
/// At most 256 bytes. It is read on purpose alone: it has no `Display`, its `Debug` says how long
/// it is, and it is not part of a snapshot's JSON. Who shows it decides who may see it.
#[derive(Clone, PartialEq, Eq)]
pub struct ErrorText(Arc<str>);

impl ErrorText {
    /// The longest text, in bytes: enough for a sentence and an address, in a snapshot of many
    /// circuits.
    const LONGEST: usize = 256;

    pub(crate) const fn new(text: Arc<str>) -> Self {
        Self(text)
    }

    /// The beginning of `text` that is kept, cut before the character that does not fit.
    pub(crate) fn cut(text: &str) -> &str {
        let ends = (0..=Self::LONGEST.min(text.len())).rev();
        let end = ends.into_iter().find(|end| text.is_char_boundary(*end));
        text.split_at(end.unwrap_or_default()).0
    }

    /// Returns the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ErrorText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ErrorText({} bytes)", self.0.len())
    }
}

impl Rejected {
    /// Returns the text of the last failure's error, if the circuit keeps one.
    ///
    /// As of now, like [`last_failure`](Self::last_failure), and the text of that failure: `None`
    /// if it had none, whatever failed before. See
    /// [`last_error`](crate::CircuitBuilder::last_error), which asks for it. It is neither in the
    /// `Display` nor in the `Debug` of a rejection, and in no response made of one.
    #[must_use]
    pub fn last_error(&self) -> Option<ErrorText> {
        self.circuit.last_error()
    }
}

#[cfg(test)]
mod tests {
    use super::ErrorText;

    #[test]
    fn a_text_is_cut_where_a_character_begins() {
        let table = [
            (String::new(), 0),
            ("a".repeat(256), 256),
            ("a".repeat(257), 256),
            ("é".repeat(128), 256),
            (format!("a{}", "é".repeat(128)), 255),
            (format!("{}🦀", "a".repeat(253)), 253),
            (format!("{}🦀", "a".repeat(252)), 256),
        ];
        for (text, expected) in table {
            let cut = ErrorText::cut(&text);
            assert!(text.starts_with(cut), "{text}");
            assert_eq!(cut.len(), expected, "{text}");
        }
    }
}
