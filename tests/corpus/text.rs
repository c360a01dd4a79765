//! What holds for a configuration, whatever was written.

use std::time::Duration;

use serde::Deserialize as _;
use serde_json::Value;
use tower_circuit_breaker::{
    Circuit, CircuitConfig, CircuitState, FailureKind, ManualClock, Outcome,
};

/// Reads `bytes` as TOML and as JSON: what is taken makes a circuit that trips and recovers, what
/// is refused is told why on one line.
///
/// # Errors
///
/// What does not hold.
pub(crate) fn check(bytes: &[u8]) -> Result<(), String> {
    let text = String::from_utf8_lossy(bytes);
    match toml::from_str::<CircuitConfig>(&text) {
        Ok(config) => check_config(&config)?,
        Err(error) => check_message(error.message(), &text)?,
    }
    match serde_json::from_str::<CircuitConfig>(&text) {
        Ok(config) => check_config(&config),
        Err(error) => check_message(&error.to_string(), &text),
    }
}

fn check_message(message: &str, text: &str) -> Result<(), String> {
    // serde itself repeats the name of an unknown field, as it is written.
    let is_ours = !message.starts_with("unknown field `");
    if message.trim().is_empty() || is_ours && message.contains(char::is_control) {
        return Err(format!("not one printable line: {message:?}"));
    }
    // The wrong value is repeated, escaped: `\u{10ffff}` for four bytes or fewer.
    if message.len() > LONGEST_MESSAGE + 10 * text.len() {
        return Err(format!("{} bytes: {message:?}", message.len()));
    }
    Ok(())
}

fn check_config(config: &CircuitConfig) -> Result<(), String> {
    let as_toml = toml::to_string(config).map_err(|error| format!("unwritable: {error}"))?;
    let as_json = serde_json::to_value(config).map_err(|error| format!("unwritable: {error}"))?;
    let from_toml = toml::from_str::<CircuitConfig>(&as_toml).map_err(|error| error.to_string())?;
    let from_json = CircuitConfig::deserialize(&as_json).map_err(|error| error.to_string())?;
    if (&from_toml, &from_json) != (config, config) {
        return Err(format!("{config:?} comes back from {as_toml} as {from_toml:?}"));
    }
    drives(&as_json).into_iter().try_for_each(|drive| {
        drive
            .run(config, count(&as_json["probes"]))
            .map_err(|state| format!("{state:?} after {drive:?} of a circuit with {as_json}"))
    })
}

/// Calls that make one rule hold.
#[derive(Debug)]
struct Drive {
    calls: u32,
    outcome: Outcome,
    lasting: Duration,
    /// From the end of the first to that of the others.
    run: Duration,
}

/// For each trip rule of a config the calls that make it hold, if they are few enough.
fn drives(config: &Value) -> Vec<Drive> {
    let window = count(&config["window"]["calls"]);
    let enough = count(&config["minimum_calls"]).min(window);
    let mut drives: Vec<_> = match config["rules"].as_array() {
        Some(rules) => rules.iter().filter_map(|rule| drive(rule, enough, window)).collect(),
        None => vec![run(DEFAULT_CONSECUTIVE_FAILURES, DEFAULT_LASTING)],
    };
    drives.retain(|drive| drive.calls <= MOST_CALLS && drive.run <= LONGEST_RUN);
    drives
}

/// The calls that make `rule` hold; `None` where it is about a kind of failure that no code has.
fn drive(rule: &Value, enough: u32, window: u32) -> Option<Drive> {
    if rule.get("failure_rate").is_some() {
        return Some(failures(enough));
    }
    if rule.get("slow_call_rate").is_some() {
        // However long `slower_than` is, this is no shorter.
        let lasting = Duration::MAX;
        let calls = enough;
        return Some(Drive { calls, outcome: Outcome::Success, lasting, run: Duration::ZERO });
    }
    if rule.get("failure_rate_confident").is_some() {
        return Some(failures(surely_enough(rule).min(window)));
    }
    if let Some(calls) = rule.get("stalled_calls") {
        let lasting = Duration::MAX;
        let calls = count(calls);
        return Some(Drive { calls, outcome: Outcome::Success, lasting, run: Duration::ZERO });
    }
    if let Some(calls) = rule.get("failure_count") {
        return Some(failures(count(calls).min(window)));
    }
    let lasting = rule["lasting"].as_str().map_or(Some(Duration::ZERO), duration)?;
    let calls = run(count(&rule["consecutive_failures"]), lasting);
    let Some(name) = rule["kind"].as_str() else { return Some(calls) };
    let kind = KINDS.into_iter().find(|kind| kind.as_str() == name)?;
    Some(Drive { outcome: Outcome::Failure(kind), ..calls })
}

