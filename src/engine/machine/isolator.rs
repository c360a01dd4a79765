//! What isolates a circuit.

use crate::engine::time::Timestamp;
use crate::sync::Arc;

/// What isolates a circuit, and why.
#[derive(Debug, Default)]
pub(crate) struct Isolator {
    /// The name of the group, if it is one.
    pub(crate) group: Option<Arc<str>>,
    pub(crate) reason: Option<Arc<str>>,
}

/// One isolation of a circuit.
#[derive(Debug, Clone)]
pub(crate) struct IsolationRecord {
    pub(crate) by: Arc<Isolator>,
    pub(crate) since: Timestamp,
}
