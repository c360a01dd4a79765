//! Servers and clients of hyper, over loopback.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::{FutureExt, StreamExt, stream};
use http::{Request, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty, Full, StreamBody};
use hyper::body::{Body, Bytes, Frame, Incoming};
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpListener;
use tower::util::BoxCloneSyncService;
use tower::{BoxError, Layer, Service, ServiceExt};
use tower_circuit_breaker::http::{ResponseBody, layer};
use tower_circuit_breaker::{Circuit, ManualClock};

/// The version that client and server speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Over {
    Http1,
    Http2,
}

pub(super) const BOTH: [Over; 2] = [Over::Http1, Over::Http2];

pub(super) type Answer = Response<UnsyncBoxBody<Bytes, Infallible>>;

type HyperClient = legacy::Client<HttpConnector, Empty<Bytes>>;

/// A server that answers every request like this, until the test ends.
pub(super) async fn serve<F, Fut, B>(over: Over, answer: F) -> SocketAddr
where
    F: Fn(Request<Incoming>) -> Fut + Clone + Send + 'static,
    Fut: Future<Output = Response<B>> + Send + 'static,
    B: Body<Data: Send, Error: Into<BoxError>> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            stream.set_nodelay(true).unwrap();
            let io = TokioIo::new(stream);
            let answer = answer.clone();
            let service = service_fn(move |request| answer(request).map(Ok::<_, Infallible>));
            match over {
                Over::Http1 => {
                    tokio::spawn(http1::Builder::new().serve_connection(io, service).map(drop));
                }
                Over::Http2 => {
                    let builder = http2::Builder::new(TokioExecutor::new());
                    tokio::spawn(builder.serve_connection(io, service).map(drop));
                }
            }
        }
    });
    address
}

/// A whole answer of announced length.
pub(super) fn whole(status: StatusCode, text: &'static str) -> Answer {
    let mut answer = Response::new(Full::new(Bytes::from_static(text.as_bytes())).boxed_unsync());
    *answer.status_mut() = status;
    answer
}

/// A 200 with one header, whose body sends `text` and then nothing more, and does not end.
pub(super) fn silent_after(text: &'static str, header: (&'static str, &'static str)) -> Answer {
    let first = (!text.is_empty()).then(|| Bytes::from_static(text.as_bytes()));
    streaming(stream::iter(first).chain(stream::pending()), header)
}

/// A 200 with one header and these bytes.
pub(super) fn streaming(
    bytes: impl stream::Stream<Item = Bytes> + Send + 'static,
    (name, value): (&'static str, &'static str),
) -> Answer {
    let body = StreamBody::new(bytes.map(|bytes| Ok(Frame::data(bytes)))).boxed_unsync();
    Response::builder().header(name, value).body(body).unwrap()
}

/// A client of hyper-util behind a circuit, for one server.
pub(super) struct Client<B> {
    service: BoxCloneSyncService<Request<Empty<Bytes>>, Response<B>, BoxError>,
    address: SocketAddr,
}

impl Client<ResponseBody<Incoming>> {
    /// Behind `http::layer` around the circuit.
    pub(super) fn new(circuit: &Circuit, over: Over, address: SocketAddr) -> Self {
        Self::behind(layer(circuit.clone()).boxed(), over, address)
    }
}

impl<B> Client<B> {
    pub(super) fn behind<L>(layer: L, over: Over, address: SocketAddr) -> Self
    where
        L: Layer<HyperClient>,
        L::Service: Service<Request<Empty<Bytes>>, Response = Response<B>, Error = BoxError, Future: Send>
            + Clone
            + Send
            + Sync
            + 'static,
    {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let client = legacy::Client::builder(TokioExecutor::new())
            .http2_only(over == Over::Http2)
            .build(connector);
        Self { service: BoxCloneSyncService::new(layer.layer(client)), address }
    }

    pub(super) async fn ask(&self) -> Result<Response<B>, BoxError> {
        let uri = format!("http://{}/", self.address);
        self.service.clone().oneshot(Request::get(uri).body(Empty::new()).unwrap()).await
    }

    /// The response to an admitted call.
    pub(super) async fn answer(&self) -> Response<B> {
        self.ask().await.expect("it is admitted, and answered")
    }
}

impl<B> Clone for Client<B> {
    fn clone(&self) -> Self {
        Self { service: self.service.clone(), address: self.address }
    }
}

/// Reads until nothing is there, waits this long, and leaves.
pub(super) fn leave_after<B>(response: Response<B>, clock: &ManualClock, wait: Duration)
where
    B: Body<Error: std::fmt::Debug> + Unpin,
{
    let mut body = response.into_body();
    while body.frame().now_or_never().is_some_and(|frame| frame.expect("it goes on").is_ok()) {}
    clock.advance(wait);
}
