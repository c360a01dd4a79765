//! Data of a frame as the slices that it lies in.

use std::io::IoSlice;

use bytes::Buf;

use crate::http::classify::ClassifyEnd;

/// Frames are one slice, or a prefix and one; a frame of more is not looked into.
const MOST_SLICES: usize = 16;

/// Shows data that passes by to what is asked at the end.
pub(super) fn show<E>(data: &impl Buf, end: &mut impl ClassifyEnd<E>) {
    let mut slices = [IoSlice::new(&[]); MOST_SLICES];
    let filled = data.chunks_vectored(&mut slices);
    let slices = slices.get(..filled).unwrap_or(&[]);
    if slices.iter().map(|slice| slice.len()).sum::<usize>() < data.remaining() {
        return end.data(None);
    }
    for slice in slices {
        end.data(Some(slice));
    }
}
