//! Circles among arrows.

use std::collections::{BTreeMap, BTreeSet};

use crate::architecture::imports::{Arrows, Module};

/// A module's room: the first folder or file under `src`.
pub(super) fn rooms(arrows: &Arrows) -> Arrows {
    let room = |module: &Module| module.iter().take(1).cloned().collect::<Module>();
    let mut rooms = Arrows::new();
    for (from, targets) in arrows {
        for to in targets.iter().map(room).filter(|to| *to != room(from)) {
            rooms.entry(room(from)).or_default().insert(to);
        }
    }
    rooms
}

/// The arrows between the files of one room.
pub(super) fn within(room: &str, arrows: &Arrows) -> Arrows {
    let is_inside = |module: &Module| module.first().is_some_and(|first| first == room);
    arrows
        .iter()
        .filter(|(from, _)| is_inside(from))
        .map(|(from, to)| (from.clone(), to.iter().filter(|to| is_inside(to)).cloned().collect()))
        .collect()
}

/// Those that can be reached from themselves, with the arrows between them: one text a circle.
pub(super) fn circles(arrows: &Arrows) -> Vec<String> {
    let reached: BTreeMap<_, _> =
        arrows.keys().map(|from| (from, reachable(from, arrows))).collect();
    let reaches = |from: &Module, to: &Module| reached.get(from).is_some_and(|it| it.contains(to));
    let mut found = BTreeSet::new();
    for from in arrows.keys().filter(|from| reaches(from, from)) {
        let members: Vec<_> =
            arrows.keys().filter(|to| reaches(from, to) && reaches(to, from)).collect();
        let of_members = members.iter().flat_map(|member| {
            let targets = arrows[*member].iter().filter(|to| members.contains(to));
            targets.map(|to| format!("{} -> {}", member.join("::"), to.join("::")))
        });
        found.insert(of_members.collect::<Vec<_>>().join(", "));
    }
    found.into_iter().collect()
}

fn reachable(from: &Module, arrows: &Arrows) -> BTreeSet<Module> {
    let mut reached = BTreeSet::new();
    let mut next = vec![from];
    while let Some(module) = next.pop() {
        for to in arrows.get(module).into_iter().flatten() {
            if reached.insert(to.clone()) {
                next.push(to);
            }
        }
    }
    reached
}
