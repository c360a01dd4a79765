//! A process of its own: the test binary again, with a test that plays it.

use std::env;
use std::io::{BufRead, BufReader, Lines, Write};
use std::process::{self, ChildStdin, ChildStdout, Command, Stdio};

/// Where the child finds Redis.
const URL: &str = "FLEET_URL";

pub(crate) struct Child {
    process: process::Child,
    to: ChildStdin,
    from: Lines<BufReader<ChildStdout>>,
}

impl Child {
    /// Plays the test of that name; `set` says more of how.
    pub(crate) fn play(
        test: &str,
        url: &str,
        set: impl FnOnce(&mut Command) -> &mut Command,
    ) -> Self {
        let mut command = Command::new(env::current_exe().unwrap());
        command
            .args([test, "--exact", "--ignored", "--nocapture", "--test-threads=1"])
            .env(URL, url)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut process = set(&mut command).spawn().unwrap();
        let to = process.stdin.take().unwrap();
        let from = BufReader::new(process.stdout.take().unwrap()).lines();
        Self { process, to, from }
    }

    /// Waits for what it says next.
    pub(crate) fn hear(&mut self) -> String {
        let mut said = self.from.by_ref().map(Result::unwrap);
        said.find_map(|line| line.split_once("said: ").map(|(_, said)| said.to_owned()))
            .expect("it has ended instead")
    }

    /// Has it do something; gives what it says then.
    pub(crate) fn ask(&mut self, what: &str) -> String {
        writeln!(self.to, "{what}").unwrap();
        self.hear()
    }

    pub(crate) fn signal(&self, signal: &str) {
        let process = self.process.id().to_string();
        assert!(Command::new("kill").args([signal, &process]).status().unwrap().success());
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// In the child: where Redis is.
pub(crate) fn url() -> String {
    env::var(URL).expect("the test that plays it says where the server is")
}

/// In the child: says something, whatever the test harness has written to the line before.
#[expect(clippy::print_stdout, reason = "the parent reads it")]
pub(crate) fn say(what: impl std::fmt::Display) {
    println!("\nsaid: {what}");
}
