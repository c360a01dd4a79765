//! What a URL leads to, and which server that is now.

use std::time::Duration;

use redis::{Client, ProtocolVersion, RedisConnectionInfo, TlsCertificates};

use crate::access::{Access, certificates};
use crate::error::Why;
use crate::sentinel::{Host, Sentinels};
use crate::sentinel_url::SentinelUrl;
use crate::wrong::Wrong;

/// What the user has said of where the fleet's Redis is. Without `Debug`: it holds passwords.
#[derive(Clone)]
pub(crate) struct Places {
    pub(crate) url: String,
    pub(crate) root_certificate: Option<Vec<u8>>,
    /// User and password of the Sentinels.
    pub(crate) sentinel_login: Option<[String; 2]>,
}

/// What is connected to, ever again.
#[derive(Debug, Clone)]
pub(crate) enum Target {
    /// Always the same address.
    Fixed(Client),
    /// The primary that Sentinels name.
    Watched { sentinels: Sentinels, access: Access },
}

/// A server to connect to.
#[derive(Debug)]
pub(crate) struct Candidate {
    pub(crate) client: Client,
    /// The name under which Sentinels have named it the primary.
    pub(crate) master: Option<String>,
}

impl Places {
    pub(crate) const fn new(url: String) -> Self {
        Self { url, root_certificate: None, sentinel_login: None }
    }

    /// Checks everything; connects to nothing yet.
    pub(crate) fn target(&self) -> Result<Target, Why> {
        let certificates = certificates(self.root_certificate.as_deref())?;
        match SentinelUrl::parse(&self.url) {
            Some(Ok(url)) => self.watched(url, certificates),
            Some(Err(detail)) => Err(Why::Wrong(Wrong::SentinelUrl { detail })),
            None => {
                let (access, address) = Access::parse(&self.url, certificates)?;
                Ok(Target::Fixed(access.client(address)?))
            }
        }
    }

    fn watched(
        &self,
        url: SentinelUrl,
        certificates: Option<TlsCertificates>,
    ) -> Result<Target, Why> {
        let own = self.sentinel_login.as_ref().map(|[user, password]| (user, password));
        // Sentinels are asked one thing, in the protocol that all of them know.
        let settings = login(own.map(|own| own.0), own.map(|own| own.1));
        let access = Access::new(settings, url.has_tls, certificates.clone());
        let hosts = url.hosts.into_iter().map(|(name, port)| Host { name, port }).collect();
        let sentinels = Sentinels::new(url.master, access, hosts);
        let settings = login(url.user.as_ref(), url.password.as_ref());
        let settings = settings.set_db(url.db).set_protocol(ProtocolVersion::RESP3);
        let access = Access::new(settings, url.has_tls, certificates);
        Ok(Target::Watched { sentinels, access })
    }
}

fn login(user: Option<&String>, password: Option<&String>) -> RedisConnectionInfo {
    let mut settings = RedisConnectionInfo::default();
    if let Some(user) = user.filter(|user| !user.is_empty()) {
        settings = settings.set_username(user);
    }
    match password {
        Some(password) => settings.set_password(password),
        None => settings,
    }
}

impl Target {
    /// The server to connect to now; Sentinels are asked anew each time.
    pub(crate) async fn find(&self, timeout: Duration) -> Result<Candidate, Why> {
        match self {
            Self::Fixed(client) => Ok(Candidate { client: client.clone(), master: None }),
            Self::Watched { sentinels, access } => {
                let primary = sentinels.primary(timeout).await?;
                let client = access.client_at(&primary.name, primary.port)?;
                Ok(Candidate { client, master: Some(sentinels.name().to_owned()) })
            }
        }
    }
}
