//! Texts that are the same for all, in each coding.

use bytes::Bytes;
use http::Response;
use http::request::Parts;

use crate::body::AdminBody;
use crate::coding::Coding;
use crate::etag::Tagged;
use crate::gzip::{Level, zip};

/// A text, and the same in fewer bytes; each has its own tag.
#[derive(Debug)]
pub(crate) struct Kept {
    content_type: &'static str,
    plain: Tagged,
    /// The shortest first.
    codings: Vec<(Coding, Tagged)>,
}

impl Kept {
    /// `text`; `brotli` says the same. Gzip is made here, once.
    pub(crate) fn new(
        content_type: &'static str,
        text: &'static str,
        brotli: Option<&'static [u8]>,
    ) -> Self {
        let brotli = brotli.map(|bytes| (Coding::Brotli, Bytes::from_static(bytes)));
        let gzip = zip(text.as_bytes(), Level::Best).map(|bytes| (Coding::Gzip, bytes.into()));
        let codings = brotli.into_iter().chain(gzip);
        Self {
            content_type,
            plain: Tagged::new(text),
            codings: codings.map(|(coding, bytes)| (coding, Tagged::new(bytes))).collect(),
        }
    }

    /// The text in the coding that the caller likes best, or 304 where the caller has just that.
    pub(crate) fn answer(&self, parts: &Parts) -> Response<AdminBody> {
        let offered: Vec<_> = self.codings.iter().map(|(coding, _)| *coding).collect();
        let best = Coding::best(&parts.headers, &offered);
        let found = self.codings.iter().find(|(coding, _)| *coding == best);
        let tagged = found.map_or(&self.plain, |(_, tagged)| tagged);
        let mut response = tagged.unless_known(parts, self.content_type);
        best.say(&mut response);
        response
    }
}
