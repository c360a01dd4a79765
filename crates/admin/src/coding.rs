//! Long answers in fewer bytes, for those who can read them.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, VARY};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use serde::Serialize;

use crate::body::AdminBody;
use crate::encode::to_json;
use crate::respond;

/// How an answer may be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    Plain,
    Gzip,
}

impl Encoding {
    /// Gzip where `Accept-Encoding` has it, and not with a weight of zero.
    pub(crate) fn accepted(headers: &HeaderMap) -> Self {
        let values = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|it| it.to_str().ok());
        let mut codings = values.flat_map(|value| value.split(','));
        let is_accepted = codings.any(|coding| {
            let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
            name.trim().eq_ignore_ascii_case("gzip") && !is_zero(weight)
        });
        if is_accepted { Self::Gzip } else { Self::Plain }
    }

    /// `value` as JSON.
    pub(crate) fn json(self, value: &impl Serialize) -> Response<AdminBody> {
        let plain = to_json(value);
        let zipped = Some(self).filter(|it| *it == Self::Gzip && plain.len() >= SHORT);
        let zipped = zipped.and_then(|_| zip(&plain).ok());
        let is_zipped = zipped.is_some();
        let body = AdminBody::full(zipped.unwrap_or(plain));
        let mut response = respond::respond(StatusCode::OK, respond::JSON, body);
        let headers = response.headers_mut();
        headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
        if is_zipped {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        response
    }
}

/// `q=0`, `q=0.0` and the like.
fn is_zero(weight: &str) -> bool {
    let number =
        weight.trim().strip_prefix(['q', 'Q']).and_then(|rest| rest.trim().strip_prefix('='));
    number.is_some_and(|number| number.trim().parse::<f32>().is_ok_and(|number| number <= 0.0))
}

fn zip(plain: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(plain)?;
    encoder.finish()
}

/// What fits into one packet is not made smaller.
const SHORT: usize = 1400;
