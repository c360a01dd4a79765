//! In which coding an answer is sent: in fewer bytes, for those who can read them.

use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, VARY};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use serde::Serialize;

use crate::body::AdminBody;
use crate::encode::to_json;
use crate::gzip::{Level, zip};
use crate::respond;

/// How an answer is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Coding {
    Plain,
    Gzip,
    Brotli,
}

impl Coding {
    /// That of `offered` to which `Accept-Encoding` gives the most weight; of equal ones the first.
    ///
    /// It must be named there: many who send `*` cannot read all there is. Where nothing fits it is
    /// plain, also where that is refused: an answer that may not be read is as good as none.
    pub(crate) fn best(headers: &HeaderMap, offered: &[Self]) -> Self {
        let accepted = Accepted::of(headers);
        let mut best: Option<(Self, f32)> = None;
        for coding in offered {
            let weight = coding.names().iter().find_map(|name| accepted.weight(name));
            let weight = weight.unwrap_or(0.0);
            if weight > best.map_or(0.0, |(_, weight)| weight) {
                best = Some((*coding, weight));
            }
        }
        let plain = accepted.weight("identity");
        match best {
            Some((coding, weight)) if weight >= plain.unwrap_or(0.0) => coding,
            None if plain == Some(0.0) => accepted.any_of(offered).unwrap_or(Self::Plain),
            _ => Self::Plain,
        }
    }

    /// Gzip for an answer that is made anew each time, where it is accepted.
    pub(crate) fn of_answers(headers: &HeaderMap) -> Self {
        Self::best(headers, &[Self::Gzip])
    }

    /// `value` as JSON.
    pub(crate) fn json(self, value: &impl Serialize) -> Response<AdminBody> {
        let plain = to_json(value);
        let is_zipped = self == Self::Gzip && plain.len() >= SHORT;
        let zipped = is_zipped.then(|| zip(&plain, Level::Fast)).flatten();
        let coding = if zipped.is_some() { Self::Gzip } else { Self::Plain };
        let body = AdminBody::full(zipped.unwrap_or(plain));
        let mut response = respond::respond(StatusCode::OK, respond::JSON, body);
        coding.say(&mut response);
        response
    }

    /// Says that others may be sent another, and which this is, if anything is sent.
    pub(crate) fn say(self, response: &mut Response<AdminBody>) {
        let is_sent = response.status() == StatusCode::OK;
        let headers = response.headers_mut();
        headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
        if let Some(name) = self.names().first().filter(|_| is_sent) {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static(name));
        }
    }

    /// As headers name it, the usual name first.
    const fn names(self) -> &'static [&'static str] {
        match self {
            Self::Plain => &[],
            Self::Gzip => &["gzip", "x-gzip"],
            Self::Brotli => &["br"],
        }
    }
}

/// What `Accept-Encoding` lists, with weights from 0 to 1. What is no weight lists nothing.
struct Accepted<'a>(Vec<(&'a str, f32)>);

impl<'a> Accepted<'a> {
    fn of(headers: &'a HeaderMap) -> Self {
        let values = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|it| it.to_str().ok());
        let listed = values.flat_map(|value| value.split(',')).filter_map(|listed| {
            let (name, weight) = listed.split_once(';').unwrap_or((listed, "q=1"));
            Some((name.trim(), weight_of(weight)?))
        });
        Self(listed.collect())
    }

    fn weight(&self, name: &str) -> Option<f32> {
        let found = self.0.iter().find(|(listed, _)| listed.eq_ignore_ascii_case(name));
        found.map(|(_, weight)| *weight)
    }

    /// One that is not named, where all others are accepted: the last, which most can read.
    fn any_of(&self, offered: &[Coding]) -> Option<Coding> {
        self.weight("*").filter(|weight| *weight > 0.0)?;
        let is_refused =
            |coding: &&Coding| coding.names().iter().any(|name| self.weight(name) == Some(0.0));
        offered.iter().rev().find(|coding| !is_refused(coding)).copied()
    }
}

/// `q=0.5` and the like.
fn weight_of(text: &str) -> Option<f32> {
    let number = text.trim().strip_prefix(['q', 'Q'])?.trim_start().strip_prefix('=')?;
    let number = number.trim().parse::<f32>().ok()?;
    (0.0..=1.0).contains(&number).then_some(number)
}

/// What fits into one packet is not made smaller.
const SHORT: usize = 1400;
