//! What a process says of itself, so that operators see all of them.

use std::time::Duration;

use tower_circuit_breaker::fleet::{FleetLink, FleetProcess, LinkStatus, Member, ProcessCircuit};
use tower_circuit_breaker::{Circuit, CircuitState, Override};

use crate::escape::{escape, unescape};
use crate::identity::Identity;
use crate::record::number as number_of;

/// The most bytes that a process says.
pub const LONGEST_SAID: usize = 4096;

/// What the process says: a line of the version of this text, its number, the name of its vote, the
/// version of its crate, `1` if it had no room to say all, and four words of its link; then a line for
/// each circuit, with its state, its override and its name. Those that are not as usual come first.
///
/// The link's words are `c` where the store answers, `d` where it refuses some of what is asked, too,
/// `x` where it does not answer and `-` where nothing is said of the link; for how many seconds it has
/// been so; how many seconds ago all was known that the fleet has agreed on, or `-`; and the number of
/// errors so far. A text of version 1 has none of these, and is read, too.
pub fn said(
    identity: &Identity,
    version: &str,
    link: Option<&FleetLink>,
    circuits: &[Circuit],
) -> String {
    let mut lines: Vec<_> = circuits.iter().map(line).collect();
    lines.sort_by_cached_key(|line| (line.starts_with("c - "), line.clone()));
    let (number, vote, version, link) =
        (identity.number, &identity.vote, escape(version), said_of(link));
    let head = |cut: u8| format!("2 {number:016x} {vote} {version} {cut} {link}");
    let room = LONGEST_SAID.saturating_sub(head(0).len());
    let mut text = String::new();
    for line in &lines {
        if text.len() + line.len() + 1 > room {
            return head(1) + &text;
        }
        text.push('\n');
        text.push_str(line);
    }
    head(0) + &text
}

fn said_of(link: Option<&FleetLink>) -> String {
    let Some(link) = link else {
        return "- 0 - 0".to_owned();
    };
    let word = match (link.status, link.is_degraded) {
        (LinkStatus::Connected, false) => 'c',
        (LinkStatus::Connected, true) => 'd',
        _ => 'x',
    };
    let agreed = link.last_agreed.map_or_else(|| "-".to_owned(), |ago| ago.as_secs().to_string());
    format!("{word} {} {agreed} {}", link.in_status_for.as_secs(), link.errors)
}

fn line(circuit: &Circuit) -> String {
    let own = circuit.is_overridden().then(|| circuit.operators_override()).flatten();
    let state = match circuit.state() {
        CircuitState::Closed => 'c',
        CircuitState::HalfOpen => 'h',
        CircuitState::Open => 'o',
    };
    let overridden = match own.map(|own| own.overridden) {
        None => "-",
        Some(Override::ForcedOpen) => "fo",
        Some(Override::ForcedClosed) => "fc",
        Some(Override::Observing) => "ob",
    };
    format!("{state} {overridden} {}", escape(circuit.name()))
}

/// Reads what the process of this name has said; `None` where that is no such text.
pub fn process(name: &str, said: &str) -> Option<FleetProcess> {
    if said.len() > LONGEST_SAID {
        return None;
    }
    let mut lines = said.lines();
    let head: Vec<_> = lines.next()?.split(' ').collect();
    let (&[number, vote, version, cut], link) = match head.as_slice() {
        ["1", words @ ..] => (<&[_; 4]>::try_from(words).ok()?, None),
        ["2", words @ .., status, lasted, agreed, errors] => {
            let said = link([status, lasted, agreed, errors])?;
            (<&[_; 4]>::try_from(words).ok()?, said)
        }
        _ => return None,
    };
    let mut process = FleetProcess::new(name, u64::from_str_radix(number, 16).ok()?);
    process.vote = vote.to_owned();
    process.version = unescape(version)?;
    process.is_cut = cut == "1";
    process.link = link;
    process.circuits = lines.map(circuit).collect::<Option<_>>()?;
    process.circuits.sort_by(|one, other| one.name.cmp(&other.name));
    Some(process)
}

/// `Some(None)` where nothing is said of it, `None` where that is not well-formed.
#[expect(clippy::option_option, reason = "there may be none, and it may be malformed")]
fn link([status, lasted, agreed, errors]: [&str; 4]) -> Option<Option<FleetLink>> {
    let (status, is_degraded) = match status {
        "c" => (LinkStatus::Connected, false),
        "d" => (LinkStatus::Connected, true),
        "x" => (LinkStatus::Disconnected, false),
        "-" => return Some(None),
        _ => return None,
    };
    let seconds = |word| number_of(word).map(Duration::from_secs);
    let mut link = FleetLink::new(status, seconds(lasted)?);
    link.is_degraded = is_degraded;
    link.last_agreed = if agreed == "-" { None } else { Some(seconds(agreed)?) };
    link.errors = number_of(errors)?;
    Some(Some(link))
}

