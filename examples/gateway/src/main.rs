//! A day in the life of a gateway, in sixteen seconds.
//!
//! Two real HTTP upstreams and, in front of them, an axum gateway with one circuit for each. A load
//! generator calls through it while upstream A falls ill in three ways and recovers, and upstream B
//! stays well.
//!
//! ```text
//! cargo run -p gateway             # plays on until ctrl-c
//! cargo run -p gateway -- --once   # one cycle; the exit status says how it went
//! ```
//!
//! `stack.rs` is what an application would copy: the circuit and the stack of layers around it.

mod cli;
mod journal;
mod lane;
mod load;
mod ops;
mod play;
mod report;
mod retry;
mod routes;
mod screen;
mod stack;
mod upstream;

use std::io;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use desk::{Desk, asked_to_end};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use crate::cli::Args;
use crate::lane::Lane;
use crate::load::Load;
use crate::report::Report;
use crate::screen::Screen;

fn main() -> ExitCode {
    let args = match cli::parse() {
        Ok(args) => args,
        Err(status) => return status,
    };
    run(&args).unwrap_or_else(|error| {
        eprintln!("gateway: {error}");
        ExitCode::FAILURE
    })
}

#[tokio::main]
async fn run(args: &Args) -> io::Result<ExitCode> {
    let told = |line: String| {
        eprintln!("gateway: {line}");
        Ok(ExitCode::from(cli::USAGE))
    };
    let desk = match Desk::read(args.control) {
        Ok(desk) => desk,
        Err(line) => return told(line),
    };
    match cli::listen(args.port).await {
        Ok(listener) => serve_and_play(listener, args, &desk).await,
        Err(line) => told(line),
    }
}

async fn serve_and_play(listener: TcpListener, args: &Args, desk: &Desk) -> io::Result<ExitCode> {
    let started = Instant::now();
    // Before anybody can connect: who has read the page may end this.
    let asked_to_end = asked_to_end()?;
    let (notes, mut heard) = mpsc::unbounded_channel();
    let lanes = Arc::new([Lane::open("A", &notes).await?, Lane::open("B", &notes).await?]);
    let address = listener.local_addr()?;
    let mut screen = Screen::new(started);
    screen.print(&format!("gateway on http://{address} (routes: /a/..., /b/...)"))?;
    screen.print(&desk.told(&format!("http://{address}/circuits/")))?;

    let (shut_down, asked) = oneshot::channel();
    let admin = desk.admin("gateway", env!("CARGO_PKG_VERSION"), ops::registry(&lanes)).build();
    let server = tokio::spawn(routes::serve(listener, Arc::clone(&lanes), admin, asked));
    let load = Load::start(&lanes, address);
    let shown = tokio::select! {
        () = play::play(&lanes[0], &notes, args.cycles()) => Ok(()),
        () = asked_to_end => Ok(()),
        result = screen.follow(&*lanes, &mut heard) => result,
    };
    let played = started.elapsed();

    load.finish().await;
    // The server may have ended by itself, with an error that is seen below.
    let _ = shut_down.send(());
    // Whoever holds a connection open for longer is cut off.
    if let Ok(ended) = tokio::time::timeout(LAST_ANSWERS, server).await {
        ended??;
    }
    shown?;

    let report = Report::new(&lanes, played);
    screen.print(&format!("\n{report}"))?;
    if !args.once {
        return Ok(ExitCode::SUCCESS);
    }
    screen.print(&format!("\n{}", report.verdict()))?;
    Ok(if report.is_as_it_should_be() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// How long open connections may take to end; no answer takes longer than the deadline.
const LAST_ANSWERS: Duration = Duration::from_secs(2);
