//! A script of steps, taken by groups and by their model side by side.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use tower_circuit_breaker::{Circuit, CircuitGroup, FailureKind, Isolation, ManualClock, Outcome};
use tower_circuit_breaker_test::model::same;

use crate::groups::model::{ASKED_FOR, FAILURES, OPEN_FOR, Scope, World};
use crate::groups::step::{CIRCUITS, Command, GROUPS, Step};

/// Takes every step and compares after each.
///
/// # Errors
///
/// Which step it was, and what differed.
pub(crate) fn run(script: &[Step]) -> Result<(), String> {
    let mut pair = Pair::new();
    for (number, step) in script.iter().enumerate() {
        catch_unwind(AssertUnwindSafe(|| {
            pair.take(*step)?;
            pair.compare()
        }))
        .unwrap_or_else(|_| Err("it panicked".to_owned()))
        .map_err(|difference| format!("step {number}, {step:?}: {difference}"))?;
    }
    Ok(())
}

struct Pair {
    clock: ManualClock,
    circuits: [Circuit; CIRCUITS],
    groups: [CircuitGroup; GROUPS],
    /// In the order of the model's.
    handles: Vec<Isolation>,
    model: World,
}

fn circuit(clock: &ManualClock) -> Circuit {
    Circuit::builder("member")
        .clock(clock.clone())
        .consecutive_failures(FAILURES)
        .open_for(Duration::from_secs(OPEN_FOR))
        .build()
}

impl Pair {
    fn new() -> Self {
        let clock = ManualClock::new();
        let circuits = std::array::from_fn(|_| circuit(&clock));
        let groups = std::array::from_fn(|number| CircuitGroup::new(number.to_string()));
        Self { clock, circuits, groups, handles: Vec::new(), model: World::new() }
    }

    fn take(&mut self, step: Step) -> Result<(), String> {
        match step {
            Step::Call(circuit, failed) => return self.call(circuit, failed, None),
            Step::Ask(circuit) => return self.call(circuit, true, Some(ASKED_FOR)),
            Step::Wait(seconds) => {
                self.clock.advance(Duration::from_secs(seconds));
                self.model.now += seconds;
            }
            Step::Command(circuit, command) => {
                command.give(&self.circuits[circuit]);
                self.model.command(circuit, command);
            }
            Step::Replace(index) => {
                self.circuits[index] = circuit(&self.clock);
                self.model.replace(index);
            }
            Step::Add(circuit, group) => {
                self.groups[group].add(&self.circuits[circuit]);
                self.model.add(circuit, group);
            }
            Step::Remove(circuit, group) => {
                self.groups[group].remove(&self.circuits[circuit]);
                self.model.remove(circuit, group);
            }
            Step::CapAt(group, cap) => {
                let _ = self.groups[group].clone().at_most_open(cap.to_open_cap());
                self.model.cap_at(group, cap);
            }
            Step::IsolateGroup(group) => {
                self.handles.push(self.groups[group].isolate());
                self.model.isolate(Scope::Group(group));
            }
            Step::IsolateCircuit(circuit) => {
                self.handles.push(self.circuits[circuit].isolate());
                self.model.isolate(Scope::Circuit(self.model.circuits[circuit].id));
            }
            Step::CloneHandle(_) | Step::DropHandle(_) if self.handles.is_empty() => {}
            Step::CloneHandle(index) => {
                let index = index % self.handles.len();
                self.handles.push(self.handles[index].clone());
                self.model.isolate(self.model.handles[index]);
            }
            Step::DropHandle(index) => {
                let index = index % self.handles.len();
                drop(self.handles.remove(index));
                self.model.drop_handle(index);
            }
        }
        Ok(())
    }

    fn call(&mut self, circuit: usize, failed: bool, asked: Option<u64>) -> Result<(), String> {
        let outcome = match asked {
            Some(seconds) => Outcome::TripFor(Duration::from_secs(seconds)),
            None if failed => Outcome::Failure(FailureKind::OTHER),
            None => Outcome::Success,
        };
        let permit = self.circuits[circuit].try_acquire();
        same("admitted", permit.is_ok(), self.model.call(circuit, failed, asked))?;
        permit.into_iter().for_each(|permit| permit.record(outcome));
        Ok(())
    }

    fn compare(&self) -> Result<(), String> {
        for (number, (circuit, model)) in self.circuits.iter().zip(&self.model.circuits).enumerate()
        {
            let snapshot = circuit.snapshot();
            let of = |what: &str| format!("{what} of {number}");
            same(&of("state"), snapshot.state, model.state)?;
            same(&of("override"), snapshot.overridden, model.overridden())?;
            same(&of("isolation"), snapshot.isolations > 0, model.is_isolated)?;
            same(&of("held closed"), snapshot.totals.trips_prevented, model.trips_prevented)?;
        }
        for (number, (group, model)) in self.groups.iter().zip(&self.model.groups).enumerate() {
            let of = |what: &str| format!("{what} of group {number}");
            same(&of("members"), group.members().len(), model.members.len())?;
            let open = self.model.open_members(model) as u64;
            same(&of("open members"), group.open_members(), open)?;
            let is_isolated = self.model.handles.contains(&Scope::Group(number));
            same(&of("isolation"), group.is_isolated(), is_isolated)?;
        }
        Ok(())
    }
}

impl Command {
    fn give(self, circuit: &Circuit) {
        match self {
            Self::Trip => circuit.trip(),
            Self::Reset => circuit.reset(),
            Self::ForceOpen => circuit.force_open(),
            Self::ForceClosed => circuit.force_closed(),
            Self::Observe => circuit.observe(),
            Self::Release => circuit.release(),
        }
    }
}
