//! A registry of circuits by name.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};

use crate::circuit::Circuit;
use crate::circuit::builder::CircuitBuilder;
use crate::circuit::fleet::Fleet;
use crate::circuit::saved::SavedCircuit;
use crate::circuit::snapshot::{CircuitSnapshot, Health};
use crate::circuit::template::Template;
use crate::registry::by_name::ByName;
use crate::registry::listen::OfAll;
use crate::sync::{Arc, RwLock, read, write};

mod by_name;
mod listen;
mod saved;

/// A registry of a process's circuits by name, for dashboards, health checks and metrics.
///
/// Clones are the same registry. A call through a circuit costs the same in a registry as outside
/// of it. Looking a circuit up takes a read lock: keep the [`Circuit`], which costs one reference
/// count, rather than looking it up for each call.
///
/// A circuit with its entry and a short name takes 500 bytes, 660 with the default rules, and 630
/// with a window of 100 calls; 420 more once it has changed its state, and 250 more where the
/// template gives it other settings than it gave the first. Looking one up costs the same among
/// 100,000 as among 10, but for the caches of the processor.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use tower_circuit_breaker::{CircuitRegistry, Health};
///
/// let registry = CircuitRegistry::with_template(|builder| builder.open_for(Duration::from_secs(5)));
/// let plants = registry.get_or_create("plants");
/// let prices = registry.get_or_create("prices");
/// assert_eq!(registry.health(), Health::Healthy);
///
/// plants.trip();
/// prices.trip();
/// assert_eq!(registry.health(), Health::Degraded, "neither is critical");
///
/// registry.mark_critical("prices");
/// assert_eq!(registry.health(), Health::Failing);
/// ```
#[derive(Clone)]
#[doc(alias = "CircuitBreakerRegistry")]
pub struct CircuitRegistry {
    shared: Arc<RegistryState>,
}

struct RegistryState {
    template: Template,
    entries: RwLock<Entries>,
    /// The processes that share these circuits.
    fleet: RwLock<Option<Arc<dyn Fleet>>>,
}

#[derive(Default)]
struct Entries {
    circuits: HashSet<ByName>,
    critical: HashSet<Arc<str>>,
    listeners: Vec<OfAll>,
    /// The saved states of circuits to come.
    saved: HashMap<Arc<str>, SavedCircuit>,
}

/// The error of inserting a circuit when another circuit has its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameTaken {
    name: Arc<str>,
}

// As the circuits that it holds.
impl UnwindSafe for CircuitRegistry {}
impl RefUnwindSafe for CircuitRegistry {}

impl CircuitRegistry {
    /// Makes an empty registry, whose new circuits have the default settings.
    #[must_use]
    pub fn new() -> Self {
        Self::with_template(|builder| builder)
    }

    /// Makes an empty registry, which makes new circuits by `template`.
    ///
    /// The template is given a builder with the name set ([`CircuitBuilder::name`]), and runs
    /// outside every lock; if several threads ask for a new name at once it may run more than once,
    /// but one circuit is kept.
    #[must_use]
    pub fn with_template<F>(template: F) -> Self
    where
        F: Fn(CircuitBuilder) -> CircuitBuilder + Send + Sync + 'static,
    {
        let (template, entries) = (Template::new(template), RwLock::default());
        let fleet = RwLock::default();
        Self { shared: Arc::new(RegistryState { template, entries, fleet }) }
    }

