//! A retry policy that is ready to use.

use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::{BuildHasher, Hasher};
use std::time::Duration;

use tokio::time::{Sleep, sleep};
use tower::retry::Policy;
use tower::retry::budget::{Budget, TpsBudget};

use crate::engine::rules::backoff::Backoff;
use crate::error::Rejected;
use crate::service::retry::retryable::{RepeatIf, RetryErrors, RetryIf, Retryable};
use crate::service::retry::unless_rejected::{FindRejected, InErrorChain};
use crate::sync::Arc;

/// A retry policy: attempts, backoff with jitter, a budget, and none against an open circuit.
///
/// Put it around the circuit breaker, by `ServiceBuilder::retry`. A call is made again if all of
/// these hold:
///
/// - it was not rejected: another attempt at once would be rejected, too. A rejection is returned
///   to the caller, or waited for as [`max_wait`](Self::max_wait) allows; neither takes an attempt,
///   or something of the budget;
/// - its result is worth another attempt. Here each error is; [`retry_if`](Self::retry_if) says
///   otherwise;
/// - its request may be sent twice. Here each may; [`repeat_if`](Self::repeat_if) says otherwise;
/// - it has attempts left;
/// - its response does not ask for a longer time than [`max_wait`](Self::max_wait) has left;
/// - the [`budget`](Self::budget) has something left.
///
/// The pause before it is that of the [`backoff`](Self::backoff), or what the response asks for, if
/// that is longer. Needs a tokio runtime with time.
///
/// `RetryPolicy` is for requests that are `Clone`. For HTTP there is `http::retry`, for reqwest and
/// hyper `reqwest::retry` and `hyper::retry`, which know what may be sent twice, and heed
/// `Retry-After`; for others, a [`Retryable`] of your own. Errors must be an
/// [`ErrorChain`](crate::ErrorChain), or see [`find_with`](Self::find_with).
///
/// Make it once for each client: its clones, one for each call, share the budget.
///
/// | setting | default |
/// |---|---|
/// | [`backoff`](Self::backoff) | 50 ms, doubled up to 2 s, each drawn from the upper half |
/// | [`budget`](Self::budget) | one retry for five successes of the last 10 s, and ten a second besides |
/// | [`max_wait`](Self::max_wait) | zero |
///
/// # Examples
///
/// ```
/// use std::sync::atomic::{AtomicU32, Ordering};
/// use std::time::Duration;
/// use tower::{BoxError, ServiceBuilder, ServiceExt, service_fn};
/// use tower_circuit_breaker::{Circuit, CircuitBreakerLayer, RetryPolicy, Rejected};
///
/// static CALLS: AtomicU32 = AtomicU32::new(0);
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() {
/// let circuit = Circuit::builder("numbers").consecutive_failures(2).build();
/// let client = ServiceBuilder::new()
///     .retry(RetryPolicy::new(5).max_wait(Duration::from_secs(1)))
///     .layer(CircuitBreakerLayer::new(circuit).boxed())
///     .service(service_fn(|_number: u32| async {
///         CALLS.fetch_add(1, Ordering::SeqCst);
///         Err::<u32, BoxError>("refused".into())
///     }));
///
/// // Two attempts fail and trip the circuit. The third is rejected, for longer than it may wait.
/// let error = client.oneshot(7).await.unwrap_err();
/// assert!(Rejected::find(&*error).is_some());
/// assert_eq!(CALLS.load(Ordering::SeqCst), 2);
/// # }
/// ```
#[derive(Clone)]
#[must_use]
pub struct RetryPolicy<R = RetryErrors, F = InErrorChain> {
    rules: R,
    find: F,
    backoff: Backoff,
    budget: Arc<dyn Budget + Send + Sync>,
    /// How often this call was made again; tower clones the policy for each call.
    retries: u32,
    retries_left: u32,
    /// How long this call may still wait.
    max_wait: Duration,
}

impl RetryPolicy {
    /// Makes a policy of at most `attempts` for each call, the first included.
    ///
    /// # Panics
    ///
    /// Panics if `attempts` is zero.
    #[doc(alias = "maxAttempts")]
    #[doc(alias = "MaxRetryAttempts")]
    #[track_caller]
    pub fn new(attempts: u32) -> Self {
        Self::of(RetryErrors, attempts)
    }
}

impl<R> RetryPolicy<R> {
    /// Makes a policy of at most `attempts` for each call, by `rules` of your own.
    ///
    /// # Panics
    ///
    /// Panics if `attempts` is zero.
    #[track_caller]
    pub fn of(rules: R, attempts: u32) -> Self {
        assert!(attempts > 0, "the first attempt is one, so there is at least 1; it is 0");
        Self {
            rules,
            find: InErrorChain,
            backoff: Backoff::exponential(FIRST_PAUSE, LONGEST_PAUSE),
            budget: Arc::new(TpsBudget::default()),
            retries: 0,
            retries_left: attempts.saturating_sub(1),
            max_wait: Duration::ZERO,
        }
    }
}

impl<R, F> RetryPolicy<R, F> {
    /// Sets the pauses between attempts, the first before the second attempt.
    ///
    /// Default: [`exponential`](Backoff::exponential) from 50 ms up to 2 s.
    pub fn backoff(self, backoff: Backoff) -> Self {
        Self { backoff, ..self }
    }

    /// Sets the budget that all calls of this policy and of its clones share.
    ///
    /// A call that ends well deposits, a retry withdraws. Without one, retries would multiply the
    /// load of an upstream that is failing, up to the circuit's trip. Default:
    /// [`TpsBudget::default`].
    #[doc(alias = "retry_budget")]
    pub fn budget(self, budget: impl Budget + Send + Sync + 'static) -> Self {
        Self { budget: Arc::new(budget), ..self }
    }

    /// Sets how long a call may wait in all because a circuit or a response asks for it.
    ///
    /// For the open time of a circuit to end, and for the `Retry-After` of a response.
    /// A rejection without a time is returned at once, and so is a rejection or a response with a
    /// longer time than is left. Keep `max_wait` below the deadline of the whole call. Default:
    /// zero.
    pub fn max_wait(self, max_wait: Duration) -> Self {
        Self { max_wait, ..self }
    }

    /// Retries the results for which `is_worth` returns `true`, and no others.
    ///
    /// It is not asked about rejections. Whatever it says, a call is made again only if its request
    /// may be sent twice.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::io;
    /// use tower_circuit_breaker::RetryPolicy;
    ///
    /// let policy = RetryPolicy::new(3).retry_if(|result: &io::Result<u32>| {
    ///     result.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::ConnectionReset)
    /// });
    /// # let _ = policy;
    /// ```
    #[doc(alias = "ShouldHandle")]
    #[doc(alias = "retryOnResult")]
    pub fn retry_if<G, T, E>(self, is_worth: G) -> RetryPolicy<RetryIf<R, G>, F>
    where
        G: Fn(&Result<T, E>) -> bool,
    {
        self.with(|rules, find| (RetryIf::new(rules, is_worth), find))
    }

    /// Sends the requests twice for which `is_repeatable` returns `true`, and no others.
    ///
    /// For example those with an `Idempotency-Key`. A rejected call was not sent at all, so
    /// [`max_wait`](Self::max_wait) holds for each request.
    pub fn repeat_if<G, Req>(self, is_repeatable: G) -> RetryPolicy<RepeatIf<R, G>, F>
    where
        G: Fn(&Req) -> bool,
    {
        self.with(|rules, find| (RepeatIf::new(rules, is_repeatable), find))
    }

    /// Sets how to find the rejection in an error that is not an [`ErrorChain`](crate::ErrorChain).
    ///
    /// For example `|error: &Error<String>| error.rejected()`.
    pub fn find_with<G, E>(self, find: G) -> RetryPolicy<R, G>
    where
        G: Fn(&E) -> Option<&Rejected>,
    {
        self.with(|rules, _| (rules, find))
    }

    fn with<Q, G>(self, change: impl FnOnce(R, F) -> (Q, G)) -> RetryPolicy<Q, G> {
        let Self { rules, find, backoff, budget, retries, retries_left, max_wait } = self;
        let (rules, find) = change(rules, find);
        RetryPolicy { rules, find, backoff, budget, retries, retries_left, max_wait }
    }

    /// The pause before the call is made again after `result`, which is no rejection.
    fn pause<Req, T, E>(&mut self, request: &Req, result: &Result<T, E>) -> Option<Duration>
    where
        R: Retryable<Req, T, E>,
    {
        if !self.rules.is_worth_retry(result) {
            if result.is_ok() {
                self.budget.deposit();
            }
            return None;
        }
        if !self.rules.is_repeatable(request) {
            return None;
        }
        let retries_left = self.retries_left.checked_sub(1)?;
        let asked = self.rules.retry_after(result).unwrap_or_default();
        let max_wait = self.max_wait.checked_sub(asked)?;
        // Last, so that a call which ends here has spent nothing.
        if !self.budget.withdraw() {
            return None;
        }
        let pause = self.backoff.step(self.retries, draw());
        self.retries = self.retries.saturating_add(1);
        (self.retries_left, self.max_wait) = (retries_left, max_wait);
        Some(pause.max(asked))
    }

    /// How long to wait for the circuit, if that is allowed.
    fn wait_for(&mut self, rejected: &Rejected) -> Option<Duration> {
        let wait = rejected.retry_after()?;
        self.max_wait = self.max_wait.checked_sub(wait)?;
        Some(wait)
    }
}

impl<R, F, Req, T, E> Policy<Req, T, E> for RetryPolicy<R, F>
where
    R: Retryable<Req, T, E>,
    F: FindRejected<E>,
{
    type Future = Sleep;

    fn retry(&mut self, request: &mut Req, result: &mut Result<T, E>) -> Option<Sleep> {
        let rejected = match result {
            Ok(response) => self.rules.rejected(response),
            Err(error) => self.find.find(error),
        };
        let pause = match rejected.cloned() {
            Some(rejected) => self.wait_for(&rejected),
            None => self.pause(request, result),
        };
        pause.map(sleep)
    }

    /// Spares the copy of a request that will not be sent again.
    fn clone_request(&mut self, request: &Req) -> Option<Req> {
        let may_be_retried = self.retries_left > 0 && self.rules.is_repeatable(request);
        let is_of_use = may_be_retried || !self.max_wait.is_zero();
        is_of_use.then(|| self.rules.clone_request(request)).flatten()
    }
}

impl<R: fmt::Debug, F> fmt::Debug for RetryPolicy<R, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RetryPolicy")
            .field("rules", &self.rules)
            .field("backoff", &self.backoff)
            .field("retries_left", &self.retries_left)
            .field("max_wait", &self.max_wait)
            .finish_non_exhaustive()
    }
}

/// A random number, another one for each call: clones that share a generator would pause alike.
fn draw() -> u64 {
    RandomState::new().build_hasher().finish()
}

/// As tower's own backoff: longer than a lost packet takes, shorter than a user notices.
const FIRST_PAUSE: Duration = Duration::from_millis(50);

/// Callers seldom wait longer for all attempts together.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
