//! Events of a circuit: their listeners, and the history of the last events.

pub(crate) mod event;
pub(crate) mod handle;
pub(crate) mod history;
pub(crate) mod listeners;
pub(crate) mod names;
#[cfg(feature = "serde")]
pub(crate) mod serialize;
pub(crate) mod text;
