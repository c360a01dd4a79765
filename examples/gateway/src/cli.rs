//! The command line: what can be asked for, and one clear line when it cannot be had.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;

use clap::Parser;
use desk::ControlArgs;
use tokio::net::TcpListener;

/// An axum gateway with a circuit breaker for each of two upstreams.
///
/// It plays a day in short. Upstream A is well, then answers 503, then hangs,
/// then answers 429 with `Retry-After`, then recovers. Upstream B stays well.
/// All of it is real HTTP on 127.0.0.1, in this one process.
#[derive(Debug, Parser)]
#[command(name = "gateway", verbatim_doc_comment, after_help = AFTER_HELP)]
pub(crate) struct Args {
    /// Port of the gateway on 127.0.0.1; 0 takes any that is free
    #[arg(long, value_name = "PORT", default_value_t = 3000)]
    pub(crate) port: u16,

    /// Play one cycle, in at most 20 s, and judge it; else play on until ctrl-c
    #[arg(long)]
    pub(crate) once: bool,

    #[command(flatten)]
    pub(crate) control: ControlArgs,
}

impl Args {
    /// How many times the day is played.
    pub(crate) fn cycles(&self) -> usize {
        if self.once { 1 } else { usize::MAX }
    }
}

/// Reads the command line; the status to exit with if there is nothing to do.
pub(crate) fn parse() -> Result<Args, ExitCode> {
    Args::try_parse().map_err(|error| {
        let message = error.to_string();
        if !error.use_stderr() {
            // Help. Whoever asked for it has closed the pipe if it cannot be written.
            let _ = error.print();
            return ExitCode::SUCCESS;
        }
        // The lines that follow the first repeat the usage.
        let first = message.lines().next().unwrap_or_default();
        let first = first.strip_prefix("error: ").unwrap_or(first);
        eprintln!("gateway: {first}; see --help");
        ExitCode::from(USAGE)
    })
}

/// Takes the port; the line to show if it cannot be had.
pub(crate) async fn listen(port: u16) -> Result<TcpListener, String> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    TcpListener::bind(address).await.map_err(|error| {
        let why = match error.kind() {
            ErrorKind::AddrInUse => "address already in use".to_owned(),
            kind => kind.to_string(),
        };
        format!("cannot listen on {address}: {why}; choose another with --port")
    })
}

/// The exit status for a command line that asks for what cannot be had.
pub(crate) const USAGE: u8 = 2;

const AFTER_HELP: &str = "\
While it plays, try:
  curl -i http://127.0.0.1:3000/a/hello
  a browser at http://127.0.0.1:3000/circuits/, with the token that is told at the start
  curl -H 'Authorization: Bearer <token>' http://127.0.0.1:3000/circuits

Environment:
  ADMIN_TOKEN, ADMIN_READ_TOKEN  tokens to steer and to read by, with commas between them;
                                 one is made for each run where there is none to steer by
  APP_ENV=production             takes tokens of 24 or more characters, and makes none

Exit status:
  0  ended as asked; with --once: circuit A opened, rejected, half-opened
     and closed, and circuit B never opened
  1  with --once: not so
  2  wrong options, or the port is taken";
