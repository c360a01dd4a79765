//! What a round of reading comes to.

use crate::request::{Ask, Reply, Request};
use crate::store::Refused;

/// What it has come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Round {
    Whole,
    /// All was read but some that is no record.
    Odd,
    Broken,
}

impl Round {
    /// What it is after this answer. Circuits that cannot be read are left: the others are known.
    pub(super) fn after(self, request: &Request, answer: Option<&Result<Reply, Refused>>) -> Self {
        match answer {
            Some(Ok(_)) => self,
            Some(Err(_)) if request.ask == Ask::Read && self != Self::Broken => Self::Odd,
            _ => Self::Broken,
        }
    }
}
