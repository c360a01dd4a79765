//! Random steps.

use proptest::collection::vec;
use proptest::prelude::*;
use tower_circuit_breaker::OpenCap;

pub(crate) const CIRCUITS: usize = 5;
pub(crate) const GROUPS: usize = 2;

/// The longest script.
const MOST_STEPS: usize = 200;

#[derive(Debug, Clone, Copy)]
pub(crate) enum Step {
    /// A whole call, and whether it fails.
    Call(usize, bool),
    /// A whole call whose upstream asks to be left alone for some seconds.
    Ask(usize),
    /// Some seconds go by.
    Wait(u64),
    Command(usize, Command),
    /// The circuit is dropped by everybody, and another made in its place.
    Replace(usize),
    /// A circuit joins a group.
    Add(usize, usize),
    /// A circuit leaves a group.
    Remove(usize, usize),
    CapAt(usize, Cap),
    IsolateGroup(usize),
    IsolateCircuit(usize),
    CloneHandle(usize),
    DropHandle(usize),
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Command {
    Trip,
    Reset,
    ForceOpen,
    ForceClosed,
    Observe,
    Release,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Cap {
    Half,
    AllButOne,
    Number(u32),
}

pub(crate) fn script() -> impl Strategy<Value = Vec<Step>> {
    // A number for each step: drawing steps one by one takes longer than to run them.
    vec(any::<u32>().prop_map(Step::from), 1..=MOST_STEPS)
}

impl From<u32> for Step {
    fn from(number: u32) -> Self {
        let [what, which, how, _] = number.to_le_bytes().map(usize::from);
        let (circuit, group) = (which % CIRCUITS, how % GROUPS);
        match what % 32 {
            0..12 => Self::Call(circuit, how % 3 > 0),
            12 => Self::Ask(circuit),
            13..16 => Self::Wait((how % 7) as u64),
            16..19 => Self::Command(circuit, command(how)),
            19 => Self::Replace(circuit),
            20..24 => Self::Add(circuit, group),
            24 => Self::Remove(circuit, group),
            25 => Self::CapAt(group, cap(which)),
            26 => Self::IsolateGroup(group),
            27 => Self::IsolateCircuit(circuit),
            28 => Self::CloneHandle(which),
            _ => Self::DropHandle(which),
        }
    }
}

fn command(number: usize) -> Command {
    match number % 8 {
        0 => Command::Trip,
        1 | 2 => Command::Reset,
        3 => Command::ForceOpen,
        4 => Command::ForceClosed,
        5 => Command::Observe,
        _ => Command::Release,
    }
}

fn cap(number: usize) -> Cap {
    match number % 5 {
        0 => Cap::Half,
        1 => Cap::AllButOne,
        2 => Cap::Number(1),
        3 => Cap::Number(2),
        _ => Cap::Number(9),
    }
}

impl Cap {
    pub(crate) fn to_open_cap(self) -> OpenCap {
        match self {
            Self::Half => OpenCap::half(),
            Self::AllButOne => OpenCap::all_but_one(),
            Self::Number(most) => OpenCap::number(most),
        }
    }
}
