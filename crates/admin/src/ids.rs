//! Circuits by their numbers.

use crate::problem::{Problem, quoted};

/// A circuit's number, which it keeps as long as its name is in the registry.
pub(crate) type Id = u32;

/// The numbers of `?ids=`, each once.
pub(crate) fn read_ids(text: &str) -> Result<Vec<Id>, Problem> {
    let ids: Option<Vec<Id>> = text.split(',').map(|id| id.trim().parse().ok()).collect();
    let Some(mut ids) = ids else {
        let found = quoted(text);
        return Err(Problem::bad_request(format!(
            "?ids is a list of numbers such as 1,2,3, as rows have them, not {found}"
        )));
    };
    ids.sort_unstable();
    ids.dedup();
    if ids.len() > MOST {
        let found = ids.len();
        return Err(Problem::bad_request(format!("?ids may have {MOST} numbers, not {found}")));
    }
    Ok(ids)
}

/// More than anybody sees at once.
const MOST: usize = 200;
