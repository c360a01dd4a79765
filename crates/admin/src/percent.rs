//! Text as paths and queries have it, percent-encoded.

use percent_encoding::percent_decode_str;

/// What is written as `text`. What `percent_encoding` would pass through as it is, a `%` without two
/// digits, is refused, and so is what is no UTF-8.
pub(crate) fn decode(text: &str) -> Option<String> {
    let is_escape = |rest: &str| {
        rest.as_bytes().get(..2).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    };
    if !text.split('%').skip(1).all(is_escape) {
        return None;
    }
    percent_decode_str(text).decode_utf8().ok().map(Into::into)
}

/// The same in a query, where forms write a space as `+`.
pub(crate) fn decode_form(text: &str) -> Option<String> {
    decode(&text.replace('+', " "))
}
