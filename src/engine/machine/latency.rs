//! How long calls took, for circuits that are made to keep it.

use std::time::Duration;

use crate::engine::machine::Machine;
use crate::engine::machine::effect::CountedAs;
use crate::engine::record::histogram::LatencyHistogram;
use crate::engine::state::Word;

impl Machine {
    /// The same machine, which nothing has changed yet, as if it had been made to keep the latency of
    /// its calls.
    pub(crate) fn with_latency(self) -> Self {
        let word = self.word();
        let flags = self.look(|control| control.flags(word.interest() | Word::LATENCY));
        self.publish(Word::new(word.state(), word.overridden(), flags, word.epoch()));
        self.extras().keep_latency();
        self
    }

    /// How long calls took so far, where that is kept.
    pub(crate) fn latency(&self) -> Option<LatencyHistogram> {
        Some(self.extras().latency()?.histogram())
    }

    /// Keeps how long a call took, if the circuit is to, and if the call was answered.
    #[inline]
    pub(crate) fn keep_latency(&self, counted: CountedAs, elapsed: Option<Duration>) {
        if let (Some(latency), Some(elapsed)) = (self.extras().latency(), elapsed) {
            if counted.is_answered() {
                latency.add(elapsed);
            }
        }
    }
}
