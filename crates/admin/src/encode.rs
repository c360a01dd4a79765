//! Values as JSON, and JSON as server-sent events.

use bytes::{BufMut, Bytes};
use serde::Serialize;

/// `value` as JSON; its types have names for members and nothing else that could fail.
pub(crate) fn to_json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).unwrap_or_default()
}

/// One server-sent event, with the place after it. JSON has no line breaks.
pub(crate) fn event(place: Option<&str>, name: &str, json: &[u8]) -> Bytes {
    let id = place.map(|place| format!("id: {place}\n")).unwrap_or_default();
    let parts: [&[u8]; 6] =
        [id.as_bytes(), b"event: ", name.as_bytes(), b"\ndata: ", json, b"\n\n"];
    let mut event = Vec::with_capacity(parts.iter().map(|part| part.len()).sum());
    parts.iter().for_each(|part| event.put_slice(part));
    event.into()
}
