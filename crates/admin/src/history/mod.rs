//! What the circuits did in the last five minutes and the last hour.

pub(crate) mod places;
mod points;
pub(crate) mod series;
