//! A connection over which the fleet is asked and heard.

use std::sync::Arc;
use std::time::Duration;

use redis::{Pipeline, RedisError, RedisResult, Value};
use tokio::task::JoinSet;
use tower_circuit_breaker_fleet::identity::Identity;
use tower_circuit_breaker_fleet::request::{Ask, Reply, Request};

use crate::fault::Fault;
use crate::kind::SyncErrorKind;
use crate::lane::{Lane, Way};
use crate::replies::reply;
use crate::scripts::{Commands, Digests};
use crate::watch::Watch;

/// A connection that has subscribed to the fleet's changes.
#[derive(Clone)]
pub(crate) struct Session {
    pub(crate) way: Way,
    pub(crate) digests: Digests,
    pub(crate) commands: Arc<Commands>,
    /// Tells what comes from this connection from what came from one before.
    pub(crate) generation: u64,
    /// Looks whether Sentinels still name this server.
    #[expect(dead_code, reason = "it looks until it is dropped")]
    pub(crate) watch: Option<Arc<Watch>>,
}

/// What became of one request.
pub(crate) type Answer = Result<Reply, Fault>;

/// What one exchange has come to.
#[derive(Debug)]
pub(crate) struct Heard {
    /// One for each request, in their order.
    pub(crate) answers: Vec<Answer>,
    /// Redis' clock then, in milliseconds.
    pub(crate) clock: Option<u64>,
    /// What a new connection may cure, and this one does not.
    pub(crate) misplaced: Option<Misplaced>,
    /// Whether nothing came back: the connection is of no more use.
    pub(crate) is_lost: bool,
}

/// What one server has answered.
struct Part {
    answers: Vec<Answer>,
    clock: Option<u64>,
    misplaced: Option<Misplaced>,
}

/// The places of requests, and what the server said to which they went.
type PartOf = (Vec<usize>, RedisResult<Part>);

/// A server answers, but it is not the one to ask, or not over this connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Misplaced {
    pub(crate) fault: Fault,
    /// How long it may go on before a new connection is made.
    pub(crate) patience: Duration,
}

/// A server that reads its data in for longer than this may have been replaced meanwhile.
const LOADS: Duration = Duration::from_secs(5);
/// A cluster of which a part is away mends itself for so long.
const MENDS: Duration = Duration::from_secs(2);

impl Session {
    /// Whether it is made of many connections, of which some may go and come.
    pub(crate) const fn is_of_cluster(&self) -> bool {
        matches!(self.way, Way::Cluster(_))
    }

    /// How many partitions the fleet's circuits lie in.
    pub(crate) fn partitions(&self) -> u16 {
        self.commands.keys.partitions()
    }

    /// Asks everything in one go, each server what it has.
    pub(crate) async fn ask(self, requests: Arc<[Request]>) -> Heard {
        let lanes = self.way.lanes(&requests, &self.commands.keys);
        let lanes = match <[_; 1]>::try_from(lanes) {
            Ok([(lane, places)]) => {
                let part = self.ask_server(lane, &requests).await;
                return self.heard(vec![(places, part)], requests.len());
            }
            Err(lanes) => lanes,
        };
        let mut asking = JoinSet::new();
        for (lane, places) in lanes {
            let session = self.clone();
            let own = places.iter().filter_map(|place| requests.get(*place).cloned());
            let own: Vec<_> = own.collect();
            asking.spawn(async move { (places, session.ask_server(lane, &own).await) });
        }
        let mut parts = Vec::new();
        while let Some(Ok(part)) = asking.join_next().await {
            parts.push(part);
        }
        self.heard(parts, requests.len())
    }

    /// Puts together what servers have answered.
    fn heard(&self, parts: Vec<PartOf>, requests: usize) -> Heard {
        let is_lost = |part: &RedisResult<Part>| {
            part.as_ref().is_err_and(|error| SyncErrorKind::of(error).ends_connection())
        };
        let unanswered = Fault::new(SyncErrorKind::Unreachable, "it was not asked");
        let mut heard = Heard {
            answers: vec![Err(unanswered); requests],
            clock: None,
            misplaced: None,
            is_lost: parts.iter().all(|(_, part)| is_lost(part)),
        };
        for (places, part) in parts {
            let (answers, misplaced) = match part {
                Ok(part) => {
                    heard.clock = heard.clock.max(part.clock);
                    (part.answers, part.misplaced)
                }
                Err(error) => {
                    let fault = Fault::of(&error);
                    (vec![Err(fault); places.len()], self.misplaced(&error))
                }
            };
            heard.misplaced =
                heard.misplaced.into_iter().chain(misplaced).min_by_key(Misplaced::key);
            for (place, answer) in places.into_iter().zip(answers) {
                if let Some(slot) = heard.answers.get_mut(place) {
                    *slot = answer;
                }
            }
        }
        heard
    }

