//! Requests that fail or get no answer, and a process that comes back as another.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;

use crate::browser::Browser;
use crate::site::Site;
use crate::{LIVE, OVERALL, call, row, state_of};

const LOST: &str = "document.querySelector('#line').className === 'lost'";
/// What the banner says.
const WHY: &str = "(document.querySelector('#lost')?.innerText ?? '')";

#[test]
#[ignore = "needs chromium: run by tests/run.sh"]
fn what_is_lost_is_unknown_and_what_comes_back_is_known_again() {
    let mut browser = Browser::start();
    let mut site = Site::start(&["plants", "prices"]);
    call(&site.circuit("plants"), 10, 60);
    browser.visit(&site.url("/ops/#circuit=plants"));
    browser.wait_for(&format!("{} === 'Open'", state_of("plants")));
    browser.wait_for("document.querySelector('[data-ask=reset]')");

    site.stop();
    browser.wait_for(LOST);
    browser.wait_for(&format!("{WHY}.includes('as it was at')"));
    let (overall, title) = (browser.eval(OVERALL), browser.eval("document.title"));
    let overall = overall.as_str().unwrap();
    assert!(overall.starts_with("Unknown since ") && overall.contains("1 open"), "{overall}");
    assert!(title.as_str().unwrap().starts_with("(unknown)"), "{title}");
    assert_eq!(browser.eval(&state_of("plants")), "was open");
    assert_eq!(browser.eval(&state_of("prices")), "was closed");
    let next = "document.querySelector('.incident .next').textContent";
    assert_eq!(browser.eval(next), "not known", "nothing counts down");
    let commands = "document.querySelectorAll('[data-ask], .c-pick input').length";
    browser.wait_for(&format!("{commands} === 0"));
    browser.draw("lost.png");

    site.circuit("prices").trip();
    site.serve();
    browser.wait_for(LIVE);
    browser.wait_for(&format!("{} === 'Open'", state_of("prices")));
    assert_eq!(browser.eval(WHY), "");
}

/// Five minutes of which some were not seen have a hole there, and no line.
#[test]
#[ignore = "needs chromium: run by tests/run.sh"]
fn no_point_is_drawn_of_what_was_not_heard() {
    let mut browser = Browser::start();
    let mut site = Site::start(&["plants"]);
    browser.visit(&site.url("/ops/"));
    browser.wait_for(LIVE);
    // Of sixty points the last is of now.
    let is_hole = |point: &str| {
        let path = format!("{}.querySelector('.spark .hole').getAttribute('d')", row("plants"));
        format!("{path}.includes('M{point} 9')")
    };
    browser.wait_for(&format!("!{}", is_hole("59")));

    site.stop();
    browser.wait_for(LOST);
    browser.wait_for(&format!("{} && {}", is_hole("59"), is_hole("58")));
    site.serve();
    browser.wait_for(LIVE);
    browser.wait_for(&format!("!{} && ({} || {})", is_hole("59"), is_hole("58"), is_hole("57")));
}

/// The figures of those in sight are asked for; a change is told by the stream, whatever becomes of
/// such a question.
#[test]
#[ignore = "needs chromium: run by tests/run.sh"]
fn a_request_that_fails_loses_no_change() {
    let mut browser = Browser::start();
    let site = Site::start(&["plants", "prices"]);
    browser.visit(&site.url("/ops/"));
    browser.wait_for(LIVE);

    browser.eval(
        "{ const real = fetch; globalThis.failed = 0; globalThis.fetch = (url, ...rest) => \
         /ids=|name=/.test(url) && failed++ < 20 \
         ? Promise.reject(new TypeError('on purpose')) : real(url, ...rest); }",
    );
    site.circuit("plants").trip();

    browser.wait_for(&format!("{} === 'Open'", state_of("plants")));
    browser.wait_for("failed > 2");
    assert_eq!(browser.eval(LIVE), true);
}

/// Numbers are of one process: after a restart another circuit has the one that this had.
#[test]
#[ignore = "needs chromium: run by tests/run.sh"]
fn after_a_restart_with_other_circuits_every_row_is_right() {
    let mut browser = Browser::start();
    let mut site = Site::start(&["b", "c", "d"]);
    browser.visit(&site.url("/ops/"));
    browser.wait_for("document.querySelectorAll('tr.row').length === 3");

    site.stop();
    browser.wait_for("document.querySelector('#line').className === 'lost'");
    site.registry.get_or_create("a");
    site.serve();
    browser.wait_for("document.querySelectorAll('tr.row').length === 4");
    for name in ["a", "b", "c", "d"] {
        site.circuit(name).trip();
        browser.wait_for(&format!("{} === 'Open'", state_of(name)));
    }
    site.registry.remove("b");

    browser.wait_for("document.querySelectorAll('tr.row').length === 3");
    assert_eq!(browser.eval(&state_of("b")), serde_json::Value::Null);
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
        browser.wait_for(&format!("!({LIVE}) && {WHY}.includes('Another process')"));
        browser.eval("document.querySelector('[data-do=try]')?.click()");
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
