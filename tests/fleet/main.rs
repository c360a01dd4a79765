//! Circuits shared through a real Redis.

mod server;
mod smoke;
