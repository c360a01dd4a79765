use std::fmt::Write as _;
use std::io::Write as _;

use crate::support::{csv, file, replay, replay_with};

const QUICK: [&str; 3] = ["-", "--settings", "quick"];

#[test]
fn a_log_shows_when_the_circuit_would_have_opened_and_closed() {
    let ran = replay(&[&QUICK[..], &["--settings", "default"]].concat(), &csv());

    assert!((1.0..1.2).contains(&ran.seconds("default", "to open")));
    assert_eq!((ran.count("default", "trips"), ran.count("default", "false")), (1, 0));
    assert!((3_490..=4_030).contains(&ran.count("quick", "admitted")));
    assert!(ran.count("quick", "saved") > 1_980);
    assert!(ran.out.contains("6,000 calls in"));
}

#[test]
fn json_lines_and_csv_of_the_same_calls_give_the_same() {
    let csv = csv();
    let mut json = String::new();
    for line in csv.lines().skip(1) {
        let mut cells = line.split(',');
        let (outcome, time) = (cells.next().unwrap(), cells.next().unwrap());
        writeln!(json, r#"{{"latency": 0.05, "time": {time}, "x": [], "outcome": {outcome}}}"#)
            .unwrap();
    }
    let path = file("calls.jsonl", &json);

    let (of_csv, of_json) = (replay(&QUICK, &csv), replay(&[&path, "--settings", "quick"], ""));

    assert_eq!(of_csv.table(), of_json.table());
}

#[test]
fn settings_in_toml_and_json_are_the_same() {
    let toml = file("same.toml", "consecutive_failures = 3\nopen_for = \"5s\"\n");
    let json = file("same.json", r#"{"consecutive_failures": 3, "open_for": "5s"}"#);

    let rows =
        |settings: &str| replay(&["-", "--settings", settings], &csv()).table()[1][1..].to_vec();

    assert_eq!(rows(&toml), rows("quick"));
    assert_eq!(rows(&json), rows("quick"));
}

#[test]
fn what_is_wrong_with_a_log_is_told_with_line_and_column() {
    let json = r#"{"time": 1, "latency": 1, "outcome": "ok"}"#;
    let cases = [
        ("time,latency,outcome\n1,2,ok\n2,fast,ok\n", "-: line 3, column 3: latency is \"fast\""),
        ("time,latency,outcome\n1,2,ok\n2,3\n", "line 3, column 4: outcome is missing"),
        ("time,latency,outcome\n1,2,204\n2,3,999\n", "line 3, column 5: outcome is \"999\""),
        ("time,latency\n", "line 1, column 1: no column is named outcome"),
        ("time,latency,outcome\n-1,2,ok\n", "line 2, column 1: time is \"-1\""),
        ("time,latency,outcome\n1,90000,ok\n", "line 2, column 3: latency is \"90000\""),
        (&format!("{json}\n{{\"time\": 1, \"late"), "line 2, column 17: EOF"),
        (&"a".repeat(70_000), "line 1, column 1: is longer than 65536 bytes"),
        (&format!("{json}\n{{\"time\": 1}}"), "line 2, column 11: missing field `latency`"),
    ];
    for (log, words) in cases {
        let ran = replay(&QUICK, log);

        let log = log.get(..200).unwrap_or(log);
        assert_eq!((ran.code, ran.out.as_str()), (Some(2), ""), "{log}");
        assert!(ran.err.contains(words), "{log}: {}", ran.err);
    }
}

#[test]
fn quotes_are_read_as_rfc_4180_has_them() {
    let log =
        |lines: &str| replay(&QUICK, &format!("who,time,\"latency\", \"Outcome\"\n{lines}\n"));
    let doubled = r#""a ""b"", c""#;

    let read = log(&format!("{doubled},1,2,ok\n{doubled},\"2\",\"3\",\"ok\"\n \"x\" ,3,4, \"ok\""));
    let fast = log(&format!("{doubled},1,fast,ok"));
    let quoted = log(r#""a, b","1","fast","ok""#);

    assert!(read.out.contains("3 calls in 6.0 s"), "{} {}", read.out, read.err);
    assert!(fast.err.contains("line 2, column 16: latency is \"fast\""), "{}", fast.err);
    assert!(quoted.err.contains("line 2, column 13: latency is \"fast\""), "{}", quoted.err);
}

#[test]
fn a_quote_that_is_never_closed_ends_with_its_line() {
    let ran = replay(&QUICK, "time,latency,outcome,more\n1,2,ok,\"open\n2,3,ok,\"\n3,4,ok,\n");

    assert!(ran.out.contains("3 calls in 6.0 s"), "{} {}", ran.out, ran.err);
}

#[test]
fn a_log_in_the_order_of_its_ends_is_put_in_that_of_its_beginnings() {
    let mut lines: Vec<_> = csv().lines().map(str::to_owned).collect();
    for pair in lines[1..].chunks_mut(5) {
        pair.reverse();
    }
    let log = lines.join("\n");

    let refused = replay(&QUICK, &log);
    let ordered = replay(&[&QUICK[..], &["--reorder", "50ms"]].concat(), &log);

    assert!(
        refused.err.contains("line 3, column 5: the call began 10ms before"),
        "{}",
        refused.err
    );
    assert_eq!(ordered.table(), replay(&QUICK, &csv()).table());
}

#[test]
fn dates_and_seconds_are_the_same_times() {
    let log = |times: [&str; 3]| {
        let [one, two, three] = times;
        format!("time,latency,outcome\n{one},1,error\n{two},1,error\n{three},1,error\n")
    };

    let seconds = replay(&QUICK, &log(["1763700000", "1763700000.5", "1763700060"]));
    let dates = ["2025-11-21T04:40:00Z", "2025-11-21 04:40:00.5", "2025-11-21T04:41:00.000Z"];

    assert!(seconds.out.contains("3 calls in 61.0 s"), "{}", seconds.out);
    assert_eq!(replay(&QUICK, &log(dates)).table(), seconds.table());
}

#[test]
fn latencies_in_another_unit_are_noticed() {
    let ran = replay_with(&QUICK, |stdin| {
        let mut log = std::io::BufWriter::new(stdin);
        let _ = log.write_all(b"time,latency,outcome\n");
        for call in 0..1_100_000 {
            // The program has seen enough before the end.
            if writeln!(log, "{}.{:03},9000,ok", call / 1_000, call % 1_000).is_err() {
                return;
            }
        }
    });

    assert!(ran.err.contains("more than 1000000 calls are under way"), "{}", ran.err);
}

/// `REPLAY_LINES` sets how many lines the long log has.
#[cfg(target_os = "linux")]
#[test]
fn the_length_of_a_log_takes_no_memory() {
    fn peak(lines: u64) -> u64 {
        let ran = replay_with(&QUICK, |stdin| {
            let mut log = std::io::BufWriter::new(stdin);
            writeln!(log, "time,latency,outcome").unwrap();
            for call in 0..lines {
                let outcome = if call % 100_000 > 90_000 { "timeout" } else { "ok" };
                writeln!(log, "{}.{:03},{}ms,{outcome}", call / 1_000, call % 1_000, call % 97)
                    .unwrap();
            }
        });
        let peak = ran.out.split("in ").nth(2).unwrap().split(' ').next().unwrap();
        peak.parse().unwrap_or_else(|_| panic!("no memory is told: {}", ran.out))
    }
    let lines = std::env::var("REPLAY_LINES").map_or(1_000_000, |lines| lines.parse().unwrap());

    let (short, long) = (peak(100_000), peak(lines));

    println!("{short} kB for 100,000 lines, {long} kB for {lines}");
    assert!(long < short + 1_024, "{long} kB after {short} kB");
}
