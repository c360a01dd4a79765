//! The handle of a listener.

use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};

use crate::sync::Arc;

/// A listener that was added to a circuit or a registry, and can be removed.
///
/// From [`Circuit::on_event`](crate::Circuit::on_event) and
/// [`CircuitRegistry::on_event`](crate::CircuitRegistry::on_event). Dropping the handle leaves the
/// listener where it is. The handle keeps neither alive.
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicU32, Ordering};
/// use tower_circuit_breaker::{Circuit, CircuitEvent};
///
/// let circuit = Circuit::builder("plants").build();
/// let heard = Arc::new(AtomicU32::new(0));
/// let counter = Arc::clone(&heard);
/// let listener = circuit.on_event(move |_: &CircuitEvent| {
///     counter.fetch_add(1, Ordering::Relaxed);
/// });
///
/// circuit.trip();
/// assert!(listener.remove());
/// circuit.reset();
/// assert_eq!(heard.load(Ordering::Relaxed), 1);
/// ```
#[derive(Clone)]
pub struct ListenerHandle {
    remove: Arc<dyn Fn() -> bool + Send + Sync>,
}

/// Which listener it is: equal to its clones alone.
#[derive(Debug, Clone)]
pub(crate) struct ListenerId(Arc<()>);

impl ListenerHandle {
    pub(crate) fn new(remove: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        Self { remove: Arc::new(remove) }
    }

    /// Removes the listener, and returns whether it was still there.
    ///
    /// Events that wait for it are dropped; an event that another thread delivers at this moment
    /// may still arrive. A listener may remove itself. Once the last listener that wants calls or
    /// rejections is removed, those cost nothing any more.
    #[expect(clippy::must_use_candidate, reason = "most do not ask whether it was there")]
    pub fn remove(&self) -> bool {
        (self.remove)()
    }
}

impl ListenerId {
    pub(crate) fn new() -> Self {
        Self(Arc::new(()))
    }

    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

// It holds weak references and a number, whatever the listener is.
impl UnwindSafe for ListenerHandle {}
impl RefUnwindSafe for ListenerHandle {}

impl fmt::Debug for ListenerHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ListenerHandle").finish_non_exhaustive()
    }
}
