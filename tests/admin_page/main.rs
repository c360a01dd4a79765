//! The admin page in a browser, against a real server.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail them that way")]

mod browser;
mod load;
mod lost;
mod names;
mod site;

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

/// The card of a circuit, in the page's own words.
fn card(name: &str) -> String {
    format!("[...document.querySelectorAll('.card')].find(card => card.ariaLabel === {name:?})")
}

fn state_of(name: &str) -> String {
    format!("{}?.querySelector('.state').textContent", card(name))
}

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
    let shown = browser.eval(&format!("{}.innerText", card("plants")));
    browser.eval(&format!("{}.querySelector('[data-command=reset]').click()", card("plants")));
    browser.wait_for("document.querySelector('#ask').open");
    let title = browser.eval("document.querySelector('#ask-title').textContent");
    let focused = browser.eval("document.activeElement.name");
    browser.draw("dialog.png");
    browser.eval("document.activeElement.value = 'all is well'");
    browser.press("Enter");
    browser.wait_for(&format!("{} === 'Closed'", state_of("plants")));
    browser.wait_for("document.querySelector('#audit').textContent.includes('all is well')");

    let shown = shown.as_str().unwrap();
    assert!(is_prompt, "five trips took the page a second and more");
    for part in ["Next probe in", "50%", "trips at 50%", "failure rate", "5 of 10 calls"] {
        assert!(shown.contains(part), "no {part:?} in {shown}");
    }
    assert_eq!(
        (title.as_str(), focused.as_str()),
        (Some("Reset \u{2068}plants\u{2069}?"), Some("reason"))
    );
    assert_eq!(site.circuit("plants").state(), CircuitState::Closed);
}

#[test]
#[ignore = "needs chromium: run by tests/run.sh"]
fn failures_are_shown_by_their_kinds_while_they_come() {
    let mut browser = Browser::start();
    let site = Site::start(&["plants", "prices"]);
    let fail = |name: &str, kind: &'static str, failures: u32| {
        for _ in 0..failures {
            let permit = site.circuit(name).try_acquire().unwrap();
            permit.record(Outcome::Failure(FailureKind::new(kind)));
        }
    };
    site.circuit("plants").force_closed();
    fail("plants", "connect", 30);
    fail("plants", "<b>timeout</b>", 9);
    fail("prices", "other", 1);
    browser.show_on(320, 900, "dark");
    browser.visit(&site.url("/ops/"));
    let kinds = |name: &str| format!("{}.querySelector('.kinds')", card(name));
    browser.wait_for("document.querySelectorAll('.card').length === 2");
    browser.wait_for(&format!("!{}.hidden", kinds("plants")));

    let short = browser.eval(&format!("{}.innerText", kinds("plants")));
    browser.eval(&format!("{}.open = true", kinds("plants")));
    fail("plants", "503", 60);
    fail("plants", "other", 1);
    browser.wait_for(&format!("{}.querySelectorAll('li').length === 4", kinds("plants")));
    let long = browser.eval(&format!("{}.innerText", kinds("plants")));
    browser.draw("kinds.png");

    assert_eq!(short, "Failed by connect (30), <b>timeout</b> (9)");
    let expected = "Failed by 503 (60), connect (30) and 2 more\n\
        503\n60 · 60%\nconnect\n30 · 30%\n<b>timeout</b>\n9 · 9%\nother\n1 · 1%";
    assert_eq!(long, expected);
    let hidden = browser.eval(&format!("{}.hidden", kinds("prices")));
    assert_eq!(hidden, true, "all of no particular kind");
}

#[test]
#[ignore = "needs chromium: run by tests/run.sh"]
fn a_run_of_failures_is_shown_against_its_limit() {
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
    let failures = |name: &str| {
        let part = |part: &str| format!("{}.querySelector('.failures {part}')", card(name));
        format!("{}.innerText + ' ' + {}.innerText", part(".value"), part(".limit"))
    };
    let label = format!("{}.querySelector('.failures .track').ariaLabel", card("run"));
    browser.visit(&site.url("/ops/"));
    browser.wait_for("document.querySelectorAll('.card').length === 4");
    browser.wait_for(&format!("{} === '0 of 5 failures in a row'", failures("run")));

    for name in ["run", "both", "kinds", "rated"] {
        call(&site.circuit(name), 2, 100);
    }
    browser.wait_for(&format!("{} === '2 of 5 failures in a row'", failures("run")));
    browser.wait_for(&format!("{} === '2 of 2 counts from 10 calls'", failures("both")));
    for name in ["run", "both"] {
        call(&site.circuit(name), 1, 100);
    }
    browser.wait_for(&format!("{} === '3 of 5 failures in a row'", failures("run")));
    browser.wait_for(&format!("{} === '3 of 5 failures in a row'", failures("both")));
    let run = browser.eval(&format!("{}.querySelector('.failures').className", card("run")));
    browser.draw("run.png");

    assert_eq!(run, "meter failures near");
    assert_eq!(browser.eval(&label), "Failures in a row");
    assert_eq!(browser.eval(&failures("kinds")), "2 in all ");
    assert_eq!(browser.eval(&failures("rated")), "2 of 2 counts from 10 calls");
}

