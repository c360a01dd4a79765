//! Filters: errors that count as ignored or not sent before the classifier is asked.

use std::any::type_name;
use std::error::Error as StdError;
use std::fmt;
use std::marker::PhantomData;
use std::task::Poll;

use crate::circuit::permit::Permit;
use crate::engine::outcome::{FailureKind, Outcome};
use crate::error::{ErrorChain, ErrorRef, Rejected, find_source};
use crate::service::completion::{AtResult, Complete, CompleteCall, Decision, Innermost, sealed};

/// A completion that applies the filter `K` to errors before the classifier is asked.
///
/// From [`ignoring`](crate::CircuitBreakerLayer::ignoring),
/// [`not_sent`](crate::CircuitBreakerLayer::not_sent) and the layers for clients. `M` completes all
/// other calls; it may be another `Filtered`. Whatever the order, an error that one of them counts
/// as not sent is not sent.
pub struct Filtered<K, M = AtResult> {
    completion: M,
    filter: PhantomData<fn() -> K>,
}

/// Decides what an error counts as, by its sources.
///
/// Sealed: [`Ignoring`] and [`NotSent`] implement it, and so do the filters for clients' errors.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot look at errors of type `{E}`",
    note = "`ignoring`, `not_sent` and the layers for clients ask that `{E}` implements \
            `ErrorChain`; `ignoring_in::<X, {E}>()` and `not_sent_in::<X, {E}>()` do not"
)]
pub trait Filter<E>: sealed::Sealed {
    /// Returns the outcome of a call that ended with `error`; `None` if the classifier decides.
    fn outcome(error: &E) -> Option<Outcome>;

    /// Returns the kind of failure of `error`, used if the classifier has not named one.
    fn kind(error: &E) -> FailureKind {
        let _ = error;
        FailureKind::OTHER
    }
}

/// The filter that ignores calls with an `X` in the error chain.
pub struct Ignoring<X, L = InChain>(PhantomData<fn() -> (X, L)>);

/// The filter that counts calls with an `X` in the error chain as not sent.
pub struct NotSent<X, L = InChain>(PhantomData<fn() -> (X, L)>);

/// Finds the beginning of an error's chain of sources. Sealed.
#[diagnostic::on_unimplemented(
    message = "`{Self}` looks into errors of another type than `{E}`",
    note = "name the type of the service's error: `ignoring_in::<X, {E}>()`, \
            `not_sent_in::<X, {E}>()`"
)]
pub trait Begin<E>: sealed::Sealed {
    /// Returns the first error of the chain.
    fn first(error: &E) -> Option<&(dyn StdError + 'static)>;
}

/// Begins the chain where the error's [`ErrorChain`] says.
#[derive(Debug, Clone, Copy, Default)]
#[expect(clippy::exhaustive_structs, reason = "a name for a rule, without settings")]
pub struct InChain;

/// Begins the chain with the error itself, which is of type `E`.
pub struct InError<E>(PhantomData<fn() -> E>);

impl<E: ErrorChain> Begin<E> for InChain {
    fn first(error: &E) -> Option<&(dyn StdError + 'static)> {
        error.first()
    }
}

impl<E: StdError + 'static> Begin<E> for InError<E> {
    fn first(error: &E) -> Option<&(dyn StdError + 'static)> {
        Some(error)
    }
}

impl<X: StdError + 'static, L: Begin<E>, E> Filter<E> for Ignoring<X, L> {
    fn outcome(error: &E) -> Option<Outcome> {
        found::<X>(L::first(error)?, Outcome::Ignored)
    }
}

impl<X: StdError + 'static, L: Begin<E>, E> Filter<E> for NotSent<X, L> {
    fn outcome(error: &E) -> Option<Outcome> {
        found::<X>(L::first(error)?, Outcome::NotSent)
    }
}

/// `outcome` if there is an `X`; not sent if there is a rejection, of this or a nested circuit.
fn found<X: StdError + 'static>(
    first: &(dyn StdError + 'static),
    outcome: Outcome,
) -> Option<Outcome> {
    if find_source::<Rejected>(first).is_some() {
        return Some(Outcome::NotSent);
    }
    find_source::<X>(first).map(|_| outcome)
}

