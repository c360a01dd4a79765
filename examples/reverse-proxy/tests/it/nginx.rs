//! An nginx of a test's own, as the upstream.

use std::env;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::net::TcpStream;

/// An nginx with one worker, on a port of its own, which ends with the test.
pub(crate) struct Nginx {
    process: Option<Child>,
    folder: PathBuf,
    address: SocketAddr,
}

/// The bytes of `/large` and of `/slow`.
pub(crate) const LARGE: usize = 4 << 20;

impl Nginx {
    pub(crate) async fn start(http2: bool) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = env::temp_dir().join(format!("proxy-nginx-{}-{number}", std::process::id()));
        fs::create_dir_all(folder.join("files")).unwrap();
        fs::write(folder.join("files/large"), vec![b'x'; LARGE]).unwrap();
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
        fs::write(folder.join("nginx.conf"), settings(address, &folder, http2)).unwrap();
        // Its workers are not root where it is.
        for folder in [folder.as_path(), &folder.join("files")] {
            let mode = std::os::unix::fs::PermissionsExt::from_mode(0o777);
            fs::set_permissions(folder, mode).unwrap();
        }
        let mut nginx = Self { process: None, folder, address };
        nginx.run().await;
        nginx
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Starts it, again after it was stopped.
    pub(crate) async fn run(&mut self) {
        let _ = fs::remove_file(self.folder.join("inner.sock"));
        let process = Command::new(program())
            .args(["-e", "stderr", "-c", "nginx.conf", "-p"])
            .arg(&self.folder)
            .stdout(Stdio::null())
            .stderr(fs::File::create(self.folder.join("log")).unwrap())
            .spawn();
        self.process = Some(process.expect("nginx can be started: apt-get install nginx-light"));
        while TcpStream::connect(self.address).await.is_err() {
            let ended = self.process.as_mut().unwrap().try_wait().unwrap();
            assert!(ended.is_none(), "{}", fs::read_to_string(self.folder.join("log")).unwrap());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Ends it, and what it was about to say.
    pub(crate) fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            self.freeze(false);
            signal("-TERM", &[process.id().to_string()]);
            let _ = process.wait();
        }
    }

    /// Whether it takes no more turns; connections stay.
    pub(crate) fn freeze(&self, is_frozen: bool) {
        signal(if is_frozen { "-STOP" } else { "-CONT" }, &self.workers());
    }

    /// Ends what serves, midway; another comes at once.
    pub(crate) fn cut(&self) {
        signal("-KILL", &self.workers());
    }

    fn workers(&self) -> Vec<String> {
        let Some(process) = &self.process else {
            return Vec::new();
        };
        let listed =
            Command::new("ps").args(["-o", "pid=", "--ppid", &process.id().to_string()]).output();
        let listed = String::from_utf8(listed.unwrap().stdout).unwrap();
        listed.split_whitespace().map(str::to_owned).collect()
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        self.stop();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// An upload is read whole before the inner server hears of it; an event stream has no length.
fn settings(address: SocketAddr, folder: &Path, http2: bool) -> String {
    let folders: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|folder| format!("{folder}_temp_path {folder};\n"))
        .concat();
    let (files, http2) = (folder.join("files"), if http2 { " http2" } else { "" });
    let files = files.display();
    format!(
        "daemon off;
         pid nginx.pid;
         worker_processes 1;
         events {{ worker_connections 1024; }}
         http {{
             access_log off;
             keepalive_requests 1000000;
             {folders}
             server {{
                 listen unix:{}/inner.sock;
                 location / {{ return 200 'taken\\n'; }}
             }}
             server {{
                 listen {address}{http2};
                 location / {{ default_type text/plain; return 200 'a rose\\n'; }}
                 location /busy {{ add_header Retry-After 7 always; return 503; }}
                 location /large {{ alias {files}/large; default_type text/plain; }}
                 location /slow {{ alias {files}/large; limit_rate 64k; default_type text/plain; }}
                 location /events {{
                     alias {files}/large;
                     limit_rate 16k;
                     types {{ }}
                     default_type text/event-stream;
                     ssi on;
                     ssi_types text/event-stream;
                 }}
                 location /upload {{
                     client_body_buffer_size 1m;
                     proxy_pass http://unix:{}/inner.sock:/;
                 }}
             }}
         }}",
        folder.display(),
        folder.display(),
    )
}

/// Debian keeps it where the paths of users do not look.
fn program() -> PathBuf {
    let paths = env::var_os("PATH").unwrap_or_default();
    let folders = env::split_paths(&paths).chain([PathBuf::from("/usr/sbin")]);
    let mut programs = folders.map(|folder| folder.join("nginx"));
    programs.find(|program| program.exists()).unwrap_or_else(|| "nginx".into())
}

fn signal(signal: &str, processes: &[String]) {
    // One may have ended meanwhile.
    let _ = Command::new("kill").arg(signal).args(processes).stderr(Stdio::null()).status();
}
