//! How servers are connected to: with which login, and whom TLS trusts.

use redis::cluster::ClusterClientBuilder;
use redis::{
    Client, ConnectionAddr, ConnectionInfo, IntoConnectionInfo, ProtocolVersion,
    RedisConnectionInfo, RedisError, TlsCertificates,
};

use crate::error::Why;

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
        if self.security != Security::Plain {
            // An application that has chosen its cryptography keeps it.
            let _ = rustls::crypto::ring::default_provider().install_default();
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

fn bad_url(error: &RedisError) -> Why {
    Why::BadUrl { detail: error.category().into() }
}

/// Checks the certificate by which servers are to be trusted.
pub(crate) fn certificates(root: Option<&[u8]>) -> Result<Option<TlsCertificates>, Why> {
    let Some(pem) = root else {
        return Ok(None);
    };
    // Else every server would be refused, since no root certificate is known.
    if !has_certificate(pem) {
        return Err(Why::BadCertificate { detail: "there is none in it".to_owned() });
    }
    Ok(Some(TlsCertificates { client_tls: None, root_cert: Some(pem.to_owned()) }))
}

fn has_certificate(pem: &[u8]) -> bool {
    let begin = b"-----BEGIN CERTIFICATE-----";
    pem.windows(begin.len()).any(|window| window == begin)
}
