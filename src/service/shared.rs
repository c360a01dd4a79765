//! What a layer, its services and their calls share.

use std::borrow::Borrow;
use std::fmt;

use crate::circuit::Circuit;
use crate::service::wait::timer::Arm;
use crate::sync::{Arc, Counted, holders};

/// One reference to circuit, classifier and strategy, so that a call costs one reference count
/// and asks no `Clone` of any of them.
pub(crate) struct Handle<C, R> {
    shared: Counted<Apart<Shared<C, R>>>,
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
    /// For services that wait while the circuit is open; the others reject.
    arm: Option<Arm>,
}

impl<C, R> Handle<C, R> {
    pub(crate) fn new(circuit: Circuit, classify: C, strategy: R) -> Self {
        let (classify, strategy) = (Arc::new(classify), Arc::new(strategy));
        Self::from(Shared { circuit, classify, strategy, arm: None })
    }

    pub(crate) fn with_classify<D>(&self, classify: Arc<D>) -> Handle<D, R> {
        let Shared { circuit, strategy, arm, .. } = &self.shared.value;
        let (circuit, strategy) = (circuit.clone(), Arc::clone(strategy));
        Handle::from(Shared { circuit, classify, strategy, arm: *arm })
    }

    pub(crate) fn with_strategy<Q>(&self, strategy: Arc<Q>) -> Handle<C, Q> {
        let Shared { circuit, classify, arm, .. } = &self.shared.value;
        let (circuit, classify) = (circuit.clone(), Arc::clone(classify));
        Handle::from(Shared { circuit, classify, strategy, arm: *arm })
    }

    pub(crate) fn with_circuit(&self, circuit: Circuit) -> Self {
        let Shared { classify, strategy, arm, .. } = &self.shared.value;
        let (classify, strategy) = (Arc::clone(classify), Arc::clone(strategy));
        Self::from(Shared { circuit, classify, strategy, arm: *arm })
    }

    /// Whether nobody else has a clone.
    pub(crate) fn is_unshared(&self) -> bool {
        holders(&self.shared) == 1
    }

    pub(crate) fn with_arm(&self, arm: Option<Arm>) -> Self {
        let Shared { circuit, classify, strategy, .. } = &self.shared.value;
        let (circuit, classify) = (circuit.clone(), Arc::clone(classify));
        Self::from(Shared { circuit, classify, strategy: Arc::clone(strategy), arm })
    }

    #[inline]
    pub(crate) fn circuit(&self) -> &Circuit {
        &self.shared.value.circuit
    }

    /// What wakes a caller that waits; `None` where calls are rejected.
    #[inline]
    pub(crate) fn arm(&self) -> Option<Arm> {
        self.shared.value.arm
    }

    #[inline]
    pub(crate) fn classify(&self) -> &C {
        &self.shared.value.classify
    }

    pub(crate) fn strategy(&self) -> &R {
        &self.shared.value.strategy
    }

    /// Shows the parts; closures by the name of their type.
    pub(crate) fn show(&self, shown: &mut fmt::DebugStruct<'_, '_>) {
        let on_open = if self.arm().is_some() { "Wait" } else { "Reject" };
        shown
            .field("circuit", &self.shared.value.circuit)
            .field("classify", &std::any::type_name::<C>())
            .field("rejection", &std::any::type_name::<R>())
            .field("on_open", &format_args!("{on_open}"));
    }
}

impl<C, R> From<Shared<C, R>> for Handle<C, R> {
    fn from(shared: Shared<C, R>) -> Self {
        Self { shared: Counted::new(Apart { between: [0; 6], value: shared }) }
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
        Self { shared: Counted::clone(&self.shared) }
    }
}
