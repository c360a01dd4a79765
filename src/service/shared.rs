//! The state that a layer, its services and their calls share.

use std::borrow::Borrow;
use std::fmt;

use crate::circuit::Circuit;
use crate::service::wait::timer::Timer;
use crate::sync::{Arc, Counted, holders};

/// One reference to circuit, classifier and strategy, so that a call costs one reference count and
/// none of them needs `Clone`.
pub(crate) struct Shared<C, R> {
    inner: Counted<Apart<Inner<C, R>>>,
}

/// A value that shares no cache line with the reference count before it, which every call changes, nor
/// with anything else: calls on other threads read it meanwhile.
#[repr(align(64))]
struct Apart<T> {
    value: T,
}

struct Inner<C, R> {
    circuit: Circuit,
    classify: Arc<C>,
    strategy: Arc<R>,
    /// For services that wait while the circuit is open; the others reject.
    timer: Option<Timer>,
}

impl<C, R> Shared<C, R> {
    pub(crate) fn new(circuit: Circuit, classify: C, strategy: R) -> Self {
        let (classify, strategy) = (Arc::new(classify), Arc::new(strategy));
        Self::from(Inner { circuit, classify, strategy, timer: None })
    }

    /// A reference with a count of its own, on a cache line of its own: calls through it and calls
    /// through others on other threads do not wait for each other there.
    pub(crate) fn apart(&self) -> Self {
        let Inner { circuit, classify, strategy, timer } = &self.inner.value;
        let (circuit, classify) = (circuit.clone(), Arc::clone(classify));
        Self::from(Inner { circuit, classify, strategy: Arc::clone(strategy), timer: *timer })
    }

    pub(crate) fn with_classify<D>(&self, classify: Arc<D>) -> Shared<D, R> {
        let Inner { circuit, strategy, timer, .. } = &self.inner.value;
        let (circuit, strategy) = (circuit.clone(), Arc::clone(strategy));
        Shared::from(Inner { circuit, classify, strategy, timer: *timer })
    }

    pub(crate) fn with_strategy<Q>(&self, strategy: Arc<Q>) -> Shared<C, Q> {
        let Inner { circuit, classify, timer, .. } = &self.inner.value;
        let (circuit, classify) = (circuit.clone(), Arc::clone(classify));
        Shared::from(Inner { circuit, classify, strategy, timer: *timer })
    }

    pub(crate) fn with_circuit(&self, circuit: Circuit) -> Self {
        let Inner { classify, strategy, timer, .. } = &self.inner.value;
        let (classify, strategy) = (Arc::clone(classify), Arc::clone(strategy));
        Self::from(Inner { circuit, classify, strategy, timer: *timer })
    }

    /// Whether there are no other clones.
    pub(crate) fn is_unshared(&self) -> bool {
        holders(&self.inner) == 1
    }

    pub(crate) fn with_timer(&self, timer: Option<Timer>) -> Self {
        let Inner { circuit, classify, strategy, .. } = &self.inner.value;
        let (circuit, classify) = (circuit.clone(), Arc::clone(classify));
        Self::from(Inner { circuit, classify, strategy: Arc::clone(strategy), timer })
    }

    #[inline]
    pub(crate) fn circuit(&self) -> &Circuit {
        &self.inner.value.circuit
    }

    /// The timer that wakes a waiting caller; `None` where calls are rejected.
    #[inline]
    pub(crate) fn timer(&self) -> Option<Timer> {
        self.inner.value.timer
    }

    #[inline]
    pub(crate) fn classify(&self) -> &C {
        &self.inner.value.classify
    }

    pub(crate) fn classify_shared(&self) -> &Arc<C> {
        &self.inner.value.classify
    }

    pub(crate) fn strategy(&self) -> &R {
        &self.inner.value.strategy
    }

    /// Shows the parts; closures by the name of their type.
    pub(crate) fn show(&self, shown: &mut fmt::DebugStruct<'_, '_>) {
        let on_open = if self.timer().is_some() { "Wait" } else { "Reject" };
        shown
            .field("circuit", &self.inner.value.circuit)
            .field("classify", &std::any::type_name::<C>())
            .field("rejection", &std::any::type_name::<R>())
            .field("on_open", &format_args!("{on_open}"));
    }
}

impl<C, R> From<Inner<C, R>> for Shared<C, R> {
    fn from(inner: Inner<C, R>) -> Self {
        Self { inner: Counted::new(Apart { value: inner }) }
    }
}

impl<C, R> Borrow<Circuit> for Shared<C, R> {
    #[inline]
    fn borrow(&self) -> &Circuit {
        self.circuit()
    }
}

impl<C, R> Clone for Shared<C, R> {
    fn clone(&self) -> Self {
        Self { inner: Counted::clone(&self.inner) }
    }
}
