//! Which results are failures.

use std::any::Any;
use std::error::Error as StdError;
use std::fmt;
use std::marker::PhantomData;

use crate::engine::outcome::{FailureKind, Outcome};
use crate::error::{BoxError, Error, Rejected, find_source};
use crate::sync::Arc;

/// Says what the result of a call is worth.
///
/// Closures `Fn(&Result<T, E>) -> Outcome` are classifiers; so is [`ErrorsAsFailures`], the
/// default. A classifier runs in the poll that saw the result, outside every lock; if it panics,
/// the panic goes on to the caller, and the call counts as abandoned once its future is dropped.
///
/// # Examples
///
/// ```
/// use tower_circuit_breaker::{Classify, FailureKind, Outcome};
///
/// struct ByStatus;
///
/// impl<E> Classify<u16, E> for ByStatus {
///     fn classify(&self, result: &Result<u16, E>) -> Outcome {
///         match result {
///             Ok(500..) => Outcome::Failure(FailureKind::new("status")),
///             Ok(_) => Outcome::Success,
///             Err(_) => Outcome::Failure(FailureKind::new("transport")),
///         }
///     }
/// }
/// # assert_eq!(ByStatus.classify(&Ok::<u16, ()>(200)), Outcome::Success);
/// ```
#[doc(alias = "recordExceptions")]
#[doc(alias = "ShouldHandle")]
#[doc(alias = "IsSuccessful")]
pub trait Classify<T, E> {
    /// What `result` is worth.
    fn classify(&self, result: &Result<T, E>) -> Outcome;
}

impl<F, T, E> Classify<T, E> for F
where
    F: Fn(&Result<T, E>) -> Outcome,
{
    fn classify(&self, result: &Result<T, E>) -> Outcome {
        self(result)
    }
}

/// The default classifier: every `Err` is a failure, except a rejection.
///
/// A rejection, of this or of a nested circuit, says nothing about the upstream and is ignored: it
/// is looked for in the error itself and, when the error is boxed, among its sources. The typed
/// [`Error<E>`] of a nested breaker is seen through when `E` is a [`BoxError`]; for another `E` say
/// so in a closure: `Err(error) if error.rejected().is_some() => Outcome::Ignored`.
#[derive(Debug, Clone, Copy, Default)]
#[expect(clippy::exhaustive_structs, reason = "a name for a rule, without settings")]
pub struct ErrorsAsFailures;

impl<T, E: 'static> Classify<T, E> for ErrorsAsFailures {
    #[inline]
    fn classify(&self, result: &Result<T, E>) -> Outcome {
        match result {
            Ok(_) => Outcome::Success,
            Err(error) if carries::<Rejected, E>(error) => Outcome::Ignored,
            Err(_) => Outcome::Failure(FailureKind::OTHER),
        }
    }
}

/// A predicate as a classifier: what it holds for is a failure, except a rejection.
///
/// From [`CircuitBreakerLayer::failure_if`](crate::CircuitBreakerLayer::failure_if).
#[derive(Clone, Copy)]
pub struct FailureIf<F>(F);

impl<F> FailureIf<F> {
    pub(crate) const fn new(is_failure: F) -> Self {
        Self(is_failure)
    }
}

impl<F, T, E> Classify<T, E> for FailureIf<F>
where
    F: Fn(&Result<T, E>) -> bool,
    E: 'static,
{
    #[inline]
    fn classify(&self, result: &Result<T, E>) -> Outcome {
        match result {
            Err(error) if carries::<Rejected, E>(error) => Outcome::Ignored,
            result if (self.0)(result) => Outcome::Failure(FailureKind::OTHER),
            _ => Outcome::Success,
        }
    }
}

impl<F> fmt::Debug for FailureIf<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("FailureIf").field(&std::any::type_name::<F>()).finish()
    }
}

/// Ignores results whose error is or carries an `X`, and asks `C` about all others.
///
/// From [`CircuitBreakerLayer::ignoring`](crate::CircuitBreakerLayer::ignoring).
pub struct Ignoring<X, C> {
    classify: Arc<C>,
    ignored: PhantomData<fn() -> X>,
}

impl<X, C> Ignoring<X, C> {
    pub(crate) const fn new(classify: Arc<C>) -> Self {
        Self { classify, ignored: PhantomData }
    }

    pub(crate) fn inner(&self) -> &C {
        &self.classify
    }
}

impl<X: StdError + 'static, C> Ignoring<X, C> {
    pub(crate) fn ignores<E: 'static>(error: &E) -> bool {
        carries::<X, E>(error)
    }
}

impl<X, C, T, E> Classify<T, E> for Ignoring<X, C>
where
    X: StdError + 'static,
    C: Classify<T, E>,
    E: 'static,
{
    fn classify(&self, result: &Result<T, E>) -> Outcome {
        match result {
            Err(error) if Self::ignores(error) => Outcome::Ignored,
            result => self.inner().classify(result),
        }
    }
}

impl<X, C> Clone for Ignoring<X, C> {
    fn clone(&self) -> Self {
        Self::new(Arc::clone(&self.classify))
    }
}

impl<X, C: fmt::Debug> fmt::Debug for Ignoring<X, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ignoring")
            .field("ignored", &std::any::type_name::<X>())
            .field("classify", &self.classify)
            .finish()
    }
}

/// Whether `error` is an `X`, or is boxed and an `X` is among its sources.
fn carries<X: StdError + 'static, E: 'static>(error: &E) -> bool {
    find_in::<X, E>(error).is_some()
}

/// The `X` that `error` is or, when it is boxed, that is the first among its sources.
pub(crate) fn find_in<X: StdError + 'static, E: 'static>(error: &E) -> Option<&X> {
    let error: &dyn Any = error;
    error.downcast_ref().or_else(|| find_source(boxed(error)?))
}

/// The error behind any of the usual boxes.
fn boxed(error: &dyn Any) -> Option<&(dyn StdError + 'static)> {
    if let Some(error) = error.downcast_ref::<BoxError>() {
        return Some(&**error);
    }
    match error.downcast_ref::<Error<BoxError>>() {
        Some(Error::Inner(error)) => return Some(&**error),
        Some(Error::Rejected(rejected)) => return Some(rejected),
        None => {}
    }
    if let Some(error) = error.downcast_ref::<Arc<dyn StdError + Send + Sync>>() {
        return Some(&**error);
    }
    error.downcast_ref::<Box<dyn StdError>>().map(|error| &**error)
}
