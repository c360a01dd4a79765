use std::time::Duration;

use crate::engine::machine::probes::{ProbeId, Probes};
use crate::engine::rules::settings::Settings;
use crate::engine::time::Timestamp;

#[test]
fn the_next_half_open_uses_the_memory_of_the_last() {
    let mut settings = Settings::without_rules();
    settings.concurrent_probes = 5;
    let mut probes = Probes::none();
    probes.restart(Duration::from_secs(1));
    for _ in 0..5 {
        probes.admit(&settings, Timestamp::ZERO);
    }

    probes.restart(Duration::from_secs(1));

    assert!(probes.leases.is_empty());
    assert!(probes.leases.capacity() >= 5);
}

#[test]
fn probe_numbers_begin_again_at_one() {
    let last = ProbeId::from_number((1 << 24) - 1).unwrap();

    assert_eq!(last.next(), ProbeId::FIRST);
    assert_eq!(ProbeId::from_number(last.number()), Some(last));
    assert_eq!(ProbeId::from_number(0), None);
}
