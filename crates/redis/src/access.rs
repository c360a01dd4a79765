//! How servers are connected to: with which login, and whom TLS trusts.

use redis::cluster::ClusterClientBuilder;
use redis::{
    Client, ClientTlsConfig, ConnectionAddr, ConnectionInfo, IntoConnectionInfo, ProtocolVersion,
    RedisConnectionInfo, RedisError, TlsCertificates,
};

use crate::error::Why;
use crate::wrong::Wrong;

/// What all servers of one kind are connected to with.
#[derive(Debug, Clone)]
pub(crate) struct Access {
    settings: RedisConnectionInfo,
    security: Security,
    certificates: Option<TlsCertificates>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Security {
    Plain,
    Tls,
    /// Whoever answers is trusted: `#insecure` at the end of the URL.
    TrustsAll,
}

impl Access {
    /// Reads the URL of a server: how it is connected to, and where it is.
    pub(crate) fn parse(
        url: &str,
        certificates: Option<TlsCertificates>,
    ) -> Result<(Self, ConnectionAddr), Why> {
        if has_bare_login(url) {
            let detail = "a password with / ? or # has %2F, %3F or %23 for it in a URL".to_owned();
            return Err(Why::BadUrl { detail });
        }
        let info: ConnectionInfo = url.into_connection_info().map_err(|error| bad_url(&error))?;
        let security = match info.addr() {
            ConnectionAddr::TcpTls { insecure: true, .. } => Security::TrustsAll,
            ConnectionAddr::TcpTls { .. } => Security::Tls,
            _ => Security::Plain,
        };
        let settings = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
        Ok((Self { settings, security, certificates }, info.addr().clone()))
    }

    /// With this database and login, by TLS or not.
    pub(crate) fn new(
        settings: RedisConnectionInfo,
        has_tls: bool,
        certificates: Option<TlsCertificates>,
    ) -> Self {
        let security = if has_tls { Security::Tls } else { Security::Plain };
        Self { settings, security, certificates }
    }

    /// The number of the database.
    pub(crate) fn database(&self) -> i64 {
        self.settings.db()
    }

    /// What connects to `host`.
    pub(crate) fn client_at(&self, host: &str, port: u16) -> Result<Client, Why> {
        let host = host.to_owned();
        self.client(match self.security {
            Security::Plain => ConnectionAddr::Tcp(host, port),
            Security::Tls | Security::TrustsAll => {
                let insecure = self.security == Security::TrustsAll;
                ConnectionAddr::TcpTls { host, port, insecure, tls_params: None }
            }
        })
    }

    /// What connects to `address`. Connects to nothing yet.
    pub(crate) fn client(&self, address: ConnectionAddr) -> Result<Client, Why> {
        let info = address.into_connection_info().map_err(|error| bad_url(&error))?;
        let info = info.set_redis_settings(self.settings.clone());
        match self.security {
            Security::Plain if self.certificates.is_some() => {
                return Err(Why::Wrong(Wrong::NeedsTls));
            }
            Security::Plain => {}
            // An application that has chosen its cryptography keeps it.
            Security::Tls | Security::TrustsAll => {
                let _ = rustls::crypto::ring::default_provider().install_default();
            }
        }
        match &self.certificates {
            None => Client::open(info).map_err(|error| bad_url(&error)),
            Some(certificates) => Client::build_with_tls(info, certificates.clone())
                .map_err(|error| Why::BadCertificate { detail: error.category().into() }),
        }
    }

    /// What connects to the cluster of which `seed` leads to a node.
    pub(crate) fn cluster(&self, seed: &Client) -> ClusterClientBuilder {
        let builder = ClusterClientBuilder::new([seed.get_connection_info().clone()]);
        match &self.certificates {
            Some(certificates) => builder.certs(certificates.clone()),
            None => builder,
        }
    }
}

/// Whether there is an `@` where no host can be before it: a password ended the host's part too soon.
fn has_bare_login(url: &str) -> bool {
    let after = url.split_once("://").map_or(url, |(_, after)| after);
    let is_unix = url.starts_with("unix") || url.starts_with("redis+unix");
    !is_unix && after.split_once(['/', '?', '#']).is_some_and(|(_, rest)| rest.contains('@'))
}

fn bad_url(error: &RedisError) -> Why {
    Why::BadUrl { detail: error.category().into() }
}

/// Checks the certificate by which servers are to be trusted, and the one of this process with its
/// key.
pub(crate) fn certificates(
    root: Option<&[u8]>,
    client: Option<&[Vec<u8>; 2]>,
) -> Result<Option<TlsCertificates>, Why> {
    let bad = |detail: &str| Why::BadCertificate { detail: detail.to_owned() };
    // Else every server would be refused, since no root certificate is known.
    if root.is_some_and(|pem| !has(pem, "CERTIFICATE-----")) {
        return Err(bad("there is none in it"));
    }
    if let Some([certificate, key]) = client {
        if !has(certificate, "CERTIFICATE-----") {
            return Err(bad("there is none in the first part of client_certificate"));
        }
        if !has(key, "PRIVATE KEY-----") {
            return Err(bad("there is no private key in the second part of client_certificate"));
        }
    }
    let client_tls = client.map(|[certificate, key]| ClientTlsConfig {
        client_cert: certificate.clone(),
        client_key: key.clone(),
    });
    let root_cert = root.map(<[u8]>::to_vec);
    let is_any = client_tls.is_some() || root_cert.is_some();
    Ok(is_any.then_some(TlsCertificates { client_tls, root_cert }))
}

/// Whether a block of `pem` begins whose name ends so.
fn has(pem: &[u8], name: &str) -> bool {
    let is_begin = |line: &[u8]| {
        let line = line.trim_ascii_end();
        line.starts_with(b"-----BEGIN ") && line.ends_with(name.as_bytes())
    };
    pem.split(|byte| *byte == b'\n').any(is_begin)
}