impl<K, M> Filtered<K, M> {
    pub(crate) const fn new(completion: M) -> Self {
        Self { completion, filter: PhantomData }
    }
}

/// Names a failure that the classifier has not named.
pub(crate) fn named<K: Filter<E>, E>(outcome: Outcome, error: &E) -> Outcome {
    match outcome {
        Outcome::Failure(FailureKind::OTHER) => Outcome::Failure(K::kind(error)),
        outcome => outcome,
    }
}

impl<K, M, C, Req, T, E> Complete<C, Req, T, E> for Filtered<K, M>
where
    K: Filter<E>,
    M: Complete<C, Req, T, E>,
{
    type Call = Filtered<K, M::Call>;
    type Bypass = M::Bypass;

    fn bypass(&self, request: &Req) -> Option<M::Bypass> {
        self.completion.bypass(request)
    }

    #[inline]
    fn begin(&self, classify: &C, request: &Req) -> Self::Call {
        Filtered::new(self.completion.begin(classify, request))
    }

    fn classify_unready(&self, classify: &C, result: &Result<T, E>) -> Outcome {
        let said = || self.completion.classify_unready(classify, result);
        match result {
            Ok(_) => said(),
            Err(error) => {
                let spared = <Self::Call as CompleteCall<C, T, E>>::spared(error);
                spared.unwrap_or_else(|| named::<K, E>(said(), error))
            }
        }
    }
}

impl<K, N, C, T, E> CompleteCall<C, T, E> for Filtered<K, N>
where
    K: Filter<E>,
    N: CompleteCall<C, T, E>,
{
    type Later = N::Later;
    type Response = N::Response;

    #[inline]
    fn decide(&mut self, classify: &C, result: &Result<T, E>) -> Decision<N::Later> {
        let Err(error) = result else {
            return self.completion.decide(classify, result);
        };
        if let Some(outcome) = Self::spared(error) {
            return Decision::Now(outcome);
        }
        match self.completion.decide(classify, result) {
            Decision::Now(outcome) => Decision::Now(named::<K, E>(outcome, error)),
            later @ Decision::AtEnd(_) => later,
        }
    }

    fn spared(error: &E) -> Option<Outcome> {
        match (K::outcome(error), N::spared(error)) {
            (Some(Outcome::NotSent), _) | (_, Some(Outcome::NotSent)) => Some(Outcome::NotSent),
            (here, within) => here.or(within),
        }
    }

    fn error_ref<'e>(classify: &C, error: &'e E) -> Option<ErrorRef<'e>> {
        N::error_ref(classify, error)
    }

    #[inline]
    fn completed<X>(polled: Poll<Result<T, X>>) -> Poll<Result<N::Response, X>> {
        N::completed(polled)
    }

    fn deferred(&self, response: T, permit: Permit, later: N::Later) -> N::Response {
        self.completion.deferred(response, permit, later)
    }
}

impl<K, M: Innermost> Innermost for Filtered<K, M> {
    type Base = M::Base;
    type With<N> = Filtered<K, M::With<N>>;

    fn change<N>(self, change: impl FnOnce(M::Base) -> N) -> Self::With<N> {
        Filtered::new(self.completion.change(change))
    }
}

impl<K, M> sealed::Sealed for Filtered<K, M> {}
impl<X, L> sealed::Sealed for Ignoring<X, L> {}
impl<X, L> sealed::Sealed for NotSent<X, L> {}
impl sealed::Sealed for InChain {}
impl<E> sealed::Sealed for InError<E> {}

impl<K, M: Clone> Clone for Filtered<K, M> {
    fn clone(&self) -> Self {
        Self::new(self.completion.clone())
    }
}

impl<K, M: Copy> Copy for Filtered<K, M> {}

impl<K, M: fmt::Debug> fmt::Debug for Filtered<K, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Filtered")
            .field("filter", &type_name::<K>())
            .field("completion", &self.completion)
            .finish()
    }
}

/// Types of which no value is made; they are shown by their names.
macro_rules! shown_by_name {
    ($([$($parameter:ident),*] $shown:ty)*) => {$(
        impl<$($parameter),*> fmt::Debug for $shown {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(type_name::<Self>())
            }
        }
    )*};
}

shown_by_name! {
    [X, L] Ignoring<X, L>
    [X, L] NotSent<X, L>
    [E] InError<E>
}