    /// Returns the circuit of this name, if there is one.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Circuit> {
        read(&self.shared.entries).circuit(name).cloned()
    }

    /// Returns the circuit of this name, made by the template if there is none.
    ///
    /// All callers get the same circuit, however many ask at once.
    #[expect(clippy::must_use_candidate, reason = "it may be made for others to find")]
    pub fn get_or_create(&self, name: &str) -> Circuit {
        if let Some(circuit) = self.get(name) {
            return circuit;
        }
        let made = self.shared.template.make(name);
        // Dropped after the lock, if another thread was faster: its listeners are user code.
        self.keep(&made)
    }

    /// Adds a circuit that was made elsewhere.
    ///
    /// # Errors
    ///
    /// [`NameTaken`] if another circuit has its name; adding the same one again changes nothing.
    pub fn insert(&self, circuit: &Circuit) -> Result<(), NameTaken> {
        let kept = self.keep(circuit);
        if kept.is_same(circuit) {
            return Ok(());
        }
        Err(NameTaken { name: Arc::clone(circuit.shared_name()) })
    }

    /// Removes and returns the circuit of this name.
    ///
    /// Its clones still work, but the registry no longer shows it. It keeps the listeners that the
    /// registry gave it.
    #[expect(clippy::must_use_candidate, reason = "what it takes out is seldom wanted")]
    pub fn remove(&self, name: &str) -> Option<Circuit> {
        let removed = write(&self.shared.entries).remove(name)?;
        // After the lock: listeners are user code.
        removed.tell_presence(None);
        Some(removed)
    }

    /// Removes this very circuit, if it is here. For callers with a lock of their own: after
    /// releasing it, they deliver that it is gone with
    /// [`tell_presence`](Circuit::tell_presence). Runs no user code.
    pub(crate) fn remove_same(&self, circuit: &Circuit) {
        let mut entries = write(&self.shared.entries);
        if entries.has_same(circuit) {
            entries.remove(circuit.name());
        }
    }

    /// Whether this very circuit is here.
    pub(crate) fn has_same(&self, circuit: &Circuit) -> bool {
        read(&self.shared.entries).has_same(circuit)
    }

    /// Returns the circuits that are registered now, sorted by name.
    #[must_use]
    pub fn circuits(&self) -> Vec<Circuit> {
        let mut circuits: Vec<_> = read(&self.shared.entries).all().cloned().collect();
        circuits.sort_unstable_by(|a, b| a.name().cmp(b.name()));
        circuits
    }

    /// Returns a snapshot of each circuit, sorted by name.
    ///
    /// As with [`Circuit::snapshot`], no call to a closed or open circuit waits for it.
    #[must_use]
    pub fn snapshots(&self) -> Vec<CircuitSnapshot> {
        self.circuits().iter().map(Circuit::snapshot).collect()
    }

    /// Returns the number of circuits.
    #[must_use]
    pub fn len(&self) -> usize {
        read(&self.shared.entries).circuits.len()
    }

    /// Returns whether there are no circuits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// [Resets](Circuit::reset) every circuit.
    pub fn reset_all(&self) {
        for circuit in self.circuits() {
            circuit.reset();
        }
    }

    /// Marks the circuit of this name as critical, whether it exists or is made later.
    ///
    /// Like [`CircuitBuilder::critical`], which does so where the circuit is made.
    pub fn mark_critical(&self, name: impl Into<Arc<str>>) {
        write(&self.shared.entries).critical.insert(name.into());
    }

    /// Returns whether the circuit of this name is marked as critical, here or where it was made.
    #[must_use]
    pub fn is_critical(&self, name: &str) -> bool {
        let entries = read(&self.shared.entries);
        entries.critical.contains(name) || entries.circuit(name).is_some_and(Circuit::is_critical)
    }

    /// Returns the health of all circuits together, from the [`Circuit::health`] of each.
    ///
    /// Failing while a critical circuit is failing, degraded while any is not healthy, else
    /// healthy, also when there are no circuits. However many circuits are open, it is not failing
    /// while no critical one is: a process that is taken out of service for that serves no calls at
    /// all, and its circuits get no call that could close them.
    #[must_use]
    pub fn health(&self) -> Health {
        // Their clocks are user code: not under the lock.
        let circuits = self.circuits();
        let worst = |health: Health, circuit: &Circuit| {
            health.max(match circuit.health() {
                Health::Failing if !self.is_critical(circuit.name()) => Health::Degraded,
                health => health,
            })
        };
        circuits.iter().fold(Health::Healthy, worst)
    }

    /// Lets operators of this registry reach `fleet`; it replaces an earlier one.
    pub fn join(&self, fleet: Arc<dyn Fleet>) {
        let old = write(&self.shared.fleet).replace(fleet);
        drop(old);
    }

    /// Returns the fleet whose processes share these circuits, if there is one.
    #[must_use]
    pub fn fleet(&self) -> Option<Arc<dyn Fleet>> {
        read(&self.shared.fleet).clone()
    }
}

impl Entries {
    fn circuit(&self, name: &str) -> Option<&Circuit> {
        self.circuits.get(name).map(|entry| &entry.0)
    }

    fn all(&self) -> impl Iterator<Item = &Circuit> {
        self.circuits.iter().map(|entry| &entry.0)
    }

    fn has_same(&self, circuit: &Circuit) -> bool {
        self.circuit(circuit.name()).is_some_and(|kept| kept.is_same(circuit))
    }

    /// The circuit under this one's name: this one, unless there was another.
    fn keep(&mut self, circuit: &Circuit, replaces: Option<&Circuit>) -> Circuit {
        if let Some(kept) = self.circuit(circuit.name()) {
            return kept.clone();
        }
        for listener in &self.listeners {
            listener.add_to(circuit, replaces);
        }
        self.circuits.insert(ByName(circuit.clone()));
        circuit.clone()
    }

    fn remove(&mut self, name: &str) -> Option<Circuit> {
        let ByName(removed) = self.circuits.take(name)?;
        for listener in &self.listeners {
            listener.put_removed(&removed);
        }
        Some(removed)
    }
}

impl NameTaken {
    /// Returns the name that is taken.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl fmt::Display for NameTaken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "another circuit has the name {:?}: remove it first", self.name())
    }
}

impl std::error::Error for NameTaken {}

impl Default for CircuitRegistry {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for CircuitRegistry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CircuitRegistry")
            .field("circuits", &self.circuits())
            .finish_non_exhaustive()
    }
}