/// So many failures in a row that a rule about confidence holds: 6.1 deviations are more than any.
fn surely_enough(rule: &Value) -> u32 {
    let rate = rule["failure_rate_confident"].as_f64().unwrap_or(1.0);
    let enough = 6.1 * 6.1 * rate / (1.0 - rate);
    (1..=MOST_CALLS).find(|calls| f64::from(*calls) >= enough).unwrap_or(u32::MAX)
}

fn failures(calls: u32) -> Drive {
    run(calls, Duration::ZERO)
}

/// Failures in a row, of which the last come so long after the first; a single one lasts for no time.
fn run(calls: u32, run: Duration) -> Drive {
    let calls = if run.is_zero() { calls } else { calls.max(2) };
    Drive { calls, outcome: Outcome::Failure(UNRULED), lasting: Duration::ZERO, run }
}

/// The sum of what is written, such as `1m 30s`; `None` where that is longer than any duration.
fn duration(text: &str) -> Option<Duration> {
    text.split_whitespace().try_fold(Duration::ZERO, |sum, part| {
        let (number, unit) = part.split_at(part.find(char::is_alphabetic)?);
        let number: u64 = number.parse().ok()?;
        let of_seconds = |unit| number.checked_mul(unit).map(Duration::from_secs);
        sum.checked_add(match unit {
            "year" | "years" => of_seconds(31_557_600)?,
            "month" | "months" => of_seconds(2_630_016)?,
            "day" | "days" => of_seconds(86_400)?,
            "h" => of_seconds(3_600)?,
            "m" => of_seconds(60)?,
            "s" => of_seconds(1)?,
            "ms" => Duration::from_millis(number),
            "us" => Duration::from_micros(number),
            "ns" => Duration::from_nanos(number),
            _ => return None,
        })
    })
}

/// The number in `value`; the largest where there is none.
fn count(value: &Value) -> u32 {
    value.as_u64().and_then(|count| u32::try_from(count).ok()).unwrap_or(u32::MAX)
}

impl Drive {
    /// Opens a circuit, and has it recover; the state that it hangs in, if it does.
    fn run(&self, config: &CircuitConfig, probes: u32) -> Result<(), CircuitState> {
        let clock = ManualClock::new();
        let builder = Circuit::builder("fuzzed").clock(clock.clone());
        let circuit = builder.config(config.clone()).build();
        let permits: Vec<_> = (0..self.calls).map_while(|_| circuit.try_acquire().ok()).collect();
        clock.advance(self.lasting);
        circuit.check_stalled_calls();
        for (number, permit) in permits.into_iter().enumerate() {
            if number == 1 {
                clock.advance(self.run);
            }
            permit.record(self.outcome);
        }
        let Some(open_for) = circuit.snapshot().retry_after else { return Err(circuit.state()) };

        clock.advance(open_for);
        for _ in 0..probes.min(MOST_CALLS) {
            let Ok(probe) = circuit.try_acquire() else { return Err(circuit.state()) };
            probe.record(Outcome::Success);
        }
        // Then it is well again, or still wants more probes than are made here.
        let expected =
            if probes > MOST_CALLS { CircuitState::HalfOpen } else { CircuitState::Closed };
        if circuit.state() == expected { Ok(()) } else { Err(circuit.state()) }
    }
}

/// Kinds of failures that inputs have rules about.
const KINDS: [FailureKind; 3] =
    [FailureKind::new("connect"), FailureKind::new("timeout"), FailureKind::OTHER];

/// A kind that no input has a rule about.
const UNRULED: FailureKind = FailureKind::new("a kind of failure without a rule");

const DEFAULT_CONSECUTIVE_FAILURES: u32 = 5;
const DEFAULT_LASTING: Duration = Duration::from_secs(1);

/// A circuit counts for 584 years: no run lasts for longer, and such a rule never holds.
const LONGEST_RUN: Duration = Duration::from_secs(580 * 365 * 24 * 3_600);

/// So many calls are made to see one rule hold: fast, and enough for rules as people write them.
const MOST_CALLS: u32 = 2_000;

/// Of a message, without the wrong value.
const LONGEST_MESSAGE: usize = 500;
