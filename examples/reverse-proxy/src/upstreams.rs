//! Which host is served by which upstream.

use std::collections::HashMap;
use std::str::FromStr;

use http::header::HOST;
use http::uri::Authority;
use http::{HeaderMap, Uri};

/// Upstreams by the names of hosts that clients ask for.
#[derive(Debug, Clone, Default)]
pub struct Upstreams {
    named: HashMap<String, Authority>,
    rest: Option<Authority>,
}

/// One of them, as in `shop.example=10.0.0.7:8080`, or `10.0.0.7:8080` for all other hosts.
#[derive(Debug, Clone)]
pub struct Route(Option<String>, Authority);

impl FromStr for Route {
    type Err = http::uri::InvalidUri;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once('=') {
            Some((host, upstream)) => Ok(Self(Some(host.to_lowercase()), upstream.parse()?)),
            None => Ok(Self(None, text.parse()?)),
        }
    }
}

impl FromIterator<Route> for Upstreams {
    fn from_iter<T: IntoIterator<Item = Route>>(routes: T) -> Self {
        let mut upstreams = Self::default();
        for Route(host, upstream) in routes {
            match host {
                Some(host) => drop(upstreams.named.insert(host, upstream)),
                None => upstreams.rest = Some(upstream),
            }
        }
        upstreams
    }
}

impl Upstreams {
    /// The upstream of whoever asks so.
    pub(crate) fn find(&self, uri: &Uri, headers: &HeaderMap) -> Option<&Authority> {
        let header = || headers.get(HOST)?.to_str().ok()?.parse::<Authority>().ok();
        let asked = uri.authority().cloned().or_else(header);
        let host = asked.map(|asked| asked.host().to_lowercase());
        host.and_then(|host| self.named.get(&host)).or(self.rest.as_ref())
    }
}
