//! The one state that a circuit is shown in.

use tower_circuit_breaker::{CircuitSnapshot, CircuitState, Override};

/// A circuit's state or, where there is one, what an operator or a group has put in its place.
///
/// The first come first: of several within one point of a history, the first is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Shown {
    Isolated,
    ForcedOpen,
    Open,
    HalfOpen,
    ForcedClosed,
    Observing,
    Closed,
}

impl Shown {
    pub(crate) fn of(snapshot: &CircuitSnapshot) -> Self {
        match (snapshot.overridden, snapshot.state) {
            _ if snapshot.isolations > 0 => Self::Isolated,
            (Some(Override::ForcedOpen), _) => Self::ForcedOpen,
            (Some(Override::ForcedClosed), _) => Self::ForcedClosed,
            (Some(Override::Observing), _) => Self::Observing,
            (_, CircuitState::Open) => Self::Open,
            (_, CircuitState::HalfOpen) => Self::HalfOpen,
            _ => Self::Closed,
        }
    }

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Isolated => "isolated",
            Self::ForcedOpen => "forced_open",
            Self::Open => "open",
            Self::HalfOpen => "half_open",
            Self::ForcedClosed => "forced_closed",
            Self::Observing => "observing",
            Self::Closed => "closed",
        }
    }

    /// The letter of it in a history.
    pub(crate) const fn letter(self) -> char {
        match self {
            Self::Isolated => 'i',
            Self::ForcedOpen => 'f',
            Self::Open => 'o',
            Self::HalfOpen => 'h',
            Self::ForcedClosed => 'p',
            Self::Observing => 'w',
            Self::Closed => 'c',
        }
    }
}
