//! How the connection is made, and what is pushed over it from the other side.

use std::sync::Arc;
use std::time::Duration;

use redis::{AsyncConnectionConfig, PushInfo, PushKind, RedisError, Value};

use crate::error::{SyncErrorKind, Why, detail};
use crate::hello::{Hello, Mode};
use crate::inbox::{Inbox, Pushed};
use crate::scripts::Terms;
use crate::session::{Session, load_scripts};
use crate::target::{Candidate, Target};
use crate::wrong::Wrong;

/// Makes connections.
#[derive(Debug, Clone)]
pub(crate) struct Connector {
    pub(crate) target: Target,
    pub(crate) terms: Arc<Terms>,
    pub(crate) timeout: Duration,
    pub(crate) inbox: Inbox,
}

impl Connector {
    /// Connects, looks at what the server is, subscribes and loads the scripts.
    pub(crate) async fn connect(self, generation: u64) -> Result<Session, Why> {
        let Candidate { client, master } = self.target.find(self.timeout).await?;
        let address = client.get_connection_info().addr().to_string();
        let failed = |error: &RedisError| Why::Failed {
            kind: SyncErrorKind::of(error),
            address: address.clone(),
            detail: detail(error),
        };
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(self.timeout))
            .set_response_timeout(Some(self.timeout))
            .set_push_sender(self.push_sender(generation));
        let connecting = client.get_multiplexed_async_connection_with_config(&config);
        let mut connection = connecting.await.map_err(|error| failed(&error))?;
        let hello: Value = redis::cmd("HELLO")
            .query_async(&mut connection)
            .await
            .map_err(|error| failed(&error))?;
        check(&Hello::of(&hello), &address, master)?;
        let channel = self.terms.keys.channel();
        connection.subscribe(channel).await.map_err(|error| failed(&error))?;
        let digests = load_scripts(&mut connection).await.map_err(|error| failed(&error))?;
        Ok(Session { connection, digests, terms: self.terms, generation })
    }

    fn push_sender(&self, generation: u64) -> impl Fn(PushInfo) -> Result<(), ()> + use<> {
        let inbox = self.inbox.clone();
        move |push| {
            let what = match push.kind {
                PushKind::Message => match push.data.into_iter().nth(1) {
                    Some(Value::BulkString(message)) => Pushed::Message(message),
                    _ => return Ok(()),
                },
                PushKind::Disconnection => Pushed::Disconnected,
                _ => return Ok(()),
            };
            inbox.put(generation, what);
            Ok(())
        }
    }
}

/// Whether this is a server that will do.
fn check(hello: &Hello, address: &str, master: Option<String>) -> Result<(), Why> {
    let address = || address.to_owned();
    if let Some(version) = hello.too_old() {
        return Err(Why::TooOld { version: version.to_owned(), address: address() });
    }
    match hello.mode {
        Mode::Sentinel => Err(Why::Wrong(Wrong::IsSentinel { address: address() })),
        Mode::Standalone if hello.is_replica => Err(Why::Wrong(match master {
            Some(name) => Wrong::NotYet { address: address(), name },
            None => Wrong::Replica { address: address() },
        })),
        Mode::Standalone | Mode::Cluster => Ok(()),
    }
}
