//! The service of one circuit for each key.

use std::fmt;
use std::task::{Context, Poll};

use tower_service::Service;

use crate::keyed::Key;
use crate::keyed::layer::Circuits;
use crate::service::completion::{Bypass, Complete, CompleteCall};
use crate::service::future::{GuardedFuture, ResponseFuture};
use crate::service::rejection::{Answer, PassOn};
use crate::service::service::enter;
use crate::sync::Arc;

/// The service that guards an inner one with one circuit for each key; see [`keyed`](crate::keyed).
pub struct KeyedCircuitBreaker<S, K, C, R, M> {
    inner: S,
    circuits: Arc<Circuits<K, C, R>>,
    completion: M,
}

impl<S, K, C, R, M> KeyedCircuitBreaker<S, K, C, R, M> {
    pub(super) const fn new(inner: S, circuits: Arc<Circuits<K, C, R>>, completion: M) -> Self {
        Self { inner, circuits, completion }
    }

    /// Returns a reference to the inner service.
    #[must_use]
    pub const fn get_ref(&self) -> &S {
        &self.inner
    }

    /// Returns a mutable reference to the inner service; calls made through it are not counted.
    #[must_use]
    pub const fn get_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// Returns the inner service.
    #[must_use]
    pub fn into_inner(self) -> S {
        self.inner
    }
}

impl<S, K, C, R, M, Req> Service<Req> for KeyedCircuitBreaker<S, K, C, R, M>
where
    S: Service<Req>,
    K: Key<Req>,
    R: Answer<Req, S::Response, S::Error>,
    M: Complete<C, Req, S::Response, S::Error>,
{
    type Response = <M::Call as CompleteCall<C, S::Response, S::Error>>::Response;
    type Error = <R as PassOn<S::Error>>::Error;
    type Future = GuardedFuture<S::Future, R::Future, C, R, M::Call, M::Bypass, R::Kept>;

    /// Polls the inner service. Its errors belong to no key, and are not counted.
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx).map_err(R::pass_on)
    }

    fn call(&mut self, request: Req) -> Self::Future {
        if let Some(bypass) = self.completion.bypass(&request) {
            return ResponseFuture::bypassing(bypass.of(self.inner.call(request)));
        }
        let shared = self.circuits.of(&self.circuits.key.key(&request));
        let admitted = shared.circuit().admit();
        enter(&mut self.inner, &shared, &self.completion, admitted, request)
    }
}

impl<S: Clone, K, C, R, M: Clone> Clone for KeyedCircuitBreaker<S, K, C, R, M> {
    fn clone(&self) -> Self {
        Self::new(self.inner.clone(), Arc::clone(&self.circuits), self.completion.clone())
    }
}

impl<S: fmt::Debug, K, C, R, M: fmt::Debug> fmt::Debug for KeyedCircuitBreaker<S, K, C, R, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyedCircuitBreaker")
            .field("inner", &self.inner)
            .field("key", &std::any::type_name::<K>())
            .field("completion", &self.completion)
            .finish_non_exhaustive()
    }
}
