//! A primary and its replica, watched by three Sentinels.

use std::time::Duration;

use tokio::time::Instant;

use super::server::Server;

/// What Sentinels do by themselves is theirs to time: looked at less often than what is tested.
pub(crate) struct Watched {
    pub(crate) primary: Server,
    pub(crate) replica: Server,
    pub(crate) sentinels: Vec<Server>,
}

/// The name under which the master is watched.
pub(crate) const NAME: &str = "fleet";

impl Watched {
    pub(crate) async fn start() -> Self {
        Self::begin(None).await
    }

    /// Servers with the first of these passwords, and Sentinels with the second.
    pub(crate) async fn with_passwords(passwords: [&str; 2]) -> Self {
        Self::begin(Some(passwords)).await
    }

    async fn begin(passwords: Option<[&str; 2]>) -> Self {
        let [password, own] = passwords.map_or([None; 2], |both| both.map(Some));
        let login = password.map(|word| ["--requirepass", word, "--masterauth", word]);
        let mut arguments = vec!["--repl-diskless-sync-delay", "0"];
        arguments.extend(login.iter().flatten());
        let primary = Server::with(&arguments).await.with_password(password);
        let port = primary.port().to_string();
        arguments.extend(["--replicaof", "127.0.0.1", &port]);
        let replica = Server::with(&arguments).await.with_password(password);
        let in_step = || replica.cli(&["info", "replication"]).contains("master_link_status:up");
        pause_until("the replica is in step", in_step).await;
        let mut config = format!(
            "sentinel monitor {NAME} 127.0.0.1 {port} 2\n\
             sentinel down-after-milliseconds {NAME} 500\n\
             sentinel failover-timeout {NAME} 3000\n"
        );
        if let [Some(password), Some(own)] = [password, own] {
            config += &format!("sentinel auth-pass {NAME} {password}\nrequirepass {own}\n");
        }
        let mut sentinels = Vec::new();
        for _ in 0..3 {
            sentinels.push(Server::sentinel(&config).await.with_password(own));
        }
        let watched = Self { primary, replica, sentinels };
        watched.until_all_are_known().await;
        watched
    }

    /// They meet over the primary, and ask it for its replicas.
    async fn until_all_are_known(&self) {
        let field = |text: &str, name: &str| -> Option<String> {
            let mut lines = text.lines().skip_while(|line| *line != name);
            lines.nth(1).map(str::to_owned)
        };
        for sentinel in &self.sentinels {
            pause_until("the Sentinels know each other", || {
                let master = sentinel.cli(&["sentinel", "master", NAME]);
                field(&master, "num-slaves").as_deref() == Some("1")
                    && field(&master, "num-other-sentinels").as_deref() == Some("2")
            })
            .await;
        }
    }

    /// Waits until the replica has become the primary; tells when it was seen.
    pub(crate) async fn until_promoted(&self) -> Instant {
        pause_until("the replica is promoted", || {
            self.replica.cli(&["info", "replication"]).contains("role:master")
        })
        .await;
        Instant::now()
    }

    /// The URL, with this login of the primary.
    pub(crate) fn url(&self, login: &str) -> String {
        let hosts = self.sentinels.iter().map(|s| format!("127.0.0.1:{}", s.port()));
        format!("redis+sentinel://{login}{}/{NAME}", hosts.collect::<Vec<_>>().join(","))
    }
}

/// Waits for what takes seconds, and asks other processes.
pub(crate) async fn pause_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < Duration::from_secs(60), "not within a minute: {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    eprintln!("{what}: after {:.1?}", start.elapsed());
}
