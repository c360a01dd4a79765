//! Gzip.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;

/// What is made anew for each reader is to cost little, what is made once to be short.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Level {
    Fast,
    Best,
}

/// `plain` in gzip; it is written to memory, so `None` is not to be expected.
pub(crate) fn zip(plain: &[u8], level: Level) -> Option<Vec<u8>> {
    let level = match level {
        Level::Fast => Compression::fast(),
        Level::Best => Compression::best(),
    };
    let mut encoder = GzEncoder::new(Vec::new(), level);
    encoder.write_all(plain).ok()?;
    encoder.finish().ok()
}
