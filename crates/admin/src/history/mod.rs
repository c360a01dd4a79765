//! What the circuits did in the last five minutes and the last hour.

mod kinds;
pub(crate) mod places;
mod points;
pub(crate) mod series;
