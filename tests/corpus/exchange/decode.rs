//! Any string of bytes as settings and exchanges.

use std::time::Duration;

use http::{HeaderMap, HeaderValue, Method, Version};
use tower_circuit_breaker_test::model::{Choices, Settings};

use crate::exchange::dates::{END, EPOCH, Style};
use crate::exchange::{
    Answer, Classifier, Deadline, Exchange, Frame, Frames, Head, Hints, Ignored, Own, Said, Step,
    Verdict, dates, hints,
};

/// Settings first, then steps until the bytes or the room for steps end.
pub(super) fn decode(bytes: &[u8]) -> (Settings, Vec<Step>) {
    let mut choices = Choices::new(bytes);
    let settings = choices.settings();
    let steps = std::iter::from_fn(|| (!choices.is_over()).then(|| step(&mut choices)));
    (settings, steps.take(MOST_STEPS).collect())
}

/// Enough for several trips and recoveries.
const MOST_STEPS: usize = 200;

fn step(c: &mut Choices<'_>) -> Step {
    match c.within(0, 32) {
        0..10 => Step::Call(Box::new(exchange(c))),
        10..15 => Step::Poll(c.index()),
        15..20 => Step::Read(c.index()),
        20..23 => Step::Drop(c.index()),
        23 => Step::TakeApart(c.index()),
        24..29 => Step::Advance(c.pause()),
        29 => Step::Trip,
        30 => Step::Reset,
        _ => Step::Reconfigure(Box::new(c.settings())),
    }
}

fn exchange(c: &mut Choices<'_>) -> Exchange {
    let (method, classifier) = (method(c), classifier(c));
    let deadline = c.option(|c| Deadline { after: deadline(c), outcome: c.outcome() });
    let (answer, mut body) = (answer(c), body(c));
    if matches!(&answer, Answer::Head(head) if head.headers.contains_key("content-length")) {
        // It may be another, and then it is no size.
        body.knows_its_size = false;
    }
    Exchange { method, classifier, deadline, answer, body }
}

fn method(c: &mut Choices<'_>) -> Method {
    let extension = || Method::from_bytes(b"PRI").unwrap_or_default();
    let standard =
        [Method::GET, Method::POST, Method::HEAD, Method::CONNECT, Method::OPTIONS, extension()];
    standard[c.within(0, 6) as usize].clone()
}

fn deadline(c: &mut Choices<'_>) -> Duration {
    match c.within(0, 4) {
        0 => Duration::ZERO,
        1 => Duration::MAX,
        _ => c.pause(),
    }
}

fn classifier(c: &mut Choices<'_>) -> Classifier {
    match c.within(0, 8) {
        0 => Classifier::Errors,
        1 => {
            let (hints, rest) = hints(c);
            Classifier::ServerErrors(ignored(rest), hints)
        }
        2 => {
            let (one, other) = (status(c), status(c));
            let (hints, rest) = hints(c);
            Classifier::Statuses(one.min(other)..=one.max(other), ignored(rest), hints)
        }
        3 | 4 => {
            let (codes, (hints, rest)) = (c.within(0, 1 << 17), hints(c));
            let said = [Said::Success, Said::Failure, Said::Ignored][rest % 3];
            Classifier::Grpc(codes, said, hints)
        }
        5 => Classifier::ReadBody(c.within(0, 24) as usize),
        6 => Classifier::Closure(verdict(c)),
        _ => Classifier::Own(Own {
            begins: verdict(c),
            head: c.option(verdict),
            most_data: c.option(|c| c.within(0, 24) as usize),
            ends: [(); 3].map(|()| verdict(c)),
        }),
    }
}

/// A flag, and what else its byte says.
fn hints(c: &mut Choices<'_>) -> (Hints, usize) {
    let byte = c.index();
    let hints = if byte % 2 == 1 { Hints::Heeded } else { Hints::Unheeded };
    (hints, byte / 2)
}

fn ignored(number: usize) -> Ignored {
    const SOME: [Ignored; 8] = [
        &[],
        &[404..=404],
        &[400..=499],
        &[503..=503],
        &[429..=429, 503..=599],
        &[100..=200],
        &[200..=999],
        &[401..=403, 404..=404, 500..=501],
    ];
    SOME[number % SOME.len()]
}

fn verdict(c: &mut Choices<'_>) -> Verdict {
    if c.within(0, 8) == 7 { Verdict::Panics } else { Verdict::Is(c.outcome()) }
}

fn status(c: &mut Choices<'_>) -> u16 {
    const NOTABLE: [u16; 25] = [
        200, 200, 101, 100, 199, 204, 205, 206, 304, 302, 400, 401, 403, 404, 429, 499, 500, 501,
        502, 503, 504, 599, 600, 201, 999,
    ];
    let place = c.index();
    let any = || u16::try_from(100 + place * 4 % 900).unwrap_or(200);
    NOTABLE.get(place).copied().unwrap_or_else(any)
}

