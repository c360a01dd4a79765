//! What the environment says, or one clear line about what it cannot mean.

use std::str::FromStr;
use std::time::Duration;

/// Everything that is set by environment variables.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) mode: Mode,
    pub(crate) keys: Vec<String>,
    pub(crate) admin_token: Option<String>,
    pub(crate) plant_id: UpstreamSettings,
    pub(crate) plantnet: UpstreamSettings,
    pub(crate) lock: LockTimes,
    pub(crate) webhook: Option<String>,
    pub(crate) alert_when_open_for: Duration,
}

/// Who may ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Development,
    Production,
}

/// One upstream and its circuit.
#[derive(Debug)]
pub(crate) struct UpstreamSettings {
    /// Where it is; one is played where none is given.
    pub(crate) url: Option<String>,
    pub(crate) timeout: Duration,
    pub(crate) fail_max: u32,
    pub(crate) reset_timeout: Duration,
    pub(crate) success_threshold: u32,
}

/// How long one waits for another process that asks the same, and how long that one may be silent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LockTimes {
    pub(crate) wait: Duration,
    pub(crate) expiry: Duration,
}

/// Looks a variable up; one that is empty is not set.
struct Environment<F>(F);

impl Settings {
    /// Reads the variables by `find`, which is `std::env` outside of tests.
    pub(crate) fn read(find: impl Fn(&str) -> Option<String>) -> Result<Self, String> {
        let env = Environment(find);
        let settings = Self {
            mode: env.get("APP_ENV", Mode::Development, mode, "development or production")?,
            keys: env.text("API_KEYS").map_or_else(Vec::new, |keys| {
                keys.split(',')
                    .map(|key| key.trim().to_owned())
                    .filter(|key| !key.is_empty())
                    .collect()
            }),
            admin_token: env.admin_token()?,
            plant_id: env.upstream("PLANT_ID", [35, 60], 3)?,
            plantnet: env.upstream("PLANTNET", [20, 30], 5)?,
            lock: LockTimes {
                wait: env.seconds("CACHE_LOCK_WAIT", 10)?,
                expiry: env.seconds("CACHE_LOCK_EXPIRY", 30)?,
            },
            webhook: env.url("ALERT_WEBHOOK_URL")?,
            alert_when_open_for: env.seconds("ALERT_WHEN_OPEN_FOR", 300)?,
        };
        if settings.mode == Mode::Production && settings.keys.is_empty() {
            return Err("API_KEYS is not set: must be keys with commas between them, since \
                        APP_ENV=production answers nobody without one"
                .to_owned());
        }
        Ok(settings)
    }
}

impl<F: Fn(&str) -> Option<String>> Environment<F> {
    fn upstream(
        &self,
        prefix: &str,
        [timeout, reset_timeout]: [u32; 2],
        fail_max: u32,
    ) -> Result<UpstreamSettings, String> {
        Ok(UpstreamSettings {
            url: self.url(&format!("{prefix}_URL"))?,
            timeout: self.seconds(&format!("{prefix}_TIMEOUT"), timeout)?,
            fail_max: self.count(&format!("{prefix}_CIRCUIT_FAIL_MAX"), fail_max)?,
            reset_timeout: self
                .seconds(&format!("{prefix}_CIRCUIT_RESET_TIMEOUT"), reset_timeout)?,
            success_threshold: self.count(&format!("{prefix}_CIRCUIT_SUCCESS_THRESHOLD"), 2)?,
        })
    }

    fn count(&self, name: &str, default: u32) -> Result<u32, String> {
        let parse = |text: &str| u32::from_str(text).ok().filter(|count| *count > 0);
        self.get(name, default, parse, "a whole number of at least 1")
    }

    fn seconds(&self, name: &str, default: u32) -> Result<Duration, String> {
        let parse = |text: &str| {
            let seconds = Duration::try_from_secs_f64(text.parse().ok()?).ok()?;
            (!seconds.is_zero() && seconds <= LONGEST).then_some(seconds)
        };
        let allowed = "seconds above 0 and up to 86400, such as 60 or 0.5";
        self.get(name, Duration::from_secs(default.into()), parse, allowed)
    }

    fn url(&self, name: &str) -> Result<Option<String>, String> {
        let parse = |text: &str| {
            let url = reqwest::Url::parse(text).ok()?;
            (url.scheme() == "http").then(|| Some(text.to_owned()))
        };
        self.get(name, None, parse, "a URL that begins with http://")
    }

    /// A secret: what is wrong with it is told, but not what it is.
    fn admin_token(&self) -> Result<Option<String>, String> {
        let token = self.text("ADMIN_TOKEN");
        let is_right =
            |text: &String| text.len() >= 16 && text.bytes().all(|b| b.is_ascii_graphic());
        if token.as_ref().is_none_or(is_right) {
            return Ok(token);
        }
        Err("ADMIN_TOKEN is not right: must have 16 or more visible ASCII characters".to_owned())
    }

    fn get<T>(
        &self,
        name: &str,
        default: T,
        parse: impl Fn(&str) -> Option<T>,
        allowed: &str,
    ) -> Result<T, String> {
        let Some(text) = self.text(name) else {
            return Ok(default);
        };
        parse(text.trim()).ok_or_else(|| format!("{name} is {text:?}: must be {allowed}"))
    }

    fn text(&self, name: &str) -> Option<String> {
        (self.0)(name).filter(|text| !text.is_empty())
    }
}

fn mode(text: &str) -> Option<Mode> {
    match text {
        "development" => Some(Mode::Development),
        "production" => Some(Mode::Production),
        _ => None,
    }
}

/// A day: nothing here is meant to take longer.
const LONGEST: Duration = Duration::from_secs(86_400);
