//! A connection over which the fleet is asked and heard.

use std::sync::Arc;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{RedisError, RedisResult, Value};
use tower_circuit_breaker_fleet::request::{Ask, Reply, Request};

use crate::error::SyncErrorKind;
use crate::hello::Hello;
use crate::scripts::{Digests, Terms, load, reply};

/// A connection that has subscribed to the fleet's changes.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    pub(crate) connection: MultiplexedConnection,
    pub(crate) digests: Digests,
    pub(crate) terms: Arc<Terms>,
    /// Tells what comes from this connection from what came from one before.
    pub(crate) generation: u64,
}

/// What became of one request.
pub(crate) type Answer = Result<Reply, SyncErrorKind>;

/// What one exchange has come to.
#[derive(Debug)]
pub(crate) struct Heard {
    /// One for each request, in their order.
    pub(crate) answers: Vec<Answer>,
    /// Redis' clock then, in milliseconds.
    pub(crate) clock: Option<u64>,
    /// What a new connection may cure, and this one does not.
    pub(crate) misplaced: Option<Misplaced>,
}

/// A server answers, but it is not the one to ask, or not over this connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Misplaced {
    pub(crate) kind: SyncErrorKind,
    /// How long it may go on before a new connection is made.
    pub(crate) patience: Duration,
}

/// A server that reads its data in for longer than this may have been replaced meanwhile.
const LOADS: Duration = Duration::from_secs(5);

impl Session {
    /// Asks everything in one go.
    pub(crate) async fn ask(mut self, requests: Arc<[Request]>) -> (Self, Heard) {
        let heard = match self.try_ask(&requests).await {
            Ok(heard) => heard,
            Err(error) => Heard {
                answers: vec![Err(SyncErrorKind::of(&error)); requests.len()],
                clock: None,
                misplaced: Misplaced::of(&error),
            },
        };
        (self, heard)
    }

    async fn try_ask(&mut self, requests: &[Request]) -> RedisResult<Heard> {
        let (time, role, mut values) = self.exchange(requests).await?;
        if values.iter().any(is_forgotten) {
            self.ask_again(requests, &mut values).await?;
        }
        let now = time.as_ref().map_or(0, clock);
        let errors = values.iter().filter_map(|value| value.as_ref().err());
        let misplaced = errors.filter_map(Misplaced::of).min_by_key(|cure| cure.patience);
        let answers = requests.iter().zip(values);
        let answers = answers.map(|(request, value)| answer(&request.ask, value, now)).collect();
        Ok(Heard { answers, clock: Some(now), misplaced: misplaced.or(role) })
    }

    /// Loads the scripts that Redis has forgotten, and asks once more what was not done.
    async fn ask_again(
        &mut self,
        requests: &[Request],
        values: &mut [RedisResult<Value>],
    ) -> RedisResult<()> {
        self.digests = load_scripts(&mut self.connection).await?;
        let forgotten = requests.iter().zip(&*values).filter(|(_, value)| is_forgotten(value));
        let again: Vec<_> = forgotten.map(|(request, _)| request.clone()).collect();
        let (_, _, second) = self.exchange(&again).await?;
        let places = values.iter_mut().filter(|value| is_forgotten(value));
        places.zip(second).for_each(|(value, done)| *value = done);
        Ok(())
    }

    /// Redis' clock, what is wrong about its role, and a value for each request.
    async fn exchange(
        &mut self,
        requests: &[Request],
    ) -> RedisResult<(Option<Value>, Option<Misplaced>, Vec<RedisResult<Value>>)> {
        // A primary that has become a replica answers what is only read, and as if all were well.
        let is_poll = requests.iter().any(|request| matches!(request.ask, Ask::Read));
        let mut pipe = redis::Pipeline::with_capacity(requests.len().saturating_add(2));
        pipe.ignore_errors().cmd("TIME");
        if is_poll {
            pipe.cmd("HELLO");
        }
        for request in requests {
            pipe.add_command(self.terms.command(request, &self.digests));
        }
        let values: Vec<RedisResult<Value>> = pipe.query_async(&mut self.connection).await?;
        let mut values = values.into_iter();
        let time = values.next().transpose()?;
        let hello = if is_poll { values.next() } else { None };
        let role = hello.and_then(Result::ok).and_then(|hello| Misplaced::of_role(&hello));
        Ok((time, role, values.collect()))
    }
}

impl Misplaced {
    /// Not for what holds on each connection, such as `NOPERM`, `MISCONF` and `NOREPLICAS`.
    fn of(error: &RedisError) -> Option<Self> {
        let patience = match error.code()? {
            "READONLY" | "NOAUTH" | "MOVED" | "CLUSTERDOWN" => Duration::ZERO,
            "LOADING" => LOADS,
            _ => return None,
        };
        Some(Self { kind: SyncErrorKind::of(error), patience })
    }

    fn of_role(hello: &Value) -> Option<Self> {
        let kind = SyncErrorKind::ReadOnly;
        Hello::of(hello).is_replica.then_some(Self { kind, patience: Duration::ZERO })
    }
}

fn is_forgotten(value: &RedisResult<Value>) -> bool {
    value.as_ref().is_err_and(|error| error.code() == Some("NOSCRIPT"))
}

fn answer(ask: &Ask, value: RedisResult<Value>, now: u64) -> Answer {
    let value = value.map_err(|error| SyncErrorKind::of(&error))?;
    reply(ask, &value, now).map_err(|_| SyncErrorKind::Foreign)
}

pub(crate) async fn load_scripts(connection: &mut MultiplexedConnection) -> RedisResult<Digests> {
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
