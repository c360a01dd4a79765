//! From a URL and a certificate to what connects.

use redis::{
    Client, ConnectionInfo, IntoConnectionInfo, ProtocolVersion, RedisError, TlsCertificates,
};

use crate::error::Why;

/// Checks `url` and the certificate that servers are to be trusted by; connects to nothing yet.
pub(crate) fn client(url: &str, root_certificate: Option<&[u8]>) -> Result<Client, Why> {
    let bad_url = |error: &RedisError| Why::BadUrl { detail: error.category().into() };
    if has_bare_login(url) {
        let detail = "a password with / ? or # has %2F, %3F or %23 for it in a URL".to_owned();
        return Err(Why::BadUrl { detail });
    }
    let info: ConnectionInfo = url.into_connection_info().map_err(|error| bad_url(&error))?;
    let settings = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
    let info = info.set_redis_settings(settings);
    if url.starts_with("rediss") {
        // An application that has chosen its cryptography keeps it.
        let _ = rustls::crypto::ring::default_provider().install_default();
    }
    match root_certificate {
        None => Client::open(info).map_err(|error| bad_url(&error)),
        // Else every server would be refused, since no root certificate is known.
        Some(pem) if !has_certificate(pem) => {
            Err(Why::BadCertificate { detail: "there is none in it".to_owned() })
        }
        Some(pem) => {
            let root_cert = Some(pem.to_owned());
            let certificates = TlsCertificates { client_tls: None, root_cert };
            Client::build_with_tls(info, certificates)
                .map_err(|error| Why::BadCertificate { detail: error.category().into() })
        }
    }
}

/// Whether there is an `@` where no host can be before it: a password ended the host's part too soon.
fn has_bare_login(url: &str) -> bool {
    let after = url.split_once("://").map_or(url, |(_, after)| after);
    let is_unix = url.starts_with("unix") || url.starts_with("redis+unix");
    !is_unix && after.split_once(['/', '?', '#']).is_some_and(|(_, rest)| rest.contains('@'))
}

fn has_certificate(pem: &[u8]) -> bool {
    let begin = b"-----BEGIN CERTIFICATE-----";
    pem.windows(begin.len()).any(|window| window == begin)
}
