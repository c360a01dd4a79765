//! Reqwest's client as a tower service.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body as HttpBody;
use pin_project_lite::pin_project;
use reqwest::{Body, Client, Error, ResponseBuilderExt, Url};
use tower_service::Service;

use crate::error::BoxError;

/// Returns `client` as a tower service of the types of the crate `http`.
///
/// # Examples
///
/// ```
/// use tower::ServiceBuilder;
/// use tower_circuit_breaker::{Circuit, reqwest as breaker};
///
/// let client = ServiceBuilder::new()
///     .layer(breaker::layer(Circuit::builder("plants").build()))
///     .service(breaker::client(reqwest::Client::new()));
/// # async fn check<S: tower::Service<http::Request<reqwest::Body>>>(_: S) {}
/// # let _ = check(client);
/// ```
#[must_use]
pub const fn client(client: Client) -> HttpClient {
    HttpClient { client }
}

/// A reqwest client as a tower service of the types of the crate `http`; from [`client`].
///
/// It is always ready, as reqwest's client is. A request that reqwest does not take, such as one
/// without a host, is an error of the call. The response keeps the URL that it came from: [`url`]
/// reads it, and [`into_response`] gives it back to reqwest.
#[derive(Debug, Clone)]
pub struct HttpClient {
    client: Client,
}

impl HttpClient {
    /// Returns a reference to reqwest's client.
    #[must_use]
    pub const fn get_ref(&self) -> &Client {
        &self.client
    }

    /// Returns a mutable reference to reqwest's client.
    #[must_use]
    pub const fn get_mut(&mut self) -> &mut Client {
        &mut self.client
    }

    /// Returns reqwest's client.
    #[must_use]
    pub fn into_inner(self) -> Client {
        self.client
    }
}

impl Service<Request<Body>> for HttpClient {
    type Response = Response<Body>;
    type Error = Error;
    type Future = HttpClientFuture;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.client.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> HttpClientFuture {
        let phase = match request.try_into() {
            Ok(request) => HttpClientPhase::Sent { call: self.client.call(request) },
            Err(error) => HttpClientPhase::Invalid { error: Some(error) },
        };
        HttpClientFuture { phase }
    }
}

pin_project! {
    /// The future of a call of [`HttpClient`].
    ///
    /// # Cancel safety
    ///
    /// Dropping it drops the call.
    ///
    /// # Panics
    ///
    /// Panics when polled after completion.
    #[must_use = "futures do nothing unless polled"]
    pub struct HttpClientFuture {
        #[pin]
        phase: HttpClientPhase,
    }
}

pin_project! {
    #[project = HttpClientPhaseProjection]
    enum HttpClientPhase {
        Sent {
            #[pin]
            call: <Client as Service<reqwest::Request>>::Future,
        },
        // Reqwest did not take the request.
        Invalid {
            error: Option<Error>,
        },
    }
}

impl Future for HttpClientFuture {
    type Output = Result<Response<Body>, Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().phase.project() {
            HttpClientPhaseProjection::Sent { call } => {
                Poll::Ready(ready!(call.poll(cx)).map(with_url))
            }
            HttpClientPhaseProjection::Invalid { error } => {
                Poll::Ready(Err(error.take().expect("polled after completion")))
            }
        }
    }
}

impl fmt::Debug for HttpClientFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let phase = match self.phase {
            HttpClientPhase::Sent { .. } => "Sent",
            HttpClientPhase::Invalid { .. } => "Invalid",
        };
        f.debug_struct("HttpClientFuture").field("phase", &phase).finish_non_exhaustive()
    }
}

/// The URL that a response came from.
#[derive(Debug, Clone)]
struct FinalUrl(Url);

/// Converts a response with its URL, which reqwest's own conversion drops.
fn with_url(response: reqwest::Response) -> Response<Body> {
    let url = response.url().clone();
    let mut response = Response::from(response);
    // Reqwest reads it where a response is made one of its own again, and shows it to nobody else.
    let noted = Response::builder().url(url.clone()).body(()).expect("it has no header to refuse");
    response.extensions_mut().extend(noted.into_parts().0.extensions);
    response.extensions_mut().insert(FinalUrl(url));
    response
}

/// Returns the URL that a response of [`HttpClient`] came from, after all redirects.
///
/// `None` for a response that was not reqwest's, such as that of a rejection.
#[must_use]
pub fn url<B>(response: &Response<B>) -> Option<&Url> {
    response.extensions().get().map(|FinalUrl(url)| url)
}

/// Turns a response that came through layers back into one of reqwest, with its URL.
///
/// With reqwest's ways to read a body, `json()` among them, and `error_for_status()`. The body is
/// still judged by the circuit, when it is read. For a response that was not reqwest's, the
/// [`url`](reqwest::Response::url) has no meaning.
///
/// # Examples
///
/// As the outermost layer, [`map_response`](https://docs.rs/tower/0.5/tower/builder/struct.ServiceBuilder.html#method.map_response)
/// does it for every response:
///
/// ```
/// use http::Request;
/// use tower::{Service, ServiceBuilder};
/// use tower_circuit_breaker::{Circuit, reqwest as breaker};
///
/// let client = ServiceBuilder::new()
///     .map_response(breaker::into_response)
///     .layer(breaker::layer(Circuit::builder("plants").build()))
///     .service(breaker::client(reqwest::Client::new()));
/// # async fn check<S: Service<Request<reqwest::Body>, Response = reqwest::Response>>(_: S) {}
/// # let _ = check(client);
/// ```
#[must_use]
pub fn into_response<B>(response: Response<B>) -> reqwest::Response
where
    B: HttpBody<Data: Into<Bytes>, Error: Into<BoxError>> + Send + Sync + 'static,
{
    response.map(Body::wrap).into()
}
