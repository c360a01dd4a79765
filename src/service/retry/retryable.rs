//! What a retry policy has to know about the requests and results of a service.

use std::fmt;
use std::time::Duration;

use crate::error::Rejected;

/// Tells a [`RetryPolicy`](crate::RetryPolicy) about the requests and results of a service.
///
/// For a protocol of your own; give it to [`RetryPolicy::of`](crate::RetryPolicy::of).
///
/// # Examples
///
/// ```
/// use tower_circuit_breaker::{RetryPolicy, Retryable};
///
/// enum Command {
///     Get(String),
///     Increment(String),
/// }
///
/// struct Commands;
///
/// impl<T, E> Retryable<Command, T, E> for Commands {
///     fn clone_request(&self, command: &Command) -> Option<Command> {
///         Some(match command {
///             Command::Get(key) => Command::Get(key.clone()),
///             Command::Increment(key) => Command::Increment(key.clone()),
///         })
///     }
///
///     fn is_repeatable(&self, command: &Command) -> bool {
///         matches!(command, Command::Get(_))
///     }
/// }
///
/// let policy = RetryPolicy::of(Commands, 3);
/// # let _ = policy;
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot retry calls of a `{Req}` with a `Result<{T}, {E}>`",
    note = "`RetryPolicy::new` asks for requests that are `Clone`",
    note = "for `http::Request` begin with `http::retry(attempts)` or `hyper::retry(attempts)`, \
            whose bodies are `Clone` (read an `Incoming` to its end first), or with \
            `reqwest::retry(attempts)`, whose bodies are reqwest's",
    note = "a closure that says which results are tried again goes to \
            `RetryPolicy::new(attempts).retry_if(..)`",
    note = "for others implement `Retryable`, and begin with `RetryPolicy::of(rules, attempts)`"
)]
pub trait Retryable<Req, T, E> {
    /// Returns a copy of `request` for another attempt, or `None` if there can be none.
    fn clone_request(&self, request: &Req) -> Option<Req>;

    /// Returns whether `request` may be sent again when the upstream may have seen it. Default:
    /// yes.
    fn is_repeatable(&self, request: &Req) -> bool {
        let _ = request;
        true
    }

    /// Returns whether `result` is worth another attempt. Default: if it is an error.
    ///
    /// Not asked about rejections.
    fn is_worth_retry(&self, result: &Result<T, E>) -> bool {
        result.is_err()
    }

    /// Returns for how long the upstream asks not to be called again. Default: it does not.
    fn retry_after(&self, result: &Result<T, E>) -> Option<Duration> {
        let _ = result;
        None
    }

    /// Returns the rejection that `response` stands for. Default: none.
    fn rejected<'a>(&self, response: &'a T) -> Option<&'a Rejected> {
        let _ = response;
        None
    }
}

/// Retries every error but rejections, for requests that are `Clone`.
#[derive(Debug, Clone, Copy, Default)]
#[expect(clippy::exhaustive_structs, reason = "a name for a rule, without settings")]
pub struct RetryErrors;

#[diagnostic::do_not_recommend]
impl<Req: Clone, T, E> Retryable<Req, T, E> for RetryErrors {
    fn clone_request(&self, request: &Req) -> Option<Req> {
        Some(request.clone())
    }
}

/// Retries the results that a closure names; from [`retry_if`](crate::RetryPolicy::retry_if).
#[derive(Clone, Copy)]
pub struct RetryIf<R, G> {
    rules: R,
    is_worth: G,
}

/// Repeats the requests that a closure names; from [`repeat_if`](crate::RetryPolicy::repeat_if).
#[derive(Clone, Copy)]
pub struct RepeatIf<R, G> {
    rules: R,
    is_repeatable: G,
}

impl<R, G> RetryIf<R, G> {
    pub(super) const fn new(rules: R, is_worth: G) -> Self {
        Self { rules, is_worth }
    }
}

impl<R, G> RepeatIf<R, G> {
    pub(super) const fn new(rules: R, is_repeatable: G) -> Self {
        Self { rules, is_repeatable }
    }
}

#[diagnostic::do_not_recommend]
impl<R, G, Req, T, E> Retryable<Req, T, E> for RetryIf<R, G>
where
    R: Retryable<Req, T, E>,
    G: Fn(&Result<T, E>) -> bool,
{
    fn clone_request(&self, request: &Req) -> Option<Req> {
        self.rules.clone_request(request)
    }

    fn is_repeatable(&self, request: &Req) -> bool {
        self.rules.is_repeatable(request)
    }

    fn is_worth_retry(&self, result: &Result<T, E>) -> bool {
        (self.is_worth)(result)
    }

    fn retry_after(&self, result: &Result<T, E>) -> Option<Duration> {
        self.rules.retry_after(result)
    }

    fn rejected<'a>(&self, response: &'a T) -> Option<&'a Rejected> {
        self.rules.rejected(response)
    }
}

#[diagnostic::do_not_recommend]
impl<R, G, Req, T, E> Retryable<Req, T, E> for RepeatIf<R, G>
where
    R: Retryable<Req, T, E>,
    G: Fn(&Req) -> bool,
{
    fn clone_request(&self, request: &Req) -> Option<Req> {
        self.rules.clone_request(request)
    }

    fn is_repeatable(&self, request: &Req) -> bool {
        (self.is_repeatable)(request)
    }

    fn is_worth_retry(&self, result: &Result<T, E>) -> bool {
        self.rules.is_worth_retry(result)
    }

    fn retry_after(&self, result: &Result<T, E>) -> Option<Duration> {
        self.rules.retry_after(result)
    }

    fn rejected<'a>(&self, response: &'a T) -> Option<&'a Rejected> {
        self.rules.rejected(response)
    }
}

impl<R: fmt::Debug, G> fmt::Debug for RetryIf<R, G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RetryIf").field(&self.rules).field(&std::any::type_name::<G>()).finish()
    }
}

impl<R: fmt::Debug, G> fmt::Debug for RepeatIf<R, G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RepeatIf").field(&self.rules).field(&std::any::type_name::<G>()).finish()
    }
}
