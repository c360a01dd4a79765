//! What a fleet's processes are told by the database.

use tower_circuit_breaker_fleet::word::Word;

use crate::names::{hash, is_plain};

/// What came over the fleet's channel.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Message {
    /// The circuit of this name is so now.
    Circuit(Word, String),
    /// Something has changed, of which a message has no room.
    Something,
}

/// A message that was made where the table can be read; `None` where it was not, or is none. Whoever may
/// connect to the database may notify any channel.
pub(crate) fn read(payload: &str, secret: &str) -> Option<Message> {
    let (sign, body) = payload.split_once(' ')?;
    if sign != hash(&format!("{secret} {body}")) {
        return None;
    }
    if body == "long" {
        return Some(Message::Something);
    }
    let (now, text) = body.split_once(' ')?;
    let now = now.parse().ok()?;
    let (word, name) = Word::parse_message(text.as_bytes()).ok()?;
    // What is nobody's word is counted when it is read.
    if word.record.is_ahead_of(now) || !is_plain(name) {
        return Some(Message::Something);
    }
    let age = Some(word.record.age(now));
    Some(Message::Circuit(Word { age, ..word }, name.to_owned()))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn signed(body: &str) -> String {
        format!("{} {body}", hash(&format!("secret {body}")))
    }

    #[test]
    fn only_what_was_signed_is_a_message() {
        let body = "1790000001000 29000 1 1790000000000000 o 1790000030000 30000 0 votes web-1 a b";
        let Some(Message::Circuit(word, name)) = read(&signed(body), "secret") else {
            panic!("no message");
        };
        assert_eq!((name.as_str(), word.left), ("a b", Duration::from_secs(29)));
        assert_eq!(word.age, Some(Duration::from_secs(1)));

        assert_eq!(read(&signed(body), "another"), None);
        assert_eq!(read(&signed(body).replace("web-1", "web-2"), "secret"), None);
        assert_eq!(read(body, "secret"), None);
        assert_eq!(read(&signed("nonsense"), "secret"), None);
        assert_eq!(read(&signed("long"), "secret"), Some(Message::Something));
    }

    #[test]
    fn a_word_that_is_nobodys_or_of_a_hashed_name_has_all_read_again() {
        let ahead = "1000 29000 1 1790000000000000 o 1790000030000 30000 0 votes web-1 api";
        assert_eq!(read(&signed(ahead), "secret"), Some(Message::Something));
        let hashed =
            "1790000001000 29000 1 1790000000000000 o 1790000030000 30000 0 votes web-1 \u{1}abc";
        assert_eq!(read(&signed(hashed), "secret"), Some(Message::Something));
    }
}
