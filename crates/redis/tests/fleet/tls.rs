//! Redis behind TLS: whom to trust, by which name, and who is let in.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tower_circuit_breaker::{Circuit, CircuitRegistry, CircuitState};
use tower_circuit_breaker_redis::{ConnectError, RedisSyncBuilder, SyncErrorKind};

use crate::nodes::{LONG, Node, all_are, fail, link, registry, until};
use crate::server::{Server, free_port};
use crate::shards::Shards;

/// An authority of a test's own, in a folder that ends with it.
pub(crate) struct Authority {
    folder: PathBuf,
}

impl Authority {
    pub(crate) fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("tls-{}-{number}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let authority = Self { folder };
        authority.make("ca", &["-addext", "basicConstraints=critical,CA:TRUE"]);
        authority
    }

    /// Signs a certificate for 127.0.0.1; gives the files of the certificate and of its key.
    fn sign(&self, name: &str) -> [String; 2] {
        let [ca, key] = self.files("ca");
        let address = "subjectAltName=IP:127.0.0.1";
        self.make(
            name,
            &[
                "-CA",
                &ca,
                "-CAkey",
                &key,
                "-addext",
                address,
                "-addext",
                "basicConstraints=CA:FALSE",
            ],
        );
        self.files(name)
    }

    fn make(&self, name: &str, more: &[&str]) {
        let [certificate, key] = self.files(name);
        let made = Command::new("openssl")
            .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"])
            .args(["-subj", &format!("/CN={name}"), "-out", &certificate, "-keyout", &key])
            .args(more)
            .output()
            .expect("openssl is installed");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    }

    fn files(&self, name: &str) -> [String; 2] {
        ["crt", "key"].map(|end| self.folder.join(format!("{name}.{end}")).display().to_string())
    }

    /// A server's arguments for TLS at `port`.
    fn arguments(&self, port: u16, clients: &str) -> Vec<String> {
        let [certificate, key] = self.sign(&format!("server-{port}"));
        let [ca, _] = self.files("ca");
        let arguments = [
            ["--tls-port", &port.to_string()],
            ["--tls-auth-clients", clients],
            ["--tls-cert-file", &certificate],
            ["--tls-key-file", &key],
            ["--tls-ca-cert-file", &ca],
        ];
        arguments.as_flattened().iter().map(|&argument| argument.to_owned()).collect()
    }

    pub(crate) async fn serve(&self, port: u16, clients: &str) -> Server {
        let arguments = self.arguments(port, clients);
        Server::with(&arguments.iter().map(String::as_str).collect::<Vec<_>>()).await
    }

    /// A link that trusts this authority.
    pub(crate) fn trusting(&self, url: &str) -> RedisSyncBuilder {
        patient(url).root_certificate(fs::read(&self.files("ca")[0]).unwrap())
    }

    /// The certificate of a client, and its key.
    fn client(&self) -> [Vec<u8>; 2] {
        self.sign("client").map(|file| fs::read(file).unwrap())
    }
}

