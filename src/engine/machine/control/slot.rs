//! Where the control is kept: made when it is first needed, for most circuits of a large registry
//! never change.

use std::ops::{Deref, DerefMut};

use crate::engine::machine::control::{Beginning, Control};
use crate::engine::rules::settings::Settings;
use crate::sync::{Arc, MutexGuard};

/// A control, or what makes one.
#[derive(Debug)]
pub(crate) enum ControlSlot {
    /// Nothing has changed the circuit yet.
    Fresh {
        /// Shared by the circuits of one template.
        settings: Arc<Settings>,
        seed: u64,
    },
    Made(Box<Control>),
}

impl ControlSlot {
    /// Has `read` read the control, and makes none for that.
    pub(crate) fn look<R>(&self, beginning: Beginning, read: impl FnOnce(&Control) -> R) -> R {
        match self {
            Self::Made(control) => read(control),
            Self::Fresh { settings, seed } => read(&Control::new(settings, *seed, beginning)),
        }
    }
}

/// The lock of a control that is made.
#[derive(Debug)]
pub(crate) struct ControlGuard<'a>(MutexGuard<'a, ControlSlot>);

impl<'a> ControlGuard<'a> {
    /// Makes the control of a `slot` that is locked, if it has none.
    pub(crate) fn new(mut slot: MutexGuard<'a, ControlSlot>, beginning: Beginning) -> Self {
        if let ControlSlot::Fresh { settings, seed } = &*slot {
            *slot = ControlSlot::Made(Box::new(Control::new(settings, *seed, beginning)));
        }
        Self(slot)
    }
}

impl Deref for ControlGuard<'_> {
    type Target = Control;

    fn deref(&self) -> &Control {
        match &*self.0 {
            ControlSlot::Made(control) => control,
            ControlSlot::Fresh { .. } => not_made(),
        }
    }
}

impl DerefMut for ControlGuard<'_> {
    fn deref_mut(&mut self) -> &mut Control {
        match &mut *self.0 {
            ControlSlot::Made(control) => control,
            ControlSlot::Fresh { .. } => not_made(),
        }
    }
}

#[cold]
fn not_made() -> ! {
    unreachable!("`ControlGuard::new` makes it, and nothing takes it away")
}
