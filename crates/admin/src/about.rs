//! Which service this is.

use serde::Serialize;

/// Which service the circuits are in, for operators who look at several.
///
/// Nothing is guessed: what is not said is not shown. See
/// [`AdminBuilder::about`](crate::AdminBuilder::about).
///
/// # Examples
///
/// ```
/// use tower_circuit_breaker::CircuitRegistry;
/// use tower_circuit_breaker_admin::{About, Admin};
///
/// let about = About::new("plant-gateway").instance("pod-3").environment("production").version("1.4.0");
/// let admin = Admin::builder(CircuitRegistry::new()).about(about).build();
/// # let _ = admin;
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct About {
    service: String,
    instance: Option<String>,
    environment: Option<String>,
    version: Option<String>,
}

impl About {
    /// The name of the service.
    #[must_use]
    pub fn new(service: impl Into<String>) -> Self {
        Self { service: service.into(), instance: None, environment: None, version: None }
    }

    /// Sets which of its processes this is, such as the name of the pod.
    #[must_use]
    pub fn instance(self, instance: impl Into<String>) -> Self {
        Self { instance: Some(instance.into()), ..self }
    }

    /// Sets where it runs, such as `production`.
    #[must_use]
    pub fn environment(self, environment: impl Into<String>) -> Self {
        Self { environment: Some(environment.into()), ..self }
    }

    /// Sets which build of the service it is.
    #[must_use]
    pub fn version(self, version: impl Into<String>) -> Self {
        Self { version: Some(version.into()), ..self }
    }
}
