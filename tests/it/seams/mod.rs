//! Two features at once.

mod keyed;
