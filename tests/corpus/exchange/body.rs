//! A body that does what its script says.

use std::collections::VecDeque;
use std::fmt;
use std::io::IoSlice;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Buf;
use http_body::{Body, Frame, SizeHint};

use crate::exchange;
use crate::exchange::Frames;
use crate::exchange::own::panic_on_purpose;

#[derive(Debug, Default)]
pub(super) struct Script {
    frames: Frames,
    polls: usize,
}

/// Data that lies in pieces.
#[derive(Debug, Clone)]
pub(super) struct Pieces(VecDeque<Vec<u8>>);

/// The error of the frame of this number.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Broken(pub(super) usize);

impl Script {
    pub(super) fn new(frames: Frames) -> Self {
        Self { frames, polls: 0 }
    }
}

impl Body for Script {
    type Data = Pieces;
    type Error = Broken;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Pieces>, Broken>>> {
        let number = self.polls;
        self.polls += 1;
        Poll::Ready(match self.frames.frames.get(number) {
            None => None,
            Some(exchange::Frame::Data(pieces)) => Some(Ok(Frame::data(Pieces::new(pieces)))),
            Some(exchange::Frame::Trailers(all)) => Some(Ok(Frame::trailers(all.clone()))),
            Some(exchange::Frame::Breaks) => Some(Err(Broken(number))),
            Some(exchange::Frame::Stalls) => return Poll::Pending,
            Some(exchange::Frame::Panics) => panic_on_purpose(),
        })
    }

    fn is_end_stream(&self) -> bool {
        self.frames.is_end_stream(self.polls)
    }

    fn size_hint(&self) -> SizeHint {
        self.frames.size_left(self.polls).map(SizeHint::with_exact).unwrap_or_default()
    }
}

impl Pieces {
    fn new(pieces: &[Vec<u8>]) -> Self {
        Self(pieces.iter().filter(|piece| !piece.is_empty()).cloned().collect())
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.0.into_iter().flatten().collect()
    }
}

impl Buf for Pieces {
    fn remaining(&self) -> usize {
        self.0.iter().map(Vec::len).sum()
    }

    fn chunk(&self) -> &[u8] {
        self.0.front().map_or(&[], Vec::as_slice)
    }

    fn chunks_vectored<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        let places = slices.iter_mut().zip(&self.0);
        places.map(|(slice, piece)| *slice = IoSlice::new(piece)).count()
    }

    fn advance(&mut self, by: usize) {
        let rest = self.0.drain(..).flatten().skip(by).collect();
        self.0.push_back(rest);
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "broken at frame {}", self.0)
    }
}

impl std::error::Error for Broken {}
