//! The tower middleware: a layer, its service, its future, and the rejection strategies.

pub mod completion;
pub(crate) mod future;
pub(crate) mod layer;
#[cfg(feature = "tower")]
pub(crate) mod load;
pub(crate) mod on_open;
pub mod rejection;
#[cfg(feature = "tower")]
pub(crate) mod retry;
#[expect(clippy::module_inception, reason = "as tower names the files of a middleware")]
pub(crate) mod service;
pub(crate) mod shared;
pub(crate) mod wait;