#[test]
#[ignore = "needs chromium: run by tests/run.sh"]
fn a_server_that_goes_is_missed_and_one_that_comes_back_is_found() {
    let mut browser = Browser::start();
    let mut site = Site::start(&["plants"]);
    browser.visit(&site.url("/ops/"));
    browser.wait_for("document.querySelector('#line').textContent === 'Live'");

    site.stop();
    browser.wait_for("document.querySelector('#lost').textContent.includes('connection is lost')");
    let is_said = browser.eval("document.querySelector('#lost').hidden");
    site.circuit("plants").trip();
    site.serve();
    browser.wait_for("document.querySelector('#line').textContent === 'Live'");
    browser.wait_for(&format!("{} === 'Open'", state_of("plants")));

    assert_eq!(is_said, false);
    assert_eq!(browser.eval("document.querySelector('#lost').hidden"), true);
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

#[test]
#[ignore = "needs chromium: run by tests/run.sh"]
fn a_token_is_asked_for_and_kept_by_the_tab() {
    let mut browser = Browser::start();
    let site = Site::start_with(&["plants"], |admin| admin.token("0123456789abcdef"));
    browser.visit(&site.url("/ops/"));
    let enter = |token: &str| {
        format!(
            "document.querySelector('#login [name=token]').value = '{token}'; \
             document.querySelector('#login .do').click()"
        )
    };

    browser.wait_for("document.querySelector('#login').open");
    browser.eval(&enter("wrong"));
    browser.wait_for("document.querySelector('#login-text').textContent.includes('not it')");
    browser.wait_for("document.querySelector('#login').open");
    browser.eval(&enter("0123456789abcdef"));
    browser.wait_for(&format!("{} === 'Closed'", state_of("plants")));
    browser.eval("globalThis.isOld = true; location.reload()");
    browser.wait_for(&format!("!globalThis.isOld && {} === 'Closed'", state_of("plants")));

    assert_eq!(browser.eval("document.querySelector('#login').open"), false);
}

#[test]
#[ignore = "needs chromium: run by tests/run.sh"]
fn the_page_fits_every_screen_with_few_and_with_many() {
    let mut browser = Browser::start();
    for (count, names) in [(6, few()), (300, many())] {
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        let site = Site::start(&names);
        let mut errors = Vec::new();
        for (screen, width, height) in [("desktop", 1280, 900), ("phone", 320, 640)] {
            for scheme in ["light", "dark"] {
                browser.show_on(width, height, scheme);
                browser.visit(&site.url("/ops/"));
                browser.wait_for(&format!("document.querySelectorAll('.card').length === {count}"));
                live(&site, &names);
                browser.wait_for("document.querySelector('.state').textContent === 'Open'");
                browser.eval(PAST);
                let wide = "document.documentElement.scrollWidth - innerWidth";
                let excess = browser.eval(wide).as_i64().unwrap();
                if excess > 0 {
                    errors.push(format!("{count} on {screen}: {excess} px too wide"));
                }
                browser.draw(&format!("{count}-{screen}-{scheme}.png"));
            }
        }
        assert!(errors.is_empty(), "{errors:?}");
    }
}

/// Five minutes that have passed.
const PAST: &str = "[...circuits.values()].forEach((circuit, number) => { \
     circuit.samples = Array.from({ length: 60 }, (_, i) => ({ \
     rate: Math.max(0, .1 + .08 * Math.sin(i / 4 + number) + (i > 46 ? .04 * (i - 46) : 0)), \
     state: number % 3 == 0 && i > 20 && i < 26 ? 'open' : 'closed' })); \
     touch(circuit); }), new Promise(requestAnimationFrame)";

fn few() -> Vec<String> {
    [
        "payments-api",
        "inventory",
        "recommendations.eu-west-1.internal.example.com:8443",
        "search",
        "mail",
        "weather",
    ]
    .map(str::to_owned)
    .to_vec()
}

fn many() -> Vec<String> {
    (0..300).map(|number| format!("shard-{number:03}.orders.example.com")).collect()
}

/// Some are well, some are ill, one is probing, and one is held open.
fn live(site: &Site, names: &[&str]) {
    site.registry.reset_all();
    for (number, name) in names.iter().enumerate() {
        let number = u32::try_from(number).unwrap();
        call(&site.circuit(name), 200 + number * 37 % 1900, number * 13 % 45);
    }
    call(&site.circuit(names[0]), 4000, 60);
    call(&site.circuit(names[0]), 300, 0);
    site.circuit(names[1]).force_open();
    let probing = site.circuit(names[2]);
    probing.trip_for(Duration::from_nanos(1));
    let _probe = probing.try_acquire();
}
