//! Sentinels, and how they are asked which server is the primary.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Value};
use tower_circuit_breaker_fleet::lock::lock;

use crate::access::Access;
use crate::error::Why;
use crate::fault::Fault;
use crate::host::Host;
use crate::kind::SyncErrorKind;
use crate::wrong::Wrong;

/// The Sentinels that watch one master.
#[derive(Debug, Clone)]
pub(crate) struct Sentinels {
    name: String,
    access: Access,
    /// The one that has named the primary last goes first; one whose primary was none, last.
    hosts: Arc<Mutex<Vec<Host>>>,
}

/// Why one Sentinel has named no primary.
pub(crate) enum Silent {
    Failed(Fault),
    DoesNotKnow,
}

impl Sentinels {
    pub(crate) fn new(name: String, access: Access, hosts: Vec<Host>) -> Self {
        Self { name, access, hosts: Arc::new(Mutex::new(hosts)) }
    }

    /// The name under which they watch the master.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Asks them in turn where the primary is, each for `timeout` at most.
    pub(crate) async fn primary(&self, timeout: Duration) -> Result<Host, Why> {
        let hosts = self.hosts();
        let mut silent = Vec::with_capacity(hosts.len());
        for host in hosts {
            let named = match self.connect(&host, timeout).await? {
                Ok(mut connection) => self.ask(&mut connection).await,
                Err(fault) => Err(Silent::Failed(fault)),
            };
            match named {
                Ok(primary) => {
                    // It is asked last, should that turn out to be none.
                    self.put_last(&host);
                    return Ok(primary);
                }
                Err(why) => silent.push((host, why)),
            }
        }
        Err(self.why(&silent))
    }

    /// All of them, in the order in which they are asked.
    pub(crate) fn hosts(&self) -> Vec<Host> {
        lock(&self.hosts).clone()
    }

    /// A way to the one at `host`; an error of its own where it cannot even be written to.
    pub(crate) async fn connect(
        &self,
        host: &Host,
        timeout: Duration,
    ) -> Result<Result<MultiplexedConnection, Fault>, Why> {
        let client = self.access.client_at(&host.name, host.port)?;
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(timeout))
            .set_response_timeout(Some(timeout));
        let connecting = client.get_multiplexed_async_connection_with_config(&config).await;
        Ok(connecting.map_err(|error| Fault::of(&error)))
    }

    /// Asks one of them where the primary is.
    pub(crate) async fn ask(&self, connection: &mut MultiplexedConnection) -> Result<Host, Silent> {
        let mut question = redis::cmd("SENTINEL");
        question.arg("GET-MASTER-ADDR-BY-NAME").arg(&self.name);
        let answer = question.query_async::<Value>(connection).await;
        let answer = answer.map_err(|error| Silent::Failed(Fault::of(&error)))?;
        let Value::Array(parts) = &answer else {
            return Err(Silent::DoesNotKnow);
        };
        let port = |text: String| text.parse().ok();
        match parts.as_slice() {
            [name, at] => match (text(name), text(at).and_then(port)) {
                (Some(name), Some(port)) => Ok(Host { name, port }),
                _ => Err(Silent::DoesNotKnow),
            },
            _ => Err(Silent::DoesNotKnow),
        }
    }

    /// What the last one asked has named is the primary: it is asked first next time.
    pub(crate) fn prefer(&self) {
        let mut hosts = lock(&self.hosts);
        if let Some(host) = hosts.pop() {
            hosts.insert(0, host);
        }
    }

    fn put_last(&self, host: &Host) {
        let mut hosts = lock(&self.hosts);
        if let Some(at) = hosts.iter().position(|other| other == host) {
            let asked = hosts.remove(at);
            hosts.push(asked);
        }
    }

    /// The fault that tells most.
    fn why(&self, silent: &[(Host, Silent)]) -> Why {
        let name = || self.name.clone();
        let first = |is: fn(&Silent) -> bool| silent.iter().find(|(_, why)| is(why));
        // One that does not know may be new; what all of them say is so.
        let is_known_to_none = silent.iter().all(|(_, why)| matches!(why, Silent::DoesNotKnow));
        if let Some((host, _)) = silent.first().filter(|_| is_known_to_none) {
            return Why::Wrong(Wrong::UnknownMaster { name: name(), sentinel: host.to_string() });
        }
        let refused = first(|why| match why {
            Silent::Failed(fault) => fault.kind() == SyncErrorKind::LoginRefused,
            Silent::DoesNotKnow => false,
        });
        if let Some((host, Silent::Failed(fault))) = refused {
            let (sentinel, detail) = (host.to_string(), fault.words().to_owned());
            return Why::Wrong(Wrong::SentinelRefuses { sentinel, detail });
        }
        let tried = silent.iter().map(|(host, why)| match why {
            Silent::Failed(fault) => format!("{host}: {} ({})", fault.kind(), fault.words()),
            Silent::DoesNotKnow => host.to_string(),
        });
        let tried = tried.collect::<Vec<_>>().join(", ");
        Why::Wrong(Wrong::NoSentinel { name: name(), tried })
    }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::BulkString(bytes) => String::from_utf8(bytes.clone()).ok(),
        Value::SimpleString(text) => Some(text.clone()),
        _ => None,
    }
}
