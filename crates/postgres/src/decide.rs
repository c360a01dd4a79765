//! The statements that change a record, or may, and what is given to them.

use std::time::Duration;

use tokio_postgres::types::Type;
use tower_circuit_breaker_fleet::record::FleetRecord;
use tower_circuit_breaker_fleet::request::{Ask, Request, Shown};
use tower_circuit_breaker_fleet::terms::Terms;
use tower_circuit_breaker_fleet::words::Words;

use crate::line::Given;
use crate::names::{Names, row};
use crate::statements::{Statements, millis, whole};

/// What is given for a parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value {
    Int(i64),
    Text(String),
}

impl Value {
    pub(crate) fn given(&self) -> Given<'_> {
        match self {
            Self::Int(number) => (number, Type::INT8),
            Self::Text(text) => (text, Type::TEXT),
        }
    }
}

/// What asks `request`; `None` where it asks for no decision.
pub(crate) fn statement<'a>(
    request: &Request,
    statements: &'a Statements,
    names: &Names,
    terms: &Terms,
) -> Option<(&'a str, Vec<Value>)> {
    let (statement, tail) = match &request.ask {
        Ask::Vote { .. } => (&statements.vote, vote(&request.ask, terms)),
        Ask::Settle { epoch, shown } => (&statements.settle, settle(*epoch, *shown, terms)),
        Ask::Lease { epoch, lasts } => {
            let (lasts, most) = (millis(*lasts).max(1), i64::from(terms.fleet_probes));
            let tail = vec![
                epoch_of(*epoch),
                Value::Int(lasts),
                text(terms.identity.id()),
                Value::Int(most),
            ];
            (&statements.lease, tail)
        }
        Ask::Restore { record, left } => (&statements.restore, restore(record, *left)),
        Ask::Command { known, command, words } => {
            let lasts = command.lasting().map_or(0, |lasting| millis(lasting).max(1));
            let tail = vec![
                epoch_of(*known),
                text(command.as_str()),
                Value::Int(lasts),
                text(&terms.identity.name),
                text(said(words)),
            ];
            (&statements.command, tail)
        }
        _ => return None,
    };
    let mut given = vec![text(&names.fleet), text(row(&request.circuit)), text(names.channel())];
    given.extend(tail);
    Some((statement, given))
}

fn vote(ask: &Ask, terms: &Terms) -> Vec<Value> {
    let Ask::Vote { known, open_for, step, cause, voter } = ask else {
        return Vec::new();
    };
    let quorum = if cause.needs_quorum() { terms.quorum } else { 1 };
    vec![
        epoch_of(*known),
        time(*open_for),
        Value::Int((*step).into()),
        time(terms.vote_window),
        Value::Int(quorum.into()),
        text(cause.as_str()),
        text(&terms.identity.name),
        text(terms.identity.id()),
        text(terms.identity.vote_of(*voter)),
    ]
}

fn settle(epoch: u64, shown: Shown, terms: &Terms) -> Vec<Value> {
    let (state, open_for, step) = match shown {
        Shown::Well => ("c", Duration::ZERO, 0),
        Shown::Failing { open_for, step } => ("o", open_for, step),
    };
    let node = text(&terms.identity.name);
    vec![epoch_of(epoch), text(state), time(open_for), Value::Int(step.into()), node]
}

fn restore(record: &FleetRecord, left: Duration) -> Vec<Value> {
    vec![
        epoch_of(record.epoch()),
        text(record.standing.as_str()),
        time(left),
        time(record.open_for),
        Value::Int(whole(record.step_or_serial())),
        text(record.cause.as_str()),
        text(record.node()),
        text(said(record.words())),
    ]
}

/// Who has forced it and why, as it stands in a record.
fn said(words: &Words) -> String {
    if words.is_empty() { String::new() } else { words.as_words().join(" ") }
}

fn epoch_of(number: u64) -> Value {
    Value::Int(whole(number))
}

fn time(time: Duration) -> Value {
    Value::Int(millis(time))
}

fn text(text: impl Into<String>) -> Value {
    Value::Text(text.into())
}
