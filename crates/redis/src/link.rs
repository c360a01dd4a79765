//! How the connection is made, and what is pushed over it from the other side.

use std::sync::Arc;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, PushInfo, PushKind, RedisError, RedisResult,
    Value,
};
use tower_circuit_breaker_fleet::terms::Terms;

use crate::cluster::Topology;
use crate::diagnosis::diagnose;
use crate::error::Why;
use crate::fault::Fault;
use crate::hello::{Hello, Mode};
use crate::host::Host;
use crate::inbox::{Inbox, Pushed};
use crate::keys::Keys;
use crate::kind::SyncErrorKind;
use crate::lane::{Lane, Way};
use crate::scripts::{Commands, Digests, layout};
use crate::session::Session;
use crate::target::{Candidates, Target};
use crate::wrong::Wrong;

/// Makes connections.
#[derive(Clone)]
pub(crate) struct Connector {
    pub(crate) target: Target,
    pub(crate) prefix: String,
    pub(crate) terms: Terms,
    pub(crate) timeout: Duration,
    pub(crate) inbox: Inbox,
}

impl Connector {
    /// Connects, looks at what the server is, subscribes and loads the scripts.
    pub(crate) async fn connect(self, generation: u64) -> Result<Session, Why> {
        let Candidates { first, more, named } = self.target.find(self.timeout).await?;
        let master = named.as_ref().map(|named| named.master.clone());
        let why = match self.connect_to(&first, master, generation).await {
            Ok(session) => {
                let inbox = self.inbox.clone();
                let elsewhere = move || inbox.put(generation, Pushed::Elsewhere);
                let watch = self.target.found(named, self.timeout, elsewhere).map(Arc::new);
                return Ok(Session { watch, ..session });
            }
            Err(why) => why,
        };
        for client in more {
            if let Ok(session) = self.connect_to(&client, None, generation).await {
                return Ok(session);
            }
        }
        // The others stand in for the first.
        Err(why)
    }

    async fn connect_to(
        &self,
        client: &Client,
        master: Option<String>,
        generation: u64,
    ) -> Result<Session, Why> {
        let address = client.get_connection_info().addr();
        let failed = |fault: Fault| Why::Failed { fault, address: address.to_string() };
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(self.timeout))
            .set_response_timeout(Some(self.timeout))
            .set_push_sender(self.push_sender(generation));
        let connecting = client.get_multiplexed_async_connection_with_config(&config);
        let mut connection = match connecting.await {
            Ok(connection) => connection,
            Err(error) => {
                let fault = diagnose(client, Fault::of(&error)).await;
                let doing = if is_tls(address) { "connecting by TLS" } else { "connecting" };
                return Err(failed(fault.while_doing(doing)));
            }
        };
        let hello = redis::cmd("HELLO").query_async::<Value>(&mut connection).await;
        let hello =
            Hello::of(&hello.map_err(|error| failed(Fault::of(&error).while_doing("HELLO")))?);
        check(&hello, &address.to_string(), master)?;
        let joined = match hello.mode {
            Mode::Cluster => self.join_cluster(client, connection, generation).await,
            Mode::Standalone | Mode::Sentinel => self.join(connection).await,
        };
        let (way, digests) = joined.map_err(failed)?;
        let keys = self.keys(hello.mode.partitions());
        let other = other_layout(&way, &keys).await;
        let asking = format!("SET and GETRANGE {}", keys.layout());
        let unsaid = |error| failed(Fault::of(&error).while_doing(asking));
        if let Some(found) = other.map_err(unsaid)? {
            let (prefix, own) = (self.prefix.clone(), keys.partitions());
            return Err(Why::Wrong(Wrong::OtherLayout { prefix, found, own }));
        }
        let commands = Arc::new(Commands { keys, terms: self.terms.clone() });
        Ok(Session { way, digests, commands, generation, watch: None })
    }

    fn keys(&self, partitions: u16) -> Keys {
        Keys::new(&self.prefix, partitions).in_database(self.target.access.database())
    }

    async fn join(&self, connection: MultiplexedConnection) -> Result<(Way, Digests), Fault> {
        let mut way = Way::Server(connection.clone());
        self.subscribe(&mut way).await?;
        let loading = Lane::Server(connection).load_scripts().await;
        let digests = loading.map_err(|error| Fault::of(&error).while_doing("SCRIPT LOAD"))?;
        Ok((way, digests))
    }

    async fn join_cluster(
        &self,
        client: &Client,
        mut node: MultiplexedConnection,
        generation: u64,
    ) -> Result<(Way, Digests), Fault> {
        let failed =
            |doing: &'static str| move |error: RedisError| Fault::of(&error).while_doing(doing);
        let seed = match client.get_connection_info().addr() {
            ConnectionAddr::Tcp(host, port) | ConnectionAddr::TcpTls { host, port, .. } => {
                Host { name: host.clone(), port: *port }
            }
            // The crate says that a cluster cannot be reached by a socket of this machine.
            _ => Host { name: String::new(), port: 0 },
        };
        let (map, builder) = (self.target.map_address.as_ref(), self.target.access.cluster(client));
        let topology = Topology::ask(&mut node, &seed).await.map_err(failed("CLUSTER SLOTS"))?;
        let pushes = self.push_sender(generation);
        let connecting = topology.connect(builder, map, self.timeout, pushes).await;
        let connection = connecting.map_err(failed("connecting to the cluster's nodes"))?;
        self.target.learn(topology.primaries(map));
        let digests = topology.load_scripts(&connection).await.map_err(failed("SCRIPT LOAD"))?;
        let mut way = Way::Cluster(connection);
        self.subscribe(&mut way).await?;
        Ok((way, digests))
    }

    async fn subscribe(&self, way: &mut Way) -> Result<(), Fault> {
        let channel = self.keys(1).channel();
        let subscribing = way.subscribe(channel.clone()).await;
        subscribing
            .map_err(|error| Fault::of(&error).while_doing(format_args!("SUBSCRIBE {channel}")))
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

/// What says that others have laid the fleet's keys in another way. Says how, if nobody has. What is no
/// such word is nobody's, and a Redis that takes no writes may be read from all the same.
async fn other_layout(way: &Way, keys: &Keys) -> RedisResult<Option<String>> {
    let (own, commands) = layout(keys);
    let mut pipe = redis::pipe();
    for command in commands {
        pipe.add_command(command);
    }
    let values = way.lane_of(&keys.layout()).send(&pipe).await?;
    let found = match values.into_iter().nth(1) {
        Some(Err(error)) if SyncErrorKind::of(&error) != SyncErrorKind::Foreign => {
            return Err(error);
        }
        Some(Ok(found)) => redis::from_redis_value::<String>(found).ok(),
        _ => None,
    };
    let is_layout = |found: &String| {
        let mut words = found.split(' ').map(str::parse::<u16>);
        words.by_ref().take(2).all(|word| word.is_ok()) && found.matches(' ').count() == 1
    };
    Ok(found.filter(|found| is_layout(found) && *found != own))
}

fn is_tls(address: &ConnectionAddr) -> bool {
    matches!(address, ConnectionAddr::TcpTls { .. })
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
