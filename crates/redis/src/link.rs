//! The connection: how it is made, what goes over it, what is pushed from the other side.

use std::sync::Arc;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, PushInfo, PushKind, RedisError, RedisResult, Value};
use tower_circuit_breaker_fleet::request::{Ask, Reply, Request};

use crate::error::{SyncErrorKind, Why};
use crate::hello::{Hello, Mode};
use crate::inbox::{Inbox, Pushed};
use crate::scripts::{Digests, Terms, load, reply};
use crate::wrong::Wrong;

/// Makes connections.
#[derive(Debug, Clone)]
pub(crate) struct Connector {
    pub(crate) client: Client,
    pub(crate) terms: Arc<Terms>,
    pub(crate) timeout: Duration,
    pub(crate) inbox: Inbox,
}

/// A connection that has subscribed to the fleet's changes.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    connection: MultiplexedConnection,
    digests: Digests,
    terms: Arc<Terms>,
    /// Tells what comes from this connection from what came from one before.
    pub(crate) generation: u64,
}

/// What became of one request.
pub(crate) type Answer = Result<Reply, SyncErrorKind>;

impl Connector {
    /// Connects, looks at the version, subscribes and loads the scripts.
    pub(crate) async fn connect(self, generation: u64) -> Result<Session, Why> {
        let address = self.client.get_connection_info().addr().to_string();
        let failed = |error: &RedisError| Why::Failed {
            kind: SyncErrorKind::of(error),
            address: address.clone(),
            detail: detail(error),
        };
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(self.timeout))
            .set_response_timeout(Some(self.timeout))
            .set_push_sender(self.push_sender(generation));
        let connecting = self.client.get_multiplexed_async_connection_with_config(&config);
        let mut connection = connecting.await.map_err(|error| failed(&error))?;
        let hello: Value = redis::cmd("HELLO")
            .query_async(&mut connection)
            .await
            .map_err(|error| failed(&error))?;
        check(&Hello::of(&hello), &address)?;
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
fn check(hello: &Hello, address: &str) -> Result<(), Why> {
    let address = || address.to_owned();
    if let Some(version) = hello.too_old() {
        return Err(Why::TooOld { version: version.to_owned(), address: address() });
    }
    match hello.mode {
        Mode::Sentinel => Err(Why::Wrong(Wrong::IsSentinel { address: address() })),
        Mode::Standalone if hello.is_replica => {
            Err(Why::Wrong(Wrong::Replica { address: address() }))
        }
        Mode::Standalone | Mode::Cluster => Ok(()),
    }
}

impl Session {
    /// Asks everything in one go; an answer for each request, in their order, and Redis' clock then, in
    /// milliseconds.
    pub(crate) async fn ask(
        mut self,
        requests: Arc<[Request]>,
    ) -> (Self, Vec<Answer>, Option<u64>) {
        match self.try_ask(&requests).await {
            Ok((answers, now)) => (self, answers, Some(now)),
            Err(error) => {
                let answers = vec![Err(SyncErrorKind::of(&error)); requests.len()];
                (self, answers, None)
            }
        }
    }

    async fn try_ask(&mut self, requests: &[Request]) -> RedisResult<(Vec<Answer>, u64)> {
        let mut values = self.exchange(requests).await?;
        let is_forgotten = |value: &RedisResult<Value>| {
            value.as_ref().is_err_and(|error| error.code() == Some("NOSCRIPT"))
        };
        if values.iter().any(is_forgotten) {
            self.digests = load_scripts(&mut self.connection).await?;
            // Once, and only what was not done.
            let forgotten = values.iter().skip(1).map(is_forgotten);
            let again: Vec<_> = requests
                .iter()
                .zip(forgotten)
                .filter(|(_, is_forgotten)| *is_forgotten)
                .map(|(request, _)| request.clone())
                .collect();
            let mut second = self.exchange(&again).await?.into_iter().skip(1);
            for value in values.iter_mut().skip(1).filter(|value| is_forgotten(value)) {
                if let Some(done) = second.next() {
                    *value = done;
                }
            }
        }
        let mut values = values.into_iter();
        let now = values.next().transpose()?.as_ref().map_or(0, clock);
        let answers = requests.iter().zip(values);
        let answers = answers.map(|(request, value)| answer(&request.ask, value, now));
        Ok((answers.collect(), now))
    }

    /// Redis' clock first, then a value for each request.
    async fn exchange(&mut self, requests: &[Request]) -> RedisResult<Vec<RedisResult<Value>>> {
        let mut pipe = redis::Pipeline::with_capacity(requests.len().saturating_add(1));
        pipe.ignore_errors().cmd("TIME");
        for request in requests {
            pipe.add_command(self.terms.command(request, &self.digests));
        }
        pipe.query_async(&mut self.connection).await
    }
}

fn answer(ask: &Ask, value: RedisResult<Value>, now: u64) -> Answer {
    let value = value.map_err(|error| SyncErrorKind::of(&error))?;
    reply(ask, &value, now).map_err(|_| SyncErrorKind::Foreign)
}

async fn load_scripts(connection: &mut MultiplexedConnection) -> RedisResult<Digests> {
    let mut pipe = redis::pipe();
    for load in load() {
        pipe.add_command(load);
    }
    let digests: Vec<String> = pipe.query_async(connection).await?;
    Ok(std::array::from_fn(|at| digests.get(at).cloned().unwrap_or_default()))
}

/// The milliseconds of what `TIME` gives.
fn clock(time: &Value) -> u64 {
    let part = |at: usize| match time {
        Value::Array(parts) => match parts.get(at) {
            Some(Value::BulkString(digits)) => {
                std::str::from_utf8(digits).ok().and_then(|digits| digits.parse::<u64>().ok())
            }
            _ => None,
        },
        _ => None,
    };
    let (seconds, micros) = (part(0).unwrap_or(0), part(1).unwrap_or(0));
    seconds.saturating_mul(1000).saturating_add(micros / 1000)
}

/// What an error says, without what the URL may have brought into it.
fn detail(error: &RedisError) -> String {
    // What the system or TLS says of a connection is one level down.
    let source = std::error::Error::source(error).map(ToString::to_string);
    match error.detail().map(ToOwned::to_owned).or(source) {
        Some(detail) => format!("{}: {detail}", error.category()),
        None => error.category().to_owned(),
    }
}
