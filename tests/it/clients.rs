//! Real servers, well or not, and uploads that break, for the tests of clients.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;

use futures_util::stream::{self, Iter};
use http::{Request, Response, StatusCode};
use http_body::Frame;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

type Chunk = Result<Frame<Bytes>, std::io::Error>;

/// The body of a request, chunk by chunk; an `Err` breaks it off.
pub(crate) type Upload = StreamBody<Iter<std::vec::IntoIter<Chunk>>>;

pub(crate) fn upload<const N: usize>(chunks: [Result<&'static str, &'static str>; N]) -> Upload {
    let frames = chunks.map(|chunk| match chunk {
        Ok(text) => Ok(Frame::data(Bytes::from_static(text.as_bytes()))),
        Err(text) => Err(std::io::Error::other(text)),
    });
    StreamBody::new(stream::iter(Vec::from(frames)))
}

pub(crate) fn whole() -> Upload {
    upload([Ok("a rose"), Ok(" is a rose")])
}

pub(crate) fn broken() -> Upload {
    upload([Ok("a rose"), Err("the phone is in a tunnel")])
}

pub(crate) fn post<B>(server: SocketAddr, body: B) -> Request<B> {
    Request::post(format!("http://{server}/")).body(body).unwrap()
}

/// Handles each connection. Ends with the runtime.
async fn accept<F, Fut>(handle: F) -> SocketAddr
where
    F: Fn(TcpStream) -> Fut + Send + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            tokio::spawn(handle(connection));
        }
    });
    address
}

/// Speaks HTTP/1 and HTTP/2, and reads each upload before it answers, or resets the stream.
pub(crate) async fn server(answer: Result<StatusCode, &'static str>) -> SocketAddr {
    accept(move |connection| async move {
        let service = service_fn(move |request: Request<Incoming>| async move {
            let uploaded = request.into_body().collect().await;
            let text = if uploaded.is_ok() { "thanks" } else { "it broke" };
            let mut response = Response::new(Full::new(Bytes::from_static(text.as_bytes())));
            *response.status_mut() = answer?;
            Ok::<_, &'static str>(response)
        });
        let http = auto::Builder::new(TokioExecutor::new());
        let _ = http.serve_connection(TokioIo::new(connection), service).await;
    })
    .await
}

/// How an upstream ends a connection.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Ends {
    /// As soon as it is made.
    AtResult,
    /// When a part of the request is here.
    Midway,
    /// The same, by a reset.
    Resets,
}

/// Answers nothing.
pub(crate) async fn closing(ends: Ends) -> SocketAddr {
    accept(move |mut connection| async move {
        if !matches!(ends, Ends::AtResult) {
            let _ = connection.read(&mut [0; 16]).await;
        }
        if matches!(ends, Ends::Resets) {
            connection.set_zero_linger().unwrap();
        }
    })
    .await
}

/// Answers one request for each connection, whole or half, and closes it without a word about that.
/// Tells when the client has noticed.
pub(crate) async fn closing_after(answer: &'static str) -> (SocketAddr, Arc<Notify>) {
    let noticed = Arc::<Notify>::default();
    let tell = Arc::clone(&noticed);
    let address = accept(move |mut connection| {
        let tell = Arc::clone(&tell);
        async move {
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                request.push(connection.read_u8().await.unwrap());
            }
            connection.write_all(answer.as_bytes()).await.unwrap();
            connection.shutdown().await.unwrap();
            while connection.read(&mut [0; 16]).await.is_ok_and(|read| read > 0) {}
            tell.notify_one();
        }
    })
    .await;
    (address, noticed)
}

/// Answers as soon as the head of a request is here, and reads on.
pub(crate) async fn answering_early(answer: &'static str) -> SocketAddr {
    accept(move |mut connection| async move {
        assert!(connection.read(&mut [0; 1_024]).await.unwrap() > 0);
        connection.write_all(answer.as_bytes()).await.unwrap();
        while connection.read(&mut [0; 16]).await.is_ok_and(|read| read > 0) {}
    })
    .await
}

pub(crate) const WHOLE: &str = "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nrose";
pub(crate) const HALF: &str = "HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\nrose";

/// An address where nobody listens. Nobody else gets it while the socket is held.
pub(crate) fn refusing() -> (tokio::net::TcpSocket, SocketAddr) {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = socket.local_addr().unwrap();
    (socket, address)
}

/// Never ends, so that only the upstream can end the call.
pub(crate) fn endless() -> StreamBody<impl stream::Stream<Item = Result<Frame<Bytes>, Infallible>>>
{
    StreamBody::new(stream::pending())
}