fn circuit(line: &str) -> Option<ProcessCircuit> {
    let parts: Vec<_> = line.split(' ').collect();
    let &[state, overridden, name] = parts.as_slice() else {
        return None;
    };
    let state = match state {
        "c" => CircuitState::Closed,
        "h" => CircuitState::HalfOpen,
        "o" => CircuitState::Open,
        _ => return None,
    };
    let mut circuit = ProcessCircuit::new(unescape(name)?, state);
    circuit.overridden = match overridden {
        "-" => None,
        "fo" => Some(Override::ForcedOpen),
        "fc" => Some(Override::ForcedClosed),
        "ob" => Some(Override::Observing),
        _ => return None,
    };
    Some(circuit)
}

/// Returns the number of the process that wrote this text.
pub fn number(said: &str) -> Option<u64> {
    u64::from_str_radix(said.split([' ', '\n']).nth(1)?, 16).ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "these are tests")]

    use super::*;

    fn circuits(number: usize) -> Vec<Circuit> {
        (0..number).map(|at| Circuit::builder(format!("upstream {at}")).build()).collect()
    }

    #[test]
    fn what_a_process_says_is_read_by_the_others() {
        let circuits = circuits(3);
        circuits[0].trip();
        circuits[1].force_closed();
        let identity = Identity::on_host("web-1", 7, 0xfeed);

        let said = said(&identity, "0.1.0", None, &circuits);
        let process = process("web-1:7", &said).unwrap();

        assert_eq!((process.number, number(&said)), (0xfeed, Some(0xfeed)));
        assert_eq!((process.vote.as_str(), process.version.as_str()), ("web-1", "0.1.0"));
        let seen: Vec<_> = process.circuits.iter().map(|c| (c.state, c.overridden)).collect();
        let closed = CircuitState::Closed;
        let forced = Some(Override::ForcedClosed);
        assert_eq!(seen, [(CircuitState::Open, None), (closed, forced), (closed, None)]);
        assert!(!process.is_cut);
        assert_eq!(process.link, None);
    }

    #[test]
    fn how_the_link_of_a_process_does_is_read_by_the_others() {
        let seconds = Duration::from_secs;
        let mut links = vec![FleetLink::new(LinkStatus::Disconnected, seconds(0))];
        links.push(FleetLink::new(LinkStatus::Connected, seconds(3600)));
        let mut degraded = FleetLink::new(LinkStatus::Connected, seconds(7));
        degraded.is_degraded = true;
        degraded.last_agreed = Some(seconds(2));
        degraded.errors = 41;
        links.push(degraded);

        for link in links {
            let said = said(&Identity::named("web", 1), "0.1.0", Some(&link), &circuits(2));
            assert_eq!(process("web", &said).unwrap().link, Some(link), "{said}");
        }
    }

    #[test]
    fn what_processes_of_before_say_is_read_without_a_link() {
        let process = process("web", "1 000000000000feed web 0.1.0 0\no - api").unwrap();
        assert_eq!((process.link, process.number), (None, 0xfeed));
        assert_eq!(process.circuits.len(), 1);
    }

    #[test]
    fn where_there_is_no_room_for_all_those_that_are_open_are_said() {
        let circuits = circuits(1000);
        circuits[999].trip();

        let said = said(&Identity::named("web", 1), "0.1.0", None, &circuits);
        let process = process("web", &said).unwrap();

        assert!(said.len() <= LONGEST_SAID && process.is_cut);
        assert!(process.circuits.len() > 100);
        assert!(process.circuits.iter().any(|circuit| circuit.state == CircuitState::Open));
    }

    #[test]
    fn what_is_no_such_text_is_none() {
        let good = said(&Identity::named("web", 1), "0.1.0", None, &circuits(1));
        assert!(process("web", &good).is_some());
        let long = good.clone() + &"\nc - x".repeat(1000);
        let bad = |from, to| good.replace(from, to);
        let bad =
            [bad("\nc -", "\nx -"), bad("- 0 - 0", "y 0 - 0"), bad("- 0 - 0", "c -1 - 0"), long];
        let short = ["", "3 1 web 0 0", "2 1 web 0 0", "1 x web 0 0", "1 1 web 0 0 - 0 - 0"];
        for bad in short.into_iter().chain(bad.iter().map(String::as_str)) {
            assert_eq!(process("web", bad), None, "{bad:.60}");
        }
    }
}
