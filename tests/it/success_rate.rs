//! The rates of circuits without a window: of the last minute, from what earlier scrapes have seen.

use std::sync::Arc;
use std::time::Duration;

use tower_circuit_breaker::{Circuit, CircuitRegistry, ManualClock, SlidingWindow};
use tower_circuit_breaker_telemetry::PrometheusText;

use crate::prometheus::{open_metrics, registry, series};
use crate::support::{SECOND, fail, succeed};

/// A registry of circuits without a window, and what scrapes it.
struct Scraped {
    registry: CircuitRegistry,
    clock: ManualClock,
    text: PrometheusText,
}

impl Scraped {
    fn new() -> Self {
        let (registry, clock) = registry(|builder| builder.consecutive_failures(1_000_000));
        Self { registry, clock, text: PrometheusText::new() }
    }

    /// The circuit.
    fn api(&self) -> Circuit {
        self.registry.get_or_create("api")
    }

    /// Ends calls.
    fn end(&self, successes: u32, failures: u32) {
        let circuit = self.api();
        (0..successes).for_each(|_| succeed(&circuit));
        (0..failures).for_each(|_| fail(&circuit));
    }

    /// The success rate as it is scraped now.
    fn rate(&self) -> String {
        rate(&self.text.encode(&self.registry))
    }

    /// The same, `seconds` later.
    fn rate_in(&self, seconds: u64) -> String {
        self.clock.advance(Duration::from_secs(seconds));
        self.rate()
    }
}

fn rate(text: &str) -> String {
    series(text)["circuit_breaker_success_rate{name=\"api\"}"].to_owned()
}

#[test]
fn a_young_circuit_is_rated_by_all_its_calls() {
    let scraped = Scraped::new();
    scraped.api();
    assert_eq!(scraped.rate(), "NaN", "no call yet");

    scraped.end(3, 1);
    assert_eq!(scraped.rate_in(30), "75.0");
    scraped.end(4, 0);
    assert_eq!(scraped.rate_in(30), "87.5", "a minute since it was made");
}

#[test]
fn an_older_circuit_is_rated_from_its_second_scrape_on() {
    let scraped = Scraped::new();
    scraped.end(1, 99);
    assert_eq!(scraped.rate_in(61), "NaN", "nobody knows when these calls ended");

    scraped.end(9, 1);
    assert_eq!(scraped.rate_in(15), "90.0");
}

#[test]
fn calls_of_more_than_a_minute_ago_no_longer_count() {
    let scraped = Scraped::new();
    scraped.end(0, 10);
    assert_eq!(scraped.rate_in(15), "0.0");
    for _ in 0..3 {
        scraped.end(10, 0);
        scraped.rate_in(15);
    }
    assert_eq!(scraped.rate(), "75.0", "in 60 s");

    assert_eq!(scraped.rate_in(15), "100.0", "the failures ended 60 s before");
    assert_eq!(scraped.rate_in(60), "NaN", "no call ended since");
}

#[test]
fn a_circuit_that_is_open_is_rated_by_the_calls_that_opened_it() {
    let scraped = Scraped::new();
    scraped.end(1, 1);
    scraped.api().trip();

    assert_eq!(scraped.rate_in(15), "50.0", "an alert can fire");
}

#[test]
fn a_scraper_of_every_five_minutes_is_told_of_five_minutes() {
    let scraped = Scraped::new();
    scraped.end(1, 1);
    assert_eq!(scraped.rate_in(300), "NaN", "more than a minute, and none before");
    scraped.end(3, 1);
    assert_eq!(scraped.rate_in(300), "75.0");
    scraped.end(1, 3);
    assert_eq!(scraped.rate_in(300), "25.0");
}

#[test]
fn scrapers_do_not_disturb_each_other() {
    let scraped = Scraped::new();
    scraped.end(0, 60);
    scraped.rate();
    // Both every second.
    for second in 1..=300 {
        scraped.end(1, 0);
        let rate = scraped.rate_in(1);
        assert_eq!(scraped.rate(), rate, "{second} s");
        if second >= 65 {
            assert_eq!(rate, "100.0", "{second} s: the failures ended a minute before");
        } else if second < 60 {
            let expected = 100.0 * f64::from(second) / f64::from(second + 60);
            let off = rate.parse::<f64>().unwrap() - expected;
            assert!(off.abs() < 1e-9, "{second} s: {rate}");
        }
    }
}

#[test]
fn a_circuit_made_anew_under_the_same_name_is_rated_by_its_own_calls() {
    let scraped = Scraped::new();
    scraped.end(100, 0);
    scraped.rate_in(15);
    scraped.rate_in(15);

    scraped.registry.remove("api");
    scraped.end(1, 3);
    assert_eq!(scraped.rate_in(15), "25.0");

    // Older than the one before was when it was scraped last, and with more calls.
    scraped.registry.remove("api");
    scraped.end(0, 200);
    assert_eq!(scraped.rate_in(50), "0.0");
}

#[test]
fn two_circuits_that_share_one_text_as_their_name_are_told_apart() {
    let scraped = Scraped::new();
    let name: Arc<str> = "api".into();
    let make = || {
        let builder = Circuit::builder(Arc::clone(&name)).consecutive_failures(1_000);
        let circuit = builder.clock(scraped.clock.clone()).build();
        scraped.registry.insert(&circuit).unwrap();
    };
    make();
    scraped.end(100, 0);
    scraped.rate_in(30);
    scraped.registry.remove("api");
    make();
    scraped.end(1, 1);

    assert_eq!(scraped.rate_in(15), "50.0");
}

#[test]
fn a_circuit_that_went_and_is_back_is_rated_anew() {
    let scraped = Scraped::new();
    scraped.end(1, 1);
    scraped.rate_in(100);
    let circuit = scraped.registry.remove("api").unwrap();
    let _ = scraped.text.encode(&scraped.registry);
    scraped.registry.insert(&circuit).unwrap();

    scraped.end(1, 1);
    assert_eq!(scraped.rate_in(15), "NaN", "it was forgotten");
    scraped.end(1, 1);
    assert_eq!(scraped.rate_in(15), "50.0");
}

#[test]
fn the_ratios_are_of_the_same_calls() {
    let scraped = Scraped::new();
    scraped.end(1, 3);
    let text = scraped.text.encode(&scraped.registry);

    let series = series(&text);
    assert_eq!(series["circuit_breaker_failure_ratio{name=\"api\"}"], "0.75");
    assert_eq!(series["circuit_breaker_slow_call_ratio{name=\"api\"}"], "0.0");
}

#[test]
fn a_window_that_was_set_is_what_a_circuit_is_rated_by() {
    let (registry, _) =
        registry(|builder| builder.consecutive_failures(100).window(SlidingWindow::count(2)));
    let (circuit, text) = (registry.get_or_create("api"), PrometheusText::new());
    assert!(circuit.config().has_window());
    fail(&circuit);
    succeed(&circuit);
    succeed(&circuit);

    assert_eq!(rate(&text.encode(&registry)), "100.0");
}

#[test]
fn clones_share_what_they_have_seen() {
    let scraped = Scraped::new();
    scraped.end(1, 1);
    scraped.rate_in(100);
    let clone = scraped.text.clone();
    scraped.end(1, 1);

    assert_eq!(rate(&clone.encode(&scraped.registry)), "50.0");
}

#[test]
fn a_collector_rates_by_what_it_has_seen_too() {
    let scraped = Scraped::new();
    scraped.end(1, 1);
    scraped.clock.advance(SECOND);

    assert_eq!(rate(&open_metrics(&scraped.registry)), "50.0");
}
