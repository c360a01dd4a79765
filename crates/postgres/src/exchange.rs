//! What is asked of the database in one go, and what its answers mean.

use std::collections::HashMap;
use std::time::Duration;

use futures_util::future::{BoxFuture, join_all};
use tokio_postgres::Row;
use tokio_postgres::types::Type;
use tower_circuit_breaker_fleet::identity::holder;
use tower_circuit_breaker_fleet::record::{BadRecord, FleetRecord};
use tower_circuit_breaker_fleet::request::{Ask, Looked, Merge, Reply, Request, Sum};
use tower_circuit_breaker_fleet::terms::Terms;
use tower_circuit_breaker_fleet::word::Word;

use crate::decide::{Value, statement};
use crate::fault::Fault;
use crate::kind::SyncErrorKind;
use crate::line::{Given, Line};
use crate::names::{Names, row};
use crate::statements::{Statements, millis, whole};

/// What became of one request.
pub(crate) type Answer = Result<Reply, Fault>;

/// A connection, and what is needed to ask over it.
#[derive(Clone, Copy)]
pub(crate) struct Exchange<'a> {
    pub(crate) line: &'a Line,
    pub(crate) statements: &'a Statements,
    pub(crate) names: &'a Names,
    pub(crate) terms: &'a Terms,
}