fn answer(c: &mut Choices<'_>) -> Answer {
    match c.within(0, 32) {
        0 => Answer::Unready,
        1 => Answer::PanicsAtOnce,
        2 => Answer::Panics,
        3 => Answer::Error,
        4 => Answer::Rejection,
        is_rejection => {
            let (status, version, mut headers) = (status(c), version(c), headers(c));
            if hints::needs_the_time(&headers) {
                headers.insert("date", HeaderValue::from_static(EPOCH));
            }
            Answer::Head(Head { status, version, headers, is_rejection: is_rejection == 5 })
        }
    }
}

fn body(c: &mut Choices<'_>) -> Frames {
    let count = c.within(0, 6);
    let (says_its_end, knows_its_size) = (c.flag(), c.flag());
    Frames { frames: (0..count).map(|_| frame(c)).collect(), says_its_end, knows_its_size }
}

fn frame(c: &mut Choices<'_>) -> Frame {
    match c.within(0, 16) {
        0..6 => Frame::Data(vec![bytes(c)]),
        6 => {
            let pieces = c.within(0, 24);
            Frame::Data((0..pieces).map(|_| bytes(c)).collect())
        }
        7..12 => Frame::Trailers(headers(c)),
        12 => Frame::Breaks,
        13 | 14 => Frame::Stalls,
        _ => Frame::Panics,
    }
}

fn bytes(c: &mut Choices<'_>) -> Vec<u8> {
    match c.within(0, 8) {
        0 => b"no".to_vec(),
        1 => b"n".to_vec(),
        2 => b"o".to_vec(),
        3 => b"!".to_vec(),
        4 => b"?".to_vec(),
        5 => Vec::new(),
        _ => vec![b'x'; c.within(0, 24) as usize],
    }
}

/// Those that somebody looks at, and some of them twice.
fn headers(c: &mut Choices<'_>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for _ in 0..c.within(0, 5) {
        let (name, value) = match c.within(0, 9) {
            0..3 => ("grpc-status", grpc_status(c)),
            3 => ("grpc-retry-pushback-ms", value(c)),
            4 | 5 => ("retry-after", value(c)),
            6 => ("date", value(c)),
            7 => ("content-length", length(c)),
            _ => other(value(c)),
        };
        if let Ok(value) = HeaderValue::from_bytes(&value) {
            headers.append(name, value);
        }
    }
    headers
}

/// A header that nobody looks at, but for some values, which stand for headers that matter.
fn other(value: Vec<u8>) -> (&'static str, Vec<u8>) {
    let (name, value) = match &value[..] {
        b"" => ("transfer-encoding", "chunked"),
        b"0" | b"00" | b"soon" => ("content-type", "text/event-stream"),
        b"1" | b"+1" => ("content-type", "Text/Event-Stream; charset=utf-8"),
        b"-1" | b"1.5" => ("content-type", "text/event-streams"),
        _ => return ("checksum", value),
    };
    (name, value.into())
}

fn version(c: &mut Choices<'_>) -> Version {
    match c.within(0, 4) {
        0 => Version::HTTP_2,
        1 => Version::HTTP_10,
        _ => Version::HTTP_11,
    }
}

fn length(c: &mut Choices<'_>) -> Vec<u8> {
    match c.within(0, 32) {
        number @ 0..28 => number.to_string().into_bytes(),
        28 | 29 => format!("+{}", c.within(0, 28)).into_bytes(),
        _ => value(c),
    }
}

fn grpc_status(c: &mut Choices<'_>) -> Vec<u8> {
    match c.within(0, 32) {
        number @ 0..20 => number.to_string().into_bytes(),
        _ => value(c),
    }
}

fn value(c: &mut Choices<'_>) -> Vec<u8> {
    const ODD: [&str; 8] =
        ["", "-1", "+1", "1.5", "00", "soon", "18446744073709551615", "18446744073709551616"];
    let mut value = match c.within(0, 8) {
        0 => (0..c.within(0, 12)).map(|_| byte(c)).collect(),
        1 | 2 => c.index().to_string().into_bytes(),
        3 => c.within(0, 1 << 24).to_string().into_bytes(),
        4 => vec![b'0' + byte(c) % 10; c.within(0, 70) as usize],
        5 => ODD[c.within(0, 8) as usize].into(),
        _ => date(c).into_bytes(),
    };
    // A blank before or after it, or another sign anywhere in it.
    match c.within(0, 16) {
        0 => value.insert(0, b' '),
        1 => value.push(b'\t'),
        2..5 => {
            let place = c.index() % value.len().max(1);
            value.iter_mut().skip(place).take(1).for_each(|sign| *sign = byte(c));
        }
        _ => {}
    }
    value
}

fn byte(c: &mut Choices<'_>) -> u8 {
    u8::try_from(c.within(0, 256)).unwrap_or_default()
}

/// Days that are some minutes apart, or any of the first ten thousand years.
fn date(c: &mut Choices<'_>) -> String {
    let style = [Style::Fixed, Style::Rfc850, Style::Asctime][c.within(0, 3) as usize];
    let seconds = match c.within(0, 4) {
        0 => u64::from(c.within(0, 1 << 24)) * END / (1 << 24),
        1 => END - 1 - u64::from(c.within(0, 256)),
        century => u64::from(century) * 1_500_000_000 + u64::from(c.within(0, 1 << 16)),
    };
    dates::write(seconds, style)
}
