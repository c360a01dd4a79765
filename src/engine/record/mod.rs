//! What ended calls count as: the recorder of the present epoch, totals, kinds of failure.

pub(crate) mod extras;
pub(crate) mod histogram;
pub(crate) mod kinds;
pub(crate) mod latency;
pub(crate) mod recorder;
pub(crate) mod rejections;
pub(crate) mod texts;
pub(crate) mod totals;