impl<'a> Exchange<'a> {
    /// Asks everything in one go and in its order, each for itself; circuits that are only read are one
    /// statement.
    pub(crate) async fn ask(self, batch: &'a [Request]) -> Vec<Answer> {
        let parts = batch.chunk_by(|one, next| is_read(one) && is_read(next));
        // Each is sent when it is first polled, which is in this order.
        let asking =
            parts.map(|part| -> BoxFuture<'a, Vec<Answer>> {
                match part {
                    [one] if !is_read(one) => Box::pin(async move {
                        vec![self.ask_one(one).await.map_err(|f| during(&f, one))]
                    }),
                    _ => Box::pin(self.read(part)),
                }
            });
        join_all(asking.collect::<Vec<_>>()).await.into_iter().flatten().collect()
    }

    async fn ask_one(self, request: &Request) -> Answer {
        let name = &*request.circuit;
        let fleet = &self.names.fleet;
        match &request.ask {
            Ask::Withdraw => {
                let (row, id) = (row(name), self.terms.identity.id());
                let given = [text(fleet), text(&row), text(&id)];
                let rows = self.given(&self.statements.withdraw, &given).await?;
                Ok(Reply::code(i64::from(!rows.is_empty())))
            }
            Ask::Changes { partition } | Ask::Begin { partition } if *partition > 0 => {
                // There is one.
                Ok(Reply::code(0))
            }
            Ask::Changes { .. } => self.changes().await,
            Ask::Begin { .. } => {
                let rows = self.given(&self.statements.begin, &[text(fleet)]).await?;
                Ok(Reply { code: 1, number: number(rows.first(), 0)?, ..Reply::default() })
            }
            Ask::Merge(merge) => self.merge(merge).await,
            Ask::Announce { said } => {
                let (own, said) = (format!("{:016x}", self.terms.identity.number), &**said);
                let given = [text(fleet), text(&name), text(&own), text(&said)];
                let others = self.given(&self.statements.announce, &given).await?;
                Ok(Reply::code(i64::from(!others.is_empty())))
            }
            // All that have said so are in it.
            Ask::Enlist => Ok(Reply::code(1)),
            Ask::Census => {
                let rows = self.given(&self.statements.census, &[text(fleet)]).await?;
                let processes = rows.iter().map(|row| Ok((get(row, 0)?, get(row, 1)?)));
                let processes = processes.collect::<Result<_, Fault>>()?;
                Ok(Reply { processes, ..Reply::default() })
            }
            Ask::Look { open } => self.look(name, *open).await,
            _ => match self.decide(request).await {
                // Nobody had written there for a week, and it was swept out.
                Err(fault) if fault == gone() => {
                    self.make_rows(&[name]).await?;
                    self.decide(request).await
                }
                answer => answer,
            },
        }
    }

    /// What changes a record, or may.
    async fn decide(self, request: &Request) -> Answer {
        let asked = statement(request, self.statements, self.names, self.terms);
        let nobody = || Fault::new(SyncErrorKind::Protocol, "nobody asks so");
        let (statement, values) = asked.ok_or_else(nobody)?;
        let given: Vec<_> = values.iter().map(Value::given).collect();
        decided(&self.given(statement, &given).await?)
    }

    async fn changes(self) -> Answer {
        let rows = self.given(&self.statements.changes, &[text(&self.names.fleet)]).await?;
        let Some(row) = rows.first() else {
            return Ok(Reply::code(0));
        };
        if get::<bool>(row, 2)? {
            return Err(Fault::new(SyncErrorKind::ReadOnly, "transactions are read-only there"));
        }
        // Another where somebody has deleted the row.
        self.line.learn_secret(get(row, 1)?);
        Ok(Reply { code: 1, number: number(Some(row), 0)?, ..Reply::default() })
    }

    async fn read(self, requests: &[Request]) -> Vec<Answer> {
        let names: Vec<_> = requests.iter().map(|request| row(&request.circuit)).collect();
        let listed: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
        let given = [text(&self.names.fleet), (&listed as _, Type::TEXT_ARRAY)];
        let rows = match self.given(&self.statements.read, &given).await {
            Ok(rows) => rows,
            Err(fault) => {
                return requests.iter().map(|request| Err(during(&fault, request))).collect();
            }
        };
        let found = rows.iter().map(|row| Ok((get::<String>(row, 0)?, word(row, 1, 2))));
        let found: Result<HashMap<_, _>, Fault> = found.collect();
        let answer = |name: &str| -> Answer {
            let word = found.as_ref().map_err(Clone::clone)?.get(name).cloned();
            Ok(Reply::of(word.transpose()?.flatten()))
        };
        let both = requests.iter().zip(listed);
        both.map(|(request, name)| answer(name).map_err(|fault| during(&fault, request))).collect()
    }

    async fn merge(self, merge: &Merge) -> Answer {
        let names: Vec<_> = merge.met.iter().map(|met| row(&met.circuit)).collect();
        let listed: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
        let column = |number: fn(&(u64, Sum)) -> u64| -> Vec<i64> {
            merge.met.iter().map(|met| whole(number(&(met.epoch, met.sum)))).collect()
        };
        let epochs = column(|(epoch, _)| *epoch);
        let (calls, failures) = (column(|(_, sum)| sum.calls), column(|(_, sum)| sum.failures));
        let (bucket, buckets) = (millis(merge.bucket).max(1), i64::from(merge.buckets.max(1)));
        let given = [
            text(&self.names.fleet),
            (&listed as _, Type::TEXT_ARRAY),
            (&epochs as _, Type::INT8_ARRAY),
            (&calls as _, Type::INT8_ARRAY),
            (&failures as _, Type::INT8_ARRAY),
            int(&bucket),
            int(&buckets),
        ];
        let rows = self.given(&self.statements.merge, &given).await?;
        let mut reply = Reply::default();
        let mut found = HashMap::new();
        for row in &rows {
            let (calls, failures) = (number(Some(row), 1)?, number(Some(row), 2)?);
            let positive = |number| u64::try_from(number).unwrap_or(0);
            match get::<Option<String>>(row, 0)? {
                Some(name) => {
                    found
                        .insert(name, Sum { calls: positive(calls), failures: positive(failures) });
                }
                None => reply.failing_for = Some(Duration::from_millis(positive(calls))),
            }
        }
        reply.sums =
            listed.iter().map(|name| found.get(*name).copied().unwrap_or_default()).collect();
        Ok(reply)
    }

    async fn look(self, name: &str, open: Option<u64>) -> Answer {
        let (row, epoch) = (row(name), whole(open.unwrap_or(0)));
        let given = [text(&self.names.fleet), text(&row), int(&epoch)];
        let rows = self.given(&self.statements.look, &given).await?;
        let row = rows.first().ok_or_else(gone)?;
        let (ids, still) = (get::<Vec<String>>(row, 1)?, get::<Vec<i64>>(row, 2)?);
        let left = |still: i64| Duration::from_millis(u64::try_from(still).unwrap_or(0));
        let leases = ids.iter().zip(still).map(|(id, still)| (holder(id), left(still))).collect();
        Ok(Reply { looked: Some(Looked { votes: get(row, 0)?, leases }), ..Reply::default() })
    }

    /// Makes rows for these circuits, where there are none.
    pub(crate) async fn make_rows(self, circuits: &[&str]) -> Result<(), Fault> {
        let names: Vec<_> = circuits.iter().map(|circuit| row(circuit)).collect();
        let listed: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
        let given = [text(&self.names.fleet), (&listed as _, Type::TEXT_ARRAY)];
        self.given(&self.statements.rows, &given).await.map(drop)
    }

    async fn given(self, statement: &str, given: &[Given<'_>]) -> Result<Vec<Row>, Fault> {
        self.line.ask(statement, given).await
    }
}

