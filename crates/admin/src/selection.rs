//! Which circuits a list is to have.

use crate::ids::read_ids;
use crate::problem::{Problem, quoted};
use crate::query::Query;

/// Which circuits are asked for, of all.
#[derive(Debug, Default)]
pub(crate) struct Selection {
    state: Option<String>,
    q: Option<String>,
    limit: Option<usize>,
    after: Option<String>,
    ids: Option<Vec<u32>>,
    form: Form,
}

/// How much of each circuit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Form {
    /// All there is.
    #[default]
    Whole,
    /// What a table shows, in few bytes.
    Rows,
}

impl Selection {
    pub(crate) const KNOWN: &str = "?state, ?q, ?limit, ?after, ?ids, ?form and ?name";

    pub(crate) fn take(query: &mut Query) -> Result<Self, Problem> {
        let state = query.take("state");
        if let Some(state) = state.as_deref().filter(|state| !STATES.contains(state)) {
            let (known, found) = (STATES.join(", "), quoted(state));
            return Err(Problem::bad_request(format!("?state is one of {known}, not {found}")));
        }
        let limit = query.take("limit").map(|limit| read_limit(&limit)).transpose()?;
        let q = query.take("q").map(|q| q.to_lowercase());
        let ids = query.take("ids").map(|ids| read_ids(&ids)).transpose()?;
        let form = query.take("form").map_or(Ok(Form::default()), |form| read_form(&form))?;
        Ok(Self { state, q, limit, after: query.take("after"), ids, form })
    }

    /// Whether a circuit of this name could be among them.
    pub(crate) fn may_have(&self, name: &str) -> bool {
        let is_after = self.after.as_deref().is_none_or(|after| name > after);
        is_after && self.q.as_deref().is_none_or(|q| name.to_lowercase().contains(q))
    }

    /// Whether what a circuit is in, by these words, is asked for.
    pub(crate) fn has_state(&self, state: &str, overridden: Option<&str>, shown: &str) -> bool {
        let state_asked = self.state.as_deref();
        state_asked.is_none_or(|it| it == state || Some(it) == overridden || it == shown)
    }

    /// The numbers that are asked for, where these are.
    pub(crate) fn ids(&self) -> Option<&[u32]> {
        self.ids.as_deref()
    }

    pub(crate) const fn form(&self) -> Form {
        self.form
    }

    /// How many at most.
    pub(crate) fn limit(&self) -> usize {
        self.limit.unwrap_or(usize::MAX)
    }
}

fn read_form(text: &str) -> Result<Form, Problem> {
    match text {
        "rows" => Ok(Form::Rows),
        _ => Err(Problem::bad_request(format!("?form is rows, not {}", quoted(text)))),
    }
}

fn read_limit(text: &str) -> Result<usize, Problem> {
    text.parse().ok().filter(|limit| (1..=MOST).contains(limit)).ok_or_else(|| {
        let found = quoted(text);
        Problem::bad_request(format!("?limit is a number from 1 to {MOST}, not {found}"))
    })
}

/// States, and what operators and groups put in their place.
const STATES: [&str; 7] =
    ["closed", "open", "half_open", "forced_open", "forced_closed", "observing", "isolated"];

/// As many as one answer may be asked for; without a limit, it has all.
const MOST: usize = 10_000;
