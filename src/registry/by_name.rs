//! A circuit in a set, where it is found by its name.

use std::borrow::Borrow;
use std::hash::{Hash, Hasher};

use crate::circuit::Circuit;

/// A circuit that stands for its name, so that a set of them keeps no names besides.
pub(super) struct ByName(pub(super) Circuit);

impl Borrow<str> for ByName {
    fn borrow(&self) -> &str {
        self.0.name()
    }
}

// As its name, which is what it is looked up by.
impl Hash for ByName {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.name().hash(state);
    }
}

impl PartialEq for ByName {
    fn eq(&self, other: &Self) -> bool {
        self.0.name() == other.0.name()
    }
}

impl Eq for ByName {}
