//! Answers about many circuits at once.

use std::sync::Arc;

use http::Response;
use serde::Serialize;
use tokio::time::Instant;
use tower_circuit_breaker::{Circuit, Health, Override};

use crate::about::About;
use crate::access::Caller;
use crate::answer::may::May;
use crate::body::AdminBody;
use crate::coding::Coding;
use crate::live::Live;
use crate::live::frames::Cursor;
use crate::live::look::Looked;
use crate::live::row::{Row, Table, ramp_left};
use crate::live::summary::Summary;
use crate::selection::{Form, Selection};
use crate::shown::Shown;
use crate::state::AdminState;
use crate::view::{CircuitView, Counts};
use crate::wall_clock::{millis, now_in_millis, since_1970};

/// What answers are made of, and for whom.
#[derive(Debug, Clone)]
pub(crate) struct Desk {
    pub(crate) live: Arc<Live>,
    pub(crate) state: Arc<AdminState>,
    pub(crate) about: Option<Arc<About>>,
    pub(crate) caller: Caller,
    pub(crate) coding: Coding,
}

/// Circuits, and what goes on from here.
#[derive(Debug, Serialize)]
struct Listed<'a, T> {
    /// The place in the events from which they tell what changes hereafter.
    seq: String,
    at: u64,
    about: Option<&'a About>,
    health: Health,
    control: bool,
    may: May,
    #[serde(flatten)]
    circuits: T,
    /// The last name here, where more follow.
    next: Option<Arc<str>>,
}

#[derive(Debug, Serialize)]
struct Views {
    circuits: Vec<CircuitView>,
}

#[derive(Debug, Serialize)]
struct Summed<'a> {
    about: Option<&'a About>,
    control: bool,
    may: May,
    #[serde(flatten)]
    summary: Summary,
}

#[derive(Debug, Serialize)]
struct Counted<'a> {
    /// Whose numbers they are: each process has its own.
    seq: String,
    at: u64,
    circuits: Vec<Counts<'a>>,
    /// Numbers that no circuit has, or none any longer.
    unknown: Vec<u32>,
}

impl Desk {
    /// The circuits that `selection` asks for, as it asks for them.
    pub(crate) fn circuits(&self, selection: &Selection) -> Response<AdminBody> {
        let place = self.live.follow();
        let at = since_1970();
        let mut selected = self.selected(selection);
        let looked: Vec<_> = selected.by_ref().take(selection.limit()).collect();
        let has_more = selected.next().is_some();
        let next = looked.last().filter(|_| has_more);
        let next = next.map(|last| Arc::clone(&last.snapshot.name));
        match selection.form() {
            Form::Whole => {
                let circuits = looked.into_iter().map(|looked| self.view(looked)).collect();
                self.list(place, millis(at), Views { circuits }, next)
            }
            Form::Rows => {
                let rows: Vec<_> = looked.iter().map(|looked| self.row(looked)).collect();
                self.list(place, millis(at), Table::of(&rows, at), next)
            }
        }
    }

    fn selected(&self, selection: &Selection) -> impl Iterator<Item = Looked> {
        let circuits = match selection.ids() {
            Some(ids) => sorted(self.of_ids(ids).0),
            None => self.state.registry.circuits(),
        };
        let named = circuits.into_iter().filter(|circuit| selection.may_have(circuit.name()));
        named.filter_map(|circuit| self.look(&circuit)).filter(|looked| {
            let snapshot = &looked.snapshot;
            let overridden = snapshot.overridden.map(Override::as_str);
            let shown = Shown::of(snapshot).as_str();
            selection.has_state(snapshot.state.as_str(), overridden, shown)
        })
    }

    /// Those whose clocks panic are left out.
    fn look(&self, circuit: &Circuit) -> Option<Looked> {
        Looked::at(&self.state.registry, circuit)
    }

    /// The circuits that have these numbers, and the numbers that none has.
    fn of_ids(&self, ids: &[u32]) -> (Vec<Circuit>, Vec<u32>) {
        let names = self.live.know(|roster| {
            ids.iter().map(|id| (*id, roster.name_of(*id).cloned())).collect::<Vec<_>>()
        });
        let mut unknown = Vec::new();
        let found = names.into_iter().filter_map(|(id, name)| {
            let circuit = name.and_then(|name| self.state.registry.get(&name));
            if circuit.is_none() {
                unknown.push(id);
            }
            circuit
        });
        (found.collect(), unknown)
    }

    fn list<T: Serialize>(
        &self,
        place: Cursor,
        at: u64,
        circuits: T,
        next: Option<Arc<str>>,
    ) -> Response<AdminBody> {
        let may = self.may();
        self.coding.json(&Listed {
            seq: place.to_string(),
            at,
            about: self.about.as_deref(),
            health: self.state.health(),
            control: may.steer(),
            may,
            circuits,
            next,
        })
    }

    fn view(&self, looked: Looked) -> CircuitView {
        let (id, shares) = self.live.know(|roster| roster.show(&looked, Instant::now()));
        let Looked { circuit, snapshot, is_critical, .. } = looked;
        let view = CircuitView::new(&circuit, snapshot, is_critical).known_as(Some(id), shares);
        view.shown_to(self.caller)
    }

    fn row<'a>(&self, looked: &'a Looked) -> Row<'a> {
        let (id, shares) = self.live.know(|roster| roster.show(looked, Instant::now()));
        Row {
            id,
            snapshot: &looked.snapshot,
            limits: looked.circuit.config().thresholds(),
            ramp_left: ramp_left(looked),
            is_critical: looked.is_critical,
            shares,
        }
    }

    /// The counts of the circuits that have these numbers.
    pub(crate) fn counts(&self, ids: &[u32]) -> Response<AdminBody> {
        let seq = self.live.follow().to_string();
        let (circuits, unknown) = self.of_ids(ids);
        let looked: Vec<_> = circuits.iter().filter_map(|circuit| self.look(circuit)).collect();
        let counts = looked.iter().map(|looked| {
            let (id, shares) = self.live.know(|roster| roster.show(looked, Instant::now()));
            Counts::of(&looked.snapshot, id, shares)
        });
        let circuits = counts.collect();
        self.coding.json(&Counted { seq, at: now_in_millis(), circuits, unknown })
    }

    /// All circuits together.
    pub(crate) fn summary(&self) -> Response<AdminBody> {
        self.live.follow();
        let may = self.may();
        let (about, summary) = (self.about.as_deref(), self.live.summary());
        self.coding.json(&Summed { about, control: may.steer(), may, summary })
    }

    fn may(&self) -> May {
        May { caller: self.caller, has_fleet: self.state.registry.fleet().is_some() }
    }
}

fn sorted(mut circuits: Vec<Circuit>) -> Vec<Circuit> {
    circuits.sort_unstable_by(|a, b| a.name().cmp(b.name()));
    circuits
}
