//! The program as a child, and its tables.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// Runs the program, and gives it `input`.
pub(crate) fn replay(args: &[&str], input: &str) -> Ran {
    replay_with(args, |stdin| {
        // A program that has seen enough reads no more.
        let _ = stdin.write_all(input.as_bytes());
    })
}

pub(crate) fn replay_with(
    args: &[&str],
    write: impl FnOnce(&mut std::process::ChildStdin) + Send,
) -> Ran {
    let mut program = Command::new(env!("CARGO_BIN_EXE_replay"));
    program.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = program.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let output = std::thread::scope(|scope| {
        scope.spawn(move || write(&mut stdin));
        child.wait_with_output().unwrap()
    });
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ran { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

impl Ran {
    pub(crate) fn table(&self) -> Vec<Vec<String>> {
        assert_eq!((self.code, self.err.as_str()), (Some(0), ""));
        let lines = self.out.lines().skip_while(|line| !line.starts_with("settings"));
        let cells = |line: &str| line.split("  ").map(|cell| cell.trim().to_owned()).collect();
        let drop_empty = |cells: Vec<String>| cells.into_iter().filter(|cell| !cell.is_empty());
        lines
            .take_while(|line| !line.is_empty())
            .map(|line| drop_empty(cells(line)).collect())
            .collect()
    }

    /// What stands in `column` for `settings`.
    pub(crate) fn cell(&self, settings: &str, column: &str) -> String {
        let table = self.table();
        let place = table[0].iter().position(|head| head == column).unwrap();
        table.iter().find(|row| row[0] == settings).unwrap()[place].clone()
    }

    pub(crate) fn count(&self, settings: &str, column: &str) -> u64 {
        self.cell(settings, column).replace(',', "").parse().unwrap()
    }

    /// A time in seconds.
    pub(crate) fn seconds(&self, settings: &str, column: &str) -> f64 {
        let cell = self.cell(settings, column);
        let (number, unit) = cell.split_once(' ').unwrap();
        let scale = match unit {
            "ms" => 0.001,
            "s" => 1.0,
            "min" => 60.0,
            "h" => 3_600.0,
            _ => panic!("{cell}"),
        };
        number.parse::<f64>().unwrap() * scale
    }
}

/// A file of this test's own.
pub(crate) fn file(name: &str, text: &str) -> String {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

/// A call each 10 ms for a minute; all fail from 20 s to 40 s.
pub(crate) fn csv() -> String {
    let mut log = "outcome,time,more,latency\n".to_owned();
    for call in 0..6_000 {
        let fails = (2_000..4_000).contains(&call);
        let outcome = if fails { "503" } else { "200" };
        writeln!(log, "{outcome},{}.{:02},\"a, b\",50ms", call / 100, call % 100).unwrap();
    }
    log
}
