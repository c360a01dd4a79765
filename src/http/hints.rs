//! Servers' hints: for how long a server asks not to be called.

use std::time::{Duration, SystemTime};

use http::HeaderMap;
use http::header::{DATE, HeaderName, RETRY_AFTER};

/// Whether a classifier heeds servers' hints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hints {
    Unheeded,
    Heeded,
}

impl Hints {
    /// The hint, if it is heeded.
    pub(super) fn heed(self, hint: impl FnOnce() -> Option<Duration>) -> Option<Duration> {
        match self {
            Self::Unheeded => None,
            Self::Heeded => hint(),
        }
    }
}

/// Returns for how long a response asks not to be called again, by its `Retry-After` header.
///
/// Seconds, or a date, which is held against the response's own `Date` if it has one, so that the
/// clocks need not agree ([RFC 9110, section
/// 10.2.3](https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3)). A number too large for a
/// `Duration` is the longest one. `None` if there is no such header, and for values that ask for no
/// time: zero, a date that is past, negative, fractional or malformed ones, and any of more than 64
/// bytes. The first one counts if there are several.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use http::header::{DATE, HeaderMap, HeaderValue, RETRY_AFTER};
/// use tower_circuit_breaker::http::retry_after;
///
/// let mut headers = HeaderMap::new();
/// headers.insert(RETRY_AFTER, HeaderValue::from_static("Wed, 21 Oct 2026 07:28:30 GMT"));
/// headers.insert(DATE, HeaderValue::from_static("Wed, 21 Oct 2026 07:28:00 GMT"));
///
/// assert_eq!(retry_after(&headers), Some(Duration::from_secs(30)));
/// ```
#[must_use]
pub fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let asked = text(headers, &RETRY_AFTER)?;
    let wait = match number(asked) {
        Some(seconds) => Duration::from_secs(seconds),
        None => date(asked)?.duration_since(sent_at(headers)).ok()?,
    };
    (!wait.is_zero()).then_some(wait)
}

/// For how long a gRPC server asks not to be called again, by its `grpc-retry-pushback-ms`
/// ([gRFC A6](https://github.com/grpc/proposal/blob/master/A6-client-retries.md#pushback)). `None`
/// as for [`retry_after`]; a negative number says that one call is not to be retried, but names no
/// time.
pub(super) fn pushback(headers: &HeaderMap) -> Option<Duration> {
    let wait = Duration::from_millis(number(text(headers, &PUSHBACK)?)?);
    (!wait.is_zero()).then_some(wait)
}

pub(super) const PUSHBACK: HeaderName = HeaderName::from_static("grpc-retry-pushback-ms");

/// The first value, trimmed; `None` for one that is longer than any sensible number or date.
fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let value = headers.get(name).filter(|value| value.len() <= LONGEST_HINT)?;
    value.to_str().ok().map(str::trim)
}

/// Digits as a number, as large as it may be.
pub(super) fn number(text: &str) -> Option<u64> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().unwrap_or(u64::MAX))
}

fn date(text: &str) -> Option<SystemTime> {
    httpdate::parse_http_date(text).ok()
}

/// When the response was sent, by its own clock or else by ours.
#[expect(clippy::disallowed_methods, reason = "a date on the wire is one of the wall clock")]
fn sent_at(headers: &HeaderMap) -> SystemTime {
    text(headers, &DATE).and_then(date).unwrap_or_else(SystemTime::now)
}

/// A date has 29 bytes; 64 digits are more seconds than there are.
const LONGEST_HINT: usize = 64;
