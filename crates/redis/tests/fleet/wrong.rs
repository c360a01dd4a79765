//! Connections that cannot work: what is said of each names what helps.

use std::io::Write as _;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tower_circuit_breaker::CircuitRegistry;
use tower_circuit_breaker_redis::{RedisSync, SyncErrorKind as Kind, SyncStatus};

use crate::login::PASSWORD;
use crate::nodes::{LONG, Node, link, registry, until, until_within};
use crate::server::{Server, free_port};
use crate::tls::Authority;

/// What `connect` says of `url`.
async fn said_of(url: &str) -> (Option<Kind>, String) {
    let error = link(url).connect(&CircuitRegistry::new()).await.unwrap_err();
    (error.kind(), error.to_string())
}

async fn is_said(url: &str, kind: Option<Kind>, remedy: &str) {
    let (said, text) = said_of(url).await;

    assert_eq!(said, kind, "{text}");
    assert!(text.contains(remedy), "{remedy}: {text}");
}

/// Something that is no Redis of ours: says `unasked`, and then `answer` to each command.
async fn somebody(unasked: &'static str, answer: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("redis://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            tokio::spawn(answer_by(client, unasked, answer));
        }
    });
    url
}

async fn answer_by(mut client: TcpStream, unasked: &str, answer: &str) -> std::io::Result<()> {
    client.write_all(unasked.as_bytes()).await?;
    if answer.is_empty() {
        return Ok(());
    }
    let mut bytes = [0; 4096];
    while let length @ 1.. = client.read(&mut bytes).await? {
        let commands = bytes[..length].iter().filter(|byte| **byte == b'*').count();
        for _ in 0..commands.max(1) {
            client.write_all(answer.as_bytes()).await?;
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_hangs_up_is_heard_all_the_same() {
    let protected = "-DENIED Redis is running in protected mode because protected mode is enabled \
                     and no password is set for the default user.\r\n";
    let cases = [
        (protected, Kind::LoginRefused, "set a password in Redis"),
        ("-ERR max number of clients reached\r\n", Kind::TooManyClients, "raise `maxclients`"),
        ("", Kind::Unreachable, "write rediss://"),
    ];
    for (unasked, kind, remedy) in cases {
        is_said(&somebody(unasked, "").await, Some(kind), remedy).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_redis_or_an_old_one_is_told_so() {
    let cases = [
        ("-ERR unknown command `HELLO`, with args beginning with: `3`, \r\n", "RESP3 is needed"),
        ("-NOPROTO sorry this protocol version is not supported\r\n", "RESP3 is needed"),
        ("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n", "may be no Redis"),
        ("E\0\0\0\u{8}", "may be no Redis"),
        // An alert of TLS.
        ("\u{15}\u{3}\u{3}\0\u{2}\u{2}\n", "write rediss://"),
    ];
    for (answer, remedy) in cases {
        is_said(&somebody("", answer).await, Some(Kind::Protocol), remedy).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_address_is_told_so() {
    let nobody = format!("127.0.0.1:{}", free_port());

    is_said(&format!("redis://{nobody}"), Some(Kind::Unreachable), "is that its port").await;
    let (kind, text) = said_of("redis://no-such-host.invalid").await;
    let is_slow = kind == Some(Kind::TimedOut);
    assert!(is_slow || text.contains("spelled right"), "{text}");
    for password in ["pa/ss", "pa#ss", "pa?ss", "p@a/ss"] {
        is_said(&format!("redis://:{password}@{nobody}"), None, "%2F").await;
        is_said(&format!("rediss://user:{password}@{nobody}/0"), None, "%2F").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: run by tests/run.sh"]
async fn every_letter_may_stand_in_a_password() {
    let server = Server::with(&["--requirepass", "p@s/s#w?o:r%d"]).await;
    for written in ["p%40s%2Fs%23w%3Fo%3Ar%25d", "p@s%2Fs%23w%3Fo:r%25d"] {
        let url = server.url().replace("redis://", &format!("redis://:{written}@"));
        let node = Node::join(link(url), registry(LONG)).await;
        assert_eq!(node.status(), SyncStatus::Connected, "{written}");
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs openssl and redis-server: run by tests/run.sh"]
async fn tls_where_there_is_none_and_none_where_there_is_are_told_so() {
    let (authority, port) = (Authority::new(), free_port());
    let server = authority.serve(port, "no").await;
    let at_tls = format!("127.0.0.1:{port}");

    is_said(&server.url().replace("redis:", "rediss:"), Some(Kind::TimedOut), "redis://").await;
    let (_, text) = said_of(&format!("redis://{at_tls}")).await;
    assert!(text.contains("write rediss://"), "{text}");
    // A machine with more to do takes its time to shake hands.
    let untrusted = link(format!("rediss://{at_tls}")).response_timeout(Duration::from_secs(10));
    let error = untrusted.connect(&CircuitRegistry::new()).await.unwrap_err();
    assert!(error.to_string().contains("`root_certificate`"), "{error}");
    let other_name = authority.trusting(&format!("rediss://localhost:{port}"));
    let error = other_name.connect(&CircuitRegistry::new()).await.unwrap_err();
    assert!(error.to_string().contains("a name that stands in it"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: run by tests/run.sh"]
async fn what_a_user_lacks_is_named() {
    let server = Server::start().await;
    let url = server.url().replace("redis://", "redis://small:p@");
    let give = |rights: &[&str]| {
        let user = ["acl", "setuser", "small", "reset", "on", ">p", "+@all"];
        server.cli(&[&user, rights].concat());
    };
    let at_once = [
        (["~*", "resetchannels"], "SUBSCRIBE breaker:changes: NOPERM", "`&prefix:changes`"),
        (["allchannels", "-subscribe"], "SUBSCRIBE breaker:changes: NOPERM", "needs that command"),
        (["allchannels", "-script"], "SCRIPT LOAD: NOPERM", "needs that command"),
        (["allchannels", "~other"], "GETRANGE {breaker:~}:layout: NOPERM", "`~{prefix:*`"),
    ];
    for (rights, words, remedy) in at_once {
        give(&rights);
        is_said(&url, Some(Kind::NoPermission), words).await;
        is_said(&url, Some(Kind::NoPermission), remedy).await;
    }
    let later = [
        (["allkeys", "-evalsha"], "EVALSHA (command) {breaker:0}:record:api", "needs that command"),
        (
            ["~{breaker:~*", "allchannels"],
            "EVALSHA (command) {breaker:0}:record:api",
            "`~{prefix:*`",
        ),
    ];
    for (rights, words, remedy) in later {
        give(&[&rights[..], &["allchannels"]].concat());
        let registry = registry(LONG);
        registry.get_or_create("api");
        let sync = link(&url).connect(&registry).await.unwrap();
        let _ = tokio::time::timeout(Duration::from_secs(1), sync.ready()).await;
        let error = sync.reset("api").await.unwrap_err();
        let said = || format!("{error} {}", text(&sync));
        until(words, || said().contains(words) && said().contains(remedy)).await;
        assert_eq!(error.kind(), Kind::NoPermission);
    }
}

fn text(sync: &RedisSync) -> String {
    sync.health().last_error_text.unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: run by tests/run.sh"]
async fn a_foreign_value_is_named_by_its_key() {
    let server = Server::start().await;
    server.cli(&["set", "{breaker:0}:record:api", "of another program"]);
    let node = Node::join(link(server.url()), registry(LONG)).await;

    until("it is said", || text(&node.sync).contains("{breaker:0}:record:api")).await;
    assert!(text(&node.sync).contains("`prefix` of its own"), "{}", text(&node.sync));
}

/// Who may go on without Redis hears why: of a first attempt, and of another fault that follows.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: run by tests/run.sh"]
async fn a_first_attempt_that_fails_is_told_and_so_is_another_fault() {
    let mut server = Server::with(&["--requirepass", PASSWORD]).await;
    let heard = Arc::new(Mutex::new(Vec::new()));
    let builder = link(server.url()).local_until_connected().on_health({
        let heard = Arc::clone(&heard);
        move |health| heard.lock().unwrap().push((health.status, health.last_error))
    });
    let registry = registry(LONG);
    let sync = builder.connect(&registry).await.unwrap();

    let away = SyncStatus::Disconnected;
    assert_eq!(*heard.lock().unwrap(), [(away, Some(Kind::LoginRefused))]);
    assert!(text(&sync).contains("write user and password into the URL"), "{}", text(&sync));
    server.kill();
    let both = [(away, Some(Kind::LoginRefused)), (away, Some(Kind::Unreachable))];
    let heard_both = || *heard.lock().unwrap() == both;
    until_within(Duration::from_secs(10), "the other is told, too", heard_both).await;
    let attempts = || sync.health().errors.iter().map(|(_, times)| times).sum::<u64>();
    let before = attempts();
    until_within(Duration::from_secs(10), "it goes on", || attempts() > before + 1).await;
    assert_eq!(heard.lock().unwrap().len(), 2, "each kind is told once");
}

/// An haproxy with a port that leads to `port`, which ends with the test.
struct Haproxy(Child, u16);

impl Haproxy {
    /// Cuts connections over which nothing goes for `idle`.
    fn to(port: u16, idle: &str) -> Self {
        let own = free_port();
        let config = format!(
            "defaults\n mode tcp\n timeout connect 1s\n timeout client {idle}\n timeout server \
             {idle}\nlisten redis\n bind 127.0.0.1:{own}\n server redis 127.0.0.1:{port}\n"
        );
        let mut haproxy = Command::new("haproxy")
            .args(["-db", "-f", "/dev/stdin"])
            .stdin(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("haproxy is installed");
        haproxy.stdin.take().unwrap().write_all(config.as_bytes()).unwrap();
        Self(haproxy, own)
    }
}

impl Drop for Haproxy {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs haproxy and redis-server: run by tests/run.sh"]
async fn a_proxy_that_cuts_what_idles_is_told_of() {
    let server = Server::start().await;
    let proxy = Haproxy::to(server.port(), "3s");
    let url = format!("redis://127.0.0.1:{}", proxy.1);
    let builder = link(url).poll_interval(Duration::from_secs(600)).local_until_connected();
    let node = Node::join(builder, registry(LONG)).await;

    let said = || text(&node.sync).contains("make `poll_interval` shorter");
    until_within(Duration::from_secs(20), "it is said", said).await;
}
