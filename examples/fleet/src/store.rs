//! A redis-server of the example's own, in a folder that goes with it.

use std::io;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Stdio;

use tokio::process::{Child, Command};
use tower::BoxError;

pub(crate) struct Store {
    process: Child,
    folder: PathBuf,
    url: String,
}

impl Store {
    /// Starts one on a free port.
    pub(crate) fn start() -> Result<Self, BoxError> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let folder = std::env::temp_dir().join(format!("fleet-example-{}", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        let process = Command::new("redis-server")
            .args(["--bind", "127.0.0.1", "--save", "", "--port", &port.to_string(), "--dir"])
            .arg(&folder)
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(explained)?;
        Ok(Self { process, folder, url: format!("redis://127.0.0.1:{port}") })
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Ends it as a crash would.
    pub(crate) async fn kill(&mut self) -> io::Result<()> {
        self.process.kill().await
    }
}

fn explained(error: io::Error) -> String {
    format!(
        "redis-server cannot be started ({error}): install it, as by \
         `apt-get install redis-server`, or name a Redis with --redis URL"
    )
}

impl Drop for Store {
    fn drop(&mut self) {
        // It is in the folder for temporary files.
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
