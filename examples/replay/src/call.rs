//! One call as it was: when it began, how long it took, what came of it.

use std::time::Duration;

use tower_circuit_breaker::{FailureKind, Outcome};

#[derive(Debug, Clone, Copy)]
pub(crate) struct Call {
    pub(crate) at: Duration,
    pub(crate) took: Duration,
    pub(crate) outcome: Outcome,
}

impl Call {
    pub(crate) fn has_failed(&self) -> bool {
        matches!(self.outcome, Outcome::Failure(_))
    }
}

/// A time as it is written in logs: seconds, or a date in UTC.
pub(crate) fn parse_time(text: &str) -> Option<Duration> {
    let date = || {
        let date = humantime::parse_rfc3339_weak(text).ok()?;
        date.duration_since(std::time::UNIX_EPOCH).ok()
    };
    seconds(text).or_else(date).filter(|time| *time <= LATEST)
}

/// A latency: seconds, or with a unit.
pub(crate) fn parse_latency(text: &str) -> Option<Duration> {
    let scales = [("ms", 1_000), ("us", 1_000_000), ("µs", 1_000_000), ("s", 1)];
    let scaled = scales.iter().find_map(|(unit, scale)| Some((text.strip_suffix(unit)?, *scale)));
    let (number, scale) = scaled.unwrap_or((text, 1));
    Some(seconds(number.trim_end())? / scale).filter(|took| *took <= LONGEST)
}

/// What came of a call: a word, or an HTTP status.
pub(crate) fn parse_outcome(text: &str) -> Option<Outcome> {
    match text {
        "success" | "ok" => Some(Outcome::Success),
        "failure" | "error" => Some(Outcome::Failure(FailureKind::OTHER)),
        "timeout" => Some(Outcome::Failure(FailureKind::new("timeout"))),
        "connect" => Some(Outcome::Failure(FailureKind::new("connect"))),
        "ignored" => Some(Outcome::Ignored),
        "not_sent" => Some(Outcome::NotSent),
        status => match status.parse().ok()? {
            500..=599 => Some(Outcome::Failure(FailureKind::new("status"))),
            100..=499_u16 => Some(Outcome::Success),
            _ => None,
        },
    }
}

/// Digits, and digits after a point, to the nanosecond. Faster than a float, and exact.
fn seconds(text: &str) -> Option<Duration> {
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    let is_number = |digits: &str| !digits.is_empty() && digits.bytes().all(|d| d.is_ascii_digit());
    if !is_number(whole) || !is_number(part) {
        return None;
    }
    let digits = part.bytes().chain(std::iter::repeat(b'0')).take(9);
    let nanos = digits.fold(0, |nanos, digit| nanos * 10 + u32::from(digit - b'0'));
    Some(Duration::new(whole.parse().ok()?, nanos))
}

pub(crate) const TIME: &str = "seconds, such as 12.5, or a date, such as 2026-11-21T09:30:00.25Z";
pub(crate) const LATENCY: &str = "seconds up to a day, such as 0.25, or with a unit, 250ms or 90us";
pub(crate) const OUTCOME: &str = "success, failure, timeout, connect, ignored, not_sent, or an HTTP status, of which 5xx are failures";
/// The end of the year 9999.
const LATEST: Duration = Duration::from_secs(253_402_300_799);
/// Longer ones are most likely in another unit.
const LONGEST: Duration = Duration::from_secs(86_400);
