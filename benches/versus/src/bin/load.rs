//! An axum server with the layer against the same server without it, at half and at nine tenths of
//! what the one without can take: `cargo run --release --bin load`, some minutes long.
//!
//! Requests are sent at fixed times, whether the answers to those before have come or not, and are
//! timed from when they were to be sent: a server that falls behind shows it. Rounds take turns, and
//! the median of each figure is printed. A third server, like the first, shows what is chance. Ends
//! with 1 when the layer costs more than 3 % of the requests, or more than 100 µs at the 99th
//! percentile and more than chance does.

use std::convert::Infallible;
use std::error::Error;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{StatusCode, Uri};
use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::net::TcpListener;
use tokio::runtime::Builder;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep_until};
use tower_circuit_breaker::{Circuit, CircuitBreakerLayer, SlidingWindow};

/// Figures of one round.
#[derive(Debug, Clone, Copy)]
struct Round {
    /// Answers per second.
    rate: f64,
    /// Microseconds, half of the answers and 99 of 100 came within.
    p50: f64,
    p99: f64,
}

const ROUNDS: usize = 7;
const ROUND: Duration = Duration::from_secs(5);
const CONNECTIONS: u64 = 32;
const MOST_REQUESTS: f64 = 0.97;
const MOST_DELAY: f64 = 100.0;

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("load: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<bool, Box<dyn Error>> {
    let servers = [serve(router())?, serve(router())?, serve(behind_a_circuit(router()))?];
    let clients = Builder::new_current_thread().enable_all().build()?;
    clients.block_on(async {
        let capacity = capacity(&servers[0]).await;
        let mut out = io::stdout();
        writeln!(out, "without the layer, {CONNECTIONS} connections: {capacity:.0} requests/s")?;
        writeln!(out, "| load | layer | answers/s | p50 µs | p99 µs |\n|---|---|---:|---:|---:|")?;
        let mut holds = true;
        for (name, share) in [("half", 0.5), ("nine tenths", 0.9)] {
            let mut rounds = [const { Vec::new() }; 3];
            for _ in 0..ROUNDS {
                for (uri, rounds) in servers.iter().zip(&mut rounds) {
                    rounds.push(at_rate(uri, capacity * share).await);
                }
            }
            let [without, again, with] = rounds.map(|rounds| median(&rounds));
            for (layer, round) in [("without", without), ("without", again), ("with", with)] {
                let Round { rate, p50, p99 } = round;
                writeln!(out, "| {name} | {layer} | {rate:.0} | {p50:.0} | {p99:.0} |")?;
            }
            holds &= with.rate >= without.rate * MOST_REQUESTS;
            let chance = (again.p99 - without.p99).abs();
            holds &= with.p99 <= without.p99.min(again.p99) + chance.max(MOST_DELAY);
        }
        writeln!(
            out,
            "at most 3 % of the requests, and 100 µs or chance at p99: {}",
            verdict(holds)
        )?;
        Ok(holds)
    })
}

fn verdict(holds: bool) -> &'static str {
    if holds { "yes" } else { "no" }
}

fn router() -> Router {
    Router::new().route("/", get(|| async { "well" }))
}

fn behind_a_circuit(router: Router) -> Router {
    let circuit = Circuit::builder("load").failure_rate(0.5).window(SlidingWindow::default());
    router.layer(
        CircuitBreakerLayer::new(circuit.build())
            .failure_if(|answer: &Result<Response, Infallible>| {
                answer.as_ref().is_ok_and(|answer| answer.status().is_server_error())
            })
            .respond_with(|_| StatusCode::SERVICE_UNAVAILABLE.into_response()),
    )
}

/// Serves on a thread of its own, for as long as the program runs.
fn serve(router: Router) -> io::Result<Uri> {
    let listener = std::net::TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    let runtime = Builder::new_current_thread().enable_all().build()?;
    std::thread::spawn(move || {
        let served =
            runtime.block_on(async { axum::serve(TcpListener::from_std(listener)?, router).await });
        if let Err(error) = served {
            eprintln!("load: the server ended: {error}");
        }
    });
    format!("http://{address}/").parse().map_err(io::Error::other)
}

type HttpClient = Client<HttpConnector, Empty<Bytes>>;

fn client() -> HttpClient {
    Client::builder(TokioExecutor::new()).build_http()
}

async fn ask(client: &HttpClient, uri: &Uri) -> bool {
    let Ok(answer) = client.get(uri.clone()).await else { return false };
    answer.status() == StatusCode::OK && answer.into_body().collect().await.is_ok()
}

/// Requests per second of so many connections that each send the next when they have the last.
async fn capacity(uri: &Uri) -> f64 {
    let (client, answers) = (client(), Arc::new(AtomicU64::new(0)));
    let end = Instant::now() + ROUND;
    let mut workers = JoinSet::new();
    for _ in 0..CONNECTIONS {
        let (client, uri, answers) = (client.clone(), uri.clone(), Arc::clone(&answers));
        workers.spawn(async move {
            while Instant::now() < end {
                answers.fetch_add(u64::from(ask(&client, &uri).await), Ordering::Relaxed);
            }
        });
    }
    workers.join_all().await;
    number(answers.load(Ordering::Relaxed)) / ROUND.as_secs_f64()
}

/// One round at `rate` requests per second.
async fn at_rate(uri: &Uri, rate: f64) -> Round {
    let (client, start) = (client(), Instant::now());
    let between = Duration::from_secs_f64(number(CONNECTIONS) / rate);
    let mut workers = JoinSet::new();
    for worker in 0..u32::try_from(CONNECTIONS).unwrap_or(u32::MAX) {
        let (client, uri) = (client.clone(), uri.clone());
        let offset = between * worker / u32::try_from(CONNECTIONS).unwrap_or(u32::MAX);
        workers.spawn(async move {
            sleep_until((start + offset).into()).await;
            let mut ticks = interval(between);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
            let mut delays = Vec::new();
            while start.elapsed() < ROUND {
                let due = ticks.tick().await.into_std();
                if ask(&client, &uri).await {
                    delays.push(due.elapsed().as_secs_f64() * 1e6);
                }
            }
            delays
        });
    }
    let mut delays = workers.join_all().await.concat();
    let rate = number(delays.len() as u64) / start.elapsed().as_secs_f64();
    delays.sort_by(f64::total_cmp);
    let at = |percent: usize| delays.get(delays.len() * percent / 100).copied().unwrap_or(f64::NAN);
    Round { rate, p50: at(50), p99: at(99) }
}

/// Figure by figure.
fn median(rounds: &[Round]) -> Round {
    let middle = |figure: fn(&Round) -> f64| {
        let mut figures: Vec<_> = rounds.iter().map(figure).collect();
        figures.sort_by(f64::total_cmp);
        figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
    };
    Round {
        rate: middle(|round| round.rate),
        p50: middle(|round| round.p50),
        p99: middle(|round| round.p99),
    }
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
fn number(whole: u64) -> f64 {
    whole as f64
}
