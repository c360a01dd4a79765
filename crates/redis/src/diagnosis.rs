//! Why a server hung up on a connection that was being made.

use std::time::Duration;

use redis::{Client, ConnectionAddr};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::fault::Fault;
use crate::kind::SyncErrorKind;

/// A server that has no room, or lets nobody in, says so unasked and hangs up. What was sent to it
/// meanwhile makes the system forget what it said: so it is heard once more, and nothing is sent.
///
/// Gives `fault` where it says nothing.
pub(crate) async fn diagnose(client: &Client, fault: Fault) -> Fault {
    let ConnectionAddr::Tcp(host, port) = client.get_connection_info().addr() else {
        return fault;
    };
    if fault.kind() != SyncErrorKind::Unreachable {
        return fault;
    }
    let said = timeout(PATIENCE, first_words(host, *port)).await.ok().flatten();
    said.and_then(|said| Fault::said(&said)).unwrap_or(fault)
}

async fn first_words(host: &str, port: u16) -> Option<String> {
    let mut stream = TcpStream::connect((host, port)).await.ok()?;
    let mut bytes = [0; 512];
    let length = stream.read(&mut bytes).await.ok()?;
    Some(String::from_utf8_lossy(bytes.get(..length)?).into_owned())
}

/// What is said unasked comes at once.
const PATIENCE: Duration = Duration::from_millis(200);
