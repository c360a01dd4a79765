//! What Redis has answered.

use std::collections::BTreeSet;
use std::time::Duration;

use redis::Value;
use tower_circuit_breaker_fleet::identity::{Identity, holder};
use tower_circuit_breaker_fleet::record::{BadRecord, FleetRecord};
use tower_circuit_breaker_fleet::request::{Ask, Looked, Reply, Sum};
use tower_circuit_breaker_fleet::word::Word;

use crate::presence::is_of_another;

/// What Redis has answered to `ask`; `now` is its clock in milliseconds.
pub(crate) fn reply(
    ask: &Ask,
    identity: &Identity,
    value: &Value,
    now: u64,
) -> Result<Reply, BadRecord> {
    let bad = BadRecord::new("the answer has another form");
    match (ask, value) {
        (Ask::Announce { .. }, before) => {
            Ok(Reply::code(i64::from(is_of_another(before, identity))))
        }
        (Ask::Census, Value::Array(found)) => Ok(census(found)),
        (Ask::Look { .. }, Value::Array(both)) => Ok(looked(both)),
        (Ask::Begin { .. }, _) => Ok(Reply::code(1)),
        (Ask::Withdraw, Value::Int(code)) => Ok(Reply::code(*code)),
        (Ask::Changes { .. }, number) => Ok(changes(number)),
        (Ask::Merge(_), Value::Array(numbers)) => sums(numbers).ok_or(bad),
        (Ask::Read, Value::BulkString(line)) => read_line(line, now),
        (_, Value::Array(parts)) => match parts.as_slice() {
            [Value::Int(code), Value::Int(number), Value::BulkString(view)] => {
                let word = believed(Word::parse(view)?, now)?;
                Ok(Reply { code: *code, number: *number, word, ..Reply::default() })
            }
            _ => Err(bad),
        },
        _ => Err(bad),
    }
}

fn read_line(line: &[u8], now: u64) -> Result<Reply, BadRecord> {
    if line.is_empty() {
        return Ok(Reply::of(None));
    }
    let line = std::str::from_utf8(line).map_err(|_| BadRecord::new("it is not text"))?;
    let record: FleetRecord = line.parse()?;
    let left = record.left(now);
    Ok(Reply::of(believed(Some(Word { record, left, age: None }), now)?))
}

/// What is too far ahead is nobody's word.
fn believed(word: Option<Word>, now: u64) -> Result<Option<Word>, BadRecord> {
    match word {
        Some(word) if word.record.is_ahead_of(now) => Err(BadRecord::AHEAD),
        word => Ok(word.map(|word| Word { age: Some(word.record.age(now)), ..word })),
    }
}

/// The number of changes.
fn changes(number: &Value) -> Reply {
    match number {
        // It was made by asking for it.
        Value::Int(0) => Reply::code(0),
        Value::Int(number) => Reply { code: 1, number: *number, ..Reply::default() },
        _ => Reply::code(0),
    }
}

/// The processes that are there, and what each says. What is no text is left out.
fn census(found: &[Value]) -> Reply {
    let pair = |pair: &[Value]| Some((text(pair.first()?)?, text(pair.get(1)?)?));
    let processes = found.chunks(2).filter_map(pair).collect();
    Reply { processes, ..Reply::default() }
}

/// The votes, each once, and the leases. What is malformed is left out.
fn looked(both: &[Value]) -> Reply {
    let list = |at: usize| match both.get(at) {
        Some(Value::Array(texts)) => texts.iter().filter_map(text).collect(),
        _ => Vec::new(),
    };
    let vote = |entry: String| entry.split(' ').next().unwrap_or_default().to_owned();
    let votes: BTreeSet<_> = list(0).into_iter().map(vote).collect();
    let lease = |pair: &[String]| {
        let left = pair.get(1)?.parse().ok()?;
        Some((holder(pair.first()?), Duration::from_millis(left)))
    };
    let leases = list(1).chunks(2).filter_map(lease).collect();
    let looked = Looked { votes: votes.into_iter().collect(), leases };
    Reply { looked: Some(looked), ..Reply::default() }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::BulkString(bytes) => String::from_utf8(bytes.clone()).ok(),
        _ => None,
    }
}

/// For how long calls fail, or a negative number, and a sum for each circuit.
fn sums(numbers: &[Value]) -> Option<Reply> {
    let number = |value: &Value| match value {
        Value::Int(number) => Some(*number),
        _ => None,
    };
    let numbers: Vec<i64> = numbers.iter().map(number).collect::<Option<_>>()?;
    let (failing, sums) = numbers.split_first()?;
    let failing_for = u64::try_from(*failing).ok().map(Duration::from_millis);
    let sum = |pair: &[i64]| {
        let [calls, failures] = [0, 1].map(|at| pair.get(at).copied().unwrap_or(0));
        let whole = |number| u64::try_from(number).unwrap_or(0);
        Sum { calls: whole(calls), failures: whole(failures) }
    };
    let sums = sums.chunks(2).map(sum).collect();
    Some(Reply { sums, failing_for, ..Reply::default() })
}
