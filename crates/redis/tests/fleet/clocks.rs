//! The wall clocks of the processes need not agree.
//!
//! Each process of this fleet is the test binary again, under libfaketime, which fakes the wall clock
//! and leaves the monotonic one alone.

use std::env;
use std::fs;
use std::io::{BufRead, BufReader, Lines, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use tower_circuit_breaker::CircuitState;

use crate::nodes::{LONG, Node, call, fail, link, registry, until};
use crate::server::Server;

/// The name of the test that is run as a child.
const PLAY: &str = "clocks::play_a_process_for_the_other_test";
const URL: &str = "FLEET_CLOCKS_URL";
const OPEN: Duration = Duration::from_secs(2);

fn library() -> PathBuf {
    let folders = fs::read_dir("/usr/lib").into_iter().flatten().flatten();
    let mut files = folders.map(|folder| folder.path().join("faketime/libfaketime.so.1"));
    let library = files.find(|path| path.exists());
    library.expect("libfaketime is missing: install it (on Debian: apt-get install faketime)")
}

/// A process whose wall clock is `offset` wrong.
struct Process {
    child: Child,
    to: ChildStdin,
    from: Lines<BufReader<ChildStdout>>,
}

impl Process {
    fn start(library: &Path, offset: &str, url: &str) -> Self {
        let mut child = Command::new(env::current_exe().unwrap())
            .args([PLAY, "--exact", "--ignored", "--nocapture", "--test-threads=1"])
            .env("LD_PRELOAD", library)
            .env("FAKETIME", offset)
            .env("DONT_FAKE_MONOTONIC", "1")
            .env(URL, url)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let to = child.stdin.take().unwrap();
        let from = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut process = Self { child, to, from };
        assert_eq!(process.ask(""), "joined");
        process
    }

    /// Has it do something; gives what it says then.
    fn ask(&mut self, what: &str) -> String {
        if !what.is_empty() {
            writeln!(self.to, "{what}").unwrap();
        }
        let mut said = self.from.by_ref().map(Result::unwrap);
        said.find_map(|line| line.split_once("said: ").map(|(_, said)| said.to_owned()))
            .unwrap_or_else(|| panic!("it has ended instead of {what:?}"))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs faketime and redis-server: run by tests/run.sh"]
async fn wrong_wall_clocks_change_no_decision() {
    let library = library();
    let server = Server::start().await;
    let offsets = ["+0", "+5m", "-5m", "+1h", "-1h"];
    let mut fleet: Vec<_> =
        offsets.iter().map(|offset| Process::start(&library, offset, &server.url())).collect();

    for tripping in 0..fleet.len() {
        assert_eq!(fleet[tripping].ask("fail"), "failed");
        for (process, offset) in fleet.iter_mut().zip(offsets) {
            let said = process.ask("wait for open");
            let left: u64 = said.parse().unwrap_or_else(|_| panic!("{offset}: {said}"));
            let most = u64::try_from(OPEN.as_millis()).unwrap() + 800;
            assert!((800..=most).contains(&left), "{offset}: open for another {left} ms");
        }
        for (process, offset) in fleet.iter_mut().zip(offsets) {
            assert_eq!(process.ask("wait for closed"), "closed", "{offset}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs faketime and redis-server: run by tests/run.sh"]
async fn a_late_joiner_with_a_wrong_wall_clock_learns_what_is_left() {
    let library = library();
    let server = Server::start().await;
    let node = Node::join(link(server.url()), registry(LONG)).await;
    fail(&node.api);
    until("its vote is there", || server.record().contains(" o ")).await;

    for offset in ["+0", "+5m", "-5m", "+1h", "-1h"] {
        let said = Process::start(&library, offset, &server.url()).ask("wait for open");
        let left = Duration::from_millis(said.parse().unwrap());
        let least = LONG - Duration::from_secs(60);
        assert!((least..=LONG).contains(&left), "{offset}: open for another {left:?}");
    }
}

#[test]
#[ignore = "run by the test above, as a child under libfaketime"]
fn play_a_process_for_the_other_test() {
    let url = env::var(URL).expect("the test above says where the server is");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let node = runtime.block_on(Node::join(link(url), registry(OPEN)));
    println!("\nsaid: joined");
    for line in std::io::stdin().lines() {
        let said = runtime.block_on(obey(&node, &line.unwrap()));
        println!("\nsaid: {said}");
    }
}

async fn obey(node: &Node, what: &str) -> String {
    match what {
        "fail" => {
            fail(&node.api);
            "failed".to_owned()
        }
        "wait for open" => {
            until("it opens", || node.api.state() == CircuitState::Open).await;
            let left = node.api.snapshot().retry_after.unwrap_or_default();
            left.as_millis().to_string()
        }
        _ => {
            until("it closes", || call(&node.api) && node.api.state() == CircuitState::Closed)
                .await;
            "closed".to_owned()
        }
    }
}
