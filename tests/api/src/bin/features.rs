//! Prints a line for each published crate, and one for each of its features: the crate, a space, the
//! feature. Run in the workspace that they are in.

use std::error::Error;
use std::io::{self, Write};

use api::{metadata, published, text};

fn main() -> Result<(), Box<dyn Error>> {
    let metadata = metadata(&["--no-deps"])?;
    let mut out = io::stdout();
    for package in published(&metadata) {
        let name = text(&package["name"]);
        writeln!(out, "{name} ")?;
        let features = package["features"].as_object().into_iter().flat_map(|all| all.keys());
        for feature in features.filter(|feature| !["default", "full"].contains(&feature.as_str())) {
            writeln!(out, "{name} {feature}")?;
        }
    }
    Ok(())
}
