//! End to end: requests through hyper on the loopback device.

use std::convert::Infallible;
use std::fmt::Display;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener as StdListener};
use std::rc::Rc;
use std::thread;
use std::time::{Duration, Instant};

use http::{Request, Response, Uri};
use http_body_util::{BodyExt, Empty, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;
use tower::{Layer, Service, ServiceExt};

use crate::contestants::{ALL, Rule, breaker, ours, tower_resilience};
use crate::figure::{Cell, Missing, grouped};
use crate::measure::{Effort, Finish, Lane, race};
use crate::table::Row;

/// Requests per second of all contestants that are layers, around one and the same client.
pub(crate) fn row(effort: Effort) -> Row {
    let lanes = match lanes(effort.http_round_seconds) {
        Ok(lanes) => lanes,
        Err(error) => ALL.map(|_| Err(Missing::because(format!("no server: {error}")))),
    };
    let cell = |finish: Result<Finish, Missing>| match finish {
        Ok(finish) => {
            let median = finish.samples.median();
            Cell::number(median, grouped(median)).noting(finish.note)
        }
        Err(missing) => missing.into(),
    };
    let finishes = race(lanes.into(), effort.http_rounds);
    Row { case: "GET, count window of 100".into(), cells: finishes.into_iter().map(cell).collect() }
}

type Lanes = [Result<Lane, Missing>; ALL.len()];

/// One for each contestant, in the order of all.
fn lanes(seconds: f64) -> io::Result<Lanes> {
    let uri = uri_of(serve()?);
    let runtime = Rc::new(Builder::new_current_thread().enable_all().build()?);
    let client: Client<HttpConnector, Empty<Bytes>> =
        Client::builder(TokioExecutor::new()).build_http();
    let lap = Lap { runtime, uri, during: Duration::from_secs_f64(seconds) };
    let rule = Rule::Count;
    Ok([
        Ok(lap.lane(client.clone())),
        Ok(lap.lane(ours::layer(rule).layer(client.clone()))),
        Ok(lap.lane(ours::precise_layer(rule).layer(client.clone()))),
        wraps_futures(),
        tower_resilience::layer(rule).map(|layer| lap.lane(layer.layer(client.clone()))),
        breaker::layer(rule).map(|layer| lap.lane(layer.layer(client.clone()))),
        Err(Missing::lacks(
            "its rejection would have to be an error that only the client can make",
        )),
        wraps_futures(),
        wraps_futures(),
    ])
}

fn wraps_futures() -> Result<Lane, Missing> {
    Err(Missing::lacks("it wraps futures, not services"))
}

/// One round: so many workers send one request after the other for so long.
#[derive(Clone)]
struct Lap {
    runtime: Rc<Runtime>,
    uri: Uri,
    during: Duration,
}

impl Lap {
    fn lane<S>(&self, service: S) -> Lane
    where
        S: Service<Request<Empty<Bytes>>, Response = Response<Incoming>> + Clone + Send + 'static,
        S::Error: Display,
        S::Future: Send,
    {
        let lap = self.clone();
        let round = move || lap.runtime.block_on(lap.requests_per_second(&service));
        Lane { round: Box::new(round), note: None }
    }

    async fn requests_per_second<S>(&self, service: &S) -> Result<Option<f64>, Missing>
    where
        S: Service<Request<Empty<Bytes>>, Response = Response<Incoming>> + Clone + Send + 'static,
        S::Error: Display,
        S::Future: Send,
    {
        let start = Instant::now();
        let end = start + self.during;
        let mut workers = JoinSet::new();
        for _ in 0..WORKERS {
            workers.spawn(work(service.clone(), self.uri.clone(), end));
        }
        let mut requests = 0;
        while let Some(worker) = workers.join_next().await {
            let made = worker.map_err(|error| Missing::because(error.to_string()))?;
            requests += made.map_err(Missing::because)?;
        }
        Ok(Some(f64::from(requests) / start.elapsed().as_secs_f64()))
    }
}

/// Sends requests until `end`; gives how many.
async fn work<S>(mut service: S, uri: Uri, end: Instant) -> Result<u32, String>
where
    S: Service<Request<Empty<Bytes>>, Response = Response<Incoming>>,
    S::Error: Display,
{
    let mut requests = 0;
    while Instant::now() < end {
        let mut request = Request::new(Empty::new());
        *request.uri_mut() = uri.clone();
        let ready = service.ready().await.map_err(|error| error.to_string())?;
        let response = ready.call(request).await.map_err(|error| error.to_string())?;
        // Read to the end, so that the connection can be used again.
        response.into_body().collect().await.map_err(|error| error.to_string())?;
        requests += 1;
    }
    Ok(requests)
}

/// Starts a server in a thread of its own; it ends with the process.
fn serve() -> io::Result<SocketAddr> {
    let listener = StdListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    let runtime = Builder::new_current_thread().enable_all().build()?;
    thread::spawn(move || runtime.block_on(accept(listener)));
    Ok(address)
}

async fn accept(listener: StdListener) -> io::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let answer = |_| async { Ok::<_, Infallible>(Response::new(Full::new(ANSWER))) };
        let connection =
            http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(answer));
        // A connection that breaks is the client's to report.
        tokio::spawn(async { drop(connection.await) });
    }
}

fn uri_of(address: SocketAddr) -> Uri {
    format!("http://{address}/").parse().expect("an address makes a URI")
}

const ANSWER: Bytes = Bytes::from_static(b"hello\n");
/// As many connections.
pub(crate) const WORKERS: u32 = 16;
