//! A retry policy that does not retry rejected calls, around another policy.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use pin_project_lite::pin_project;
use tokio::time::{Sleep, sleep};
use tower::retry::Policy;

use crate::error::{ErrorChain, Rejected, find_in_chain};

/// A retry policy that does not retry rejected calls, and leaves all others to an inner policy.
///
/// A rejected call was never made: another attempt at once would only be rejected, too, and would
/// spend a budget that other calls need. So the inner policy is not asked. The rejection is
/// returned to the caller; or, with [`max_wait`](Self::max_wait), the call is made again when the
/// circuit's open time ends.
///
/// For a policy of your own; [`RetryPolicy`](crate::RetryPolicy) is ready to use, and knows
/// rejections by itself.
///
/// Put the retry layer around the circuit breaker. Rejections are found in the error itself and
/// among its sources, for which it must be an [`ErrorChain`]; for other types use
/// [`find_with`](Self::find_with).
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use tower::retry::Policy;
/// use tower::{BoxError, ServiceBuilder, ServiceExt, service_fn};
/// use tower_circuit_breaker::{Circuit, CircuitBreakerLayer, RetryUnlessRejected, Rejected};
///
/// /// Once more.
/// #[derive(Clone)]
/// struct Again(u8);
///
/// impl Policy<u32, u32, BoxError> for Again {
///     type Future = std::future::Ready<()>;
///
///     fn retry(&mut self, _: &mut u32, result: &mut Result<u32, BoxError>) -> Option<Self::Future> {
///         let again = result.is_err() && self.0 > 0;
///         self.0 = self.0.saturating_sub(1);
///         again.then(|| std::future::ready(()))
///     }
///
///     fn clone_request(&mut self, request: &u32) -> Option<u32> {
///         Some(*request)
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let circuit = Circuit::builder("numbers").build();
/// circuit.trip_for(Duration::from_secs(60));
/// let client = ServiceBuilder::new()
///     .retry(RetryUnlessRejected::new(Again(1)).max_wait(Duration::from_secs(5)))
///     .layer(CircuitBreakerLayer::new(circuit).boxed())
///     .service(service_fn(|number: u32| async move { Ok::<_, BoxError>(number) }));
///
/// // A minute is more than it may wait.
/// let error = client.oneshot(7).await.unwrap_err();
/// assert!(Rejected::find(&*error).is_some());
/// # }
/// ```
#[derive(Clone)]
pub struct RetryUnlessRejected<P, F = InErrorChain> {
    policy: P,
    find: F,
    /// How long this call may still wait.
    max_wait: Duration,
}

/// Finds the rejection in an error, for the retry policies.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot find a rejection in errors of type `{E}`",
    note = "implement `ErrorChain` for `{E}` (or, if that is an `Error` of this crate, for the \
            error within it), or say to the policy where the rejection is: \
            `policy.find_with(|error: &{E}| ..)`"
)]
pub trait FindRejected<E> {
    /// Returns the rejection in `error`, if there is one.
    fn find<'a>(&self, error: &'a E) -> Option<&'a Rejected>;
}

/// Searches the error itself and its sources, by its [`ErrorChain`].
#[derive(Debug, Clone, Copy, Default)]
#[expect(clippy::exhaustive_structs, reason = "a name for a rule, without settings")]
pub struct InErrorChain;

impl<E: ErrorChain> FindRejected<E> for InErrorChain {
    fn find<'a>(&self, error: &'a E) -> Option<&'a Rejected> {
        find_in_chain(error)
    }
}

#[diagnostic::do_not_recommend]
impl<F, E> FindRejected<E> for F
where
    F: Fn(&E) -> Option<&Rejected>,
{
    fn find<'a>(&self, error: &'a E) -> Option<&'a Rejected> {
        self(error)
    }
}

impl<P> RetryUnlessRejected<P> {
    /// Makes a policy that never retries a rejected call, and lets `policy` decide on all others.
    pub const fn new(policy: P) -> Self {
        Self { policy, find: InErrorChain, max_wait: Duration::ZERO }
    }
}

impl<P, F> RetryUnlessRejected<P, F> {
    /// Sets how long a call may wait in all for the open time of a circuit to end.
    ///
    /// A rejection without a time, or with a longer time than is left, is returned at once. Keep
    /// `max_wait` below the deadline of the whole call. Needs a tokio runtime with time. Default:
    /// zero.
    #[must_use]
    pub fn max_wait(self, max_wait: Duration) -> Self {
        Self { max_wait, ..self }
    }

    /// Sets how to find the rejection in an error that is not an [`ErrorChain`].
    ///
    /// For example `|error: &Error<String>| error.rejected()`.
    #[must_use]
    pub fn find_with<G, E>(self, find: G) -> RetryUnlessRejected<P, G>
    where
        G: Fn(&E) -> Option<&Rejected>,
    {
        RetryUnlessRejected { policy: self.policy, find, max_wait: self.max_wait }
    }

    /// How long to wait for the circuit, if `max_wait` allows that.
    fn wait_for(&mut self, rejected: &Rejected) -> Option<Duration> {
        let wait = rejected.retry_after()?;
        self.max_wait = self.max_wait.checked_sub(wait)?;
        Some(wait)
    }
}

impl<P, F, Req, T, E> Policy<Req, T, E> for RetryUnlessRejected<P, F>
where
    P: Policy<Req, T, E>,
    F: FindRejected<E>,
{
    type Future = RetryFuture<P::Future>;

    fn retry(&mut self, request: &mut Req, result: &mut Result<T, E>) -> Option<Self::Future> {
        let Some(rejected) = result.as_ref().err().and_then(|error| self.find.find(error)) else {
            let pause = self.policy.retry(request, result)?;
            return Some(RetryFuture { phase: RetryPhase::Policy { pause } });
        };
        let rejected = rejected.clone();
        let pause = sleep(self.wait_for(&rejected)?);
        Some(RetryFuture { phase: RetryPhase::Open { pause } })
    }

    fn clone_request(&mut self, request: &Req) -> Option<Req> {
        self.policy.clone_request(request)
    }
}

pin_project! {
    /// The future of [`RetryUnlessRejected`]: the pause before a call is made again.
    #[must_use = "futures do nothing unless polled"]
    pub struct RetryFuture<P> {
        #[pin]
        phase: RetryPhase<P>,
    }
}

pin_project! {
    #[project = RetryPhaseProjection]
    enum RetryPhase<P> {
        // As the policy says.
        Policy {
            #[pin]
            pause: P,
        },
        // Until the circuit's open time is over.
        Open {
            #[pin]
            pause: Sleep,
        },
    }
}

impl<P: Future<Output = ()>> Future for RetryFuture<P> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        match self.project().phase.project() {
            RetryPhaseProjection::Policy { pause } => pause.poll(cx),
            RetryPhaseProjection::Open { pause } => pause.poll(cx),
        }
    }
}

impl<P: fmt::Debug, F> fmt::Debug for RetryUnlessRejected<P, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RetryUnlessRejected")
            .field("policy", &self.policy)
            .field("max_wait", &self.max_wait)
            .finish_non_exhaustive()
    }
}

impl<P> fmt::Debug for RetryFuture<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let phase = match self.phase {
            RetryPhase::Policy { .. } => "Policy",
            RetryPhase::Open { .. } => "Open",
        };
        f.debug_struct("RetryFuture").field("phase", &phase).finish_non_exhaustive()
    }
}
