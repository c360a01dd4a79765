//! A load balancer over two servers, each behind a circuit that waits: calls go where it is well.
//!
//! ```sh
//! cargo run -p balance
//! ```
//!
//! A breaker that rejects is always ready, and answers faster than any server: a balancer would send
//! it ever more calls. One that waits is not ready while its circuit is open, and is passed over.

#![expect(clippy::print_stdout, reason = "an example tells what happens")]

use std::future::ready;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper_util::{client::legacy, rt::TokioExecutor};
use tokio::{net::TcpListener, time::sleep};
use tower::balance::p2c::Balance;
use tower::discover::ServiceList;
use tower::load::{CompleteOnResponse, PendingRequests};
use tower::{BoxError, Service, ServiceBuilder, ServiceExt, util::BoxService};
use tower_circuit_breaker::http::{ResponseBody, layer};
use tower_circuit_breaker::{Circuit, CircuitState, OnOpen, Rejected};

type Call = Request<Empty<Bytes>>;
type Answer = Response<ResponseBody<Incoming>>;
type Endpoint = PendingRequests<BoxService<Call, Answer, BoxError>>;
type Balancer = Balance<ServiceList<Vec<Endpoint>>, Call>;

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let servers = [Server::start("oak").await?, Server::start("elm").await?];
    run(&servers).await.map(drop)
}

/// One server behind its circuit. The balancer looks at how many calls each has under way.
fn endpoint(server: &Server) -> Endpoint {
    let address = server.address;
    let service = ServiceBuilder::new()
        .layer(layer(server.circuit.clone()).on_open(OnOpen::Wait).boxed())
        .map_request(move |mut call: Call| {
            *call.uri_mut() = format!("http://{address}/").parse().expect("an address is a host");
            call
        })
        .service(legacy::Client::builder(TokioExecutor::new()).build_http());
    PendingRequests::new(BoxService::new(service), CompleteOnResponse::default())
}

/// Returns how many calls were rejected.
async fn run(servers: &[Server; 2]) -> Result<u32, BoxError> {
    let [oak, elm] = servers;
    let mut balancer = Balance::new(ServiceList::new(servers.iter().map(endpoint).collect()));

    let mut rejected = ask(&mut balancer, servers, "Both are well").await?;
    elm.is_down.store(true, Ordering::SeqCst);
    rejected += ask(&mut balancer, servers, "Elm goes down").await?;
    promise(elm, CircuitState::Open)?;
    let reached = elm.reached();
    rejected += ask(&mut balancer, servers, "Elm is down").await?;
    if elm.reached() != reached {
        return Err("an open circuit let a call through".into());
    }

    elm.is_down.store(false, Ordering::SeqCst);
    sleep(elm.circuit.snapshot().retry_after.unwrap_or_default()).await;
    rejected += ask(&mut balancer, servers, "Elm is back").await?;
    promise(elm, CircuitState::Closed)?;
    promise(oak, CircuitState::Closed)?;
    Ok(rejected)
}

/// Makes forty calls, and says who answered them.
async fn ask(balancer: &mut Balancer, servers: &[Server; 2], what: &str) -> Result<u32, BoxError> {
    let before = servers.each_ref().map(Server::reached);
    let (mut good, mut failed, mut rejected) = (0, 0, 0);
    for _ in 0..40 {
        match balancer.ready().await?.call(Request::new(Empty::new())).await {
            Ok(answer) if answer.status().is_success() => {
                answer.into_body().collect().await?;
                good += 1;
            }
            Err(error) if Rejected::find(&*error).is_some() => rejected += 1,
            Ok(_) | Err(_) => failed += 1,
        }
    }
    println!("{what}: {good} calls went well, {failed} failed, {rejected} were rejected;");
    let [oak, elm] = [0, 1].map(|number| servers[number].reached() - before[number]);
    println!("    oak answered {oak} and elm {elm}.");
    Ok(rejected)
}

fn promise(server: &Server, expected: CircuitState) -> Result<(), BoxError> {
    let state = server.circuit.state();
    let error = || format!("{:?} is {state}, not {expected}", server.circuit).into();
    (state == expected).then_some(()).ok_or_else(error)
}

/// A server that fails while it is told to, and counts the calls that reach it.
struct Server {
    address: SocketAddr,
    circuit: Circuit,
    is_down: Arc<AtomicBool>,
    reached: Arc<AtomicU64>,
}

impl Server {
    /// It ends with the runtime.
    async fn start(name: &'static str) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let (is_down, reached) = (Arc::<AtomicBool>::default(), Arc::<AtomicU64>::default());
        let (switch, counter) = (Arc::clone(&is_down), Arc::clone(&reached));
        let app = Router::new().fallback(move || {
            counter.fetch_add(1, Ordering::SeqCst);
            let is_down = switch.load(Ordering::SeqCst);
            ready(if is_down { StatusCode::BAD_GATEWAY } else { StatusCode::OK })
        });
        tokio::spawn(axum::serve(listener, app).into_future());
        // Longer than forty calls take on a machine that has much else to do.
        let open_for = Duration::from_secs(2);
        let circuit = Circuit::builder(name).consecutive_failures(3).open_for(open_for).build();
        Ok(Self { address, circuit, is_down, reached })
    }

    fn reached(&self) -> u64 {
        self.reached.load(Ordering::SeqCst)
    }
}

#[cfg(test)]
mod tests {
    #[tokio::test]
    async fn no_call_is_rejected_while_one_server_is_well() {
        let [oak, elm] = ["oak", "elm"].map(super::Server::start);
        let servers = [oak.await.unwrap(), elm.await.unwrap()];

        assert_eq!(super::run(&servers).await.unwrap(), 0);

        let totals = servers.map(|server| server.circuit.snapshot().totals);
        assert_eq!(totals.map(|totals| totals.rejected), [0, 0]);
        assert!(totals[1].failures == 3 && totals[1].successes > 0, "{totals:?}");
    }
}
