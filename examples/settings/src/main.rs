//! Settings of two circuits from a file and from environment variables.
//!
//! ```sh
//! cargo run -p settings
//! PLANT_ID_CIRCUIT_FAIL_MAX=7 cargo run -p settings
//! PLANT_ID_CIRCUIT_RESET_TIMEOUT=60 cargo run -p settings
//! ```
//!
//! The last one is refused with the name of the setting, its value and what is allowed.

use std::io::{self, Write};
use std::process::ExitCode;

use figment::Figment;
use figment::providers::{Env, Format, Toml};
use tower_circuit_breaker::{Circuit, CircuitConfig};

/// What would be in a file beside the program.
const FILE: &str = r#"
    [plant_id]
    consecutive_failures = 3
    open_for = "1m"
    probes = 2

    [plantnet]
    consecutive_failures = 5
    open_for = "30s"
    probes = 2
    window = { time = "1m", buckets = 6 }
"#;

/// Names that operators of other breakers know, and what they are called here.
const OTHER_NAMES: [(&str, &str); 3] = [
    ("fail_max", "consecutive_failures"),
    ("reset_timeout", "open_for"),
    ("success_threshold", "probes"),
];

/// The settings of one circuit: from the file, and over that from the environment.
fn settings(section: &str) -> Result<CircuitConfig, Box<figment::Error>> {
    let environment = Env::prefixed(&format!("{}_CIRCUIT_", section.to_uppercase())).map(|key| {
        let name = key.as_str().to_lowercase();
        let known = OTHER_NAMES.iter().find(|(other, _)| *other == name);
        known.map_or(name, |(_, ours)| (*ours).to_owned()).into()
    });
    Figment::from(Toml::string(FILE).nested())
        .select(section)
        .merge(environment.profile(section))
        .extract()
        .map_err(Box::new)
}

fn main() -> ExitCode {
    for section in ["plant_id", "plantnet"] {
        let config = match settings(section) {
            Ok(config) => config,
            Err(error) => {
                let _ = writeln!(io::stderr(), "settings: {section}: {error}");
                return ExitCode::from(2);
            }
        };
        let circuit = Circuit::builder(section).config(config.clone()).build();
        let text = toml::to_string(&config).expect("settings can always be written");
        let _ = writeln!(io::stdout(), "# {circuit:?}\n{text}");
    }
    ExitCode::SUCCESS
}
