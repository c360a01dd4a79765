//! Everything that is measured.

use crate::cases::{self, CALLS, Case, GROWTH, Manner};
use crate::contestants::Rule;
use crate::http;
use crate::inner::Load;
use crate::machine::Made;
use crate::measure::Effort;
use crate::memory;
use crate::table::{Part, Report, Row, Section};
use crate::threads;

/// Takes some minutes, in which it says how far it is.
pub(crate) fn measure(effort: Effort) -> Report {
    let made = Made::now();
    let calls = CALLS.into_iter().map(|case| progress(case, effort)).collect();
    let growth = GROWTH.into_iter().map(|(held, name)| grow(held, name, effort)).collect();
    let threads = threads::rows(effort);
    eprintln!("allocations, bytes, requests over HTTP");
    let parts = [
        (Part::Calls, calls),
        (Part::Growth, growth),
        (Part::Threads, threads),
        (Part::Allocations, memory::allocation_rows()),
        (Part::Bytes, memory::byte_rows(effort)),
        (Part::Http, vec![http::row(effort)]),
    ];
    let sections = parts.map(|(part, rows)| Section { part, rows });
    Report { sections: sections.into(), notes: notes(), made }
}

fn progress(case: Case, effort: Effort) -> Row {
    eprintln!("{}", case.name);
    cases::row(case, effort)
}

fn grow(held: u32, name: &'static str, effort: Effort) -> Row {
    let (rule, load, manner) = (Rule::Time, Load::Fine, Manner::Holding(held));
    progress(Case { name, rule, load, manner }, effort)
}

/// How to read it.
fn notes() -> Vec<String> {
    let mut notes = vec![
        "A call is poll_ready, call, and polls to completion, over a service that is always ready; \
         \"bare\" is that service alone."
            .into(),
        "\"function only\", \"Circuit::call\": wraps futures, not services; measured around the \
         future of the same service."
            .into(),
        "Threads: time from the first start to the last end, divided by the calls of all, in \
         rounds where all were under way for 75 % of it; each has a service of its own; a call that \
         is pending is polled again at once."
            .into(),
    ];
    notes.extend(threads::left_out());
    if cfg!(debug_assertions) {
        notes.push("Built without --release: the figures mean nothing.".into());
    }
    notes
}
