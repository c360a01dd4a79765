//! Which circuits have a name of their own in the recorder, and what their gauges show.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard, Weak};

use tower_circuit_breaker::{CircuitState, Override};

/// The names that the recorder has been given, each with the circuits of that name that are there.
///
/// A name is never taken back, since no series is: so there are never more series than the cap
/// allows, whatever circuits come and go.
#[derive(Debug, Default)]
pub(super) struct Names(RwLock<HashMap<Arc<str>, Vec<Here>>>);

/// A circuit that is there.
#[derive(Debug)]
struct Here {
    /// Its own allocation of its name, by which its events are told from those of another. It goes with
    /// the circuit: one outside of a registry leaves without a word.
    circuit: Weak<str>,
    now: Now,
}

/// What the gauges of a name show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Now {
    pub(super) state: CircuitState,
    pub(super) overridden: Option<Override>,
}

impl Names {
    /// Notes a circuit that has come. It gets a name, unless there are `cap` of them or
    /// `is_replacement`; a name that was given before is its name again.
    pub(super) fn add(&self, circuit: &Arc<str>, now: Now, cap: usize, is_replacement: bool) {
        let mut names = self.write();
        let is_full = is_replacement || names.len() >= cap;
        if is_full && !names.contains_key(circuit) {
            return;
        }
        // Its own allocation would keep the name of the first circuit for ever.
        let all = names.entry(Arc::from(&**circuit)).or_default();
        all.retain(|here| here.circuit.strong_count() > 0);
        all.push(Here { circuit: Arc::downgrade(circuit), now });
    }

    /// Notes that a circuit has gone.
    pub(super) fn remove(&self, circuit: &Arc<str>) {
        if let Some(here) = self.write().get_mut(circuit) {
            let place = here.iter().position(|here| here.is(circuit));
            place.map(|place| here.remove(place));
        }
    }

    /// Notes a change of a circuit, if it is there.
    pub(super) fn change(&self, circuit: &Arc<str>, change: impl Fn(&mut Now)) {
        let mut names = self.write();
        let here = names.get_mut(circuit).into_iter().flatten();
        here.filter(|here| here.is(circuit)).for_each(|here| {
            change(&mut here.now);
        });
    }

    /// Whether the recorder has been given the name of this circuit.
    pub(super) fn has(&self, circuit: &Arc<str>) -> bool {
        self.read().contains_key(circuit)
    }

    /// What the gauges of this circuit's name are to show, if it has been given: the circuit that
    /// came last of those that are there, or a closed one.
    pub(super) fn now(&self, circuit: &Arc<str>) -> Option<Now> {
        let names = self.read();
        let here = names.get(circuit)?;
        Some(here.last().map_or(Now::GONE, |here| here.now))
    }

    // Nothing panics while the lock is held; what it guards is whole anyway.
    fn read(&self) -> RwLockReadGuard<'_, HashMap<Arc<str>, Vec<Here>>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, HashMap<Arc<str>, Vec<Here>>> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Here {
    fn is(&self, circuit: &Arc<str>) -> bool {
        std::ptr::addr_eq(self.circuit.as_ptr(), Arc::as_ptr(circuit))
    }
}

impl Now {
    /// A circuit that is gone is neither open nor overridden.
    const GONE: Self = Self { state: CircuitState::Closed, overridden: None };
}