    async fn ask_server(&self, mut lane: Lane, requests: &[Request]) -> RedisResult<Part> {
        let (time, mut values) = self.exchange(&mut lane, requests).await?;
        if values.iter().any(is_forgotten) {
            self.ask_again(&mut lane, requests, &mut values).await?;
        }
        let clock = time.as_ref().map(clock);
        let errors = values.iter().filter_map(|value| value.as_ref().err());
        let misplaced = errors.filter_map(|error| self.misplaced(error)).min_by_key(Misplaced::key);
        let answers = requests.iter().zip(values);
        let answers = answers.map(|(request, value)| {
            let answered =
                answer(&request.ask, &self.commands.terms.identity, value, clock.unwrap_or(0));
            answered.map_err(|fault| fault.while_doing(self.commands.name(request)))
        });
        Ok(Part { answers: answers.collect(), clock, misplaced })
    }

    /// Loads the scripts that the server has forgotten, or never had, and asks once more what was not
    /// done.
    async fn ask_again(
        &self,
        lane: &mut Lane,
        requests: &[Request],
        values: &mut [RedisResult<Value>],
    ) -> RedisResult<()> {
        lane.load_scripts().await?;
        let forgotten = requests.iter().zip(&*values).filter(|(_, value)| is_forgotten(value));
        let again: Vec<_> = forgotten.map(|(request, _)| request.clone()).collect();
        let (_, second) = self.exchange(lane, &again).await?;
        let places = values.iter_mut().filter(|value| is_forgotten(value));
        places.zip(second).for_each(|(value, done)| *value = done);
        Ok(())
    }

    /// The server's clock, if any of it is a matter of time, and a value for each request.
    async fn exchange(
        &self,
        lane: &mut Lane,
        requests: &[Request],
    ) -> RedisResult<(Option<Value>, Vec<RedisResult<Value>>)> {
        let has_clock = requests.is_empty() || requests.iter().any(|one| one.ask.has_view());
        let mut pipe = Pipeline::with_capacity(requests.len().saturating_add(1));
        if has_clock {
            pipe.cmd("TIME");
        }
        for request in requests {
            pipe.add_command(self.commands.command(request, &self.digests));
        }
        let mut values = lane.send(&pipe).await?.into_iter();
        let time = if has_clock { values.next().transpose()? } else { None };
        Ok((time, values.collect()))
    }

    /// What of this a new connection may cure; a cluster is first left to cure it itself.
    fn misplaced(&self, error: &RedisError) -> Option<Misplaced> {
        let fault = Fault::of(error);
        let kind = fault.kind();
        let found = Misplaced::of(error);
        if !self.is_of_cluster() {
            return found;
        }
        let is_away = kind.ends_connection() || kind == SyncErrorKind::Moved;
        let patience = found.as_ref().map_or(MENDS, |found| found.patience.max(MENDS));
        (is_away || found.is_some()).then_some(Misplaced { fault, patience })
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
        Some(Self { fault: Fault::of(error), patience })
    }

    const fn key(&self) -> Duration {
        self.patience
    }
}

fn is_forgotten(value: &RedisResult<Value>) -> bool {
    value.as_ref().is_err_and(|error| error.code() == Some("NOSCRIPT"))
}

fn answer(ask: &Ask, identity: &Identity, value: RedisResult<Value>, now: u64) -> Answer {
    let value = value.map_err(|error| Fault::of(&error))?;
    let reply = reply(ask, identity, &value, now);
    reply.map_err(|bad| Fault::new(SyncErrorKind::Foreign, &bad.to_string()))
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

#[cfg(test)]
mod tests {
    use super::*;

    fn error(line: &str) -> RedisError {
        let value = redis::parse_redis_value(format!("-{line}\r\n").as_bytes());
        value.and_then(Value::extract_error).expect_err(line)
    }

    #[test]
    fn a_new_connection_is_for_what_it_may_cure() {
        let soon = Some(Duration::ZERO);
        let cases = [
            ("READONLY You can't write against a read only replica.", soon),
            ("NOAUTH Authentication required.", soon),
            ("MOVED 3999 127.0.0.1:6381", soon),
            ("CLUSTERDOWN Hash slot not served", soon),
            ("LOADING Redis is loading the dataset in memory", Some(LOADS)),
            ("NOPERM this user has no permissions", None),
            ("MISCONF Errors writing to the AOF file", None),
            ("NOREPLICAS Not enough good replicas to write.", None),
            ("OOM command not allowed", None),
            ("BUSY Redis is busy running a script.", None),
            ("ASK 3999 127.0.0.1:6381", None),
            ("ERR anything else", None),
        ];
        for (line, patience) in cases {
            let found = Misplaced::of(&error(line));
            assert_eq!(found.map(|found| found.patience), patience, "{line}");
        }
    }
}
