//! The classifier of clients' errors (feature `hyper-util-01`).

use std::fmt;
use std::marker::PhantomData;

use http::{Request, Response};
use http_body::Body;

use crate::circuit::classify::{Classify, adds_failure_if};
use crate::engine::outcome::Outcome;
use crate::error::ErrorRef;
use crate::http::classify::ClassifyHttp;
use crate::http::status::ServerErrorsAsFailures;
use crate::service::completion::{Decision, Filter, named};

/// The classifier of a client's errors, which leaves all other results to the classifier `C`.
///
/// `K` is `HyperErrors` of the module `hyper`, or `ReqwestErrors` of the module `reqwest`. Errors
/// that it counts as [not sent](Outcome::NotSent) are not sent, whatever `C` would say; a failure
/// that `C` has not named gets the kind of the error. Takes errors that are an
/// [`ErrorChain`](crate::ErrorChain).
pub struct ClientErrors<K, C = ServerErrorsAsFailures> {
    classify: C,
    client: PhantomData<fn() -> K>,
}

impl<K> ClientErrors<K> {
    /// Makes a classifier that judges responses as [`ServerErrorsAsFailures`] does.
    #[must_use]
    pub const fn new() -> Self {
        Self::around(ServerErrorsAsFailures::new())
    }
}

impl<K, C> ClientErrors<K, C> {
    /// Makes a classifier that asks `classify` about responses and all other errors.
    pub const fn around(classify: C) -> Self {
        Self { classify, client: PhantomData }
    }
}

impl<K> Default for ClientErrors<K> {
    fn default() -> Self {
        Self::new()
    }
}

/// The outcome of `error`, where `said` asks another classifier.
fn judge<K: Filter<E>, E>(error: &E, said: impl FnOnce() -> Outcome) -> Outcome {
    K::outcome(error).unwrap_or_else(|| named::<K, E>(said(), error))
}

impl<K, C, T, E> Classify<T, E> for ClientErrors<K, C>
where
    K: Filter<E>,
    C: Classify<T, E>,
{
    fn classify(&self, result: &Result<T, E>) -> Outcome {
        let said = || self.classify.classify(result);
        match result {
            Ok(_) => said(),
            Err(error) => judge::<K, E>(error, said),
        }
    }

    fn error_ref<'e>(&self, error: &'e E) -> Option<ErrorRef<'e>> {
        self.classify.error_ref(error)
    }
}

impl<K, C, B, E> ClassifyHttp<B, E> for ClientErrors<K, C>
where
    K: Filter<E>,
    C: ClassifyHttp<B, E>,
    B: Body,
{
    type Call = C::Call;
    type End = C::End;

    fn begin<R>(&self, request: &Request<R>) -> C::Call {
        self.classify.begin(request)
    }

    fn classify_head(&self, call: C::Call, result: &Result<Response<B>, E>) -> Decision<C::End> {
        let Err(error) = result else {
            return self.classify.classify_head(call, result);
        };
        if let Some(outcome) = K::outcome(error) {
            return Decision::Now(outcome);
        }
        match self.classify.classify_head(call, result) {
            Decision::Now(outcome) => Decision::Now(named::<K, E>(outcome, error)),
            later @ Decision::AtEnd(_) => later,
        }
    }

    fn classify_unready(&self, result: &Result<Response<B>, E>) -> Outcome {
        let said = || self.classify.classify_unready(result);
        match result {
            Ok(_) => said(),
            Err(error) => judge::<K, E>(error, said),
        }
    }

    fn error_ref<'e>(&self, error: &'e E) -> Option<ErrorRef<'e>> {
        self.classify.error_ref(error)
    }
}

adds_failure_if! {
    [K, C] ClientErrors<K, C>
}

impl<K, C: Clone> Clone for ClientErrors<K, C> {
    fn clone(&self) -> Self {
        Self::around(self.classify.clone())
    }
}

impl<K, C: fmt::Debug> fmt::Debug for ClientErrors<K, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientErrors")
            .field("client", &std::any::type_name::<K>())
            .field("classify", &self.classify)
            .finish()
    }
}
