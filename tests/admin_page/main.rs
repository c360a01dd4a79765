//! The admin page in a browser, against a real server.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail them that way")]

mod accessible;
mod address;
mod browser;
mod commands;
mod five_minutes;
mod fleet;
mod forced;
mod front;
mod heard;
mod load;
mod looks;
mod lost;
mod names;
mod order;
mod scripted_fleet;
mod sent;
mod site;
mod stage;
mod states;
mod tabs;
mod token;

#[path = "../it/nginx.rs"]
#[expect(dead_code, reason = "not all of it is needed here")]
mod nginx;
#[path = "../../crates/redis/tests/fleet/server.rs"]
#[expect(dead_code, reason = "not all of it is needed here")]
mod redis;

use std::time::Duration;

use base64::Engine;
use sha2::{Digest, Sha256};
use tower_circuit_breaker::{Circuit, CircuitState, FailureKind, Outcome, SlidingWindow, TripRule};

use crate::browser::Browser;
use crate::site::Site;

const PAGE: &str = include_str!("../../crates/admin/src/page.html");

/// Calls, of which so many of a hundred fail: the last ones, as only a failure trips.
fn call(circuit: &Circuit, calls: u32, failures: u32) {
    for number in 0..calls {
        let is_failure = (calls - number) * 100 / calls <= failures;
        let kind = ["connect", "503", "connect", "timeout"][number as usize % 4];
        let kind = FailureKind::new(kind);
        let outcome = if is_failure { Outcome::Failure(kind) } else { Outcome::Success };
        if let Ok(permit) = circuit.try_acquire() {
            permit.record(outcome);
        }
    }
}

/// The row of a circuit, in the page's own words.
fn row(name: &str) -> String {
    format!(
        "[...document.querySelectorAll('tr.row')]\
         .find(row => row.querySelector('.c-name').textContent === {name:?})"
    )
}

/// What its row says of its state.
fn state_of(name: &str) -> String {
    format!("{}?.querySelector('.pill').textContent", row(name))
}

/// Shows the circuit in the drawer.
fn open(browser: &mut Browser, name: &str) {
    browser.wait_for(&row(name));
    browser.eval(&format!("{}.querySelector('a').click()", row(name)));
    browser.wait_for(&format!("{HEADING} === {name:?}"));
}

/// Opens the dialog of a command in the drawer.
fn ask(browser: &mut Browser, command: &str) {
    let button = format!("document.querySelector('#drawer [data-ask={command}]')");
    browser.wait_for(&button);
    browser.eval(&format!("{button}.click()"));
    browser.wait_for("document.querySelector('#ask').open");
}

const HEADING: &str = "document.querySelector('#drawer h2')?.textContent";
const LIVE: &str = "document.querySelector('#line').className === 'live'";
const OVERALL: &str = "document.querySelector('#overall').innerText";
/// What all toasts say.
const TOASTS: &str = "document.querySelector('#toasts').innerText";

#[test]
fn the_policy_names_the_hashes_of_script_and_style() {
    let site = Site::start(&[]);
    let head = head_of(&site.url("/ops"));
    for part in ["script", "style"] {
        let inside = PAGE.split_once(&format!("<{part}>")).unwrap().1;
        let inside = inside.split_once(&format!("</{part}>")).unwrap().0;
        let hash = base64::engine::general_purpose::STANDARD.encode(Sha256::digest(inside));

        assert!(head.contains(&format!("{part}-src 'sha256-{hash}'")), "{part}: {hash}\n{head}");
    }
}

