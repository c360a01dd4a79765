//! Load passes through (feature `tower`).

use tower::load::Load;

use crate::service::service::CircuitBreaker;

impl<S: Load, C, R, M> Load for CircuitBreaker<S, C, R, M> {
    type Metric = S::Metric;

    fn load(&self) -> S::Metric {
        self.get_ref().load()
    }
}
