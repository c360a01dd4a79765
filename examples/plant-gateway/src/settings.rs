//! What the environment says, or one clear line about what it cannot mean.

use std::env;
use std::str::FromStr;
use std::time::Duration;

use reqwest::Url;

/// What `name` is set to; one that is empty is not set.
pub(crate) fn text(name: &str) -> Option<String> {
    let text = env::var_os(name)?.to_string_lossy().into_owned();
    (!text.is_empty()).then_some(text)
}

pub(crate) fn count(name: &str, default: u32) -> Result<u32, String> {
    Ok(get(name, |count| *count > 0, "a whole number of at least 1")?.unwrap_or(default))
}

pub(crate) fn seconds(name: &str, default: f64) -> Result<Duration, String> {
    let allowed = "seconds above 0 and up to 86400, such as 60 or 0.5";
    let seconds = get(name, |seconds| (1e-9..=86_400.0).contains(seconds), allowed)?;
    Ok(Duration::from_secs_f64(seconds.unwrap_or(default)))
}

/// The first of these names that is set.
pub(crate) fn seconds_of(names: [&str; 2], default: f64) -> Result<Duration, String> {
    let set = names.into_iter().find(|name| text(name).is_some());
    seconds(set.unwrap_or(names[0]), default)
}

pub(crate) fn flag(name: &str, default: bool) -> Result<bool, String> {
    match text(name).map(|text| text.to_lowercase()).as_deref() {
        None => Ok(default),
        Some("true" | "1") => Ok(true),
        Some("false" | "0") => Ok(false),
        Some(it) => Err(format!("{name} is {it:?}: must be true or false")),
    }
}

pub(crate) fn url(name: &str) -> Result<Option<Url>, String> {
    get(name, |url: &Url| url.scheme() == "http", "a URL that begins with http://")
}

fn get<T: FromStr>(name: &str, is: fn(&T) -> bool, allowed: &str) -> Result<Option<T>, String> {
    let Some(text) = text(name) else { return Ok(None) };
    match text.trim().parse() {
        Ok(value) if is(&value) => Ok(Some(value)),
        _ => Err(format!("{name} is {text:?}: must be {allowed}")),
    }
}
