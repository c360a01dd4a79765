use crate::support::{Ran, file, replay};

fn peak(ran: &Ran, settings: &str) -> f64 {
    ran.cell(settings, "peak").trim_end_matches(" x").parse().unwrap()
}

fn while_down(ran: &Ran, settings: &str) -> u64 {
    ran.cell(settings, "while down").trim_end_matches("/s").replace(',', "").parse().unwrap()
}

#[test]
fn circuits_keep_the_load_off_an_upstream_that_is_down_and_back() {
    let ran = replay(&["clients", "--clients", "500"], "");

    assert!((490..=510).contains(&while_down(&ran, "none")));
    assert!(while_down(&ran, "fixed") < 50);
    assert!(peak(&ran, "none") > 2.0);
    assert!(peak(&ran, "ramp") < 1.0);
    assert_eq!(ran.count("none", "rejected"), 0);
    assert_eq!(ran.count("ramp", "refused"), 0);
    assert!(ran.seconds("none", "full service after") < ran.seconds("ramp", "full service after"));
}

#[test]
fn settings_from_a_file_are_played_and_drawn() {
    let settings = file("ours.toml", "consecutive_failures = 3\nprobes = 2\nramp = \"1m\"\n");
    let path = file("clients.svg", "");

    let ran = replay(&["clients", "--clients", "100", "--settings", &settings, "--svg", &path], "");

    assert_eq!(ran.table().len(), 2);
    assert!(ran.count("ours", "rejected") > 0);
    let svg = std::fs::read_to_string(path).unwrap();
    for words in ["100 clients of one recovering upstream", "ours", "time in seconds"] {
        assert!(svg.contains(words), "{words}");
    }
}
