//! A frame of the live events.

use bytes::Bytes;

/// What all readers are sent, or those who see what operators did.
#[derive(Debug, Clone)]
pub(crate) struct Frame {
    pub(crate) bytes: Bytes,
    pub(crate) is_for_insiders: bool,
}
