//! Which circuit for what, and how it is set.
//!
//! | upstream | what is a failure | rules to begin with |
//! |---|---|---|
//! | an internal HTTP service with much traffic | 5xx, errors, broken bodies: [`hyper::layer`][hyper::layer], [`reqwest::layer`][reqwest::layer], or [`http::layer`][http::layer] over any other client | the [defaults](#the-defaults): 50 % of at least 20 calls in 10 s, or 5 in a row over at least 1 s |
//! | a paid third-party API with little traffic | the same, and 429: [`heed_retry_after`][http::ServerErrorsAsFailures::heed_retry_after] | 3 to 5 in a row; a rate needs more calls than come |
//! | gRPC | the codes that blame the server, errors, broken streams: [`grpc_layer`][http::grpc_layer] | as for HTTP |
//! | an upstream that says "error" with a 200 | [`ReadBody`][http::ReadBody] | as for HTTP |
//! | a server-sent event stream | as for HTTP: a stream that its reader leaves counts as its head said, and as a probe it is judged after 1 s | as for HTTP; where streams last for hours, and so end too seldom to interrupt a run, a [`body_deadline`][CircuitBreakerLayer::body_deadline] with `Success` counts them sooner |
//! | a database or cache, by [`Circuit::call`](crate::Circuit::call) | a lost connection, not a bad query: [`call_with`](crate::Circuit::call_with) | 3 in a row, short open times |
//! | replicas of one service behind a balancer | as for HTTP | as for HTTP, a circuit each, in a [`CircuitGroup`](crate::CircuitGroup) that leaves half of them closed |
//! | a slow upstream | calls over the time that callers can bear: [`slow_call_rate`](crate::CircuitBuilder::slow_call_rate) | 50 % over that time |
//!
//! Start with [`observe`](crate::Circuit::observe), or build the circuit so
//! ([`initial_override`](crate::CircuitBuilder::initial_override), in text too): it decides and
//! counts what it would have rejected, and rejects nothing.
//!
//! # The defaults
//!
//! Five failures in a row, of which the last came at least 1 s after the first, say that an upstream
//! is down, at any traffic. When one goes down that was well,
//!
//! - at one call a second the fifth failed call opens the circuit, 4 s after the first. Where one call
//!   in five fails by itself, such a run comes by chance, too: 1 % of the calls are rejected;
//! - at 10,000 calls a second it opens after 1 s and some 10,000 failed calls. Of one call in five that
//!   fails by itself, nothing opens it: some call of a second always succeeds.
//!
//! Blips of less than a second among steady traffic open nothing, nor do five calls that are lost
//! together with one connection; where they are half of the window's calls, and the window holds 20,
//! the rate opens it. [`consecutive_failures(5)`](crate::CircuitBuilder::consecutive_failures) opens at
//! the fifth failure at once, which is for little traffic: at 10,000 calls a second, one failure in ten
//! by chance has it reject 77 % of the calls.
//!
#![cfg_attr(feature = "full", doc = include_str!("links/here.md"))]
#![cfg_attr(not(feature = "full"), doc = include_str!("links/online.md"))]
