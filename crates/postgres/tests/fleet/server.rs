//! A PostgreSQL of a test's own.

use std::env;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

/// A PostgreSQL on a port of its own, which ends with the test. Its superuser is `admin`.
pub(crate) struct Server {
    process: Option<Child>,
    folder: PathBuf,
    port: u16,
}

impl Server {
    pub(crate) async fn start() -> Self {
        let mut server = Self { process: None, folder: folder("postgres"), port: 0 };
        fs::create_dir_all(&server.folder).unwrap();
        give_away(&server.folder);
        let data = server.data();
        let made = unprivileged(&program("initdb"))
            .args(["-U", "admin", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync", "-D"])
            .arg(&data)
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        server.configure("fsync = off\nmax_connections = 300\nmax_wal_senders = 4\n");
        server.port = free_port();
        server.run().await;
        server
    }

    /// A replica of this one.
    pub(crate) async fn replica(&self) -> Self {
        let mut replica = Self { process: None, folder: folder("replica"), port: free_port() };
        fs::create_dir_all(&replica.folder).unwrap();
        give_away(&replica.folder);
        let copied = unprivileged(&program("pg_basebackup"))
            .args(["-h", "127.0.0.1", "-U", "admin", "-R", "-c", "fast", "--no-sync", "-p"])
            .arg(self.port.to_string())
            .arg("-D")
            .arg(replica.data())
            .output()
            .unwrap();
        assert!(copied.status.success(), "{}", String::from_utf8_lossy(&copied.stderr));
        replica.run().await;
        replica
    }

    /// Adds lines to its configuration, which it reads when it starts.
    pub(crate) fn configure(&self, lines: &str) {
        let file = self.data().join("postgresql.conf");
        let text = fs::read_to_string(&file).unwrap();
        fs::write(&file, text + lines).unwrap();
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// Starts the process again after it was killed, on the same port.
    pub(crate) async fn run(&mut self) {
        let process = unprivileged(&program("postgres"))
            .arg("-D")
            .arg(self.data())
            .args(["-p", &self.port.to_string(), "-h", "127.0.0.1", "-k"])
            .arg(&self.folder)
            .stdout(Stdio::null())
            .stderr(fs::File::create(self.folder.join("log")).unwrap())
            .spawn();
        self.process = Some(process.unwrap());
        while !self.is_up() {
            let ended = self.process.as_mut().unwrap().try_wait().unwrap();
            assert!(ended.is_none(), "{}", fs::read_to_string(self.folder.join("log")).unwrap());
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    }

    fn is_up(&self) -> bool {
        let port = self.port.to_string();
        let args = ["-q", "-h", "127.0.0.1", "-p", &port];
        Command::new(program("pg_isready")).args(args).status().unwrap().success()
    }

    /// As with `kill -9`, of all its processes.
    pub(crate) fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            let all = processes(process.id());
            signal("-KILL", &all);
            let _ = process.wait();
        }
    }

    /// As an administrator stops it: sessions are ended, and what there is is written.
    pub(crate) fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            signal("-INT", &[process.id().to_string()]);
            let _ = process.wait();
        }
    }

    /// No process of it takes any more turns, and connections stay.
    pub(crate) fn freeze(&self) {
        signal("-STOP", &processes(self.process.as_ref().unwrap().id()));
    }

    pub(crate) fn thaw(&self) {
        signal("-CONT", &processes(self.process.as_ref().unwrap().id()));
    }

    /// For how many seconds its processes have had a processor, those that have ended among them.
    pub(crate) fn processor(&self) -> f64 {
        let all = processes(self.process.as_ref().unwrap().id());
        let ticks = all.iter().filter_map(|process| {
            let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
            // Behind the name, which may have anything in it.
            let rest = stat.rsplit_once(')')?.1.to_owned();
            let fields: Vec<_> = rest.split_whitespace().collect();
            let of = |at: usize| fields.get(at)?.parse::<u32>().ok();
            Some(f64::from(of(11)? + of(12)?))
        });
        // A tick is a hundredth of a second on Linux.
        ticks.sum::<f64>() / 100.0
    }

    pub(crate) const fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn url(&self) -> String {
        self.url_of("admin")
    }

    pub(crate) fn url_of(&self, role: &str) -> String {
        format!("postgresql://{role}@127.0.0.1:{}/postgres", self.port)
    }

    /// What psql says to this.
    pub(crate) fn sql(&self, statements: &str) -> String {
        let output = Command::new(program("psql"))
            .args([
                "-X",
                "-q",
                "-A",
                "-t",
                "-v",
                "ON_ERROR_STOP=1",
                "-h",
                "127.0.0.1",
                "-U",
                "admin",
            ])
            .args(["-d", "postgres", "-p", &self.port.to_string(), "-c", statements])
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{statements}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// The number of the first process, and those of all that it has started.
fn processes(first: u32) -> Vec<String> {
    let listed = Command::new("ps").args(["-o", "pid=", "--ppid", &first.to_string()]).output();
    let listed = String::from_utf8(listed.unwrap().stdout).unwrap();
    let children = listed.split_whitespace().map(str::to_owned);
    std::iter::once(first.to_string()).chain(children).collect()
}

/// A folder that is not there yet.
pub(crate) fn folder(of: &str) -> PathBuf {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    env::temp_dir().join(format!("fleet-{of}-{}-{number}", std::process::id()))
}

/// A program of the server, which Debian keeps out of the path.
fn program(name: &str) -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let programs = versions.map(|version| version.path().join("bin").join(name));
    programs.filter(|program| program.exists()).max().unwrap_or_else(|| name.into())
}

/// Neither PostgreSQL nor PgBouncer runs as root.
pub(crate) fn unprivileged(program: &Path) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--init-groups"]).arg(program);
    command.current_dir("/");
    command
}

/// The user without privileges owns `folder`.
pub(crate) fn give_away(folder: &Path) {
    if is_root() {
        assert!(
            Command::new("chown").arg("postgres:postgres").arg(folder).status().unwrap().success()
        );
    }
}

fn is_root() -> bool {
    let user = Command::new("id").arg("-u").output().unwrap();
    user.stdout.starts_with(b"0")
}

pub(crate) fn signal(signal: &str, processes: &[String]) {
    // One may have ended meanwhile.
    let _ = Command::new("kill").arg(signal).args(processes).stderr(Stdio::null()).status();
}

pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
