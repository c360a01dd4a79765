//! Prints a line for each published crate that has features, and one for each of these: the crate, a
//! space, the feature. Run in the workspace that they are in.

use std::error::Error;
use std::io::{self, Write};

use api::{metadata, published, text};

fn main() -> Result<(), Box<dyn Error>> {
    let metadata = metadata(&["--no-deps"])?;
    let mut out = io::stdout();
    for package in published(&metadata) {
        let Some(features) = package["features"].as_object().filter(|all| !all.is_empty()) else {
            continue;
        };
        let name = text(&package["name"]);
        writeln!(out, "{name} ")?;
        for feature in
            features.keys().filter(|feature| !["default", "full"].contains(&feature.as_str()))
        {
            writeln!(out, "{name} {feature}")?;
        }
    }
    Ok(())
}
