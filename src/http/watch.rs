//! A call whose body has not ended: held by its reader and, for a probe, by its circuit, too.

use crate::circuit::Circuit;
use crate::engine::machine::probes::HeldProbe;
use crate::engine::time::Timestamp;
use crate::http::judging::{Judging, Why};
use crate::sync::{Arc, Mutex, Weak, lock};

/// A call that waits for the end of its body.
pub(super) enum Watch<N> {
    /// Held by the reader alone. `None` once it is judged.
    Own(Option<Judging<N>>),
    /// A probe, which holds a slot that other calls wait for: its circuit may judge it first.
    Shared(Arc<HeldBody<N>>),
}

/// A probe's call, for its reader and its circuit.
pub(super) struct HeldBody<N> {
    state: Mutex<HeldState<N>>,
}

struct HeldState<N> {
    /// `None` while the reader looks at it, and once it is judged.
    judging: Option<Judging<N>>,
    /// Whether the circuit has asked for it meanwhile, and when.
    ended: Option<Timestamp>,
}

impl<N: Send + 'static> Watch<N> {
    #[inline]
    pub(super) fn new(judging: Judging<N>) -> Self {
        if judging.admission().is_probe() {
            Self::shared(judging)
        } else {
            Self::Own(Some(judging))
        }
    }

    #[cold]
    fn shared(judging: Judging<N>) -> Self {
        let held =
            Arc::new(HeldBody { state: Mutex::new(HeldState { judging: None, ended: None }) });
        let weak: Weak<dyn HeldProbe> = Arc::downgrade(&held) as Weak<dyn HeldProbe>;
        // Before it is put there, so that the circuit sees that the probe was answered.
        judging.admission().hold(weak);
        held.put(judging);
        Self::Shared(held)
    }
}

impl<N> Watch<N> {
    /// Calls `look` with the call, unless it is judged already. A call that `look` leaves in place
    /// goes on. No lock is held meanwhile. Returns whether a call is left.
    #[inline]
    pub(super) fn look(&mut self, look: impl FnOnce(&mut Option<Judging<N>>)) -> bool {
        let mut taken = None;
        let judging = match self {
            Self::Own(judging) => judging,
            Self::Shared(held) => {
                taken = held.take();
                &mut taken
            }
        };
        if judging.is_some() {
            look(judging);
        }
        match self {
            Self::Own(judging) => judging.is_some(),
            Self::Shared(held) => taken.is_some_and(|judging| held.put(judging)),
        }
    }

    /// Takes the call, to be judged.
    #[inline]
    fn take(&mut self) -> Option<Judging<N>> {
        match self {
            Self::Own(judging) => judging.take(),
            Self::Shared(held) => held.take(),
        }
    }

    /// Records a failure if the inner body panics before this is disarmed.
    #[inline]
    pub(super) fn failure_on_panic(&mut self) -> BodyFailureOnPanic<'_, N> {
        BodyFailureOnPanic(Some(self))
    }
}

impl<N> Drop for Watch<N> {
    // Cannot panic, unless the circuit's clock does.
    #[inline]
    fn drop(&mut self) {
        if let Some(judging) = self.take() {
            judging.left(Why::Dropped, Circuit::now);
        }
    }
}

impl<N> HeldBody<N> {
    fn take(&self) -> Option<Judging<N>> {
        lock(&self.state).judging.take()
    }

    /// Puts the call back, unless its circuit has asked for it meanwhile: then it is judged.
    fn put(&self, judging: Judging<N>) -> bool {
        let mut state = lock(&self.state);
        let Some(ended) = state.ended else {
            state.judging = Some(judging);
            return true;
        };
        drop(state);
        judging.left(Why::HeldBody, |_| ended);
        false
    }
}

impl<N: Send> HeldProbe for HeldBody<N> {
    fn end_hold(&self, now: Timestamp) {
        let mut state = lock(&self.state);
        state.ended = Some(now);
        let judging = state.judging.take();
        drop(state);
        if let Some(judging) = judging {
            judging.left(Why::HeldBody, |_| now);
        }
    }
}

/// See [`Watch::failure_on_panic`].
pub(super) struct BodyFailureOnPanic<'a, N>(Option<&'a mut Watch<N>>);

impl<N> BodyFailureOnPanic<'_, N> {
    #[inline]
    pub(super) fn disarm(mut self) {
        self.0 = None;
    }
}

impl<N> Drop for BodyFailureOnPanic<'_, N> {
    // Cannot panic, unless the circuit's clock does.
    #[inline]
    fn drop(&mut self) {
        if let Some(judging) = self.0.take().and_then(Watch::take) {
            judging.panicked();
        }
    }
}

#[cfg(test)]
mod tests;
