//! recloser.

use std::future::Ready;
use std::task::{Context, Poll};

use tower::Service;

use ::recloser::{AnyError, AsyncRecloser, Error, Recloser, RecloserFuture};

use crate::contestants::{Entry, OPEN_FOR, RUN, Rule, WINDOW_CALLS};
use crate::figure::Missing;
use crate::inner::{Failure, Inner};

/// The least that makes a service of it.
#[derive(Clone)]
struct Wrapped {
    breaker: AsyncRecloser,
    inner: Inner,
}

pub(super) fn enter(rule: Rule) -> Result<Entry, Missing> {
    match rule {
        Rule::Consecutive => Ok(wrapped(RUN, 1.0).noting("a ring of the last 5 calls at 100 %")),
        Rule::Count => Ok(wrapped(WINDOW_CALLS, 0.5)),
        Rule::Time => Err(Missing::lacks("it has no time window")),
        Rule::TimeAndSlow => Err(Missing::lacks("it has no rule for slow calls")),
    }
}

fn wrapped(calls: u32, rate: f32) -> Entry {
    let calls = usize::try_from(calls).unwrap_or(usize::MAX);
    let breaker = Recloser::custom().closed_len(calls).error_rate(rate).open_wait(OPEN_FOR).build();
    Entry::new(Wrapped { breaker: AsyncRecloser::from(breaker), inner: Inner })
}

impl Service<u64> for Wrapped {
    type Response = u64;
    type Error = Error<Failure>;
    type Future = RecloserFuture<Ready<Result<u64, Failure>>, AnyError>;

    #[inline]
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx).map_err(Error::Inner)
    }

    #[inline]
    fn call(&mut self, request: u64) -> Self::Future {
        self.breaker.call(self.inner.call(request))
    }
}
