//! Templates for circuits that are made by name.

use crate::circuit::Circuit;
use crate::circuit::builder::CircuitBuilder;
use crate::engine::rules::settings::Settings;
use crate::sync::{Arc, OnceLock};

/// Makes circuits that share one copy of their settings.
pub(crate) struct Template {
    set: Box<dyn Fn(CircuitBuilder) -> CircuitBuilder + Send + Sync>,
    /// The settings of the first circuit: few names ask for others.
    common: OnceLock<Arc<Settings>>,
}

impl Template {
    pub(crate) fn new<F>(set: F) -> Self
    where
        F: Fn(CircuitBuilder) -> CircuitBuilder + Send + Sync + 'static,
    {
        Self { set: Box::new(set), common: OnceLock::new() }
    }

    /// Makes a new circuit of this name. Runs user code.
    pub(crate) fn make(&self, name: impl Into<Arc<str>>) -> Circuit {
        (self.set)(Circuit::builder(name)).build_with(|settings| self.shared(settings))
    }

    fn shared(&self, settings: Settings) -> Arc<Settings> {
        let common = self.common.get_or_init(|| Arc::new(settings.clone()));
        if **common == settings { Arc::clone(common) } else { Arc::new(settings) }
    }
}
