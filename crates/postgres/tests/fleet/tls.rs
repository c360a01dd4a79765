//! PostgreSQL behind TLS, by the user's own connector.

use std::process::Command;
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tokio_postgres_rustls::MakeRustlsConnect;
use tower_circuit_breaker::CircuitState;
use tower_circuit_breaker_postgres::SyncErrorKind;

use crate::nodes::{LONG, fail, link, registry, until};
use crate::server::{Server, give_away};

/// Has the server speak TLS from its next start on; gives its certificate.
fn certify(server: &Server) -> CertificateDer<'static> {
    let file = |end: &str| server.data().join(format!("server.{end}"));
    let made = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-days",
            "2",
            "-subj",
            "/CN=server",
        ])
        .args(["-addext", "subjectAltName=IP:127.0.0.1", "-addext", "basicConstraints=CA:FALSE"])
        .arg("-out")
        .arg(file("crt"))
        .arg("-keyout")
        .arg(file("key"))
        .output()
        .expect("openssl is installed");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    for end in ["crt", "key"] {
        give_away(&file(end));
    }
    server.configure("ssl = on\n");
    CertificateDer::from_pem_file(file("crt")).unwrap()
}

fn trusting(certificate: Option<CertificateDer<'static>>) -> MakeRustlsConnect {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(certificate);
    let ring = rustls::crypto::ring::default_provider().into();
    let config = ClientConfig::builder_with_provider(ring)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    MakeRustlsConnect::new(config)
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs postgres and openssl: run by tests/run.sh"]
async fn a_fleet_meets_by_the_users_own_tls() {
    let mut server = Server::start().await;
    let certificate = certify(&server);
    server.stop();
    server.run().await;
    let builder = link(format!("{}?sslmode=require", server.url()));
    let builder = builder.response_timeout(Duration::from_secs(10));

    let without = builder.clone().connect(&registry(LONG)).await.unwrap_err().to_string();
    assert!(without.contains("give your TLS connector to `connect_tls`"), "{without}");
    let stranger = trusting(None);
    let refused = builder.clone().connect_tls(stranger, &registry(LONG)).await.unwrap_err();
    assert_eq!(refused.kind(), Some(SyncErrorKind::Unreachable));
    let said = refused.to_string();
    assert!(said.contains("UnknownIssuer"), "{said}");
    assert!(said.contains("your TLS connector decides whom it trusts"), "{said}");

    let (mut links, mut circuits) = (Vec::new(), Vec::new());
    for name in ["one", "other"] {
        let (registry, tls) = (registry(LONG), trusting(Some(certificate.clone())));
        circuits.push(registry.get_or_create("api"));
        let link = builder.clone().node(name).connect_tls(tls, &registry).await.unwrap();
        link.ready().await;
        assert!(link.health().hears_changes);
        links.push(link);
    }
    fail(&circuits[0]);
    until("it is open", || circuits[1].state() == CircuitState::Open).await;
    let by_tls = "SELECT count(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) \
                  WHERE ssl AND application_name = 'circuit-breaker'";
    assert_eq!(server.sql(by_tls), "2");
}
