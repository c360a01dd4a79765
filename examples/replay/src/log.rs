//! Reads a log line by line, whatever its length: CSV with a header, or JSON lines.

use std::fmt;
use std::io::{self, BufRead, Read};

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::call::{Call, LATENCY, OUTCOME, TIME, parse_latency, parse_outcome, parse_time};
use crate::columns::Columns;

/// Where a log is wrong, counted from 1, and how.
#[derive(Debug)]
pub(crate) struct LogError {
    pub(crate) line: u64,
    pub(crate) column: usize,
    pub(crate) what: String,
}

impl fmt::Display for LogError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: {}", self.line, self.column, self.what)
    }
}

/// The calls of a log, each with its line and the column of its time.
pub(crate) struct Log<R> {
    reader: R,
    line: u64,
    buffer: Vec<u8>,
    format: Option<Format>,
}

enum Format {
    Json,
    /// With the places of time, latency and outcome among the columns.
    Csv(Columns, [usize; 3]),
}

/// A part of a line, and where it begins.
#[derive(Clone, Copy)]
pub(crate) struct Field<'a> {
    pub(crate) text: &'a str,
    pub(crate) column: usize,
}

/// What is wrong, and in which column.
type Wrong = (usize, String);

impl<R: BufRead> Log<R> {
    pub(crate) fn new(reader: R) -> Self {
        Self { reader, line: 0, buffer: Vec::new(), format: None }
    }

    /// Reads on to the next line that holds something.
    fn read(&mut self) -> Result<Option<(Call, usize)>, Wrong> {
        loop {
            self.line += 1;
            if !self.fill().map_err(|error| (1, error.to_string()))? {
                return Ok(None);
            }
            let text = std::str::from_utf8(&self.buffer)
                .map_err(|error| (error.valid_up_to() + 1, "is not UTF-8".to_owned()))?;
            let bare = text.trim_start_matches('\u{feff}').trim_end();
            if bare.trim_start().is_empty() {
                continue;
            }
            match &mut self.format {
                Some(Format::Json) => return json(bare).and_then(|fields| call(&fields)).map(Some),
                Some(Format::Csv(columns, places)) => {
                    let fields = csv(bare, columns, places);
                    return fields.and_then(|fields| call(&fields)).map(Some);
                }
                None if bare.trim_start().starts_with('{') => {
                    let first = json(bare).and_then(|fields| call(&fields));
                    self.format = Some(Format::Json);
                    return first.map(Some);
                }
                None => {
                    let mut columns = Columns::new();
                    let places = header(bare, &mut columns)?;
                    self.format = Some(Format::Csv(columns, places));
                }
            }
        }
    }

    /// Takes the next line into the buffer; `false` at the end.
    fn fill(&mut self) -> io::Result<bool> {
        self.buffer.clear();
        let mut limited = (&mut self.reader).take(LONGEST_LINE);
        let read = limited.read_until(b'\n', &mut self.buffer)?;
        if limited.limit() == 0 && !self.buffer.ends_with(b"\n") {
            let what = format!("is longer than {LONGEST_LINE} bytes: is this a log of calls?");
            return Err(io::Error::other(what));
        }
        Ok(read > 0)
    }
}

impl<R: BufRead> Iterator for Log<R> {
    type Item = Result<(Call, u64, usize), LogError>;

    fn next(&mut self) -> Option<Self::Item> {
        let read = self.read();
        let line = self.line;
        let read = read.map_err(|(column, what)| LogError { line, column, what });
        read.map(|read| read.map(|(call, column)| (call, line, column))).transpose()
    }
}

/// What the three fields say; the column is that of the time.
fn call([time, latency, outcome]: &[Field<'_>; 3]) -> Result<(Call, usize), Wrong> {
    let at = parse_time(time.text).ok_or_else(|| wrong(time, "time", TIME))?;
    let took = parse_latency(latency.text).ok_or_else(|| wrong(latency, "latency", LATENCY))?;
    let outcome = parse_outcome(outcome.text).ok_or_else(|| wrong(outcome, "outcome", OUTCOME))?;
    Ok((Call { at, took, outcome }, time.column))
}

fn wrong(field: &Field<'_>, name: &str, allowed: &str) -> Wrong {
    let shown: String = field.text.chars().take(40).collect();
    (field.column, format!("{name} is {shown:?}: must be {allowed}"))
}

fn json(line: &str) -> Result<[Field<'_>; 3], Wrong> {
    /// Other fields are passed over.
    #[derive(Deserialize)]
    struct Raw<'a> {
        #[serde(borrow)]
        time: &'a RawValue,
        #[serde(borrow)]
        latency: &'a RawValue,
        #[serde(borrow)]
        outcome: &'a RawValue,
    }
    let raw: Raw<'_> = serde_json::from_str(line).map_err(|error| {
        let what = error.to_string();
        let what = what.split(" at line ").next().unwrap_or_default();
        (error.column().max(1), format!("{what}: must be like {EXAMPLE}"))
    })?;
    Ok([raw.time, raw.latency, raw.outcome].map(|value| {
        let text = value.get();
        let column = text.as_ptr().addr() - line.as_ptr().addr() + 1;
        unquoted(Field { text, column })
    }))
}

fn csv<'a>(
    line: &str,
    columns: &'a mut Columns,
    places: &[usize; 3],
) -> Result<[Field<'a>; 3], Wrong> {
    columns.read(line).map_err(|error| (1, error.to_string()))?;
    let found = places.map(|place| columns.get(place, line).map(unquoted));
    let [Some(time), Some(latency), Some(outcome)] = found else {
        let missing = found.iter().position(Option::is_none).unwrap_or_default();
        return Err((line.len() + 1, format!("{} is missing", NAMES[missing])));
    };
    Ok([time, latency, outcome])
}

/// Where the three columns are.
fn header(line: &str, columns: &mut Columns) -> Result<[usize; 3], Wrong> {
    columns.read(line).map_err(|error| (1, error.to_string()))?;
    let place = |name: &str| {
        columns.place(name).ok_or_else(|| {
            let what = format!("no column is named {name}: must begin with a line that names the \
                                columns, such as time,latency,outcome, or be JSON lines like {EXAMPLE}");
            (1, what)
        })
    };
    Ok([place(NAMES[0])?, place(NAMES[1])?, place(NAMES[2])?])
}

/// The same without blanks and quotes around it.
fn unquoted(field: Field<'_>) -> Field<'_> {
    let text = field.text.trim_start();
    let column = field.column + field.text.len() - text.len();
    let text = text.trim_end();
    match text.strip_prefix('"').and_then(|text| text.strip_suffix('"')) {
        Some(text) => Field { text, column: column + 1 },
        None => Field { text, column },
    }
}

const NAMES: [&str; 3] = ["time", "latency", "outcome"];
const EXAMPLE: &str = r#"{"time": 12.5, "latency": "250ms", "outcome": "success"}"#;
/// What is kept of a log is one line; a file without any would be kept whole.
const LONGEST_LINE: u64 = 65_536;
