//! Predicates of failures: alone, and in addition to a classifier.

use std::any::type_name;
use std::fmt;

use crate::circuit::classify::{Classify, ErrorsAsFailures, ErrorsInChainAsFailures};
use crate::engine::outcome::{FailureKind, Outcome};
use crate::error::{ErrorRef, known_rejection};
use crate::sync::Arc;

/// The classifier that counts the results that match a predicate as failures.
///
/// A rejection is not sent, and is found as by [`ErrorsAsFailures`]. From
/// [`CircuitBreakerLayer::failure_if`](crate::CircuitBreakerLayer::failure_if).
#[derive(Clone, Copy)]
pub struct FailureIf<F>(F);

/// The classifier that counts the successes of another that match a predicate as failures, too.
///
/// `C` decides first; the predicate is asked about what counts as a success, and makes it a failure
/// of kind [`FailureKind::OTHER`]. Over HTTP it is asked about the head, and the end of the body is
/// left to `C`. From [`CircuitBreakerLayer::failure_if`](crate::CircuitBreakerLayer::failure_if).
pub struct AlsoFailureIf<C, F> {
    classify: Arc<C>,
    is_failure: F,
}

/// A classifier to which [`failure_if`](crate::CircuitBreakerLayer::failure_if) adds a predicate.
///
/// Sealed: the classifiers of this crate implement it. To [`ErrorsAsFailures`], the default, a
/// predicate is not added: it decides in its place.
#[diagnostic::on_unimplemented(
    message = "`failure_if` cannot add a predicate to the classifier `{Self}`",
    note = "say it within that classifier: return `Outcome::Failure` where the predicate holds"
)]
pub trait AddFailureIf<F>: sealed::Sealed + Sized {
    /// The classifier with the predicate `F`.
    type With;

    /// Adds a predicate.
    #[doc(hidden)]
    fn add_failure_if(classify: &Arc<Self>, is_failure: F) -> Self::With;
}

impl<F> AddFailureIf<F> for ErrorsAsFailures {
    type With = FailureIf<F>;

    fn add_failure_if(_classify: &Arc<Self>, is_failure: F) -> FailureIf<F> {
        FailureIf(is_failure)
    }
}

/// Classifiers to which predicates are added.
macro_rules! adds_failure_if {
    ($([$($parameter:ident),*] $classify:ty)*) => {$(
        impl<P, $($parameter),*> $crate::circuit::classify::AddFailureIf<P> for $classify {
            type With = $crate::circuit::classify::AlsoFailureIf<Self, P>;

            fn add_failure_if(
                classify: &$crate::sync::Arc<Self>,
                is_failure: P,
            ) -> $crate::circuit::classify::AlsoFailureIf<Self, P> {
                $crate::circuit::classify::AlsoFailureIf::new(classify, is_failure)
            }
        }

        impl<$($parameter),*> $crate::circuit::classify::sealed::Sealed for $classify {}
    )*};
}

adds_failure_if! {
    [] ErrorsInChainAsFailures
    [G] FailureIf<G>
    [C, G] AlsoFailureIf<C, G>
}

#[cfg(feature = "http")]
pub(crate) use adds_failure_if;

impl<C, F> AlsoFailureIf<C, F> {
    pub(crate) fn new(classify: &Arc<C>, is_failure: F) -> Self {
        Self { classify: Arc::clone(classify), is_failure }
    }

    /// The classifier that decides first.
    #[cfg(feature = "http")]
    pub(crate) fn first(&self) -> &C {
        &self.classify
    }

    /// The predicate.
    #[cfg(feature = "http")]
    pub(crate) const fn predicate(&self) -> &F {
        &self.is_failure
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
            Err(error) if known_rejection(error).is_some() => Outcome::NotSent,
            result if (self.0)(result) => Outcome::Failure(FailureKind::OTHER),
            _ => Outcome::Success,
        }
    }

    fn error_ref<'e>(&self, error: &'e E) -> Option<ErrorRef<'e>> {
        Some(ErrorRef::of(error))
    }
}

impl<C, F, T, E> Classify<T, E> for AlsoFailureIf<C, F>
where
    C: Classify<T, E>,
    F: Fn(&Result<T, E>) -> bool,
{
    #[inline]
    fn classify(&self, result: &Result<T, E>) -> Outcome {
        match self.classify.classify(result) {
            Outcome::Success if (self.is_failure)(result) => Outcome::Failure(FailureKind::OTHER),
            outcome => outcome,
        }
    }

    fn error_ref<'e>(&self, error: &'e E) -> Option<ErrorRef<'e>> {
        self.classify.error_ref(error)
    }
}

pub(crate) mod sealed {
    #[expect(unnameable_types, reason = "nobody else is to implement it")]
    pub trait Sealed {}

    impl Sealed for super::ErrorsAsFailures {}
}

impl<F> fmt::Debug for FailureIf<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("FailureIf").field(&type_name::<F>()).finish()
    }
}

impl<C, F: Clone> Clone for AlsoFailureIf<C, F> {
    fn clone(&self) -> Self {
        Self { classify: Arc::clone(&self.classify), is_failure: self.is_failure.clone() }
    }
}

impl<C, F> fmt::Debug for AlsoFailureIf<C, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AlsoFailureIf")
            .field("classify", &type_name::<C>())
            .field("is_failure", &type_name::<F>())
            .finish()
    }
}
