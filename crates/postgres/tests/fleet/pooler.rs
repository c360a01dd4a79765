//! A PgBouncer of a test's own, in transaction mode.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::Duration;

use tokio::net::TcpStream;

use crate::server::{Server, folder, free_port, give_away, signal, unprivileged};

/// A PgBouncer before a server, which ends with the test.
pub(crate) struct Pooler {
    process: Child,
    folder: PathBuf,
    port: u16,
}

impl Pooler {
    /// With so many connections to the server, for all that connect to it.
    pub(crate) async fn start(server: &Server, connections: u32) -> Self {
        let (folder, port) = (folder("pgbouncer"), free_port());
        fs::create_dir_all(&folder).unwrap();
        let config = format!(
            "[databases]\n* = user=admin host=127.0.0.1 port={}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n\
             listen_port = {port}\nunix_socket_dir =\npool_mode = transaction\nauth_type = any\n\
             default_pool_size = {connections}\nmax_client_conn = 200\n",
            server.port(),
        );
        fs::write(folder.join("pgbouncer.ini"), config).unwrap();
        give_away(&folder);
        let process = unprivileged("/usr/sbin/pgbouncer".as_ref())
            .arg(folder.join("pgbouncer.ini"))
            .stdout(Stdio::null())
            .stderr(fs::File::create(folder.join("log")).unwrap())
            .spawn()
            .unwrap();
        let mut pooler = Self { process, folder, port };
        while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            let ended = pooler.process.try_wait().unwrap();
            assert!(ended.is_none(), "{}", fs::read_to_string(pooler.folder.join("log")).unwrap());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        pooler
    }

    pub(crate) fn url(&self) -> String {
        format!("postgresql://admin@127.0.0.1:{}/postgres", self.port)
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        signal("-KILL", &[self.process.id().to_string()]);
        let _ = self.process.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}
