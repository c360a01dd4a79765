//! What a caller may do.

use serde::{Serialize, Serializer};

use crate::access::Caller;
use crate::command::Command;

/// The commands that a caller may give, by their names in the path, and `fleet` where there is one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct May {
    pub(crate) caller: Caller,
    pub(crate) has_fleet: bool,
}

impl May {
    pub(crate) fn steer(self) -> bool {
        self.caller >= Caller::Operator
    }
}

impl Serialize for May {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let commands = Command::ALL.map(Command::as_str).into_iter().chain(["reset-all"]);
        let all = commands.chain(self.has_fleet.then_some("fleet"));
        serializer.collect_seq(all.filter(|_| self.steer()))
    }
}
