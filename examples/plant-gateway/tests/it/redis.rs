//! A redis-server of a test's own.

use std::net::{SocketAddr, TcpListener};
use std::process::Stdio;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

use crate::support::eventually;

/// A redis-server on a free port. Ends with the test.
pub(crate) struct Redis {
    pub(crate) child: Child,
    pub(crate) url: String,
}

impl Redis {
    pub(crate) async fn start() -> Self {
        loop {
            let free = TcpListener::bind("127.0.0.1:0").unwrap();
            let address = free.local_addr().unwrap();
            drop(free);
            let child = Self::spawn(address);
            let answers = eventually("Redis answers", async || process_at(address).await).await;
            // Or that of another test, which was faster to take the port.
            if Some(answers) == child.id() {
                return Self { child, url: format!("redis://{address}") };
            }
        }
    }

    fn spawn(address: SocketAddr) -> Child {
        let child = Command::new("redis-server")
            .args(["--port", &address.port().to_string(), "--bind", "127.0.0.1"])
            .args(["--save", "", "--appendonly", "no"])
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn();
        child.unwrap_or_else(|error| {
            panic!("redis-server: {error}: install it (on Debian: apt-get install redis-server)")
        })
    }
}

/// The id of the process that answers there.
async fn process_at(address: SocketAddr) -> Option<u32> {
    let mut stream = TcpStream::connect(address).await.ok()?;
    stream.write_all(b"INFO server\r\nQUIT\r\n").await.ok()?;
    let mut info = String::new();
    stream.read_to_string(&mut info).await.ok()?;
    info.lines().find_map(|line| line.strip_prefix("process_id:"))?.trim().parse().ok()
}
