//! How circuits are made that come by name.

use crate::circuit::Circuit;
use crate::circuit::builder::CircuitBuilder;
use crate::engine::rules::settings::Settings;
use crate::sync::{Arc, OnceLock};

/// Makes circuits of one pattern, which keep one copy of what they have in common.
pub(crate) struct Template {
    set: Box<dyn Fn(CircuitBuilder) -> CircuitBuilder + Send + Sync>,
    /// The settings of the first circuit: seldom does a name ask for others.
    common: OnceLock<Arc<Settings>>,
}

impl Template {
    pub(crate) fn new<F>(set: F) -> Self
    where
        F: Fn(CircuitBuilder) -> CircuitBuilder + Send + Sync + 'static,
    {
        Self { set: Box::new(set), common: OnceLock::new() }
    }

    /// A new circuit of this name. Runs user code.
    pub(crate) fn make(&self, name: impl Into<Arc<str>>) -> Circuit {
        (self.set)(Circuit::builder(name)).build_with(|settings| self.shared(settings))
    }

    fn shared(&self, settings: Settings) -> Arc<Settings> {
        let common = self.common.get_or_init(|| Arc::new(settings.clone()));
        if **common == settings { Arc::clone(common) } else { Arc::new(settings) }
    }
}
