//! Answers about the last five minutes and the last hour.

use std::sync::Arc;
use std::time::Duration;

use http::Response;
use serde::Serialize;
use tokio::time::Instant;

use crate::answer::live::Desk;
use crate::body::AdminBody;
use crate::cell::{Cell, trimmed};
use crate::history::places::Places;
use crate::history::series::{BRIEF_LASTS, BriefPoint, LONG_LASTS, Long, Peaks, Series};
use crate::latency::{Bucket, Percentiles};
use crate::problem::{Problem, quoted};
use crate::query::Query;
use crate::shown::Shown;
use crate::wall_clock::{millis, since_1970};

/// How far back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Last {
    #[default]
    FiveMinutes,
    Hour,
}

/// The histories of some circuits, each point as long as `every` says in seconds.
#[derive(Debug, Serialize)]
struct Histories<T> {
    /// When the last point began, which is not over; in milliseconds since 1970.
    at: u64,
    last: &'static str,
    every: u64,
    #[serde(flatten)]
    circuits: T,
}

#[derive(Debug, Serialize)]
struct Several {
    /// Whose numbers they are: each process has its own.
    seq: String,
    circuits: Vec<Shape>,
    /// Numbers of which there is no history.
    unknown: Vec<u32>,
}

#[derive(Debug, Serialize)]
struct One {
    circuit: Arc<str>,
    #[serde(flatten)]
    shape: Shape,
    /// The highest that were seen within a day.
    peaks: Peaks,
}

#[derive(Debug, Serialize)]
struct Shape {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<u32>,
    #[serde(flatten)]
    points: PointsView,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum PointsView {
    /// Failures in percent, and the state, a letter each.
    Brief {
        failed: Vec<Option<u8>>,
        shown: String,
    },
    Long {
        columns: [&'static str; 7],
        points: Vec<Option<Vec<Cell<'static>>>>,
    },
}

impl Last {
    pub(crate) const KNOWN: &str = "?last and ?name";

    pub(crate) fn take(query: &mut Query) -> Result<Self, Problem> {
        match query.take("last").as_deref() {
            None => Ok(Self::default()),
            Some("5m") => Ok(Self::FiveMinutes),
            Some("1h") => Ok(Self::Hour),
            Some(other) => {
                let found = quoted(other);
                Err(Problem::bad_request(format!("?last is 5m or 1h, not {found}")))
            }
        }
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::FiveMinutes => "5m",
            Self::Hour => "1h",
        }
    }

    const fn every(self) -> Duration {
        match self {
            Self::FiveMinutes => BRIEF_LASTS,
            Self::Hour => LONG_LASTS,
        }
    }
}

impl Desk {
    /// The history of one circuit.
    pub(crate) fn history(&self, name: &str, last: Last) -> Result<Response<AdminBody>, Problem> {
        let circuit = self.state.find(name)?;
        self.with_places(last, |places, at| {
            let series = places.get(circuit.name()).ok_or_else(|| none_of(name))?;
            let circuit = Arc::from(circuit.name());
            Ok(One { circuit, shape: shape(None, series, at, last), peaks: series.peaks(at) })
        })
    }

    /// The histories of the circuits that have these numbers.
    pub(crate) fn histories(
        &self,
        ids: &[u32],
        last: Last,
    ) -> Result<Response<AdminBody>, Problem> {
        let seq = self.live.place().to_string();
        let names = self.live.know(|roster| {
            ids.iter().map(|id| (*id, roster.name_of(*id).cloned())).collect::<Vec<_>>()
        });
        self.with_places(last, |places, at| {
            let mut several = Several { seq, circuits: Vec::new(), unknown: Vec::new() };
            for (id, name) in names {
                match name.and_then(|name| places.get(&name)) {
                    Some(series) => several.circuits.push(shape(Some(id), series, at, last)),
                    None => several.unknown.push(id),
                }
            }
            Ok(several)
        })
    }

    fn with_places<T: Serialize>(
        &self,
        last: Last,
        read: impl FnOnce(&Places, Duration) -> Result<T, Problem>,
    ) -> Result<Response<AdminBody>, Problem> {
        if !self.live.has_history() {
            return Err(none());
        }
        self.live.sample();
        let (wall, now) = (since_1970(), Instant::now());
        let read = self.live.know(|roster| {
            let (places, at) = roster.history().ok_or_else(none)?;
            let age = roster.sampled().map(|sampled| now.saturating_duration_since(sampled));
            Ok::<_, Problem>((read(places, at)?, at, age.unwrap_or_default()))
        });
        let (circuits, at, age) = read?;
        let into_point = at.as_millis() % last.every().as_millis();
        let into_point = Duration::from_millis(u64::try_from(into_point).unwrap_or(0));
        // The last reading was a moment ago.
        let since_point = into_point.saturating_add(age);
        Ok(self.coding.json(&Histories {
            at: millis(wall.saturating_sub(since_point)),
            last: last.as_str(),
            every: last.every().as_secs(),
            circuits,
        }))
    }
}

fn shape(id: Option<u32>, series: &Series, at: Duration, last: Last) -> Shape {
    let points = match last {
        Last::FiveMinutes => brief(series.five_minutes(at)),
        Last::Hour => PointsView::Long {
            columns: ["admitted", "rejected", "failed", "shown", "p50_ms", "p95_ms", "p99_ms"],
            points: series.hour(at).map(|point| point.map(cells)).collect(),
        },
    };
    Shape { id, points }
}

fn brief(points: impl Iterator<Item = Option<BriefPoint>>) -> PointsView {
    let (mut failed, mut shown) = (Vec::new(), String::new());
    for point in points {
        failed.push(point.and_then(|point| point.failed));
        shown.push(point.and_then(|point| point.state).map_or(HOLE, Shown::letter));
    }
    PointsView::Brief { failed, shown }
}

fn cells(point: Long) -> Vec<Cell<'static>> {
    let millis = |of: fn(Percentiles) -> Bucket| {
        Cell::or_nothing(point.latency, |latency| Cell::Real(of(latency).millis()))
    };
    trimmed(vec![
        Cell::Count(point.admitted.into()),
        Cell::Count(point.rejected.into()),
        Cell::Count(point.failed.into()),
        Cell::or_nothing(point.state, |state| Cell::Text(state.as_str())),
        millis(|of| of.p50),
        millis(|of| of.p95),
        millis(|of| of.p99),
    ])
}

fn none() -> Problem {
    Problem::not_found("no history is kept: ask for one with `AdminBuilder::history`")
}

fn none_of(name: &str) -> Problem {
    let found = quoted(name);
    Problem::not_found(format!(
        "no history of {found} is kept: it is none of those that `AdminBuilder::history` asks for, \
         or had no call yet"
    ))
}

/// Of this time nothing is known.
const HOLE: char = '-';
