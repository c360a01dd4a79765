//! The wall clocks of the processes need not agree.
//!
//! Each process of this fleet is the test binary again, under libfaketime, which fakes the wall clock
//! and leaves the monotonic one alone.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tower_circuit_breaker::CircuitState;

use crate::child::{self, Child, say};
use crate::nodes::{LONG, Node, call, fail, link, registry, until};
use crate::server::Server;

/// The name of the test that is run as a child.
const PLAY: &str = "clocks::play_a_process_for_the_other_test";
const OPEN: Duration = Duration::from_secs(2);

fn library() -> PathBuf {
    let folders = fs::read_dir("/usr/lib").into_iter().flatten().flatten();
    let mut files = folders.map(|folder| folder.path().join("faketime/libfaketime.so.1"));
    let library = files.find(|path| path.exists());
    library.expect("libfaketime is missing: install it (on Debian: apt-get install faketime)")
}

/// A process whose wall clock is `offset` wrong.
fn start(library: &Path, offset: &str, url: &str) -> Child {
    let mut child = Child::play(PLAY, url, |process| {
        process.env("LD_PRELOAD", library).env("FAKETIME", offset).env("DONT_FAKE_MONOTONIC", "1")
    });
    assert_eq!(child.hear(), "joined");
    child
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs faketime and redis-server: run by tests/run.sh"]
async fn wrong_wall_clocks_change_no_decision() {
    let library = library();
    let server = Server::start().await;
    let offsets = ["+0", "+5m", "-5m", "+1h", "-1h"];
    let mut fleet: Vec<_> =
        offsets.iter().map(|offset| start(&library, offset, &server.url())).collect();

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
        let said = start(&library, offset, &server.url()).ask("wait for open");
        let left = Duration::from_millis(said.parse().unwrap());
        let least = LONG - Duration::from_secs(60);
        assert!((least..=LONG).contains(&left), "{offset}: open for another {left:?}");
    }
}

#[test]
#[ignore = "run by the test above, as a child under libfaketime"]
fn play_a_process_for_the_other_test() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let node = runtime.block_on(Node::join(link(child::url()), registry(OPEN)));
    say("joined");
    for line in std::io::stdin().lines() {
        say(runtime.block_on(obey(&node, &line.unwrap())));
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
