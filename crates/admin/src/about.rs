//! Which service this is.

use std::time::SystemTime;

use serde::{Serialize, Serializer};

use crate::wall_clock::{millis, since_epoch};

/// Which service the circuits are in, for operators who look at several.
///
/// Nothing is guessed: what is not said is not shown. See
/// [`AdminBuilder::about`](crate::AdminBuilder::about).
///
/// # Examples
///
/// ```
/// use std::time::SystemTime;
///
/// use tower_circuit_breaker::CircuitRegistry;
/// use tower_circuit_breaker_admin::{About, Admin};
///
/// let about = About::new("plant-gateway")
///     .instance("pod-3")
///     .environment("production")
///     .version("1.4.0")
///     .started(SystemTime::now());
/// let admin = Admin::builder(CircuitRegistry::new()).about(about).build();
/// # let _ = admin;
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct About {
    service: String,
    instance: Option<String>,
    environment: Option<String>,
    version: Option<String>,
    /// Milliseconds since 1970.
    #[serde(serialize_with = "in_millis")]
    started: Option<SystemTime>,
}

impl About {
    /// Names the service.
    #[must_use]
    pub fn new(service: impl Into<String>) -> Self {
        Self {
            service: service.into(),
            instance: None,
            environment: None,
            version: None,
            started: None,
        }
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

    /// Sets when this process started.
    ///
    /// Take the time at the beginning of `main`, by the same clock as all other times of day here.
    #[must_use]
    pub fn started(self, at: SystemTime) -> Self {
        Self { started: Some(at), ..self }
    }
}

fn in_millis<S: Serializer>(at: &Option<SystemTime>, serializer: S) -> Result<S::Ok, S::Error> {
    at.map(|at| millis(since_epoch(at))).serialize(serializer)
}
