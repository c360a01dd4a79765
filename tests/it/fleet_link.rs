//! What Prometheus scrapes of the link to a fleet.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tower_circuit_breaker::CircuitRegistry;
use tower_circuit_breaker::fleet::{Fleet, FleetCommand, FleetLink, FleetUnreachable, LinkStatus};
use tower_circuit_breaker_telemetry::PrometheusText;

use crate::prometheus::{assert_values, open_metrics, series};
use crate::support::SECOND;

/// A fleet whose link does so.
pub(crate) struct Linked(pub(crate) Option<FleetLink>);

impl Fleet for Linked {
    fn command(
        &self,
        _: Arc<str>,
        _: FleetCommand,
    ) -> Pin<Box<dyn Future<Output = Result<(), FleetUnreachable>> + Send + Sync>> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn link(&self) -> Option<FleetLink> {
        self.0.clone()
    }
}

/// What is scraped of a registry that has joined this fleet.
fn scraped(link: Option<FleetLink>) -> [String; 2] {
    let registry = CircuitRegistry::new();
    registry.join(Arc::new(Linked(link)));
    [PrometheusText::new().encode(&registry), open_metrics(&registry)]
}

#[test]
fn a_link_is_scraped_without_the_label_of_a_circuit() {
    let mut link = FleetLink::new(LinkStatus::Connected, 90 * SECOND);
    link.last_agreed = Some(Duration::from_millis(1_500));
    link.errors = 3;

    for text in scraped(Some(link)) {
        let expected = [
            ("fleet_connected", "1"),
            ("fleet_last_agreed_seconds", "1.5"),
            ("fleet_errors_total", "3"),
        ];
        assert_values(&text, &expected);
        assert_eq!(series(&text).len(), expected.len(), "{text}");
    }
}

#[test]
fn a_link_that_has_never_agreed_did_so_infinitely_long_ago() {
    for text in scraped(Some(FleetLink::new(LinkStatus::Disconnected, SECOND))) {
        assert_values(&text, &[("fleet_connected", "0"), ("fleet_errors_total", "0")]);
        // One format writes `+Inf`, the other `inf`; either may.
        let ago = series(&text)["circuit_breaker_fleet_last_agreed_seconds"].parse();
        assert_eq!(ago, Ok(f64::INFINITY), "{text}");
    }
}

#[test]
fn where_there_is_no_fleet_nothing_is_scraped_of_it() {
    let alone = PrometheusText::new().encode(&CircuitRegistry::new());
    let [silent, _] = scraped(None);

    for text in [alone, silent] {
        assert!(!text.contains("fleet"), "{text}");
    }
}
