//! What headers ask for, read as the documentation says.

use std::time::Duration;

use http::{HeaderMap, HeaderName};

use crate::exchange::dates;

/// What `Retry-After` asks for: seconds, or a date that is held against `Date`.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let wait = match number(text(headers, "retry-after")?) {
        Some(seconds) => Duration::from_secs(seconds),
        None => date(headers, "retry-after")?
            .checked_sub(date(headers, "date")?)
            .map(Duration::from_secs)?,
    };
    Some(wait).filter(|wait| !wait.is_zero())
}

/// Whether `Retry-After` is a date that there is none to hold against, but the time of day.
pub(super) fn needs_the_time(headers: &HeaderMap) -> bool {
    date(headers, "retry-after").is_some() && date(headers, "date").is_none()
}

/// What `grpc-retry-pushback-ms` asks for.
pub(super) fn pushback(headers: &HeaderMap) -> Option<Duration> {
    let millis = number(text(headers, "grpc-retry-pushback-ms")?)?;
    Some(Duration::from_millis(millis)).filter(|wait| !wait.is_zero())
}

/// The number of bytes that `Content-Length` announces: one header, and no transfer coding.
pub(super) fn length(headers: &HeaderMap) -> Option<u64> {
    let lengths: Vec<_> = headers.get_all("content-length").iter().collect();
    let [length] = lengths[..] else { return None };
    let length = number(length.to_str().ok()?);
    length.filter(|length| !headers.contains_key("transfer-encoding") && *length < u64::MAX)
}

/// Whether the body is a stream of events, whose head may be all that comes for long.
pub(super) fn is_event_stream(headers: &HeaderMap) -> bool {
    let first = headers.get("content-type").map(|value| value.as_bytes());
    let media = first.and_then(|value| value.split(|sign| b"; \t".contains(sign)).next());
    media.is_some_and(|media| media.eq_ignore_ascii_case(b"text/event-stream"))
}

/// The code that `grpc-status` says, if there is one.
pub(super) fn grpc_code(headers: &HeaderMap) -> Option<usize> {
    let value = headers.get("grpc-status")?;
    let is_value = |number: &usize| value == number.to_string().as_str();
    Some((0..=16).find(is_value).unwrap_or(UNKNOWN))
}

pub(super) const UNKNOWN: usize = 2;

/// The first value, without the blanks around it, if it is plain text of 64 bytes at most.
fn text<'a>(headers: &'a HeaderMap, name: &'static str) -> Option<&'a str> {
    let name = HeaderName::from_static(name);
    let value = headers.get_all(name).iter().next()?.as_bytes();
    let is_plain = value.iter().all(|byte| matches!(byte, b' '..=b'~' | b'\t'));
    let text = std::str::from_utf8(value).ok().filter(|_| is_plain && value.len() <= 64)?;
    Some(text.trim_matches([' ', '\t']))
}

/// As large as it may be.
fn number(text: &str) -> Option<u64> {
    let digits = text.chars().map(|sign| sign.to_digit(10)).collect::<Option<Vec<_>>>()?;
    let add = |number: u64, digit: u32| number.saturating_mul(10).saturating_add(digit.into());
    (!digits.is_empty()).then(|| digits.into_iter().fold(0, add))
}

fn date(headers: &HeaderMap, name: &'static str) -> Option<u64> {
    dates::read(text(headers, name)?)
}
