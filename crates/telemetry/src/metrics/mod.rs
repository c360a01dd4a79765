//! Changes through the `metrics` facade.

use std::sync::Arc;

use metrics::{SharedString, counter, describe_counter, describe_gauge, gauge};
use tower_circuit_breaker::{
    CircuitEvent, CircuitState, FailureKind, Interest, Listener, Override,
};

use crate::level::level;
use crate::metrics::names::{Names, Now};

mod names;

/// Records what happens to circuits in whatever recorder of [`metrics`](https://docs.rs/metrics) the
/// program has installed.
///
/// Names and labels are those of the [module docs](crate#metrics), as far as events tell. A circuit
/// has all its series, at 0, from when the listener is added to it:
///
/// | metric | recorded on |
/// |---|---|
/// | `circuit_breaker_state`, `circuit_breaker_open_total`, `circuit_breaker_state_transitions_total` | changes |
/// | `circuit_breaker_overridden` | changes |
/// | `circuit_breaker_calls_total`: `rejected` | [`rejections`](Self::rejections) |
/// | `circuit_breaker_calls_total`: `success`, `failure` and `not_sent`; `circuit_breaker_failures_total` | [`calls`](Self::calls) |
///
/// What it records is looked up in the recorder at each event and not kept, so that a recorder may be
/// installed later, or forget what was idle for long; what is recorded of it then begins anew.
///
/// # Circuits that go
///
/// When a circuit leaves the registry, its gauges say closed and not overridden, and stay so
/// whatever becomes of its clones. Its counters stay as they are: the facade cannot delete a series.
/// So that those of circuits that are gone do not pile up, a circuit that was made for a key in the
/// place of an evicted one ([`keyed`](tower_circuit_breaker::keyed)) gets no name of its own: it is
/// counted with the others under `name="other"`, which has counters alone. A layer with a cap of
/// 100 keys gives the recorder 101 names at most, whatever keys come. A key that has had a name
/// gets it again. Circuits beyond [`max_names`](Self::max_names) are counted as `other`, too.
///
/// Where Prometheus is what scrapes, `PrometheusCollector` knows more, costs calls nothing, and
/// exports the circuits that are there and no others.
///
/// # Examples
///
/// ```
/// use tower_circuit_breaker::CircuitRegistry;
/// use tower_circuit_breaker_telemetry::MetricsListener;
///
/// let registry = CircuitRegistry::new();
/// registry.on_event(MetricsListener::new().rejections());
/// # registry.get_or_create("plants").trip();
/// # assert_eq!(registry.get("plants").unwrap().snapshot().listeners.panics, 0);
/// ```
#[derive(Debug, Clone)]
pub struct MetricsListener {
    interest: Interest,
    max_names: usize,
    /// Clones have one recorder, and so one set of names.
    names: Arc<Names>,
}

const STATE: &str = "circuit_breaker_state";
const OVERRIDDEN: &str = "circuit_breaker_overridden";
const CALLS: &str = "circuit_breaker_calls_total";
const FAILURES: &str = "circuit_breaker_failures_total";
const OPEN: &str = "circuit_breaker_open_total";
const TRANSITIONS: &str = "circuit_breaker_state_transitions_total";

/// The name of the circuits that have none of their own.
const OTHER: &str = "other";

impl MetricsListener {
    /// Makes a listener, and describes the metrics to the recorder that is installed.
    ///
    /// Install yours before. It records changes of state and override.
    #[must_use]
    pub fn new() -> Self {
        describe_gauge!(STATE, "Where the circuit stands: 0 closed, 1 half-open, 2 open.");
        describe_gauge!(OVERRIDDEN, "1 while an operator has this override in force.");
        describe_counter!(CALLS, "Calls, by what became of them.");
        describe_counter!(FAILURES, "Failed calls, by the kind of failure.");
        describe_counter!(OPEN, "How often the circuit opened, from closed or half-open.");
        describe_counter!(TRANSITIONS, "Changes of state, by the states before and after.");
        let interest = Interest::CHANGES | Interest::PRESENCE;
        Self { interest, max_names: 10_000, names: Arc::default() }
    }

    /// Counts finished calls too; each then costs two short locks and one or two look-ups in the
    /// recorder.
    #[must_use]
    pub fn calls(self) -> Self {
        Self { interest: self.interest | Interest::CALLS, ..self }
    }

    /// Counts rejected calls too; each then costs two short locks and a look-up in the recorder.
    #[must_use]
    pub fn rejections(self) -> Self {
        Self { interest: self.interest | Interest::REJECTIONS, ..self }
    }

    /// Sets how many circuits get a name of their own. Default 10,000.
    ///
    /// Those that come later are counted together under `name="other"`. It bounds what the recorder
    /// keeps in a program that makes and removes circuits without end.
    #[must_use]
    pub fn max_names(self, max: usize) -> Self {
        Self { max_names: max, ..self }
    }

