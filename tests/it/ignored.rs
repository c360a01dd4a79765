//! No test passes that has not run: one that needs a server is ignored, and fails without it.

use std::fs;
use std::path::PathBuf;

use syn::visit::{Visit, visit_block, visit_item_fn};
use syn::{Attribute, ExprAsync, ExprClosure, ExprReturn, Item, ItemFn};

use crate::architecture::rust_files;
use crate::faults::root;

/// Path and text of each file that may have tests.
fn files() -> impl Iterator<Item = (PathBuf, String)> {
    let folders = ["src", "tests", "crates", "examples"];
    let paths = folders.into_iter().flat_map(|folder| rust_files(&root().join(folder)));
    paths.map(|path| {
        let text = fs::read_to_string(&path).unwrap();
        (path, text)
    })
}

/// The programs that `tests/run.sh` installs for tests.
fn programs() -> Vec<String> {
    let script = fs::read_to_string(root().join("tests/servers.sh")).unwrap();
    let list = script.lines().find_map(|line| line.strip_prefix("programs=")).unwrap();
    list.trim_matches('"').split(' ').map(str::to_owned).collect()
}

/// The script picks tests by these words.
#[test]
fn an_ignored_test_says_what_it_needs_or_who_runs_it() {
    let (programs, mut seen) = (programs(), 0);
    for (path, text) in files() {
        let marks = text.lines().map(str::trim).filter(|line| line.starts_with("#[ignore"));
        for mark in marks {
            let said = format!("{}: {mark}", path.display());
            let reason = mark.strip_prefix("#[ignore = \"").and_then(|it| it.strip_suffix("\"]"));
            let (why, run_by) = reason.and_then(|it| it.split_once("run by ")).expect(&said);
            if let Some(needed) = why.strip_prefix("needs ") {
                assert_eq!(run_by, "tests/run.sh", "{said}");
                let mut needed = needed.trim_end_matches(": ").split(" and ");
                assert!(needed.all(|one| programs.iter().any(|it| it == one)), "{said}");
            }
            seen += 1;
        }
    }
    assert!(seen > 80, "only {seen} were found: is the test looking in the right place?");
}

/// In code, that is: tests within a macro are not looked at.
#[test]
fn no_test_leaves_before_its_end() {
    let mut seen = 0;
    // To read the others takes long.
    for (path, text) in files().filter(|(_, text)| text.contains("return")) {
        let mut tests = Tests::default();
        tests.visit_file(&syn::parse_file(&text).unwrap());
        assert!(tests.left.is_empty(), "{}: {:?}", path.display(), tests.left);
        seen += tests.seen;
    }
    assert!(seen > 100, "only {seen} were found: is the test looking in the right place?");
}

#[test]
fn a_test_that_leaves_is_found() {
    let leaving = |body: &str| {
        let mut tests = Tests::default();
        let text = format!("mod tests {{ #[tokio::test] async fn it() {{ {body} }} }}");
        tests.visit_file(&syn::parse_file(&text).unwrap());
        !tests.left.is_empty()
    };

    assert!(leaving("let Some(server) = start().await else { return }; server.stop();"));
    assert!(leaving("if missing() { return; }"));
    assert!(!leaving("each(|it| return it.is_well()); async { return 1 }; fn f() { return }"));
}

#[derive(Default)]
struct Tests {
    seen: usize,
    left: Vec<String>,
    /// The test that is being looked at.
    within: Option<String>,
}

impl Visit<'_> for Tests {
    fn visit_item_fn(&mut self, function: &ItemFn) {
        if !function.attrs.iter().any(is_test) {
            return visit_item_fn(self, function);
        }
        self.seen += 1;
        self.within = Some(function.sig.ident.to_string());
        visit_block(self, &function.block);
        self.within = None;
    }

    fn visit_expr_return(&mut self, _: &ExprReturn) {
        self.left.extend(self.within.clone());
    }

    // What is within returns from there.
    fn visit_item(&mut self, item: &Item) {
        if self.within.is_none() {
            syn::visit::visit_item(self, item);
        }
    }

    fn visit_expr_closure(&mut self, _: &ExprClosure) {}

    fn visit_expr_async(&mut self, _: &ExprAsync) {}
}

fn is_test(attribute: &Attribute) -> bool {
    attribute.path().segments.last().is_some_and(|last| last.ident == "test")
}
