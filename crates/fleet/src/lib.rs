//! One verdict for many processes: the protocol of
//! [tower-circuit-breaker](https://docs.rs/tower-circuit-breaker), free of input and output.
//!
//! A node stands for one process. It receives what its circuits did and what the store answered, and
//! gives requests to the store and what circuits are to do. It never waits: until the store has answered,
//! circuits go by what they know.
//!
//! This crate is for crates that bring a store, such as
//! [tower-circuit-breaker-redis](https://docs.rs/tower-circuit-breaker-redis) and
//! [tower-circuit-breaker-postgres](https://docs.rs/tower-circuit-breaker-postgres); users of a fleet take
//! one of those. A store is a [`Store`](store::Store): it carries out [`Request`](request::Request)s and
//! brings a stream of changes. [`store`] says what it guarantees, [`suite::run`] looks whether it does, and
//! [`MemoryStore`](store::MemoryStore) is one in the memory of a process. A [`Link`](link::Link) shares a
//! registry on any of them. What else is public is hidden
//! from the documentation and may change with any release.

#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![allow(
    clippy::exhaustive_enums,
    clippy::exhaustive_structs,
    clippy::must_use_candidate,
    reason = "a seam between the crates of one workspace"
)]

#[doc(hidden)]
pub mod changes;
#[doc(hidden)]
pub mod counts;
mod escape;
pub mod identity;
pub mod link;
#[doc(hidden)]
pub mod lock;
#[doc(hidden)]
pub mod node;
#[doc(hidden)]
pub mod options;
#[doc(hidden)]
pub mod order;
#[doc(hidden)]
pub mod outbox;
pub mod partition;
pub mod presence;
#[doc(hidden)]
pub mod rate;
#[doc(hidden)]
pub mod reach;
pub mod record;
pub mod request;
pub mod store;
pub mod suite;
pub mod terms;
#[doc(hidden)]
pub mod time;
#[doc(hidden)]
pub mod view;
pub mod word;
pub mod words;
