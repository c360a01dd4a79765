//! Troubleshooting: what the compiler says of the mistakes that do not compile.
//!
//! Where a bound of this crate fails, the first error names the remedy. Where a bound of tower,
//! axum or the standard library fails, the crate has no say; such errors stand here, as rustc 1.95
//! prints them, with what is left out shown as `...`.
//!
//! # A method that exists, with bounds that are not satisfied
//!
//! ```text
//! error[E0599]: the method `oneshot` exists for struct
//! `Timeout<CircuitBreaker<ServiceFn<fn(u8) -> ... {shop}>>>`, but its trait bounds were not
//! satisfied
//! ...
//! method cannot be called due to unsatisfied trait bounds
//! ```
//!
//! Some bound of some layer fails, and for the methods of `ServiceExt` (`oneshot`, `ready`,
//! `boxed`) the compiler does not say which. *Instead*: pass the service on to a function that asks
//! for a service of your request, and the first error says what is missing where:
//!
//! ```
//! # use tower::{Layer, Service, service_fn};
//! # use tower_circuit_breaker::{Circuit, CircuitBreakerLayer};
//! # let breaker = CircuitBreakerLayer::new(Circuit::builder("shop").build());
//! # let client = breaker.layer(service_fn(|_: u8| async { Ok::<u8, String>(1) }));
//! fn is_service<Request>(_: &impl Service<Request>) {}
//!
//! is_service::<u8>(&client);
//! ```
//!
//! # Typed errors under `timeout`, `buffer` and their kin
//!
//! ```text
//! error[E0277]: the trait bound `Error<Box<dyn Error + Send + Sync>>: Error` is not satisfied
//! ...
//! = note: required for `Timeout<CircuitBreaker<ServiceFn<fn(u8) -> ... {shop}>>>` to implement
//! `Service<u8>`
//! ```
//!
//! and, where `buffer` is built:
//!
//! ```text
//! error[E0277]: the trait bound `Error<Box<dyn Error + Send + Sync>>: Into<Box<...>>` is not
//! satisfied
//! ...
//! = note: required for `BufferLayer<u8>` to implement
//! `Layer<CircuitBreaker<ServiceFn<fn(u8) -> ... {shop}>>>`
//! ```
//!
//! Layers of tower that make errors of their own box all errors, for which these must be
//! [`std::error::Error`]s. By default a breaker's error is the typed [`Error<E>`](crate::Error),
//! which is one only where `E` is: a `BoxError` is none. *Instead*: `.boxed()` on the breaker's
//! layer, which boxes its errors as the others do; [`Rejected::find`](crate::Rejected::find) finds
//! the rejections among them. Where `?` boxes the error of [`Circuit::call`](crate::Circuit::call),
//! for the same reason,
//!
//! ```text
//! error[E0277]: `?` couldn't convert the error:
//! `tower_circuit_breaker::Error<Box<dyn std::error::Error + Send + Sync>>: std::error::Error` is
//! not satisfied
//! ```
//!
//! *instead*: `.map_err(|error| error.boxed())?`. For an error of your own `?` asks for
//! `impl From<Error<E>>`.
//!
//! # A box that is searched for a rejection
//!
//! ```text
//! error[E0277]: the size for values of type
//! `(dyn std::error::Error + Send + Sync + 'static)` cannot be known at compilation time
//! ```
//!
//! A `BoxError` is no error; the one within it is. *Instead*: `Rejected::find(&*error)`. In a typed
//! [`Error`](crate::Error) the rejection is found by [`rejected`](crate::Error::rejected).
//!
//! # Rejections in a router of axum
//!
//! ```text
//! error[E0271]: type mismatch resolving
//! `<CircuitBreaker<..., ..., ..., ...> as Service<...>>::Error == Infallible`
//! ...
//! = note: expected enum `Infallible`
//! found enum `tower_circuit_breaker::Error<Infallible>`
//! ```
//!
//! and, for a layer around the whole router:
//!
//! ```text
//! error[E0277]: the trait bound `Infallible: From<tower_circuit_breaker::Error<Infallible>>` is
//! not satisfied
//! ```
//!
//! Routes have no errors, and by default a rejection is one. *Instead*: answer rejected calls with
//! a response, by [`.respond_with(http::service_unavailable)`][http::service_unavailable].
//!
//! ```text
//! error[E0277]: the trait bound
//! `Infallible: From<Box<(dyn std::error::Error + Send + Sync + 'static)>>` is not satisfied
//! ```
//!
//! comes of `.boxed()`, and of layers around the breaker that make errors, such as `timeout`.
//! *Instead*: axum's `HandleErrorLayer` outside of these, with a function of a `BoxError`.
//!
//! # A service that is not `Clone`
//!
//! ```text
//! error[E0277]: the trait bound `CircuitBreaker<Shop, ErrorsAsFailures, Boxed>: Clone` is not
//! satisfied
//! ```
//!
//! A breaker is `Clone` where the service within it is. *Instead*: `#[derive(Clone)]` on that
//! service, or tower's `buffer` around the breaker; the borrow that the compiler proposes is of no
//! use.
//!
//! # Closures
//!
//! [`classify_with`](crate::CircuitBreakerLayer::classify_with) and
//! [`keyed`](crate::CircuitBreakerLayer::keyed) take any type, since what a classifier or a key
//! must do is known only with the service. So they know no types for a closure (E0282, "type
//! annotations needed"), and a wrong closure is found where the service is used. *Instead*:
//! [`classify_by`](crate::CircuitBreakerLayer::classify_by) and
//! [`keyed_by`](crate::CircuitBreakerLayer::keyed_by), which take closures alone, and find a wrong
//! one where it is given.
//!
//! ```text
//! error: implementation of `FnOnce` is not general enough
//! ```
//!
//! [`on_event`](crate::Circuit::on_event) takes any listener, so it, too, knows no type. *Instead*:
//! `|event: &CircuitEvent| ..`.
//!
//! # In short
//!
//! | is not | instead |
//! |---|---|
//! | a layer: `Circuit`; `RetryPolicy` | `.layer(CircuitBreakerLayer::new(circuit))`; `.retry(policy)` |
//! | an `http::Request`: `reqwest::Request` | `http::Request::try_from(request)?` |
//! | a range: `ignoring_status(404)` | `404..=404`, right after `http::layer(circuit)` |
//! | of the type that you wrote: `CircuitBreaker<Client>` | `BoxCloneService`, or `impl Service`: each choice of the layer is in its type |
//! | one argument: `wrap(\|a, b\| ..)` | a tuple, `wrap(\|(a, b)\| ..)`, or `wrap(\|()\| ..)` |
//! | a method of a keyed layer: `.keyed_by(..).boxed()` | `.boxed().keyed_by(..)` |
//!
#![cfg_attr(feature = "full", doc = include_str!("links/here.md"))]
#![cfg_attr(not(feature = "full"), doc = include_str!("links/online.md"))]
