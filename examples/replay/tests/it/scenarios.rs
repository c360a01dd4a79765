use crate::support::{file, replay};

#[test]
fn without_files_each_scenario_is_played_through_each_setting() {
    let ran = replay(&[], "");

    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""));
    let names =
        ["blip", "brown-out", "hard-down", "hanging", "flapping", "slow-death", "low-traffic"];
    for name in names {
        assert!(ran.out.contains(&format!("{name}: ")), "{name}");
    }
    assert_eq!(ran.out.matches("\nslow-aware ").count(), names.len());
}

#[test]
fn an_upstream_that_refuses_is_cut_off_soon_and_taken_back() {
    let ran = replay(&["--scenario", "hard-down"], "");

    assert!(ran.seconds("quick", "to open") < 0.5);
    // Its failures in a row have to last a second.
    assert!((1.0..1.5).contains(&ran.seconds("default", "to open")));
    assert!(ran.seconds("default", "to close") < 31.0);
    assert_eq!((ran.count("default", "trips"), ran.count("default", "false")), (1, 0));
    assert!(ran.count("default", "saved") > 11_000);
}

#[test]
fn a_blip_is_no_reason_to_trip() {
    let ran = replay(&["--scenario", "blip"], "");

    assert_eq!(ran.count("default", "trips"), 0);
    assert_eq!(ran.count("cautious", "trips"), 0);
    assert_eq!((ran.count("quick", "trips"), ran.count("quick", "false")), (1, 1));
    assert_eq!(ran.cell("quick", "to open"), "-");
}

#[test]
fn stalled_calls_are_noticed_long_before_they_time_out() {
    let ran = replay(&["--scenario", "hanging"], "");

    assert!(ran.seconds("stalled", "to open") < 3.0);
    assert!(ran.seconds("default", "to open") >= 10.0);
}

#[test]
fn an_outage_that_nobody_notices_is_missed() {
    let ran = replay(&["--scenario", "brown-out", "--settings", "cautious"], "");

    assert_eq!(ran.cell("cautious", "to open"), "never");
}

#[test]
fn the_same_seed_gives_the_same_figures_and_another_gives_others() {
    let play = |seed| {
        let settings = ["--settings", "default", "--settings", "stalled"];
        replay(&[&["--scenario", "slow-death", "--seed", seed], &settings[..]].concat(), "").out
    };

    assert_eq!(play("7"), play("7"));
    assert_ne!(play("7"), play("8"));
}

#[test]
fn the_timeline_is_drawn_with_a_row_for_each_circuit() {
    let path = file("timeline.svg", "");

    let ran = replay(&["--scenario", "slow-death", "--svg", &path], "");

    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""));
    let svg = std::fs::read_to_string(path).unwrap();
    assert!(svg.starts_with("<svg "));
    for words in ["upstream", "slow-aware", "calls per second", "time in seconds", "half-open"] {
        assert!(svg.contains(words), "{words}");
    }
    assert!(!svg.contains("NaN"));
}

#[test]
fn what_is_asked_for_wrongly_is_named() {
    let bad = file("bad.toml", "failure_rate = 0.5\nopen_for = \"soon\"\n");
    let broken = file("broken.toml", "failure_rate = 0.5\nopen_for = =\n");
    let unknown = file("unknown.json", r#"{"open_four": "5s"}"#);
    let cases: [(&[&str], &str); 6] = [
        (&["--svg", &bad], "choose a scenario by --scenario"),
        (&["--settings", &bad], "bad.toml: `open_for` is \"soon\": must be a duration"),
        (&["--settings", &broken], "broken.toml: TOML parse error at line 2, column"),
        (&["--settings", &unknown], "unknown.json: unknown field `open_four`"),
        (&["--scenario", "hard"], "must be one of blip, brown-out"),
        (&["--settings", "fast"], "must be a file, or one of default, quick"),
    ];
    for (args, words) in cases {
        let ran = replay(args, "");

        assert_eq!((ran.code, ran.out.as_str()), (Some(2), ""), "{args:?}");
        assert!(ran.err.contains(words), "{args:?}: {}", ran.err);
    }
}
