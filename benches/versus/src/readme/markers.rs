//! A README, and the place in it that is written.

use std::fs;
use std::path::{Path, PathBuf};

use crate::machine;
use crate::readme::Recorded;

/// A file with markers.
#[derive(Debug)]
pub(crate) struct Readme {
    path: PathBuf,
    text: String,
    /// Where the table begins and ends.
    place: (usize, usize),
}

impl Readme {
    pub(crate) fn open(path: &Path) -> Result<Self, String> {
        let text = fs::read_to_string(path)
            .map_err(|error| format!("cannot read {}: {error}", path.display()))?;
        let place = place(&text).ok_or_else(|| {
            format!(
                "{} has no place for the table: write a line `{}` and below it a line `{}`, where it \
                 belongs",
                path.display(),
                BEGIN.trim_end(),
                END.trim_end()
            )
        })?;
        Ok(Self { path: path.into(), text, place })
    }

    /// What stands between the markers, if it can be compared.
    pub(crate) fn recorded(&self) -> Result<Recorded, String> {
        Recorded::read(&self.text[self.place.0..self.place.1]).map_err(|error| {
            let command = machine::command_to_record();
            format!("{}: {error}; write the table anew: {command}", self.path.display())
        })
    }

    /// Puts `table` between the markers, and leaves all else as it is.
    pub(crate) fn write(&self, table: &str) -> Result<(), String> {
        let (before, after) = (&self.text[..self.place.0], &self.text[self.place.1..]);
        fs::write(&self.path, format!("{before}{table}{after}"))
            .map_err(|error| format!("cannot write {}: {error}", self.path.display()))
    }
}

/// From the line after the first marker to the line of the second.
fn place(text: &str) -> Option<(usize, usize)> {
    let begin = text.find(BEGIN)? + BEGIN.len();
    let end = begin + text[begin..].find(END)?;
    Some((begin, end))
}

const BEGIN: &str = "<!-- figures: begin -->\n";
const END: &str = "<!-- figures: end -->\n";

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, text: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("versus-{}-{name}.md", std::process::id()));
        fs::write(&path, text).expect("a directory for what is temporary");
        path
    }

    fn read(path: &Path) -> String {
        fs::read_to_string(path).expect("it was just written")
    }

    #[test]
    fn a_readme_without_markers_is_named_with_the_remedy() {
        for (name, text) in [
            ("neither", "# It\n"),
            ("one", "# It\n<!-- figures: begin -->\n"),
            ("turned", "<!-- figures: end -->\n<!-- figures: begin -->\n"),
        ] {
            let path = file(name, text);

            let error = Readme::open(&path).expect_err(name);

            assert!(error.contains(&path.display().to_string()), "{name}: {error}");
            assert!(error.contains("write a line `<!-- figures: begin -->"), "{name}: {error}");
            fs::remove_file(path).expect("it is there");
        }
    }

    #[test]
    fn what_stands_around_the_markers_stays_and_writing_twice_gives_the_same() {
        let path =
            file("twice", "# It\n<!-- figures: begin -->\nold\n<!-- figures: end -->\nend\n");

        Readme::open(&path).and_then(|readme| readme.write("new\n")).expect("it has markers");
        let once = read(&path);
        Readme::open(&path).and_then(|readme| readme.write("new\n")).expect("it has markers");

        assert_eq!(once, "# It\n<!-- figures: begin -->\nnew\n<!-- figures: end -->\nend\n");
        assert_eq!(read(&path), once);
        fs::remove_file(path).expect("it is there");
    }

    #[test]
    fn the_readme_of_this_repository_has_markers() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../README.md");

        Readme::open(&path).expect("the step `figures` needs them");
    }
}
