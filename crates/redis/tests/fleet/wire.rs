//! Where one value of Redis' protocol ends.

/// The bytes of the first value in `bytes`, if it is there whole.
pub(crate) fn first_value(bytes: &[u8]) -> Option<usize> {
    let line = bytes.windows(2).position(|two| two == b"\r\n")?;
    let end = line + 2;
    let number = || std::str::from_utf8(&bytes[1..line]).ok()?.parse::<usize>().ok();
    match bytes[0] {
        // A string of so many bytes, or none at all.
        b'$' | b'=' | b'!' => match number() {
            Some(length) => (bytes.len() >= end + length + 2).then_some(end + length + 2),
            None => Some(end),
        },
        b'*' | b'~' | b'>' => values(bytes, end, number().unwrap_or(0)),
        b'%' => values(bytes, end, 2 * number().unwrap_or(0)),
        _ => Some(end),
    }
}

fn values(bytes: &[u8], mut end: usize, number: usize) -> Option<usize> {
    for _ in 0..number {
        end += first_value(bytes.get(end..)?)?;
    }
    Some(end)
}

/// Whether it is a message of the fleet rather than an answer.
pub(crate) fn is_message(value: &[u8]) -> bool {
    value.starts_with(b">") && value.windows(9).any(|word| word == b"\r\nmessage")
}

#[test]
fn values_end_where_the_next_begins() {
    for value in ["+OK\r\n", "$-1\r\n", "$3\r\na\r\n\r\n", "*2\r\n:1\r\n%1\r\n+a\r\n_\r\n"] {
        let followed = format!("{value}+next\r\n");
        assert_eq!(first_value(followed.as_bytes()), Some(value.len()), "{value:?}");
        for end in 0..value.len() {
            assert_eq!(first_value(&value.as_bytes()[..end]), None, "{value:?} up to {end}");
        }
    }
}
