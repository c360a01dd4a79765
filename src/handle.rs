//! What a layer, its services and their calls share.

use std::borrow::Borrow;
use std::fmt;

use crate::circuit::Circuit;
use crate::on_open::OnOpen;
use crate::sync::Arc;

/// One reference to circuit, classifier and strategy, so that a call costs one reference count
/// and asks no `Clone` of any of them.
pub(crate) struct Handle<C, R> {
    shared: Arc<Apart<Shared<C, R>>>,
}

/// A value on another cache line than the reference count before it: every call changes that, and
/// calls on other threads read the value meanwhile.
#[repr(C)]
struct Apart<T> {
    between: [u64; 6],
    value: T,
}

struct Shared<C, R> {
    circuit: Circuit,
    classify: Arc<C>,
    strategy: Arc<R>,
    on_open: OnOpen,
}

impl<C, R> Handle<C, R> {
    pub(crate) fn new(circuit: Circuit, classify: C, strategy: R) -> Self {
        let (classify, strategy) = (Arc::new(classify), Arc::new(strategy));
        Self::from(Shared { circuit, classify, strategy, on_open: OnOpen::default() })
    }

    pub(crate) fn with_classify<D>(&self, classify: Arc<D>) -> Handle<D, R> {
        let Shared { circuit, strategy, on_open, .. } = &self.shared.value;
        let (circuit, strategy) = (circuit.clone(), Arc::clone(strategy));
        Handle::from(Shared { circuit, classify, strategy, on_open: *on_open })
    }

    pub(crate) fn with_strategy<Q>(&self, strategy: Arc<Q>) -> Handle<C, Q> {
        let Shared { circuit, classify, on_open, .. } = &self.shared.value;
        let (circuit, classify) = (circuit.clone(), Arc::clone(classify));
        Handle::from(Shared { circuit, classify, strategy, on_open: *on_open })
    }

    pub(crate) fn with_on_open(&self, on_open: OnOpen) -> Self {
        let Shared { circuit, classify, strategy, .. } = &self.shared.value;
        let (circuit, classify) = (circuit.clone(), Arc::clone(classify));
        Self::from(Shared { circuit, classify, strategy: Arc::clone(strategy), on_open })
    }

    #[inline]
    pub(crate) fn circuit(&self) -> &Circuit {
        &self.shared.value.circuit
    }

    #[inline]
    pub(crate) fn classify(&self) -> &C {
        &self.shared.value.classify
    }

    pub(crate) fn strategy(&self) -> &R {
        &self.shared.value.strategy
    }

    pub(crate) fn shared_classify(&self) -> Arc<C> {
        Arc::clone(&self.shared.value.classify)
    }

    /// Shows the parts; closures by the name of their type.
    pub(crate) fn show(&self, shown: &mut fmt::DebugStruct<'_, '_>) {
        shown
            .field("circuit", &self.shared.value.circuit)
            .field("classify", &std::any::type_name::<C>())
            .field("rejection", &std::any::type_name::<R>())
            .field("on_open", &self.shared.value.on_open);
    }
}

impl<C, R> From<Shared<C, R>> for Handle<C, R> {
    fn from(shared: Shared<C, R>) -> Self {
        Self { shared: Arc::new(Apart { between: [0; 6], value: shared }) }
    }
}

impl<C, R> Borrow<Circuit> for Handle<C, R> {
    #[inline]
    fn borrow(&self) -> &Circuit {
        self.circuit()
    }
}

impl<C, R> Clone for Handle<C, R> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}
