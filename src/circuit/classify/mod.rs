//! Classifiers: what the results of calls count as.

mod failure_if;

#[cfg(feature = "http")]
pub(crate) use self::failure_if::adds_failure_if;
pub(crate) use self::failure_if::sealed;
pub use self::failure_if::{AddFailureIf, AlsoFailureIf, FailureIf};
use crate::engine::outcome::{FailureKind, Outcome};
use crate::error::{ErrorChain, ErrorRef, Rejected, find_in_chain, known_rejection};

/// Decides what the result of a call counts as.
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
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot judge a `Result<{T}, {E}>`",
    note = "a closure takes the result by reference, and is checked where it is given to \
            `classify_by`: `.classify_by(|result: &Result<{T}, {E}>| -> Outcome {{ .. }})`; that of \
            `failure_if` takes the same, and returns a `bool`",
    note = "`call_with` and `run_with` take the classifier first, and the call behind it",
    note = "what looks for types among errors asks that `{E}` implements `ErrorChain`"
)]
pub trait Classify<T, E> {
    /// Returns the outcome of `result`.
    fn classify(&self, result: &Result<T, E>) -> Outcome;

    /// Returns a reference to the error of a failed call, for
    /// [`last_error`](crate::CircuitBuilder::last_error).
    ///
    /// Default: `None`, and the circuit's text says so. Where `E` is `'static`, return
    /// `Some(ErrorRef::of(error))`. All classifiers of this crate do; closures, whose errors may be
    /// borrowed, do not. Asked only where a text is kept; a panic is caught.
    fn error_ref<'e>(&self, error: &'e E) -> Option<ErrorRef<'e>> {
        let _ = error;
        None
    }
}

#[diagnostic::do_not_recommend]
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
/// A rejection, of this or of a nested circuit, is [not sent](Outcome::NotSent). This classifier
/// takes errors of any type, and finds a rejection in those of the types for which this crate
/// implements [`ErrorChain`], such as [`BoxError`](crate::BoxError) and
/// [`io::Error`](std::io::Error), and in [`Error<E>`](crate::Error) of one of them. It **cannot**
/// search other types: neither your own `ShopError`, nor the `Error<ShopError>` of a typed breaker
/// within this one, whose rejections are then failures. Use [`in_chain`](Self::in_chain) for those.
/// Nor does it look at responses: where a nested circuit answers with
/// [`respond_with`](crate::CircuitBreakerLayer::respond_with), put `http::layer` or `judge_body`
/// around it.
#[derive(Debug, Clone, Copy, Default)]
#[expect(clippy::exhaustive_structs, reason = "a name for a rule, without settings")]
pub struct ErrorsAsFailures;

/// The default classifier for errors of any type that is an [`ErrorChain`].
///
/// From [`ErrorsAsFailures::in_chain`].
#[derive(Debug, Clone, Copy, Default)]
#[expect(clippy::exhaustive_structs, reason = "a name for a rule, without settings")]
pub struct ErrorsInChainAsFailures;

impl ErrorsAsFailures {
    /// Returns the classifier for error types that are an [`ErrorChain`].
    ///
    /// It finds a rejection wherever it is among the sources of an error.
    ///
    /// # Examples
    ///
    /// ```
    /// use tower_circuit_breaker::{Circuit, Error, ErrorChain};
    /// use tower_circuit_breaker::{Classify, ErrorsAsFailures, Outcome};
    ///
    /// #[derive(Debug)]
    /// struct ShopError;
    ///
    /// impl ErrorChain for ShopError {
    ///     fn first(&self) -> Option<&(dyn std::error::Error + 'static)> {
    ///         None
    ///     }
    /// }
    ///
    /// let nested = Circuit::builder("shop").build();
    /// nested.trip();
    /// let rejected: Result<(), Error<ShopError>> = nested.run(|| Ok(()));
    ///
    /// assert_eq!(ErrorsAsFailures::in_chain().classify(&rejected), Outcome::NotSent);
    /// # assert!(matches!(ErrorsAsFailures.classify(&rejected), Outcome::Failure(_)));
    /// ```
    #[must_use]
    pub const fn in_chain() -> ErrorsInChainAsFailures {
        ErrorsInChainAsFailures
    }
}

impl<T, E: 'static> Classify<T, E> for ErrorsAsFailures {
    #[inline]
    fn classify(&self, result: &Result<T, E>) -> Outcome {
        match result {
            Ok(_) => Outcome::Success,
            Err(error) if known_rejection(error).is_some() => Outcome::NotSent,
            Err(_) => Outcome::Failure(FailureKind::OTHER),
        }
    }

    fn error_ref<'e>(&self, error: &'e E) -> Option<ErrorRef<'e>> {
        Some(ErrorRef::of(error))
    }
}

impl<T, E: ErrorChain + 'static> Classify<T, E> for ErrorsInChainAsFailures {
    fn classify(&self, result: &Result<T, E>) -> Outcome {
        match result {
            Ok(_) => Outcome::Success,
            Err(error) if find_in_chain::<Rejected>(error).is_some() => Outcome::NotSent,
            Err(_) => Outcome::Failure(FailureKind::OTHER),
        }
    }

    fn error_ref<'e>(&self, error: &'e E) -> Option<ErrorRef<'e>> {
        Some(ErrorRef::of(error))
    }
}
