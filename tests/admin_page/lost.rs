//! Requests that fail or get no answer, and a process that comes back as another.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;

use crate::browser::Browser;
use crate::site::Site;
use crate::state_of;

const LIVE: &str = "document.querySelector('#line').textContent === 'Live'";

#[test]
#[ignore = "needs chromium: run by tests/run.sh"]
fn a_request_that_fails_loses_no_change() {
    let mut browser = Browser::start();
    let site = Site::start(&["plants", "prices"]);
    browser.visit(&site.url("/ops/"));
    browser.wait_for(LIVE);

    browser.eval(
        "{ const real = fetch; globalThis.failed = 0; globalThis.fetch = (url, ...rest) => \
         String(url).includes('circuits?ids=') && !failed++ \
         ? Promise.reject(new TypeError('on purpose')) : real(url, ...rest); }",
    );
    site.circuit("plants").trip();

    browser.wait_for(&format!("{} === 'Open'", state_of("plants")));
    browser.wait_for(LIVE);
    assert_eq!(browser.eval("failed > 0"), true);
}

/// Numbers are of one process: after a restart another circuit has the one that this had.
#[test]
#[ignore = "needs chromium: run by tests/run.sh"]
fn after_a_restart_with_other_circuits_every_card_is_right() {
    let mut browser = Browser::start();
    let mut site = Site::start(&["b", "c", "d"]);
    browser.visit(&site.url("/ops/"));
    browser.wait_for("document.querySelectorAll('.card').length === 3");

    site.stop();
    browser.wait_for("document.querySelector('#line').textContent === 'Not live'");
    site.registry.get_or_create("a");
    site.serve();
    browser.wait_for("document.querySelectorAll('.card').length === 4");
    for name in ["a", "b", "c", "d"] {
        site.circuit(name).trip();
        browser.wait_for(&format!("{} === 'Open'", state_of(name)));
    }
    site.registry.remove("b");

    browser.wait_for("document.querySelectorAll('.card').length === 3");
    assert_eq!(browser.eval("byId.size"), 3);
}

/// A browser has six connections to one host over HTTP/1.1: what is asked beyond waits.
#[test]
#[ignore = "needs chromium: run by tests/run.sh"]
fn where_other_tabs_hold_all_connections_the_page_does_not_say_that_it_is_live() {
    let mut browser = Browser::start();
    let site = Site::start(&["plants"]);
    browser.visit(&site.url("/ops/"));
    browser.wait_for(LIVE);

    browser.eval(
        "globalThis.others = new AbortController(); for (let tab = 0; tab < 6; tab++) \
         fetch(`${base}events`, { signal: others.signal }).catch(() => {}); true",
    );
    site.circuit("plants").trip();
    browser.wait_for("document.querySelector('#line').textContent === 'Not live'");

    browser.eval("others.abort(); true");
    browser.wait_for(LIVE);
    browser.wait_for(&format!("{} === 'Open'", state_of("plants")));
}

/// Two pods behind a balancer that knows nothing of them: numbers of circuits are of one of them.
#[test]
#[ignore = "needs chromium: run by tests/run.sh"]
fn where_two_processes_answer_in_turn_the_page_says_so() {
    let mut browser = Browser::start();
    let sites = [Site::start(&["plants", "prices"]), Site::start(&["prices"])];
    let address = balance(sites.each_ref().map(|site| site.address));

    browser.visit(&format!("http://{address}/ops/"));
    for _ in 0..3 {
        browser.wait_for(&format!(
            "!({LIVE}) && document.querySelector('#lost').textContent.includes('Two processes')"
        ));
        browser.eval("document.querySelector('#lost').textContent = ''; retry(); true");
    }
}

/// Gives each connection to the next of `servers`.
fn balance(servers: [SocketAddr; 2]) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for (client, server) in listener.incoming().zip(servers.iter().cycle()) {
            let (client, server) = (client.unwrap(), TcpStream::connect(server).unwrap());
            for (from, to) in [(&client, &server), (&server, &client)] {
                let (mut from, mut to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
                thread::spawn(move || io::copy(&mut from, &mut to));
            }
        }
    });
    address
}
