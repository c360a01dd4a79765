//! What the environment says, or one clear line about what it cannot mean.

use std::time::Duration;

#[derive(Debug)]
pub(crate) struct Settings {
    /// Where the provider is; one is played where none is given.
    pub(crate) provider: Option<String>,
    pub(crate) timeout: Duration,
    pub(crate) text: Limits,
    pub(crate) vision: Limits,
    pub(crate) imagen: Limits,
}

/// When a circuit opens, and for how long.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) fail_max: u32,
    pub(crate) reset_timeout: Duration,
}

/// Looks a variable up; one that is empty is not set.
struct Environment<F>(F);

impl Settings {
    /// Reads the variables by `find`, which is `std::env` outside of tests.
    pub(crate) fn read(find: impl Fn(&str) -> Option<String>) -> Result<Self, String> {
        let env = Environment(find);
        Ok(Self {
            provider: env.get("PROVIDER_URL", None, |text| Some(Some(url(text)?)), URL)?,
            timeout: env.get("PROVIDER_TIMEOUT", Duration::from_secs(30), seconds, SECONDS)?,
            text: env.limits("TEXT", 5, 60)?,
            vision: env.limits("VISION", 3, 60)?,
            imagen: env.limits("IMAGEN", 3, 120)?,
        })
    }
}

impl<F: Fn(&str) -> Option<String>> Environment<F> {
    fn limits(&self, service: &str, fail_max: u32, reset_timeout: u64) -> Result<Limits, String> {
        let [max, reset] =
            ["FAIL_MAX", "RESET_TIMEOUT"].map(|of| format!("{service}_CIRCUIT_{of}"));
        let reset_timeout = Duration::from_secs(reset_timeout);
        Ok(Limits {
            fail_max: self.get(&max, fail_max, count, "a whole number of at least 1")?,
            reset_timeout: self.get(&reset, reset_timeout, seconds, SECONDS)?,
        })
    }

    fn get<T>(
        &self,
        name: &str,
        default: T,
        parse: impl Fn(&str) -> Option<T>,
        allowed: &str,
    ) -> Result<T, String> {
        let Some(text) = (self.0)(name).filter(|text| !text.is_empty()) else {
            return Ok(default);
        };
        parse(text.trim()).ok_or_else(|| format!("{name} is {text:?}: must be {allowed}"))
    }
}

fn count(text: &str) -> Option<u32> {
    text.parse().ok().filter(|count| *count > 0)
}

fn seconds(text: &str) -> Option<Duration> {
    let seconds = Duration::try_from_secs_f64(text.parse().ok()?).ok()?;
    (!seconds.is_zero() && seconds <= LONGEST).then_some(seconds)
}

fn url(text: &str) -> Option<String> {
    let url = reqwest::Url::parse(text).ok()?;
    (url.scheme() == "http").then(|| text.to_owned())
}

/// A day: nothing here is meant to take longer.
const LONGEST: Duration = Duration::from_secs(86_400);
const SECONDS: &str = "seconds above 0 and up to 86400, such as 60 or 0.5";
const URL: &str = "a URL that begins with http://";
