//! What can happen to a fleet, and how likely that is.

use std::time::Duration;

use proptest::prelude::*;
use tower_circuit_breaker::fleet::FleetCommand;
use tower_circuit_breaker::{FailureKind, Outcome};

use crate::node::tests::NODES;

/// One thing that happens.
#[derive(Debug, Clone)]
pub(super) enum Step {
    /// A call that ends at once, well or not.
    Call(usize, Worth),
    /// A call that begins, and one that ends.
    Begin(usize),
    End(usize, Worth),
    /// A call that began is dropped.
    Drop(usize),
    /// The node exchanges with Redis.
    Exchange(usize, Fate),
    /// It reads what stands there.
    Poll(usize),
    /// A message that was published comes to the node, wherever in the line it stands.
    Deliver {
        node: usize,
        message: usize,
        copies: usize,
    },
    /// A reply that was late comes now.
    Late(usize),
    Advance(u64),
    /// The node has no processor for so long; its callers are there before its link.
    Stop(usize, u64),
    Cut(usize),
    /// Redis can still be read there, and refuses everything else.
    Refuse(usize),
    Mend(usize),
    Flush,
    /// Redis remembers what was, and forgets what came after.
    Save,
    Load,
    Operate(usize, FleetCommand),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Worth {
    Well,
    Bad,
}

/// What becomes of an exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Arrives,
    RequestLost,
    ReplyLost,
    ReplyLate,
    /// Nothing comes before the next exchange.
    Hangs,
}

impl Worth {
    pub(super) const fn outcome(self) -> Outcome {
        match self {
            Self::Well => Outcome::Success,
            Self::Bad => Outcome::Failure(FailureKind::OTHER),
        }
    }
}

fn worth() -> impl Strategy<Value = Worth> {
    prop_oneof![Just(Worth::Well), Just(Worth::Bad)]
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        4 => Just(Fate::Arrives),
        1 => Just(Fate::RequestLost),
        1 => Just(Fate::ReplyLost),
        1 => Just(Fate::ReplyLate),
    ]
}

fn command() -> impl Strategy<Value = FleetCommand> {
    let lasting = || proptest::option::of(millis().prop_map(Duration::from_millis));
    prop_oneof![
        Just(FleetCommand::Reset),
        lasting().prop_map(|lasting| FleetCommand::ForceOpen { lasting }),
        lasting().prop_map(|lasting| FleetCommand::ForceClosed { lasting }),
        Just(FleetCommand::Release),
    ]
}

fn millis() -> impl Strategy<Value = u64> {
    prop_oneof![0..20_u64, 50..500_u64, 1000..6000_u64]
}

/// Whatever can happen.
pub(super) fn any_step() -> impl Strategy<Value = Step> {
    let node = || 0..NODES;
    prop_oneof![
        6 => (node(), worth()).prop_map(|(at, worth)| Step::Call(at, worth)),
        2 => node().prop_map(Step::Begin),
        2 => (node(), worth()).prop_map(|(at, worth)| Step::End(at, worth)),
        8 => (node(), fate()).prop_map(|(at, fate)| Step::Exchange(at, fate)),
        2 => node().prop_map(Step::Poll),
        4 => (node(), 0..50_usize, 1..3_usize)
            .prop_map(|(node, message, copies)| Step::Deliver { node, message, copies }),
        1 => node().prop_map(Step::Late),
        5 => millis().prop_map(Step::Advance),
        1 => node().prop_map(Step::Cut),
        2 => node().prop_map(Step::Mend),
        1 => prop_oneof![Just(Step::Flush), Just(Step::Save), Just(Step::Load)],
        1 => (node(), command()).prop_map(|(at, command)| Step::Operate(at, command)),
    ]
}

/// What happens while the upstream is down for most, and Redis for some.
pub(super) fn dark_step() -> impl Strategy<Value = Step> {
    let node = || 0..NODES;
    let worth = || prop_oneof![9 => Just(Worth::Bad), 1 => Just(Worth::Well)];
    let fate = || prop_oneof![6 => fate(), 1 => Just(Fate::Hangs)];
    prop_oneof![
        8 => (node(), worth()).prop_map(|(at, worth)| Step::Call(at, worth)),
        3 => node().prop_map(Step::Begin),
        2 => (node(), worth()).prop_map(|(at, worth)| Step::End(at, worth)),
        1 => node().prop_map(Step::Drop),
        8 => (node(), fate()).prop_map(|(at, fate)| Step::Exchange(at, fate)),
        2 => node().prop_map(Step::Poll),
        3 => (node(), 0..50_usize, 1..3_usize)
            .prop_map(|(node, message, copies)| Step::Deliver { node, message, copies }),
        1 => node().prop_map(Step::Late),
        8 => millis().prop_map(Step::Advance),
        2 => node().prop_map(Step::Cut),
        2 => node().prop_map(Step::Refuse),
        2 => node().prop_map(Step::Mend),
        1 => prop_oneof![Just(Step::Flush), Just(Step::Save), Just(Step::Load)],
        1 => (node(), command()).prop_map(|(at, command)| Step::Operate(at, command)),
    ]
}

/// What happens while nothing is lost.
pub(super) fn calm_step() -> impl Strategy<Value = Step> {
    let node = || 0..NODES;
    prop_oneof![
        6 => (node(), worth()).prop_map(|(at, worth)| Step::Call(at, worth)),
        2 => node().prop_map(Step::Begin),
        2 => (node(), worth()).prop_map(|(at, worth)| Step::End(at, worth)),
        4 => node().prop_map(|at| Step::Exchange(at, Fate::Arrives)),
        5 => (0..1500_u64).prop_map(Step::Advance),
        1 => (node(), 0..15_000_u64).prop_map(|(at, millis)| Step::Stop(at, millis)),
    ]
}
