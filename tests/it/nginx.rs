//! An nginx of a test's own.

use std::env;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::net::TcpStream;

/// An nginx on a port of its own, which ends with the test.
pub(crate) struct Nginx {
    process: Child,
    folder: PathBuf,
    address: SocketAddr,
}

impl Nginx {
    /// Passes every call on to `upstream`, with nothing set besides.
    pub(crate) async fn before(upstream: SocketAddr) -> Self {
        Self::before_with(upstream, "").await
    }

    /// The same with `more` settings of the location.
    pub(crate) async fn before_with(upstream: SocketAddr, more: &str) -> Self {
        let program = program()
            .expect("nginx is missing: install it (on Debian: apt-get install nginx-light)");
        // Somebody else may have taken the port meanwhile.
        for _ in 0..10 {
            let mut nginx = Self::run(&program, upstream, more);
            let comes = tokio::time::timeout(Duration::from_secs(60), nginx.comes());
            if comes.await.expect("nginx neither listens nor ends") {
                return nginx;
            }
        }
        panic!("nginx has ended ten times");
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    fn run(program: &PathBuf, upstream: SocketAddr, more: &str) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = env::temp_dir().join(format!("nginx-{}-{number}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let address = free_address();
        fs::write(folder.join("nginx.conf"), settings(address, upstream, more)).unwrap();
        let process = Command::new(program)
            .args(["-e", "stderr", "-c", "nginx.conf", "-p"])
            .arg(&folder)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        Self { process, folder, address }
    }

    /// Whether it listens, once it does or has ended.
    async fn comes(&mut self) -> bool {
        while TcpStream::connect(self.address).await.is_err() {
            if self.process.try_wait().unwrap().is_some() {
                return false;
            }
            tokio::task::yield_now().await;
        }
        true
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// One process, which keeps all its files in its own folder.
fn settings(address: SocketAddr, upstream: SocketAddr, more: &str) -> String {
    let folders: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|folder| format!("{folder}_temp_path {folder};\n"))
        .concat();
    format!(
        "daemon off;
         master_process off;
         pid nginx.pid;
         events {{ worker_connections 64; }}
         http {{
             access_log off;
             {folders}
             server {{
                 listen {address};
                 location / {{ proxy_pass http://{upstream}; {more} }}
             }}
         }}"
    )
}

/// Debian keeps it where the paths of users do not look.
fn program() -> Option<PathBuf> {
    let paths = env::var_os("PATH").unwrap_or_default();
    let folders = env::split_paths(&paths).chain([PathBuf::from("/usr/sbin")]);
    folders.map(|folder| folder.join("nginx")).find(|program| program.exists())
}

fn free_address() -> SocketAddr {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap()
}
