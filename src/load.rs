//! Load passes through (feature `tower`).

use tower::load::Load;

use crate::service::CircuitBreaker;

impl<S: Load, C, R> Load for CircuitBreaker<S, C, R> {
    type Metric = S::Metric;

    fn load(&self) -> S::Metric {
        self.get_ref().load()
    }
}
