//! What a server says of itself in its answer to `HELLO`.

use redis::Value;

/// What a server is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Hello {
    version: Option<String>,
    pub(crate) mode: Mode,
    /// Whether it follows another server, and refuses what is to be written.
    pub(crate) is_replica: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Standalone,
    Cluster,
    Sentinel,
}

/// The oldest Redis that will do: `GETDEL`-era scripts, `HELLO`, ACLs.
const OLDEST: (u32, u32) = (6, 2);

impl Mode {
    /// How many partitions circuits lie in: in a cluster they are to lie with all primaries.
    pub(crate) const fn partitions(self) -> u16 {
        match self {
            Self::Cluster => 16,
            Self::Standalone | Self::Sentinel => 1,
        }
    }
}

impl Hello {
    /// Reads the answer. What it does not say, as behind a proxy that answers itself, is taken to be
    /// well.
    pub(crate) fn of(answer: &Value) -> Self {
        let mode = match field(answer, "mode").as_deref() {
            Some("cluster") => Mode::Cluster,
            Some("sentinel") => Mode::Sentinel,
            _ => Mode::Standalone,
        };
        // A replica calls itself so, or slave.
        let is_replica = field(answer, "role")
            .is_some_and(|role| role.eq_ignore_ascii_case("replica") || role == "slave");
        Self { version: field(answer, "version"), mode, is_replica }
    }

    /// The version, if it is too old.
    pub(crate) fn too_old(&self) -> Option<&str> {
        let version = self.version.as_deref()?;
        let mut numbers = version.split('.').map_while(|number| number.parse::<u32>().ok());
        let parsed = (numbers.next()?, numbers.next()?);
        (parsed < OLDEST).then_some(version)
    }
}

fn field(answer: &Value, name: &str) -> Option<String> {
    let Value::Map(fields) = answer else {
        return None;
    };
    let value = fields.iter().find(|(field, _)| text(field).as_deref() == Some(name));
    value.and_then(|(_, value)| text(value))
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::BulkString(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
        Value::SimpleString(text) => Some(text.clone()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hello(fields: &[(&str, &str)]) -> Hello {
        let bulk = |text: &str| Value::BulkString(text.as_bytes().to_vec());
        let simple = |text: &str| Value::SimpleString(text.to_owned());
        let [one, other] = [fields, fields].map(|fields| fields.iter());
        let one = Hello::of(&Value::Map(one.map(|(f, v)| (bulk(f), bulk(v))).collect()));
        let other = Hello::of(&Value::Map(other.map(|(f, v)| (simple(f), simple(v))).collect()));
        assert_eq!(one, other);
        one
    }

    #[test]
    fn mode_and_role_are_read() {
        let primary = hello(&[("version", "7.2.4"), ("mode", "standalone"), ("role", "master")]);
        assert_eq!((primary.mode, primary.is_replica), (Mode::Standalone, false));
        assert!(hello(&[("role", "replica")]).is_replica);
        assert!(hello(&[("role", "slave")]).is_replica);
        assert_eq!(hello(&[("mode", "cluster")]).mode, Mode::Cluster);
        assert_eq!(hello(&[("mode", "sentinel")]).mode, Mode::Sentinel);
    }

    #[test]
    fn what_is_not_said_is_taken_to_be_well() {
        let nothing = Hello { version: None, mode: Mode::Standalone, is_replica: false };
        assert_eq!(hello(&[]), nothing);
        assert_eq!(Hello::of(&Value::Okay), nothing);
        assert_eq!(nothing.too_old(), None);
    }

    #[test]
    fn versions_are_compared_by_their_numbers() {
        for (version, is_old) in [
            ("6.0.16", true),
            ("5.9", true),
            ("6.2.0", false),
            ("10.0", false),
            ("unstable", false),
        ] {
            let hello = hello(&[("version", version)]);
            assert_eq!(hello.too_old(), is_old.then_some(version));
        }
    }
}
