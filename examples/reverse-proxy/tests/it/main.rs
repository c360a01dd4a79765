//! What clients and a real nginx do to the proxy, and what its circuits make of it.

#![allow(clippy::unwrap_used, reason = "helpers outside of tests unwrap, too")]

mod clients;
mod nginx;
mod outages;
mod rude;
mod serving;
mod support;
