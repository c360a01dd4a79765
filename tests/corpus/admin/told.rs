//! Names come back as they are from wherever they are told, and a log has a line for each event.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use http::header::AUTHORIZATION;
use http::{HeaderValue, Method, Uri};
use serde_json::Value;

use super::answer::Answer;
use super::oracle::is_odd;
use super::site::Site;
use super::{Aim, Ask, READ_TOKEN, Setup, TOKEN};

/// Looks at each name everywhere.
///
/// # Errors
///
/// Where a name is another.
pub(super) async fn check(setup: &Setup, site: &Site) -> Result<(), String> {
    check_log(site)?;
    let names: BTreeSet<_> = setup.names.iter().cloned().collect();
    let token = if setup.has_token { TOKEN } else { READ_TOKEN };
    let get = async |path: &str| get(site, path, token).await;
    let list = get("/circuits").await?.json()?;
    same("the list", &names, named_in(&list))?;
    let rows = get("/circuits?form=rows").await?.json()?;
    same("the rows", &names, named_in_rows(&rows))?;
    let first = get("/events").await?.text();
    if first != "retry: 2000\n\n" {
        return Err(format!("the events begin with {first:?}"));
    }
    let health = get("/health").await?.json()?;
    same("health", &names, named_in(&health))?;
    let metrics = get("/metrics").await?.text();
    same("the metrics", &names, labels(&metrics)?)?;
    for name in names {
        let path = name.bytes().fold("/circuits/".to_owned(), |mut path, byte| {
            let _ = write!(path, "%{byte:02x}");
            path
        });
        // The slash at the end tells the empty name from the list.
        let circuit = get(&format!("{path}/")).await?.json()?;
        if circuit["name"] != Value::String(name.clone()) {
            return Err(format!("{name:?} at {path}: {circuit}"));
        }
    }
    Ok(())
}

async fn get(site: &Site, path: &str, token: &str) -> Result<Answer, String> {
    let answer = site.ask(&with_token(path, token)?).await?;
    match answer.status {
        200 | 503 => Ok(answer),
        status => Err(format!("{status} at {path}: {}", answer.text())),
    }
}

/// A request to read what is at `path`.
pub(super) fn with_token(path: &str, token: &str) -> Result<Ask, String> {
    let uri = path.parse::<Uri>().map_err(|error| error.to_string())?;
    let token =
        HeaderValue::try_from(format!("Bearer {token}")).map_err(|error| error.to_string())?;
    let (aim, method, headers) = (Aim::Unknown, Method::GET, vec![(AUTHORIZATION, token)]);
    Ok(Ask { aim, method, uri, headers, peer: None, body: Vec::new() })
}

fn named_in(list: &Value) -> BTreeSet<String> {
    let circuits = list["circuits"].as_array().into_iter().flatten();
    circuits.filter_map(|circuit| circuit["name"].as_str()).map(str::to_owned).collect()
}

/// The names in a table, by its own columns.
fn named_in_rows(table: &Value) -> BTreeSet<String> {
    let columns = table["columns"].as_array().into_iter().flatten();
    let place = columns.clone().position(|column| column == "name").unwrap_or(usize::MAX);
    let rows = table["circuits"].as_array().into_iter().flatten();
    rows.filter_map(|row| row[place].as_str()).map(str::to_owned).collect()
}

/// The names in a text of Prometheus, each line of which has to be one.
fn labels(text: &str) -> Result<BTreeSet<String>, String> {
    let lines = text.lines().filter(|line| !line.starts_with("# "));
    lines.map(|line| label(line).ok_or_else(|| format!("{line:?} in {text:?}"))).collect()
}

/// The name in `metric{name="...",..} value`.
fn label(line: &str) -> Option<String> {
    let rest = line.strip_prefix("circuit_breaker_")?.split_once("{name=\"")?.1;
    let (mut name, mut chars) = (String::new(), rest.chars());
    loop {
        name.push(match chars.next()? {
            '"' => break,
            '\\' => match chars.next()? {
                'n' => '\n',
                escaped @ ('\\' | '"') => escaped,
                _ => return None,
            },
            c => c,
        });
    }
    let (labels, value) = chars.as_str().split_once("} ")?;
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_=\",+".contains(c);
    (labels.chars().all(is_plain) && value.parse::<f64>().is_ok()).then_some(name)
}

fn check_log(site: &Site) -> Result<(), String> {
    let (events, log) = (site.events.take().len(), site.log.take());
    let log = String::from_utf8_lossy(&log).into_owned();
    let lines = log.matches('\n').count();
    if lines != events || log.chars().any(|c| c != '\n' && is_odd(c)) {
        return Err(format!("{lines} lines of {events} events: {log:?}"));
    }
    Ok(())
}

fn same(place: &str, names: &BTreeSet<String>, found: BTreeSet<String>) -> Result<(), String> {
    if *names == found { Ok(()) } else { Err(format!("in {place}: {found:?} for {names:?}")) }
}
