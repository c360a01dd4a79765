//! The table of costs in a README: written between markers, and held against a new one.

mod compare;
mod costs;
mod lines;
mod markers;
mod recorded;
#[cfg(test)]
mod tests;
mod text;

pub(crate) use compare::{Comparison, compare};
pub(crate) use costs::costs;
pub(crate) use markers::Readme;
pub(crate) use recorded::Recorded;
