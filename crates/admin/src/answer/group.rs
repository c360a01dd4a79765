//! A group of circuits, as it is shown.

use std::sync::Arc;

use serde::Serialize;
use tower_circuit_breaker::{Circuit, CircuitGroup, CircuitSnapshot};

use crate::caught::unless_it_panics;

/// A group and its members.
#[derive(Debug, Serialize)]
pub(crate) struct GroupView {
    name: String,
    members: Vec<Arc<str>>,
    /// Open, half-open or isolated.
    open: u64,
    /// How many of the members may trip; `None` for any number.
    most_open: Option<u64>,
    /// Trips of its members for which a cap had no place.
    trips_prevented: u64,
    is_isolated: bool,
    /// Why, for those who may see what operators did.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Arc<str>>,
}

impl GroupView {
    /// With those of its members that are in the registry.
    pub(crate) fn of(
        group: &CircuitGroup,
        is_here: impl Fn(&Circuit) -> bool,
        sees_reasons: bool,
    ) -> Self {
        let members = group.members().into_iter().filter(is_here);
        let members = members.filter_map(|circuit| unless_it_panics(|| circuit.snapshot()));
        let members: Vec<_> = members.collect();
        let reason = members.iter().find_map(|member| reason(member, group.name()));
        Self {
            name: group.name().to_owned(),
            open: group.open_members(),
            most_open: group.most_open(),
            trips_prevented: members.iter().map(|member| member.totals.trips_prevented).sum(),
            is_isolated: group.is_isolated(),
            reason: reason.filter(|_| sees_reasons),
            members: members.into_iter().map(|member| member.name).collect(),
        }
    }
}

/// Why the group isolates this member, if it does and has said so.
fn reason(member: &CircuitSnapshot, group: &str) -> Option<Arc<str>> {
    let mut by = member.isolated_by.iter();
    by.find(|one| one.group.as_deref() == Some(group))?.reason.clone()
}
