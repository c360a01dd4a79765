//! Allocations per call, and bytes per circuit.

use tower_circuit_breaker::CircuitRegistry;

use crate::alloc::{allocations, live_bytes};
use crate::cases::fill;
use crate::contestants::{ALL, Contestant, Rule};
use crate::figure::{Cell, Missing, grouped};
use crate::inner::Load;
use crate::measure::Effort;
use crate::table::Row;

/// The cases in which allocations are counted.
pub(crate) const ALLOCATIONS: [(&str, Rule, Load); 4] = [
    ("closed, 5 consecutive failures", Rule::Consecutive, Load::TenthFails),
    ("closed, count window of 100", Rule::Count, Load::TenthFails),
    ("closed, time window of 10 s", Rule::Time, Load::TenthFails),
    ("rejection", Rule::Consecutive, Load::AllFail),
];

/// The circuits whose bytes are counted.
pub(crate) const KEPT: [(&str, Rule); 3] = [
    ("circuit and service, 5 consecutive failures", Rule::Consecutive),
    ("circuit and service, count window of 100", Rule::Count),
    ("circuit and service, time window of 10 s", Rule::Time),
];
pub(crate) const REGISTERED: &str = "before a call, in a registry of 100,000, count of 100";

/// Rows of allocations per call.
pub(crate) fn allocation_rows() -> Vec<Row> {
    ALLOCATIONS.map(|(name, rule, load)| row(name, |one| allocated(one, rule, load))).into()
}

/// Rows of bytes that a circuit keeps.
pub(crate) fn byte_rows(effort: Effort) -> Vec<Row> {
    let alone = KEPT.map(|(name, rule)| row(name, |one| kept(one, rule, effort)));
    alone.into_iter().chain([row(REGISTERED, registered)]).collect()
}

fn row(name: &str, measure: impl Fn(&Contestant) -> Result<Cell, Missing>) -> Row {
    let cells = ALL.iter().map(|one| measure(one).unwrap_or_else(Cell::from)).collect();
    Row { case: name.into(), cells }
}

/// Load that fails always trips the circuit before it is looked at.
fn allocated(contestant: &Contestant, rule: Rule, load: Load) -> Result<Cell, Missing> {
    let mut entry = match load {
        Load::AllFail => contestant.enter_to_trip()?,
        Load::Fine | Load::TenthFails => (contestant.enter)(rule)?,
    };
    entry.subject.run(WARM_UP, load);
    let before = allocations();
    entry.subject.run(CALLS, load);
    let number = allocations() - before;
    let each = f64::from(u32::try_from(number).unwrap_or(u32::MAX)) / f64::from(CALLS);
    let text =
        if number.is_multiple_of(u64::from(CALLS)) { grouped(each) } else { format!("{each:.2}") };
    Ok(Cell::number(each, text).noting(entry.note))
}

/// On the heap, by the circuit and the service around it.
fn kept(contestant: &Contestant, rule: Rule, effort: Effort) -> Result<Cell, Missing> {
    // What a first call sets up for the whole thread is not the circuit's.
    (contestant.enter)(rule)?.subject.run(WARM_UP, Load::Fine);

    let before = live_bytes();
    let mut entry = (contestant.enter)(rule)?;
    let calls = fill(&mut *entry.subject, TRAFFIC, Load::Fine, effort.fill_seconds);
    let bytes = live_bytes() - before;
    // The box that the program itself has put around the service.
    let own = i64::try_from(size_of_val(&*entry.subject)).unwrap_or(0);
    let bytes = f64::from(i32::try_from(bytes - own).unwrap_or(i32::MAX));
    let after =
        if calls < TRAFFIC { format!(" after {}", grouped(calls.into())) } else { String::new() };
    Ok(Cell::number(bytes, format!("{}{after}", grouped(bytes))).noting(entry.note))
}

/// On the heap, by each circuit of a full registry, its name of 16 letters and its place there, before
/// it is called.
fn registered(contestant: &Contestant) -> Result<Cell, Missing> {
    let template = contestant.template.ok_or(Missing::lacks("it has no registry"))?;
    let before = live_bytes();
    let registry = CircuitRegistry::with_template(template);
    for index in 0..MANY {
        registry.get_or_create(&format!("circuit-{index:08}"));
    }
    let bytes = live_bytes() - before;
    let each = f64::from(i32::try_from(bytes).unwrap_or(i32::MAX)) / f64::from(MANY);
    Ok(Cell::number(each, grouped(each)))
}

const WARM_UP: u32 = 1_000;
const CALLS: u32 = 10_000;
const TRAFFIC: u32 = 1_000_000;
const MANY: u32 = 100_000;
