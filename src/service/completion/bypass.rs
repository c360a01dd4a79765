//! Bypass: calls that go past the circuit.

use std::any::type_name;
use std::fmt;

use crate::engine::outcome::Outcome;
use crate::service::completion::{AtResult, Complete, Innermost, sealed};
use crate::sync::Arc;

/// A completion that lets the calls that match the predicate `P` go past the circuit.
///
/// From [`bypass_if`](crate::CircuitBreakerLayer::bypass_if). `M` completes all other calls; it may
/// be another `BypassIf`.
pub struct BypassIf<P, M = AtResult> {
    bypasses: Arc<P>,
    completion: M,
}

impl<P, M> BypassIf<P, M> {
    pub(crate) const fn new(bypasses: Arc<P>, completion: M) -> Self {
        Self { bypasses, completion }
    }
}

impl<P, M, C, Req, T, E> Complete<C, Req, T, E> for BypassIf<P, M>
where
    P: Fn(&Req) -> bool,
    M: Complete<C, Req, T, E>,
{
    type Call = M::Call;

    const BYPASSES: bool = true;

    fn bypasses(&self, request: &Req) -> bool {
        (self.bypasses)(request) || self.completion.bypasses(request)
    }

    fn begin(&self, classify: &C, request: &Req) -> Self::Call {
        self.completion.begin(classify, request)
    }

    fn classify_unready(&self, classify: &C, result: &Result<T, E>) -> Outcome {
        self.completion.classify_unready(classify, result)
    }
}

impl<P, M: Innermost> Innermost for BypassIf<P, M> {
    type Base = M::Base;
    type With<N> = BypassIf<P, M::With<N>>;

    fn change<N>(self, change: impl FnOnce(M::Base) -> N) -> Self::With<N> {
        BypassIf::new(self.bypasses, self.completion.change(change))
    }
}

impl<P, M> sealed::Sealed for BypassIf<P, M> {}

impl<P, M: Clone> Clone for BypassIf<P, M> {
    fn clone(&self) -> Self {
        Self::new(Arc::clone(&self.bypasses), self.completion.clone())
    }
}

impl<P, M: fmt::Debug> fmt::Debug for BypassIf<P, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BypassIf")
            .field("bypasses", &type_name::<P>())
            .field("completion", &self.completion)
            .finish()
    }
}