fn head_of(url: &str) -> String {
    use std::io::{Read, Write};
    let (host, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let mut stream = std::net::TcpStream::connect(host).unwrap();
    write!(stream, "GET /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.split_once("\r\n\r\n").unwrap().0.to_owned()
}

#[test]
#[ignore = "needs chromium: run by tests/run.sh"]
fn a_trip_is_seen_within_a_second_and_reset_closes_it() {
    let mut browser = Browser::start();
    let site = Site::start(&["plants", "prices"]);
    // Without a slash at the end; the other tests have one.
    browser.visit(&site.url("/ops"));
    browser.wait_for(&format!("{} === 'Closed'", state_of("plants")));

    // A busy machine may miss the second once, and not always.
    let is_prompt = (0..5).any(|_| {
        site.circuit("plants").reset();
        browser.wait_for(&format!("{} === 'Closed'", state_of("plants")));
        call(&site.circuit("plants"), 10, 50);
        browser.wait_for(&format!("{} === 'Open'", state_of("plants"))) < Duration::from_secs(1)
    });
    browser.wait_for("document.querySelector('.incident .why').innerText.includes('calls failed')");
    let incident = browser.eval("document.querySelector('.incident').innerText");
    let overall = browser.eval(OVERALL);
    open(&mut browser, "plants");
    ask(&mut browser, "reset");
    let title = browser.eval("document.querySelector('#ask-title').textContent");
    let focused = browser.eval("document.activeElement.name");
    browser.draw("dialog.png");
    browser.eval("document.activeElement.value = 'all is well'");
    browser.press("Enter");
    browser.wait_for(&format!("{} === 'Closed'", state_of("plants")));
    browser.wait_for("document.querySelector('#tab-commands')");
    browser.eval("document.querySelector('#tab-commands').click()");
    browser.wait_for("document.querySelector('#view').innerText.includes('all is well')");

    let incident = incident.as_str().unwrap();
    assert!(is_prompt, "five trips took the page a second and more");
    for part in ["Open", "plants", "5 of 10 calls failed, limit 50 %", "Next probe in"] {
        assert!(incident.replace('\u{a0}', " ").contains(part), "no {part:?} in {incident}");
    }
    assert!(overall.as_str().unwrap().starts_with("1 open"), "{overall}");
    assert_eq!((title.as_str(), focused.as_str()), (Some("Reset plants"), Some("reason")));
    assert_eq!(site.circuit("plants").state(), CircuitState::Closed);
}

#[test]
#[ignore = "needs chromium: run by tests/run.sh"]
fn failures_are_shown_by_their_kinds_while_they_come() {
    let mut browser = Browser::start();
    let site = Site::start(&["plants"]);
    let fail = |kind: &'static str, failures: u32| {
        for _ in 0..failures {
            let permit = site.circuit("plants").try_acquire().unwrap();
            permit.record(Outcome::Failure(FailureKind::new(kind)));
        }
    };
    site.circuit("plants").force_closed();
    fail("connect", 30);
    fail("<b>timeout</b>", 9);
    browser.show_on(1280, 900, "dark");
    browser.visit(&site.url("/ops/#circuit=plants"));
    let kinds = "[...document.querySelectorAll('#drawer table')]\
        .find(table => table.innerText.startsWith('Kind'))?.querySelector('tbody').innerText";
    browser.wait_for(&format!("{kinds} === 'connect\\t30\\t77 %\\n<b>timeout</b>\\t9\\t23 %'"));

    fail("503", 60);
    fail("other", 1);
    browser.wait_for(&format!("{kinds}?.split('\\n').length === 4"));

    let expected = "503\t60\t60 %\nconnect\t30\t30 %\n<b>timeout</b>\t9\t9 %\nother\t1\t1 %";
    assert_eq!(browser.eval(kinds), expected);
    browser.draw("kinds.png");
}

#[test]
#[ignore = "needs chromium: run by tests/run.sh"]
fn what_is_nearest_to_a_trip_is_shown_whatever_the_rules() {
    let mut browser = Browser::start();
    let site = Site::start(&["rated"]);
    let rule = TripRule::consecutive_failures(3).of(FailureKind::new("connect"));
    for circuit in [
        Circuit::builder("run").consecutive_failures(5),
        Circuit::builder("both")
            .consecutive_failures(5)
            .failure_rate(0.9)
            .minimum_calls(10)
            .window(SlidingWindow::time(Duration::from_secs(60))),
        Circuit::builder("kinds").rule(rule),
    ] {
        site.registry.insert(&circuit.build()).unwrap();
    }
    let limit = |name: &str| format!("{}?.querySelector('.c-limit').innerText", row(name));
    browser.visit(&site.url("/ops/"));
    browser.wait_for(&format!("{}?.startsWith('0 of 5')", limit("run")));

    for name in ["run", "both", "kinds", "rated"] {
        call(&site.circuit(name), 3, 100);
    }
    for name in ["run", "both"] {
        browser.wait_for(&format!("{}.startsWith('3 of 5')", limit(name)));
    }
    browser.wait_for(&format!("{}.querySelector('.bar-near')", row("run")));
    let words = format!("{}.querySelector('.c-limit').textContent", row("run"));
    assert_eq!(browser.eval(&words), "3 of 5 failures in a row");
    assert_eq!(browser.eval(&limit("kinds")), "–", "a rule of one kind has no bar");
    assert_eq!(browser.eval(&limit("rated")), "–", "too few calls for a rate");
    browser.draw("limits.png");
}

#[test]
#[ignore = "needs chromium: run by tests/run.sh"]
fn a_page_of_another_origin_neither_steers_nor_reads() {
    let mut browser = Browser::start();
    let (site, foreign) = (Site::start(&["plants"]), Site::start(&[]));
    // Another origin, without a policy of its own that would keep it from asking.
    browser.visit(&foreign.url("/plain"));
    browser.wait_for("document.body?.innerText === 'plain'");

    let attack = |path: &str, kind: &str| {
        format!(
            "fetch({:?}, {{ method: 'POST', body: '{{}}', headers: {{ 'content-type': '{kind}' }}, \
             mode: '{}' }}).then(answer => 'answered ' + answer.status, () => 'refused')",
            site.url(path),
            if kind == "application/json" { "cors" } else { "no-cors" },
        )
    };
    let json = browser.eval(&attack("/ops/circuits/plants/trip", "application/json"));
    let plain = browser.eval(&attack("/ops/circuits/plants/trip", "text/plain"));
    let read =
        format!("fetch({:?}).then(() => 'read', () => 'refused')", site.url("/ops/circuits"));
    let read = browser.eval(&read);
    let image = format!(
        "new Promise(done => {{ const image = new Image(); image.onerror = done; image.src = {:?} }})",
        site.url("/ops/circuits/plants/trip")
    );
    browser.eval(&image);

    assert_eq!(json, "refused", "the preflight is not answered");
    assert_eq!(plain, "refused", "sent without a preflight, and its answer kept from the page");
    assert_eq!(read, "refused");
    assert!(site.circuit("plants").recent_events().is_empty(), "nothing has reached the circuit");
}

/// What a browser sends without asking first: forms, and requests whose answer nobody is to read.
#[test]
#[ignore = "needs chromium: run by tests/run.sh"]
fn nothing_that_a_foreign_page_can_send_without_a_body_steers() {
    let mut browser = Browser::start();
    let (site, foreign) = (Site::start(&["plants"]), Site::start(&[]));
    browser.visit(&foreign.url("/plain"));
    browser.wait_for("document.body?.innerText === 'plain'");
    let named = format!("http://localhost:{}", site.address.port());
    let mut sent = 0;
    for origin in [site.url(""), named] {
        let url = format!("{origin}/ops/circuits/plants/trip");
        let fetch = |options: &str| {
            format!(
                "fetch({url:?}, {{ method: 'POST', {options} }}).then(() => 'sent', () => 'refused')"
            )
        };
        browser.eval(&fetch("mode: 'no-cors'"));
        browser.eval(&fetch("mode: 'no-cors', credentials: 'include', keepalive: true"));
        browser.eval(&fetch("mode: 'no-cors', referrerPolicy: 'no-referrer'"));
        browser.eval(&format!("String(navigator.sendBeacon({url:?}))"));
        browser.eval(&format!("String(navigator.sendBeacon({url:?}, new Blob([])))"));
        browser.eval(&format!(
            "new Promise(done => {{ \
               const frame = Object.assign(document.createElement('iframe'), {{ name: 'sink' }}); \
               frame.onload = () => done('loaded'); document.body.append(frame); \
               const form = document.createElement('form'); \
               Object.assign(form, {{ method: 'post', action: {url:?}, target: 'sink' }}); \
               document.body.append(form); form.submit() }})"
        ));
        sent += 6;
    }

    // All have come, and been refused.
    let has_come = (0..1000).any(|_| {
        browser.eval("new Promise(done => setTimeout(done, 20))");
        site.refused() >= sent
    });
    assert!(has_come, "{} of {sent} were refused", site.refused());
    assert!(site.circuit("plants").recent_events().is_empty(), "nothing has reached the circuit");
}
