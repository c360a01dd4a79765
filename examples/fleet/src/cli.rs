//! The command line.

use std::net::SocketAddr;
use std::process::ExitCode;

use clap::Parser;

/// Three gateway processes in front of one upstream share one circuit through Redis,
/// or through PostgreSQL.
///
/// The upstream dies and comes back, and then Redis dies. The example starts a
/// redis-server of its own, or uses what is at --redis or at --postgres, and plays
/// on 127.0.0.1.
#[derive(Debug, Parser)]
#[command(name = "fleet", verbatim_doc_comment, after_help = AFTER_HELP)]
pub(crate) struct Args {
    /// Use this Redis, and leave it alone: the last scene is left out
    #[arg(long, value_name = "URL")]
    pub(crate) redis: Option<String>,

    /// Use this PostgreSQL, and leave it alone; its role may create tables
    #[arg(long, value_name = "URL", conflicts_with = "redis")]
    pub(crate) postgres: Option<String>,

    /// Play once and judge it; else play again and again until ctrl-c
    #[arg(long)]
    pub(crate) once: bool,

    /// Be one of the gateways; the example starts itself with this
    #[arg(long, hide = true, requires = "upstream")]
    pub(crate) gateway: Option<String>,

    #[arg(long, hide = true)]
    pub(crate) upstream: Option<SocketAddr>,
}

/// Reads the command line; the status to exit with if there is nothing to do.
pub(crate) fn parse() -> Result<Args, ExitCode> {
    Args::try_parse().map_err(|error| {
        // Whoever asked for help has closed the pipe if it cannot be written.
        let _ = error.print();
        if error.use_stderr() { ExitCode::from(2) } else { ExitCode::SUCCESS }
    })
}

const AFTER_HELP: &str = "\
Exit status:
  0  ended as asked; with --once: all gateways opened, one probed at a time,
     all closed, and calls went on without Redis
  1  with --once: not so, or redis-server is not installed
  2  wrong options";
