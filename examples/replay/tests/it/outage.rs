use std::path::Path;

use crate::support::{file, replay};

#[test]
fn the_picture_in_the_guide_is_what_is_drawn() {
    let path = file("outage.svg", "");

    let ran = replay(&["outage", "--svg", &path], "");

    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""));
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../src/guide/outage.svg");
    let remedy = "cargo run -p replay -- outage --svg src/guide/outage.svg";
    let (drawn, kept) = (std::fs::read_to_string(path), std::fs::read_to_string(kept));
    assert_eq!(drawn.unwrap(), kept.unwrap(), "draw it anew: {remedy}");
}

#[test]
fn the_picture_can_stand_in_a_page_by_itself() {
    let path = file("page.svg", "");

    replay(&["outage", "--svg", &path], "");

    let svg = std::fs::read_to_string(path).unwrap();
    assert!(svg.len() < 30_000, "{} bytes", svg.len());
    for words in ["<title>", "<desc>", "role=\"img\"", "prefers-color-scheme: dark", "probe"] {
        assert!(svg.contains(words), "{words}");
    }
    // An empty line would end it within Markdown; the address of the format is the only one.
    assert!(svg.lines().all(|line| !line.trim().is_empty()));
    assert_eq!(svg.matches("http").count(), 1);
    assert!(!svg.contains("NaN") && !svg.contains("<script"));
}

#[test]
fn an_outage_is_told_line_by_line() {
    let ran = replay(&["outage", "--settings", "quick"], "");

    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""));
    let order = [
        "refuses connections",
        "closed -> open",
        "half_open -> open",
        "is well",
        "half_open -> closed",
    ];
    let mut rest = ran.out.as_str();
    for words in order {
        rest = rest.split_once(words).unwrap_or_else(|| panic!("{words}: {}", ran.out)).1;
    }
    assert!(rest.contains("calls answered"));
}

#[test]
fn one_set_of_settings_is_one_of_those_that_there_are() {
    let ran = replay(&["outage", "--settings", "fast"], "");

    assert_eq!((ran.code, ran.out.as_str()), (Some(2), ""));
    assert!(ran.err.contains("must be a file, or one of default, quick"), "{}", ran.err);
}
