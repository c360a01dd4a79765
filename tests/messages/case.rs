//! A program with a mistake, and what it says the compiler must say.

use std::fs;
use std::path::{Path, PathBuf};

use crate::compiler::CompilerError;

pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) path: PathBuf,
    /// The line of the first error, from 1.
    line: u64,
    code: String,
    words: Vec<String>,
    /// Whether the guide quotes the error.
    pub(crate) is_quoted: bool,
}

pub(crate) fn cases() -> Vec<Case> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/messages/cases");
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut cases: Vec<_> = paths.map(Case::read).collect();
    cases.sort_by(|a, b| a.name.cmp(&b.name));
    cases
}

impl Case {
    fn read(path: PathBuf) -> Self {
        let text = fs::read_to_string(&path).unwrap();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let (mut found, mut words, mut is_quoted) = (None, Vec::new(), false);
        for (line, before) in text.lines().skip(1).zip(1..) {
            let Some(mark) = line.trim().strip_prefix("//~") else { continue };
            if let Some(more) = mark.strip_prefix('|') {
                words.push(more.trim().to_owned());
            } else if let Some(first) = mark.strip_prefix('^') {
                let (code, said) = first.trim().split_once(' ').expect("a code and words");
                words.push(said.to_owned());
                let earlier = found.replace((before, code.to_owned()));
                assert!(earlier.is_none(), "{name}: more than one first error");
            } else {
                assert_eq!(mark.trim(), "guide", "{name}");
                is_quoted = true;
            }
        }
        let (line, code) = found.unwrap_or_else(|| panic!("{name}: no error is marked"));
        Self { name, path, line, code, words, is_quoted }
    }

    /// What is wrong with the first error.
    pub(crate) fn complaint(&self, error: &CompilerError) -> Option<String> {
        let Self { name, line, code, .. } = self;
        let at = (error.code.as_str(), error.line) == (code.as_str(), *line);
        let unsaid = self.words.iter().find(|words| !error.said.contains(words.as_str()));
        let expected = match unsaid {
            _ if !at => format!("{code} in line {line}"),
            Some(words) => format!("the words {words:?}"),
            None => return None,
        };
        Some(format!("{name}: expected {expected}, but got\n{}", error.rendered))
    }
}
