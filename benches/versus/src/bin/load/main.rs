//! hyper's client and an axum server with the layer against the same without it:
//! `cargo run --release --bin load`, some minutes long.
//!
//! First, requests as fast as they are answered; then requests sent to the server at fixed times, at
//! half and at nine tenths of what it could take, whether the answers to those before have come or
//! not, timed from when they were to be sent: a server that falls behind shows it. Runs take turns;
//! the median of each figure is printed, with the least and the most. A third of each, without the
//! layer like the first, shows what is chance. Ends with 1 when the layer costs more than 3 % of the
//! requests, or more than 100 µs at the 99th percentile, and more than chance does.

mod client;
mod figures;
mod server;

use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;

use http::Uri;
use tokio::runtime::Builder;
use tower::Layer;

use crate::client::{CONNECTIONS, at_rate, client, flood};
use crate::figures::{Runs, Three};
use crate::server::{behind_a_circuit, layer, router, serve};

const RUNS: usize = 5;
const MOST_REQUESTS: f64 = 0.03;
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
        let mut out = io::stdout();
        writeln!(out, "{CONNECTIONS} connections, {RUNS} runs: median (least to most)\n")?;
        writeln!(out, "| | layer | answers/s | p50 µs | p99 µs |\n|---|---|---:|---:|---:|")?;
        let (hyper, axum) = flooded(&servers).await;
        let capacity = axum.without.rate().median;
        let mut holds = true;
        for (name, three) in [("hyper's client, at most", hyper), ("axum, at most", axum)] {
            write!(out, "{}", three.rows(name))?;
            holds &= three.keeps_requests(MOST_REQUESTS);
        }
        for (name, share) in [("axum, at half", 0.5), ("axum, at nine tenths", 0.9)] {
            let three = steady(&servers, capacity * share).await;
            write!(out, "{}", three.rows(name))?;
            holds &= three.keeps_requests(MOST_REQUESTS) && three.keeps_delay(MOST_DELAY);
        }
        let verdict = if holds { "yes" } else { "no" };
        let most = "at most 3 % of the requests, and 100 µs at p99 of a steady load, or chance";
        writeln!(out, "\n{most}: {verdict}")?;
        Ok(holds)
    })
}

/// Through hyper's client with the layer and without it, and to the servers with it and without.
async fn flooded(servers: &[Uri; 3]) -> (Three, Three) {
    let bare = client();
    let behind = layer("client").layer(bare.clone());
    // The first requests open the connections.
    for uri in servers {
        flood(&bare, uri).await;
    }
    flood(&behind, &servers[0]).await;

    let (mut hyper, mut axum) = ([const { Runs::new() }; 3], [const { Runs::new() }; 3]);
    for _ in 0..RUNS {
        hyper[0].push(flood(&bare, &servers[0]).await);
        hyper[1].push(flood(&bare, &servers[0]).await);
        hyper[2].push(flood(&behind, &servers[0]).await);
        for (uri, runs) in servers.iter().zip(&mut axum) {
            runs.push(flood(&bare, uri).await);
        }
    }
    (Three::of(hyper), Three::of(axum))
}

/// To the servers, at `rate` requests per second.
async fn steady(servers: &[Uri; 3], rate: f64) -> Three {
    let mut runs = [const { Runs::new() }; 3];
    for _ in 0..RUNS {
        for (uri, runs) in servers.iter().zip(&mut runs) {
            runs.push(at_rate(uri, rate).await);
        }
    }
    Three::of(runs)
}