    /// Has every series of the circuit in the recorder.
    fn begin(&self, circuit: &Arc<str>) {
        let name = self.name(circuit);
        counter!(OPEN, "name" => name.clone()).increment(0);
        for (_, _, transition) in MOVES {
            counter!(TRANSITIONS, "name" => name.clone(), "transition" => transition).increment(0);
        }
        for (interest, results) in RESULTS {
            for result in results.iter().filter(|_| self.interest.contains(interest)) {
                counter!(CALLS, "name" => name.clone(), "result" => *result).increment(0);
            }
        }
        if self.interest.contains(Interest::CALLS) {
            self.count_failure(circuit, FailureKind::OTHER, 0);
        }
        self.show(circuit);
    }

    fn count_move(&self, circuit: &Arc<str>, from: CircuitState, to: CircuitState) {
        let transition = transition(from, to);
        counter!(TRANSITIONS, "name" => self.name(circuit), "transition" => transition)
            .increment(1);
        if to == CircuitState::Open {
            counter!(OPEN, "name" => self.name(circuit)).increment(1);
        }
    }

    fn count_call(&self, circuit: &Arc<str>, result: &'static str) {
        counter!(CALLS, "name" => self.name(circuit), "result" => result).increment(1);
    }

    fn count_failure(&self, circuit: &Arc<str>, kind: FailureKind, failures: u64) {
        counter!(FAILURES, "name" => self.name(circuit), "kind" => kind.as_str())
            .increment(failures);
    }

    /// Notes a change of a circuit, and shows it.
    fn change(&self, circuit: &Arc<str>, change: impl Fn(&mut Now)) {
        self.names.change(circuit, change);
        self.show(circuit);
    }

    /// Sets the gauges of the circuit's name, if it has one.
    ///
    /// No lock is held meanwhile, and another thread may do the same. So it looks again afterwards:
    /// whichever thread is the last to set them finds that they are right.
    fn show(&self, circuit: &Arc<str>) {
        let mut shown = None;
        while let Some(now) = self.names.now(circuit).filter(|now| shown != Some(*now)) {
            let name = || SharedString::from_shared(Arc::clone(circuit));
            gauge!(STATE, "name" => name()).set(level(now.state));
            for overridden in [Override::ForcedOpen, Override::ForcedClosed, Override::Observing] {
                let is_so = now.overridden == Some(overridden);
                gauge!(OVERRIDDEN, "name" => name(), "override" => overridden.as_str())
                    .set(f64::from(u8::from(is_so)));
            }
            shown = Some(now);
        }
    }

    /// The label of the circuit, which shares its name: one is made for each event.
    fn name(&self, circuit: &Arc<str>) -> SharedString {
        if self.names.has(circuit) {
            return SharedString::from_shared(Arc::clone(circuit));
        }
        SharedString::const_str(OTHER)
    }
}

impl Listener for MetricsListener {
    fn on_event(&self, event: &CircuitEvent) {
        match event {
            CircuitEvent::Added { circuit, state, overridden, replaces, .. } => {
                let now = Now { state: *state, overridden: *overridden };
                self.names.add(circuit, now, self.max_names, replaces.is_some());
                self.begin(circuit);
            }
            CircuitEvent::Removed { circuit, .. } => {
                self.names.remove(circuit);
                self.show(circuit);
            }
            CircuitEvent::StateChanged { circuit, from, to, .. } => {
                self.count_move(circuit, *from, *to);
                self.change(circuit, |now| now.state = *to);
            }
            CircuitEvent::Overridden { circuit, to, .. } => {
                self.change(circuit, |now| now.overridden = *to);
            }
            CircuitEvent::Rejected { circuit, .. } => self.count_call(circuit, "rejected"),
            CircuitEvent::Succeeded { circuit, .. } => self.count_call(circuit, "success"),
            CircuitEvent::NotSent { circuit, .. } => self.count_call(circuit, "not_sent"),
            CircuitEvent::Failed { circuit, kind, .. } => {
                self.count_call(circuit, "failure");
                self.count_failure(circuit, *kind, 1);
            }
            // `Renewed`: the series of a state and its override stay as they are.
            _ => {}
        }
    }

    fn interest(&self) -> Interest {
        self.interest
    }
}

impl Default for MetricsListener {
    fn default() -> Self {
        Self::new()
    }
}

/// The results of calls, by what has to be asked for.
const RESULTS: [(Interest, &[&str]); 2] =
    [(Interest::CALLS, &["success", "failure", "not_sent"]), (Interest::REJECTIONS, &["rejected"])];

/// What circuits do: the states before and after, and the name of that.
const MOVES: [(CircuitState, CircuitState, &str); 5] = [
    (CircuitState::Closed, CircuitState::Open, "closed_to_open"),
    (CircuitState::Open, CircuitState::HalfOpen, "open_to_half_open"),
    (CircuitState::Open, CircuitState::Closed, "open_to_closed"),
    (CircuitState::HalfOpen, CircuitState::Closed, "half_open_to_closed"),
    (CircuitState::HalfOpen, CircuitState::Open, "half_open_to_open"),
];

/// The states by name, without making a string for what circuits do.
fn transition(from: CircuitState, to: CircuitState) -> SharedString {
    let known = MOVES.iter().find(|(before, after, _)| (*before, *after) == (from, to));
    known.map_or_else(
        || format!("{from}_to_{to}").into(),
        |(_, _, name)| SharedString::const_str(name),
    )
}
