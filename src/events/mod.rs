//! What is told of a circuit: events, who listens to them, and the last of them kept.

pub(crate) mod event;
pub(crate) mod history;
pub(crate) mod listeners;
pub(crate) mod names;
#[cfg(feature = "serde")]
pub(crate) mod serialize;
