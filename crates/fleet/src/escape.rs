//! Texts of others as one word of plain letters.

use std::fmt::Write;

/// `text` with everything but plain, visible letters as `%` and two digits.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_graphic() && byte != b'%' {
            escaped.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(escaped, "%{byte:02X}");
        }
    }
    escaped
}

/// What [`escape`] has made into `word`; `None` where it has not.
pub(crate) fn unescape(word: &str) -> Option<String> {
    let (mut text, mut bytes) = (Vec::with_capacity(word.len()), word.bytes());
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let digits = [bytes.next()?, bytes.next()?];
            let digits = std::str::from_utf8(&digits).ok()?;
            text.push(u8::from_str_radix(digits, 16).ok()?);
        } else {
            text.push(byte);
        }
    }
    String::from_utf8(text).ok()
}
