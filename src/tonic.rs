//! Rejections as tonic's `Status`, for clients (feature `tonic-014`).
//!
//! A generated client turns the error of its channel into a [`Status`]. Of a rejection by
//! [`http::grpc_layer`] it makes one with the code `UNKNOWN`; by [`layer`] it is what a server that
//! has no room would say:
//!
//! | of the status | is |
//! |---|---|
//! | [`code`](Status::code) | `UNAVAILABLE`: retries of a caller, and of a proxy, know it |
//! | [`message`](Status::message) | the rejection in words, with the name of the circuit |
//! | [`metadata`](Status::metadata) | `grpc-retry-pushback-ms`: [the time left](Rejected::retry_after) in milliseconds, rounded up, if it is known |
//! | [`source`](std::error::Error::source) | the [`Rejected`], which [`Rejected::find`] finds |
//!
//! Other errors are passed on as the `Status` that a generated client makes of them by itself.
//!
//! # Examples
//!
//! ```
//! use tonic::transport::Endpoint;
//! use tonic::Code;
//! use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};
//! use tower::Layer;
//! use tower_circuit_breaker::{Circuit, Rejected, tonic as breaker};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let garden = Circuit::builder("garden").build();
//! let channel = Endpoint::from_static("http://127.0.0.1:50051").connect_lazy();
//! let mut client = HealthClient::new(breaker::layer(garden.clone()).layer(channel));
//!
//! garden.trip();
//! let status = client.check(HealthCheckRequest::default()).await.unwrap_err();
//! assert_eq!(status.code(), Code::Unavailable);
//! assert_eq!(status.metadata().get("grpc-retry-pushback-ms").unwrap(), "30000");
//! assert_eq!(Rejected::find(&status).unwrap().circuit(), "garden");
//! # }
//! ```
//!
//! # Without a layer
//!
//! A [`Rejected`] becomes such a `Status` by `From`, and so does an [`Error<Status>`](Error): `?`
//! does so in a function that returns a `Status`. In a handler of a server, its message tells
//! callers the name of the circuit.
//!
//! ```
//! use tonic::{Code, Status};
//! use tower_circuit_breaker::Circuit;
//!
//! async fn water(garden: &Circuit) -> Result<u32, Status> {
//!     Ok(garden.call(async { Ok::<_, Status>(7) }).await?)
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let garden = Circuit::builder("garden").build();
//! assert_eq!(water(&garden).await.unwrap(), 7);
//! garden.trip();
//! assert_eq!(water(&garden).await.unwrap_err().code(), Code::Unavailable);
//! # }
//! ```
//!
//! Around the services of a server, answer with
//! [`grpc_unavailable`](crate::http::grpc_unavailable), which is a response.

use std::future::{Ready, ready};

use tonic::metadata::MetadataMap;
use tonic::{Code, Status};

use crate::circuit::Circuit;
use crate::error::{BoxError, Error, Rejected};
use crate::http;
use crate::http::{AtEndOfBody, GrpcErrorsAsFailures};
use crate::service::layer::CircuitBreakerLayer;
use crate::service::rejection::{Answer, PassOn, Recover, sealed};
use crate::sync::Arc;

/// Makes an [`http::grpc_layer`] whose service has the error [`Status`].
///
/// A rejection is one with the code `UNAVAILABLE`; see the [module docs](self). The inner service's
/// error must be one that can be boxed, as that of a channel is.
pub fn layer(circuit: Circuit) -> CircuitBreakerLayer<GrpcErrorsAsFailures, AsStatus, AtEndOfBody> {
    http::grpc_layer(circuit).reject_by(AsStatus)
}

/// Turns all errors into a [`Status`], rejections into `UNAVAILABLE`; from [`layer`].
#[derive(Debug, Clone, Copy, Default)]
#[expect(clippy::exhaustive_structs, reason = "a name for a rule, without settings")]
pub struct AsStatus;

#[diagnostic::do_not_recommend]
impl<E: Into<BoxError>> PassOn<E> for AsStatus {
    type Error = Status;

    fn pass_on(error: E) -> Status {
        Status::from_error(error.into())
    }
}

#[diagnostic::do_not_recommend]
impl<Req, T, E: Into<BoxError>> Answer<Req, T, E> for AsStatus {
    type Future = Ready<Result<T, Status>>;
    type Kept = ();

    fn keep(&self, _request: &Req) {}

    fn answer(&self, _request: Req, rejected: Rejected) -> Self::Future {
        ready(Err(rejected.into()))
    }
}

impl<T, E, G> Recover<(), T, E, G> for AsStatus {}

impl sealed::Sealed for AsStatus {}

impl From<Rejected> for Status {
    fn from(rejected: Rejected) -> Self {
        let mut metadata = MetadataMap::new();
        if let Some(left) = rejected.retry_after() {
            metadata.insert("grpc-retry-pushback-ms", http::millis_up(left).into());
        }
        let mut status = Self::with_metadata(Code::Unavailable, rejected.to_string(), metadata);
        status.set_source(Arc::new(rejected));
        status
    }
}

impl From<Error<Self>> for Status {
    fn from(error: Error<Self>) -> Self {
        match error {
            Error::Rejected(rejected) => rejected.into(),
            Error::Inner(status) => status,
        }
    }
}
