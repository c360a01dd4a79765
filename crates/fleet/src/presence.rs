//! What a process says of itself, so that operators see all of them.

use tower_circuit_breaker::fleet::{FleetProcess, Member, ProcessCircuit};
use tower_circuit_breaker::{Circuit, CircuitState, Override};

use crate::escape::{escape, unescape};
use crate::identity::Identity;

/// The most bytes that a process says.
pub const LONGEST_SAID: usize = 4096;

/// What the process says: a line of the version of this text, its number, the name of its vote, the
/// version of its crate and `1` if it had no room to say all; then a line for each circuit, with its
/// state, its override and its name. Those that are not as usual come first.
pub fn said(who: &Identity, version: &str, circuits: &[Circuit]) -> String {
    let mut lines: Vec<_> = circuits.iter().map(line).collect();
    lines.sort_by_cached_key(|line| (line.starts_with("c - "), line.clone()));
    let head = |cut: u8| format!("1 {:016x} {} {} {cut}", who.number, who.vote, escape(version));
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

/// The process of this name that has said so; `None` where that is no such text.
pub fn process(name: &str, said: &str) -> Option<FleetProcess> {
    if said.len() > LONGEST_SAID {
        return None;
    }
    let mut lines = said.lines();
    let head: Vec<_> = lines.next()?.split(' ').collect();
    let &["1", number, vote, version, cut] = head.as_slice() else {
        return None;
    };
    let mut process = FleetProcess::new(name, u64::from_str_radix(number, 16).ok()?);
    process.vote = vote.to_owned();
    process.version = unescape(version)?;
    process.is_cut = cut == "1";
    process.circuits = lines.map(circuit).collect::<Option<_>>()?;
    process.circuits.sort_by(|one, other| one.name.cmp(&other.name));
    Some(process)
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

/// The number of the process that has said so.
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
        let who = Identity::on_host("web-1", 7, 0xfeed);

        let said = said(&who, "0.1.0", &circuits);
        let process = process("web-1:7", &said).unwrap();

        assert_eq!((process.number, number(&said)), (0xfeed, Some(0xfeed)));
        assert_eq!((process.vote.as_str(), process.version.as_str()), ("web-1", "0.1.0"));
        let seen: Vec<_> = process.circuits.iter().map(|c| (c.state, c.overridden)).collect();
        let closed = CircuitState::Closed;
        let forced = Some(Override::ForcedClosed);
        assert_eq!(seen, [(CircuitState::Open, None), (closed, forced), (closed, None)]);
        assert!(!process.is_cut);
    }

    #[test]
    fn where_there_is_no_room_for_all_those_that_are_open_are_said() {
        let circuits = circuits(1000);
        circuits[999].trip();

        let said = said(&Identity::named("web", 1), "0.1.0", &circuits);
        let process = process("web", &said).unwrap();

        assert!(said.len() <= LONGEST_SAID && process.is_cut);
        assert!(process.circuits.len() > 100);
        assert!(process.circuits.iter().any(|circuit| circuit.state == CircuitState::Open));
    }

    #[test]
    fn what_is_no_such_text_is_none() {
        let good = said(&Identity::named("web", 1), "0.1.0", &circuits(1));
        assert!(process("web", &good).is_some());
        let long = good.clone() + &"\nc - x".repeat(1000);
        for bad in ["", "2 1 web 0 0", "1 x web 0 0", &good.replace("c -", "x -"), &long] {
            assert_eq!(process("web", bad), None, "{bad:.60}");
        }
    }
}
