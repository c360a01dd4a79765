//! The inner service, the same for all.

use std::future::{Ready, ready};
use std::task::{Context, Poll};

use tower::Service;

/// Always ready; the request says whether it fails.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Inner;

#[derive(Debug)]
pub(crate) struct Failure;

/// How the inner service is doing.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Load {
    Fine,
    TenthFails,
    AllFail,
}

impl Load {
    /// The request number `index` of a round.
    #[inline]
    pub(crate) const fn request(self, index: u32) -> u64 {
        match self {
            Self::TenthFails if index % 10 == 9 => FAIL,
            Self::AllFail => FAIL,
            Self::Fine | Self::TenthFails => 1,
        }
    }

    /// How many of `calls` calls succeed if all are admitted.
    pub(crate) const fn successes(self, calls: u32) -> u32 {
        match self {
            Self::Fine => calls,
            Self::TenthFails => calls - calls / 10,
            Self::AllFail => 0,
        }
    }
}

impl Service<u64> for Inner {
    type Response = u64;
    type Error = Failure;
    type Future = Ready<Result<u64, Failure>>;

    #[inline]
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        Poll::Ready(Ok(()))
    }

    #[inline]
    fn call(&mut self, request: u64) -> Self::Future {
        ready(if request == FAIL { Err(Failure) } else { Ok(request) })
    }
}

const FAIL: u64 = 0;
