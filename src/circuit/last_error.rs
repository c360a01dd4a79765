//! Failures whose error is described, by circuits that are asked to.

use std::cell::Cell;

use crate::circuit::{Circuit, Marks};
use crate::engine::outcome::Outcome;
use crate::engine::record::texts::Describe;
use crate::engine::ticket::Ticket;
use crate::engine::time::Timestamp;
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

/// A failure whose error is described.
pub(crate) struct Described {
    pub(super) at: Timestamp,
    pub(super) text: Option<Arc<str>>,
}

impl Circuit {
    /// Whether the errors of failures are described.
    #[inline]
    pub(crate) fn describes_errors(&self) -> bool {
        self.core.marks.has(Marks::LAST_ERROR)
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
        // First: the upstream does not answer for the time that the description takes. And described
        // before it is recorded: listeners of the trip see the text.
        let at = self.now();
        let last = self.core.machine.kinds().text();
        let text = last.and_then(|last| described(last.describe(), error));
        self.record_and_tell(ticket, Some(outcome), Some(&Described { at, text }));
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
