//! failsafe.

use std::future::Ready;
use std::task::{Context, Poll};

use tower::Service;

use ::failsafe::backoff;
use ::failsafe::failure_policy::{
    FailurePolicy, consecutive_failures, success_rate_over_time_window,
};
use ::failsafe::futures::{CircuitBreaker, ResponseFuture};
use ::failsafe::{Any, Config, Error, StateMachine};

use crate::contestants::{Entry, MINIMUM_CALLS, OPEN_FOR, RUN, Rule, WINDOW_TIME};
use crate::figure::Missing;
use crate::inner::{Failure, Inner};

/// The least that makes a service of it.
struct Wrapped<P> {
    breaker: StateMachine<P, ()>,
    inner: Inner,
}

pub(super) fn enter(rule: Rule) -> Result<Entry, Missing> {
    let open_for = backoff::constant(OPEN_FOR);
    match rule {
        Rule::Consecutive => Ok(wrapped(consecutive_failures(RUN, open_for))),
        Rule::Count => Err(Missing::lacks("it has no count window")),
        Rule::Time => {
            let policy = success_rate_over_time_window(0.5, MINIMUM_CALLS, WINDOW_TIME, open_for);
            Ok(wrapped(policy).noting("a moving average over 10 s, not a window"))
        }
        Rule::TimeAndSlow => Err(Missing::lacks("it has no rule for slow calls")),
    }
}

fn wrapped<P>(policy: P) -> Entry
where
    P: FailurePolicy + Send + Sync + 'static,
{
    Entry::new(Wrapped { breaker: Config::new().failure_policy(policy).build(), inner: Inner })
}

impl<P: FailurePolicy + Send + Sync> Service<u64> for Wrapped<P> {
    type Response = u64;
    type Error = Error<Failure>;
    type Future = ResponseFuture<Ready<Result<u64, Failure>>, P, (), Any>;

    #[inline]
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx).map_err(Error::Inner)
    }

    #[inline]
    fn call(&mut self, request: u64) -> Self::Future {
        CircuitBreaker::call(&self.breaker, self.inner.call(request))
    }
}

impl<P> Clone for Wrapped<P> {
    fn clone(&self) -> Self {
        Self { breaker: self.breaker.clone(), inner: self.inner }
    }
}
