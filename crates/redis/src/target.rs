//! What a URL leads to, and which server that is now.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use redis::{Client, ConnectionAddr, ProtocolVersion, RedisConnectionInfo, TlsCertificates};
use tower_circuit_breaker_fleet::lock::lock;

use crate::access::{Access, certificates};
use crate::cluster::AddressMap;
use crate::error::Why;
use crate::host::Host;
use crate::sentinel::Sentinels;
use crate::sentinel_url::SentinelUrl;
use crate::watch::Watch;
use crate::wrong::Wrong;

/// What the user has said of where the fleet's Redis is. Without `Debug`: it holds passwords.
#[derive(Clone)]
pub(crate) struct Places {
    pub(crate) url: String,
    pub(crate) root_certificate: Option<Vec<u8>>,
    /// Of this process, with its key.
    pub(crate) client_certificate: Option<[Vec<u8>; 2]>,
    /// User and password of the Sentinels.
    pub(crate) sentinel_login: Option<[String; 2]>,
    /// URLs of more nodes.
    pub(crate) nodes: Vec<String>,
    pub(crate) map_address: Option<AddressMap>,
}

/// What is connected to, ever again.
#[derive(Clone)]
pub(crate) struct Target {
    pub(crate) access: Access,
    pub(crate) map_address: Option<AddressMap>,
    source: Source,
}

#[derive(Clone)]
enum Source {
    /// Always the same addresses, and those that a cluster has been at.
    Fixed { first: Client, more: Vec<Client>, learnt: Arc<Mutex<Vec<Host>>> },
    /// The primary that Sentinels name.
    Watched(Sentinels),
}

/// The servers to connect to, in this order until one will do.
pub(crate) struct Candidates {
    pub(crate) first: Client,
    pub(crate) more: Vec<Client>,
    /// Where the first is, if Sentinels have named it the primary.
    pub(crate) named: Option<Named>,
}

/// A primary that Sentinels have named.
pub(crate) struct Named {
    /// The name under which they watch it.
    pub(crate) master: String,
    host: Host,
}

impl Places {
    pub(crate) const fn new(url: String) -> Self {
        Self {
            url,
            root_certificate: None,
            client_certificate: None,
            sentinel_login: None,
            nodes: Vec::new(),
            map_address: None,
        }
    }

    /// Checks everything; connects to nothing yet.
    pub(crate) fn target(&self) -> Result<Target, Why> {
        let certificates =
            certificates(self.root_certificate.as_deref(), self.client_certificate.as_ref())?;
        match SentinelUrl::parse(&self.url) {
            Some(Ok(url)) => self.watched(url, certificates),
            Some(Err(detail)) => Err(Why::Wrong(Wrong::SentinelUrl { detail })),
            None => {
                let (access, address) = Access::parse(&self.url, certificates.clone())?;
                let first = access.client(address)?;
                let more = self.nodes.iter().map(|node| {
                    // Login, TLS and database are those of the first.
                    let (_, address) = Access::parse(node, certificates.clone())?;
                    match address {
                        ConnectionAddr::Tcp(host, port)
                        | ConnectionAddr::TcpTls { host, port, .. } => {
                            access.client_at(&host, port)
                        }
                        other => access.client(other),
                    }
                });
                let (more, learnt) = (more.collect::<Result<_, _>>()?, Arc::default());
                Ok(self.of(access, Source::Fixed { first, more, learnt }))
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
        Ok(self.of(access, Source::Watched(sentinels)))
    }

    fn of(&self, access: Access, source: Source) -> Target {
        Target { access, map_address: self.map_address.clone(), source }
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
    /// The servers to connect to now; Sentinels are asked anew each time.
    pub(crate) async fn find(&self, timeout: Duration) -> Result<Candidates, Why> {
        match &self.source {
            Source::Fixed { first, more, learnt } => {
                let learnt = lock(learnt).clone();
                let learnt = learnt.iter().map(|at| self.access.client_at(&at.name, at.port));
                let more = more.iter().cloned().map(Ok).chain(learnt);
                let more = more.collect::<Result<_, _>>()?;
                Ok(Candidates { first: first.clone(), more, named: None })
            }
            Source::Watched(sentinels) => {
                let primary = sentinels.primary(timeout).await?;
                let first = self.access.client_at(&primary.name, primary.port)?;
                let named = Named { master: sentinels.name().to_owned(), host: primary };
                Ok(Candidates { first, more: Vec::new(), named: Some(named) })
            }
        }
    }

    /// The server that was found will do. Where Sentinels have named it, they are asked from now on
    /// whether it is still the primary; `elsewhere` is called when it is not.
    pub(crate) fn found(
        &self,
        named: Option<Named>,
        timeout: Duration,
        elsewhere: impl Fn() + Send + 'static,
    ) -> Option<Watch> {
        let (Source::Watched(sentinels), Some(named)) = (&self.source, named) else {
            return None;
        };
        sentinels.prefer();
        Some(Watch::begin(sentinels.clone(), named.host, timeout, elsewhere))
    }

    /// Notes where a cluster is, in case that the nodes of the settings are away.
    pub(crate) fn learn(&self, primaries: Vec<Host>) {
        if let Source::Fixed { learnt, .. } = &self.source {
            *lock(learnt) = primaries;
        }
    }
}
