//! The log: lines with times and levels, on standard error and, if asked for, in a file.

use std::fs::OpenOptions;
use std::sync::Arc;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::fmt::writer::{BoxMakeWriter, MakeWriterExt};

/// Starts the log of this process, by its `LOG_FORMAT` (`text` or `json`), `LOG_LEVEL` (`info`) and
/// `LOG_FILE` (none).
///
/// # Errors
///
/// What cannot be, in a line that names it.
pub fn start_log() -> Result<(), String> {
    let read = |name: &str| std::env::var(name).ok().filter(|text| !text.is_empty());
    let format = Format::named(read("LOG_FORMAT").as_deref())?;
    let level = level(read("LOG_LEVEL").as_deref())?;
    let writer = match read("LOG_FILE") {
        None => BoxMakeWriter::new(std::io::stderr),
        Some(path) => {
            let file = OpenOptions::new().create(true).append(true).open(&path);
            let file = file.map_err(|error| format!("LOG_FILE is {path:?}: {error}"))?;
            BoxMakeWriter::new(std::io::stderr.and(Arc::new(file)))
        }
    };
    let log = tracing_subscriber::fmt().with_max_level(level).with_writer(writer);
    let started = match format {
        Format::Text => log.with_target(false).try_init(),
        Format::Json => log.json().flatten_event(true).try_init(),
    };
    started.map_err(|error| format!("the log cannot be started: {error}"))
}

#[derive(Debug, PartialEq)]
pub(crate) enum Format {
    Text,
    Json,
}

impl Format {
    pub(crate) fn named(name: Option<&str>) -> Result<Self, String> {
        match name {
            None | Some("text") => Ok(Self::Text),
            Some("json") => Ok(Self::Json),
            Some(it) => Err(format!("LOG_FORMAT is {it:?}: must be text or json")),
        }
    }
}

pub(crate) fn level(name: Option<&str>) -> Result<LevelFilter, String> {
    let Some(name) = name else { return Ok(LevelFilter::INFO) };
    let wrong = |_| format!("LOG_LEVEL is {name:?}: must be error, warn, info, debug or trace");
    name.parse().map_err(wrong)
}
