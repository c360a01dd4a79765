//! An nginx of a test's own.

use std::env;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::net::TcpStream;

/// What is spoken to it.
#[derive(Debug, Clone, Copy)]
enum Line {
    Plain,
    Http2,
}

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
        Self::start(free_address, Line::Plain, upstream, more).await
    }

    /// The same over HTTP/2, for those who take a certificate that nobody vouches for.
    pub(crate) async fn before_over_http2(upstream: SocketAddr, more: &str) -> Self {
        Self::start(free_address, Line::Http2, upstream, more).await
    }

    /// Ends, and starts again at its address with other settings of the location.
    pub(crate) async fn again_with(self, upstream: SocketAddr, more: &str) -> Self {
        let address = self.address;
        drop(self);
        Self::start(|| address, Line::Plain, upstream, more).await
    }

    async fn start(
        address: impl Fn() -> SocketAddr,
        line: Line,
        upstream: SocketAddr,
        more: &str,
    ) -> Self {
        let program = program()
            .expect("nginx is missing: install it (on Debian: apt-get install nginx-light)");
        // Somebody else may have taken the port meanwhile.
        for _ in 0..10 {
            let mut nginx = Self::run(&program, address(), line, upstream, more);
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

    fn run(
        program: &PathBuf,
        address: SocketAddr,
        line: Line,
        upstream: SocketAddr,
        more: &str,
    ) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = env::temp_dir().join(format!("nginx-{}-{number}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let listens = match line {
            Line::Plain => format!("listen {address};"),
            Line::Http2 => {
                certify(&folder);
                format!(
                    "listen {address} ssl http2; ssl_certificate cert.pem; ssl_certificate_key key.pem;"
                )
            }
        };
        fs::write(folder.join("nginx.conf"), settings(&listens, upstream, more)).unwrap();
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
fn settings(listens: &str, upstream: SocketAddr, more: &str) -> String {
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
                 {listens}
                 location / {{ proxy_pass http://{upstream}; {more} }}
             }}
         }}"
    )
}

/// A certificate of its own making.
fn certify(folder: &Path) {
    let asked = "req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -days 2 -subj /CN=127.0.0.1";
    let made = Command::new("openssl").args(asked.split(' ')).current_dir(folder).output();
    assert!(made.expect("openssl is missing").status.success());
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
