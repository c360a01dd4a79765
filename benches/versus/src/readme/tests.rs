//! A report that nobody measured.

use crate::cases::{CALLS, GROWTH};
use crate::contestants::{ALL, RECLOSER};
use crate::figure::Cell;
use crate::machine::Made;
use crate::memory;
use crate::table::{Part, Report, Row, Section};
use crate::threads::{self, Place};

/// Every row there is, in which ours take 20 ns, recloser 80 and other peers 40 and more.
pub(crate) fn report() -> Report {
    let calls = CALLS.iter().map(|case| case.name.to_owned()).collect();
    let growth = GROWTH.iter().map(|(_, name)| (*name).to_owned()).collect();
    let threads = threads::RULES
        .iter()
        .flat_map(|(_, rule)| [1, 2].map(|number| threads::name(number, rule, Place::Pinned)))
        .collect();
    let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let parts: [(Part, Vec<String>); 5] = [
        (Part::Calls, calls),
        (Part::Growth, growth),
        (Part::Threads, threads),
        (Part::Allocations, owned(&memory::ALLOCATIONS.map(|(name, ..)| name))),
        (
            Part::Bytes,
            owned(&[&memory::KEPT.map(|(name, _)| name)[..], &[memory::REGISTERED]].concat()),
        ),
    ];
    let sections = parts.map(|(part, names)| Section {
        part,
        rows: names.into_iter().map(|case| Row { case, cells: cells() }).collect(),
    });
    Report { sections: sections.into(), notes: Vec::new(), made: Made::now() }
}

fn cells() -> Vec<Cell> {
    let mut peer = 30.0;
    let cell = |value: f64| Cell::number(value, value.to_string());
    let cells = ALL.iter().map(|one| match one.name {
        RECLOSER => cell(80.0),
        _ if one.is_bare() || one.is_ours() => cell(20.0),
        _ => {
            peer += 10.0;
            cell(peer)
        }
    });
    cells.collect()
}
