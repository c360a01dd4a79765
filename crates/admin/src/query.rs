//! What the query of a request says.

use crate::percent;
use crate::problem::{Problem, quoted};

/// The members of a query that nobody has taken yet.
///
/// Each is taken by whoever knows it. What is left in the [end](Self::end) is refused: a slip would
/// show or steer the wrong circuits.
#[derive(Debug, Default)]
pub(crate) struct Query {
    members: Vec<(String, String)>,
    /// What cannot be read, which some paths do not look at.
    wrong: Option<Problem>,
}

impl Query {
    /// Reads `name=value&…`, percent-encoded, with `+` for a space as forms write it.
    pub(crate) fn read(query: Option<&str>) -> Self {
        let mut read = Self::default();
        for member in query.unwrap_or_default().split('&').filter(|member| !member.is_empty()) {
            let (name, value) = member.split_once('=').unwrap_or((member, ""));
            match (percent::decode_form(name), percent::decode_form(value)) {
                (Some(name), Some(value)) => read.add(name, value),
                _ => read.refuse("the query is not percent-encoded UTF-8".to_owned()),
            }
        }
        read
    }

    fn add(&mut self, name: String, value: String) {
        if self.members.iter().any(|(other, _)| *other == name) {
            self.refuse(format!("?{} is there twice: once will do", quoted(&name)));
        }
        self.members.push((name, value));
    }

    /// The first that is wrong is told of.
    fn refuse(&mut self, detail: String) {
        self.wrong.get_or_insert_with(|| Problem::bad_request(detail));
    }

    /// Takes the value of `name` out of it.
    pub(crate) fn take(&mut self, name: &str) -> Option<String> {
        let place = self.members.iter().position(|(other, _)| other == name)?;
        Some(self.members.remove(place).1)
    }

    /// Refuses what could not be read and what is left; `known` says what could have been there.
    pub(crate) fn end(self, known: &str) -> Result<(), Problem> {
        if let Some(wrong) = self.wrong {
            return Err(wrong);
        }
        let Some((name, _)) = self.members.first() else { return Ok(()) };
        let found = quoted(name);
        Err(Problem::bad_request(match known {
            "" => format!("this path takes no query, not {found}"),
            known => format!("known here are {known}, not {found}"),
        }))
    }
}
