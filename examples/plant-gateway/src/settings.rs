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
