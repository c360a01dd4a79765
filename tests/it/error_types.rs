//! Errors of every type that can be looked through, for the tests of what is found in them.

use std::error::Error as StdError;
use std::future::{Future, Ready, ready};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::{fmt, io};

use http_body_util::Empty;
use hyper::body::Bytes;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tower::Service;
use tower::layer::layer_fn;
use tower_circuit_breaker::{BoxError, Error, ErrorChain};

/// An error that says nothing of the upstream.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shed;

/// An application's own error, around another one.
#[derive(Debug)]
pub(crate) struct Own(pub(crate) BoxError);

/// Somebody else's, which is no `ErrorChain`.
#[derive(Debug)]
pub(crate) struct Foreign(pub(crate) BoxError);

impl ErrorChain for Own {
    fn first(&self) -> Option<&(dyn StdError + 'static)> {
        Some(self)
    }
}

impl StdError for Shed {}

impl StdError for Own {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&*self.0)
    }
}

impl StdError for Foreign {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&*self.0)
    }
}

macro_rules! displayed {
    ($($error:ty)*) => {$(
        impl fmt::Display for $error {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(stringify!($error))
            }
        }
    )*};
}

displayed! { Shed Own Foreign }

/// Whether the default classifier knows the type of an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ByDefault {
    Found,
    Unseen,
}

pub(crate) use ByDefault::{Found, Unseen};

/// What is held against errors of one type; each is made around another error.
pub(crate) trait Check {
    async fn check<E, Fut>(
        &self,
        name: &str,
        by_default: ByDefault,
        wrap: impl Fn(BoxError) -> Fut,
    ) where
        E: ErrorChain + 'static,
        Fut: Future<Output = E>;
}

/// Holds `check` against errors of every type for which the crate implements `ErrorChain`, and of
/// an own one.
pub(crate) async fn for_each_type(check: impl Check) {
    let it = &check;
    it.check("BoxError", Found, ready).await;
    it.check("Box<dyn Error + Send>", Found, |error| ready(error as Box<dyn StdError + Send>))
        .await;
    it.check("Box<dyn Error>", Found, |error| ready(error as Box<dyn StdError>)).await;
    it.check("Arc<dyn Error + Send + Sync>", Found, |error| {
        ready(Arc::<dyn StdError + Send + Sync>::from(error))
    })
    .await;
    it.check("Arc<dyn Error + Send>", Found, |error| {
        ready(Arc::<dyn StdError + Send>::from(error as Box<dyn StdError + Send>))
    })
    .await;
    it.check("Arc<dyn Error>", Found, |error| {
        ready(Arc::<dyn StdError>::from(error as Box<dyn StdError>))
    })
    .await;
    it.check("io::Error", Found, |error| ready(io::Error::other(error))).await;
    it.check("Error<BoxError>", Found, |error| ready(Error::Inner(error))).await;
    it.check("Error<io::Error>", Found, |error| ready(Error::Inner(io::Error::other(error)))).await;
    it.check("Error<Error<BoxError>>", Found, |error| ready(Error::Inner(Error::Inner(error))))
        .await;
    it.check("an own type", Unseen, |error| ready(Own(error))).await;
    it.check("Error<an own type>", Unseen, |error| ready(Error::Inner(Own(error)))).await;
    it.check("hyper_util's client", Found, of_hyper).await;
    it.check("reqwest", Found, of_reqwest).await;
    it.check("tonic", Found, |error| ready(tonic::Status::from_error(Box::new(Own(error))))).await;
}

/// A connector that fails with this error, once.
#[derive(Clone)]
struct Unconnected<S>(Arc<Mutex<Option<BoxError>>>, S);

impl<S: Service<Req>, Req> Service<Req> for Unconnected<S> {
    type Response = S::Response;
    type Error = BoxError;
    type Future = Ready<Result<S::Response, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Req) -> Self::Future {
        ready(Err(self.0.lock().unwrap().take().expect("asked once")))
    }
}

/// The error of hyper-util's client whose connector fails with `error`.
pub(crate) async fn of_hyper(error: BoxError) -> hyper_util::client::legacy::Error {
    let connector = Unconnected(Arc::new(Mutex::new(Some(error))), HttpConnector::new());
    let client = Client::builder(TokioExecutor::new()).build::<_, Empty<Bytes>>(connector);
    client.get("http://nowhere.example/".parse().unwrap()).await.expect_err("it does not connect")
}

/// The same of reqwest.
pub(crate) async fn of_reqwest(error: BoxError) -> reqwest::Error {
    let error = Arc::new(Mutex::new(Some(error)));
    let layer = layer_fn(move |inner| Unconnected(Arc::clone(&error), inner));
    let client = reqwest::Client::builder().no_proxy().connector_layer(layer).build().unwrap();
    client.get("http://nowhere.example/").send().await.expect_err("it does not connect")
}