/// The circuits whose rows a request writes.
pub(crate) fn written(request: &Request) -> Vec<&str> {
    match &request.ask {
        Ask::Merge(merge) => merge.met.iter().map(|met| &*met.circuit).collect(),
        Ask::Vote { .. }
        | Ask::Settle { .. }
        | Ask::Lease { .. }
        | Ask::Restore { .. }
        | Ask::Command { .. } => vec![&request.circuit],
        _ => Vec::new(),
    }
}

fn is_read(request: &Request) -> bool {
    matches!(request.ask, Ask::Read)
}

/// What a statement that decides has answered.
fn decided(rows: &[Row]) -> Answer {
    let row = rows.first().ok_or_else(gone)?;
    let word = word(row, 2, 3)?;
    Ok(Reply {
        code: number(Some(row), 0)?,
        number: number(Some(row), 1)?,
        word,
        ..Reply::default()
    })
}

/// The record in the column `line`, by the clock in milliseconds in the column `clock`.
fn word(row: &Row, clock: usize, line: usize) -> Result<Option<Word>, Fault> {
    let line: &str = get(row, line)?;
    if line.is_empty() {
        return Ok(None);
    }
    let now = u64::try_from(number(Some(row), clock)?).unwrap_or(0);
    let foreign = |bad: BadRecord| Fault::new(SyncErrorKind::Foreign, &bad.to_string());
    let record: FleetRecord = line.parse().map_err(foreign)?;
    if record.is_ahead_of(now) {
        return Err(foreign(BadRecord::AHEAD));
    }
    let (left, age) = (record.left(now), Some(record.age(now)));
    Ok(Some(Word { record, left, age }))
}

fn number(row: Option<&Row>, column: usize) -> Result<i64, Fault> {
    get(row.ok_or_else(gone)?, column)
}

fn get<'a, T: tokio_postgres::types::FromSql<'a>>(row: &'a Row, column: usize) -> Result<T, Fault> {
    row.try_get(column).map_err(|error| Fault::of(&error))
}

/// Somebody has deleted it meanwhile; it is made again when it is asked for again.
fn gone() -> Fault {
    Fault::new(SyncErrorKind::Other, "the row is gone")
}

fn during(fault: &Fault, request: &Request) -> Fault {
    let what = match &request.ask {
        Ask::Vote { .. } => "vote",
        Ask::Withdraw => "withdrawing a vote",
        Ask::Settle { .. } => "verdict of probes",
        Ask::Lease { .. } => "lease",
        Ask::Restore { .. } => "restore",
        Ask::Command { .. } => "command",
        Ask::Read => "reading",
        Ask::Changes { .. } | Ask::Begin { .. } => "number of changes",
        Ask::Merge(_) => "sums",
        Ask::Announce { .. } | Ask::Enlist | Ask::Census => "processes",
        Ask::Look { .. } => "look",
    };
    match &*request.circuit {
        "" => fault.while_doing(what),
        circuit => fault.while_doing(format_args!("{what} of {circuit:.80}")),
    }
}

fn text<T: tokio_postgres::types::ToSql + Sync>(text: &T) -> Given<'_> {
    (text, Type::TEXT)
}

fn int(number: &i64) -> Given<'_> {
    (number, Type::INT8)
}
