//! The data of a frame as slices in memory.

use std::io::IoSlice;

use bytes::Buf;

use crate::http::classify::ClassifyEnd;

/// Frames are one slice, or a prefix and one; a frame of more than this is not looked into.
const MOST_SLICES: usize = 16;

/// Shows data to the classifier of the end.
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
