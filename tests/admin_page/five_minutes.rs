//! What is known of the time before the page was opened: since when, and what failed of late.

use std::time::{Duration, SystemTime};

use tower_circuit_breaker::{CircuitRegistry, FailureKind, Outcome};
use tower_circuit_breaker_admin::{About, AdminBuilder, History};

use crate::browser::Browser;
use crate::site::Site;

#[test]
#[ignore = "needs chromium: run by tests/run.sh"]
fn what_failed_of_late_stands_beside_what_failed_since_the_start() {
    let mut browser = Browser::start();
    let registry = CircuitRegistry::with_template(|it| it.consecutive_failures(u32::MAX));
    let plants = registry.get_or_create("plants");
    let fail = |kind: &'static str, failures: u32| {
        for _ in 0..failures {
            plants.try_acquire().unwrap().record(Outcome::Failure(FailureKind::new(kind)));
        }
    };
    // Before anybody read: since the start, and of no five minutes.
    fail("connect", 30);
    let site = Site::of(registry, |admin: AdminBuilder| {
        let started = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        let about = About::new("shop").instance("pod-3").version("1.4.0").started(started);
        admin.about(about).history(History::all())
    });
    browser.show_on(1440, 900, "light");
    browser.visit(&site.url("/ops/#circuit=plants"));
    let kinds = "[...document.querySelectorAll('#drawer table')]\
        .find(table => table.innerText.startsWith('Kind'))?.innerText.replaceAll('\\u00a0', ' ')";
    browser.wait_for(&format!("{kinds}.startsWith('Kind\\tLast ')"));

    fail("timeout", 10);
    browser.wait_for(&format!("{kinds}.includes('timeout\\t10\\t10\\t25 %')"));

    assert!(browser.eval(kinds).as_str().unwrap().contains("connect\t0\t30\t75 %"));
    let build = browser.eval("document.querySelector('#build').textContent");
    assert_eq!(build, "pod-3 · 1.4.0 · started 14 Nov, 22:13 · read only");
    browser.draw("five-minutes.png");
}
