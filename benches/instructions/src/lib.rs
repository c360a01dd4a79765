//! Nothing: the benchmark is in `benches/calls.rs`.
