//! The URL of a master that Sentinels watch:
//! `redis+sentinel://[user:password@]host:port,host:port/<master>[/db]`.

/// What such a URL says.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct SentinelUrl {
    /// Where Sentinels are.
    pub(crate) hosts: Vec<(String, u16)>,
    /// The name under which they watch the master.
    pub(crate) master: String,
    pub(crate) db: i64,
    /// The login of the master, and of its replicas.
    pub(crate) user: Option<String>,
    pub(crate) password: Option<String>,
    /// Whether all are reached by TLS.
    pub(crate) has_tls: bool,
}

const PORT: u16 = 26379;

impl SentinelUrl {
    /// `None` where it is the URL of something else; what is missing where it is a bad one. What goes
    /// before an `@` is never repeated: it may be a password.
    pub(crate) fn parse(url: &str) -> Option<Result<Self, String>> {
        let (scheme, rest) = url.split_once("://")?;
        let has_tls = match scheme {
            "redis+sentinel" | "valkey+sentinel" => false,
            "rediss+sentinel" | "valkeys+sentinel" => true,
            _ => return None,
        };
        Some(Self::parse_rest(rest, has_tls))
    }

    fn parse_rest(rest: &str, has_tls: bool) -> Result<Self, String> {
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        if path.contains('@') {
            return Err("a / goes before the @: write %2F in a password".to_owned());
        }
        let (login, hosts) = match authority.rsplit_once('@') {
            Some((login, hosts)) => (Some(login), hosts),
            None => (None, authority),
        };
        let (user, password) = login.map_or(Ok((None, None)), parse_login)?;
        let (master, db) = parse_path(path)?;
        let hosts = hosts.split(',').map(parse_host).collect::<Result<_, _>>()?;
        Ok(Self { hosts, master, db, user, password, has_tls })
    }
}

fn parse_login(login: &str) -> Result<(Option<String>, Option<String>), String> {
    let (user, password) = match login.split_once(':') {
        Some((user, password)) => (user, Some(password)),
        None => (login, None),
    };
    let bad = || "user or password is not percent-encoded: write % as %25".to_owned();
    let user = decode(user).ok_or_else(bad)?;
    let password = password.map(|password| decode(password).ok_or_else(bad)).transpose()?;
    Ok((Some(user).filter(|user| !user.is_empty()), password))
}

/// The name of the master, and the database.
fn parse_path(path: &str) -> Result<(String, i64), String> {
    let (master, db) = path.trim_end_matches('/').split_once('/').unwrap_or((path, ""));
    let master = decode(master.trim_end_matches('/')).unwrap_or_default();
    if master.is_empty() {
        return Err("the name of the master is missing after the hosts".to_owned());
    }
    if master.contains(['?', '#', ' ']) || db.contains(['?', '#']) {
        return Err("after the name of the master only /<database> may follow".to_owned());
    }
    let db = if db.is_empty() { Ok(0) } else { db.parse() };
    let bad = "the database after the name of the master is not a number from 0".to_owned();
    db.ok().filter(|db| *db >= 0).map(|db| (master, db)).ok_or(bad)
}

fn parse_host(text: &str) -> Result<(String, u16), String> {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']').ok_or("an IPv6 address has no ] at its end")?;
            (host, if port.is_empty() { None } else { Some(port.strip_prefix(':').unwrap_or("")) })
        }
        None => match text.split_once(':') {
            Some((_, port)) if port.contains(':') => {
                return Err(
                    "a host has several colons: write an IPv6 address in brackets".to_owned()
                );
            }
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        },
    };
    let is_plain = |c: char| c.is_alphanumeric() || ".-_:%".contains(c);
    if host.is_empty() || !host.chars().all(is_plain) {
        return Err("a host is missing: name one Sentinel or more, with commas between".to_owned());
    }
    let port = port.map_or(Some(PORT), |port| port.parse().ok().filter(|port| *port > 0));
    let port = port.ok_or_else(|| format!("the port of {host} is not a number from 1 to 65535"))?;
    Ok((host.to_owned(), port))
}

/// `text` with `%` and two digits as the byte they stand for.
fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|d| u8::try_from(d).ok());
        bytes.push(match byte {
            b'%' => digit(rest.next()?)? * 16 + digit(rest.next()?)?,
            _ => byte,
        });
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(url: &str) -> SentinelUrl {
        SentinelUrl::parse(url).expect(url).unwrap_or_else(|error| panic!("{url}: {error}"))
    }

    #[test]
    fn hosts_login_master_and_database_are_read() {
        let url =
            parsed("redis+sentinel://web:p%40ss%2F%25@a.example:1,b,[::1],[fe80::2]:7/fleet/3");

        let host = |host: &str, port| (host.to_owned(), port);
        let hosts = [host("a.example", 1), host("b", PORT), host("::1", PORT), host("fe80::2", 7)];
        assert_eq!(url.hosts, hosts);
        assert_eq!((url.user.as_deref(), url.password.as_deref()), (Some("web"), Some("p@ss/%")));
        assert_eq!((url.master.as_str(), url.db, url.has_tls), ("fleet", 3, false));
    }

    #[test]
    fn what_is_left_out_has_a_default() {
        let url = parsed("rediss+sentinel://h/my-master");
        assert_eq!((url.user, url.password, url.db, url.has_tls), (None, None, 0, true));
        let url = parsed("redis+sentinel://:pw@h/m/");
        assert_eq!((url.user, url.password.as_deref(), url.db), (None, Some("pw"), 0));
        assert_eq!(url.master, "m");
    }

    #[test]
    fn urls_of_other_things_are_not_its_own() {
        for url in ["redis://h/m", "h:1/m", "", "http+sentinel://h/m"] {
            assert!(SentinelUrl::parse(url).is_none(), "{url}");
        }
    }

    #[test]
    fn what_is_missing_is_named_and_no_password_is() {
        let cases = [
            ("redis+sentinel://h", "name of the master"),
            ("redis+sentinel://h/", "name of the master"),
            ("redis+sentinel:///m", "host is missing"),
            ("redis+sentinel://h,,i/m", "host is missing"),
            ("redis+sentinel://secret@/m", "host is missing"),
            ("redis+sentinel://h:0/m", "port of h"),
            ("redis+sentinel://h:x/m", "port of h"),
            ("redis+sentinel://[::1]x/m", "port of ::1"),
            ("redis+sentinel://[::1/m", "no ]"),
            ("redis+sentinel://::1/m", "brackets"),
            ("redis+sentinel://h/m/x", "not a number"),
            ("redis+sentinel://h/m/-1", "not a number"),
            ("redis+sentinel://h/m?x=1", "only /<database>"),
            ("redis+sentinel://:se/cret@h/m", "%2F"),
            ("redis+sentinel://:secret%@h/m", "%25"),
        ];
        for (url, what) in cases {
            let error = SentinelUrl::parse(url).expect(url).err().expect(url);
            assert!(error.contains(what), "{url}: {error}");
            assert!(!error.contains("cret"), "{url}: {error}");
        }
    }
}
