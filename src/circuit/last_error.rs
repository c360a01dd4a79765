//! Failures whose error is described, by circuits that are asked to.

use std::cell::Cell;

use crate::circuit::{Circuit, Marks};
use crate::engine::outcome::Outcome;
use crate::engine::record::texts::Describe;
use crate::engine::ticket::Ticket;
use crate::error::{ErrorRef, ErrorText};
use crate::sync::Arc;
use crate::sync::catch_panic::catch_panic;

/// The text where nobody can be asked, so that the mistake shows.
const NOT_GIVEN: &str = "an error that its classifier does not give (`error_ref`)";

thread_local! {
    /// This thread is describing an error. The errors of calls that are made meanwhile are not
    /// described: a closure that makes a call would be called for it, and so on without end.
    static DESCRIBING: Cell<bool> = const { Cell::new(false) };
}

impl Circuit {
    /// Whether the error of a call with this outcome is described.
    #[inline]
    pub(crate) fn describes(&self, outcome: Outcome) -> bool {
        self.core.marks.has(Marks::LAST_ERROR) && outcome.failure_kind().is_some()
    }

    /// Records a failure, and keeps the text of its error.
    #[cold]
    #[inline(never)]
    pub(crate) fn record_described<'e>(
        &self,
        ticket: Ticket,
        outcome: Outcome,
        error: &dyn Fn() -> Option<ErrorRef<'e>>,
    ) {
        // First: the upstream does not answer for the time that the description takes.
        let now = self.now();
        let machine = &self.core.machine;
        let record = || machine.judge(ticket, Some(outcome), || now);
        let mut judged = match machine.kinds().text() {
            // Described before it is recorded: listeners of the trip see the text.
            Some(last) => last.record(now, described(last.describe(), error), record),
            None => record(),
        };
        self.tell_end(&mut judged);
    }
}

/// The text of `error`: user code, which may panic, and so outside every lock.
fn described<'e>(
    describe: &[Describe],
    error: &dyn Fn() -> Option<ErrorRef<'e>>,
) -> Option<Arc<str>> {
    if DESCRIBING.replace(true) {
        return None;
    }
    let mut text = None;
    catch_panic(|| text = Some(text_of(describe, error())));
    DESCRIBING.set(false);
    text
}

fn text_of(describe: &[Describe], error: Option<ErrorRef<'_>>) -> Arc<str> {
    let Some(error) = error else { return NOT_GIVEN.into() };
    let text = describe.iter().find_map(|describe| describe(error.get()));
    let text = text.unwrap_or_else(|| {
        format!("an error of type {}, which no `last_error` takes", error.type_name())
    });
    ErrorText::cut(&text).into()
}