impl Drop for Authority {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// A machine with more to do takes its time to shake hands.
fn patient(url: &str) -> RedisSyncBuilder {
    link(url).response_timeout(Duration::from_secs(10))
}

async fn refused(builder: RedisSyncBuilder) -> ConnectError {
    builder.connect(&CircuitRegistry::new()).await.unwrap_err()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs openssl and redis-server: run by tests/run.sh"]
async fn tls_trusts_the_given_certificate_and_no_other() {
    let (given, other) = (Authority::new(), Authority::new());
    let port = free_port();
    let server = given.serve(port, "no").await;
    let url = format!("rediss://127.0.0.1:{port}");

    let node = Node::join(given.trusting(&url), registry(LONG)).await;
    fail(&node.api);
    until("its vote is there", || server.record().contains(" o ")).await;

    for builder in [other.trusting(&url), patient(&url)] {
        let error = refused(builder).await;
        assert_eq!(error.kind(), Some(SyncErrorKind::Unreachable), "{error}");
        assert!(error.to_string().to_lowercase().contains("certificate"), "{error}");
    }
    let error = refused(patient(&url).root_certificate("no certificate")).await;
    assert!(error.to_string().starts_with("not a certificate in PEM form"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs openssl and redis-server: run by tests/run.sh"]
async fn a_server_of_another_name_says_so() {
    let authority = Authority::new();
    let port = free_port();
    let _server = authority.serve(port, "no").await;

    let error = refused(authority.trusting(&format!("rediss://localhost:{port}"))).await;

    let text = error.to_string();
    assert_eq!(error.kind(), Some(SyncErrorKind::Unreachable), "{text}");
    assert!(text.contains("not valid for name"), "{text}");
    assert!(text.contains("localhost"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs openssl and redis-server: run by tests/run.sh"]
async fn a_client_certificate_opens_a_server_that_asks_for_one() {
    let (authority, other) = (Authority::new(), Authority::new());
    let port = free_port();
    let server = authority.serve(port, "yes").await;
    let trusting = || authority.trusting(&format!("rediss://127.0.0.1:{port}"));

    let [certificate, key] = authority.client();
    let builder = trusting().client_certificate(certificate.clone(), key.clone());
    let node = Node::join(builder, registry(LONG)).await;
    fail(&node.api);
    until("its vote is there", || server.record().contains(" o ")).await;

    let [foreign, of_foreign] = other.client();
    for builder in [trusting(), trusting().client_certificate(foreign, of_foreign)] {
        let error = refused(builder).await;
        assert_eq!(error.kind(), Some(SyncErrorKind::Unreachable), "{error}");
    }
    for (certificate, key, what) in [
        (b"none".to_vec(), key, "first part of client_certificate"),
        (certificate, b"none".to_vec(), "second part of client_certificate"),
    ] {
        let error = refused(trusting().client_certificate(certificate, key)).await;
        assert!(error.to_string().contains(what), "{error}");
        assert_eq!(error.kind(), None);
    }
}

#[tokio::test]
#[ignore = "needs openssl: run by tests/run.sh"]
async fn certificates_for_a_url_without_tls_say_so() {
    let authority = Authority::new();

    for url in ["redis://127.0.0.1:1", "redis+sentinel://127.0.0.1:1/fleet"] {
        let error = refused(authority.trusting(url).local_until_connected()).await;
        assert!(error.to_string().starts_with("certificates are given"), "{error}");
        assert_eq!(error.kind(), None);
    }
}

/// The Sentinel is not asked whether it reaches the primary; its word is what counts here.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs openssl and redis-server: run by tests/run.sh"]
async fn sentinels_and_the_primary_are_reached_by_tls() {
    let authority = Authority::new();
    let (port, own) = (free_port(), free_port());
    let server = authority.serve(port, "yes").await;
    let lines = authority.arguments(own, "yes");
    let lines = lines.chunks(2).map(|line| format!("{} {}", &line[0][2..], line[1]));
    let lines = lines.collect::<Vec<_>>().join("\n");
    let config = format!("{lines}\nsentinel monitor fleet 127.0.0.1 {port} 1\n");
    let _sentinel = Server::sentinel(&config).await;
    let url = format!("rediss+sentinel://127.0.0.1:{own}/fleet");

    let [certificate, key] = authority.client();
    let builder = authority.trusting(&url).client_certificate(certificate, key);
    let node = Node::join(builder, registry(LONG)).await;
    fail(&node.api);
    until("its vote is there", || server.record().contains(" o ")).await;

    let error = refused(patient(&url)).await;
    assert!(error.to_string().to_lowercase().contains("certificate"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs openssl and redis-server: run by tests/run.sh"]
async fn all_nodes_of_a_cluster_are_reached_by_tls() {
    let authority = Authority::new();
    let ports = [free_port(), free_port(), free_port(), free_port()];
    let among_nodes = ["--tls-cluster".to_owned(), "yes".to_owned()];
    let arguments = |port| [authority.arguments(port, "yes").as_slice(), &among_nodes].concat();
    let shards = Shards::with(ports.map(arguments)).await;
    let url = format!("rediss://127.0.0.1:{}", ports[0]);
    let [certificate, key] = authority.client();
    let builder = || authority.trusting(&url).client_certificate(certificate.clone(), key.clone());

    let nodes =
        [Node::join(builder(), registry(LONG)).await, Node::join(builder(), registry(LONG)).await];
    let [here, there] = [0, 1].map(|node: usize| {
        let registry = &nodes[node].registry;
        (0..30).map(|at| registry.get_or_create(&format!("c-{at}"))).collect::<Vec<_>>()
    });
    here.iter().for_each(fail);
    let is_open = |circuit: &Circuit| circuit.state() == CircuitState::Open;
    until("all arrive", || there.iter().all(is_open)).await;

    for primary in &shards.primaries {
        assert!(primary.cli(&["dbsize"]).parse::<u32>().unwrap() > 0, "each has its share");
    }
    assert!(all_are(&nodes, CircuitState::Closed), "and no other circuit is touched");
}
