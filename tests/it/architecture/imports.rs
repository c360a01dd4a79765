//! Which files of a crate use which: what `use` and paths in bodies name, through `crate`, `super`,
//! `self`, a module's own children, and the names that `lib.rs` exports again.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Attribute, Item, ItemMod, ItemUse, Macro, Meta, UseTree, Visibility};

/// A module, from the root of its crate; the root is empty.
pub(super) type Module = Vec<String>;

/// Which module uses which.
pub(super) type Arrows = BTreeMap<Module, BTreeSet<Module>>;

/// The arrows between the modules of a crate, of which these are the files. What is compiled for
/// tests alone is left out.
pub(super) fn arrows(files: &BTreeMap<Module, String>) -> Arrows {
    let parsed: BTreeMap<_, _> = files
        .iter()
        .map(|(module, text)| {
            let file = syn::parse_file(text).unwrap_or_else(|error| panic!("{module:?}: {error}"));
            (module.clone(), file)
        })
        .collect();
    let exported = parsed.get(&Module::new()).map(exports).unwrap_or_default();
    let mut arrows = Arrows::new();
    for (module, file) in &parsed {
        let mut seen = Paths { module: module.clone(), files, found: BTreeSet::new() };
        seen.visit_file(file);
        for path in seen.found {
            let target = owner(&resolve(path, &exported), files);
            if target != *module && !target.is_empty() && !module.is_empty() {
                arrows.entry(module.clone()).or_default().insert(target);
            }
        }
    }
    arrows
}

/// What `lib.rs` exports again: a name at the root, and where it comes from.
fn exports(root: &syn::File) -> BTreeMap<String, Module> {
    let mut exports = BTreeMap::new();
    for item in &root.items {
        let Item::Use(item) = item else { continue };
        for (path, name) in leaves(&item.tree) {
            let path = absolute(path, &Module::new());
            exports.extend(path.map(|path| (name, path)));
        }
    }
    exports
}

/// Follows a name at the root to where it comes from.
fn resolve(path: Module, exported: &BTreeMap<String, Module>) -> Module {
    match path.first().and_then(|first| exported.get(first)) {
        Some(origin) => origin.iter().chain(path.iter().skip(1)).cloned().collect(),
        None => path,
    }
}

/// The file in which the item of this path is.
fn owner(path: &[String], files: &BTreeMap<Module, String>) -> Module {
    let mut path = path.to_vec();
    while !path.is_empty() && !files.contains_key(&path) {
        path.pop();
    }
    path
}

/// The paths that a file names, as they are from the root of the crate.
struct Paths<'a> {
    module: Module,
    files: &'a BTreeMap<Module, String>,
    found: BTreeSet<Module>,
}

impl Paths<'_> {
    fn find(&mut self, path: Vec<String>) {
        let Some(first) = path.first() else { return };
        let child: Module = self.module.iter().chain([first]).cloned().collect();
        if self.files.contains_key(&child) {
            self.found.insert(self.module.iter().cloned().chain(path).collect());
        } else {
            self.found.extend(absolute(path, &self.module));
        }
    }

    /// Macros are not parsed: their paths are names with colons between.
    fn find_in(&mut self, tokens: TokenStream) {
        let mut path = Vec::new();
        let mut colons = 0;
        for token in tokens {
            match token {
                TokenTree::Ident(name) if colons == 2 || path.is_empty() => {
                    path.push(name.to_string());
                    colons = 0;
                }
                TokenTree::Punct(mark) if mark.as_char() == ':' => colons += 1,
                other => {
                    self.find(std::mem::take(&mut path));
                    colons = 0;
                    match other {
                        TokenTree::Group(group) => self.find_in(group.stream()),
                        TokenTree::Ident(name) => path.push(name.to_string()),
                        _ => {}
                    }
                }
            }
        }
        self.find(path);
    }
}

impl<'ast> Visit<'ast> for Paths<'_> {
    fn visit_item(&mut self, item: &'ast Item) {
        if !is_for_tests(attributes(item)) {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        for (path, _) in leaves(&item.tree) {
            self.find(path);
        }
    }

    fn visit_item_mod(&mut self, item: &'ast ItemMod) {
        self.module.push(item.ident.to_string());
        visit::visit_item_mod(self, item);
        self.module.pop();
    }

    /// `pub(super)` uses nothing.
    fn visit_visibility(&mut self, _: &'ast Visibility) {}

    fn visit_path(&mut self, path: &'ast syn::Path) {
        self.find(path.segments.iter().map(|segment| segment.ident.to_string()).collect());
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, called: &'ast Macro) {
        visit::visit_macro(self, called);
        self.find_in(called.tokens.clone());
    }
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

/// Whether it says `cfg(test)`, or `cfg(all(test, ..))`.
fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        Meta::List(list) if list.path.is_ident("cfg") => {
            let condition = list.tokens.to_string().replace(' ', "");
            condition == "test" || condition.starts_with("all(test")
        }
        _ => false,
    })
}

/// The paths of a `use`, each with the name that it brings.
fn leaves(tree: &UseTree) -> Vec<(Vec<String>, String)> {
    let single = |name: String| vec![(vec![name.clone()], name)];
    match tree {
        UseTree::Path(path) => {
            let mut inner = leaves(&path.tree);
            for (below, name) in &mut inner {
                if below.as_slice() == ["self"] {
                    *below = Vec::new();
                    *name = path.ident.to_string();
                }
                below.insert(0, path.ident.to_string());
            }
            inner
        }
        UseTree::Name(name) => single(name.ident.to_string()),
        UseTree::Rename(rename) => {
            vec![(vec![rename.ident.to_string()], rename.rename.to_string())]
        }
        UseTree::Glob(_) => single("*".to_owned()),
        UseTree::Group(group) => group.items.iter().flat_map(leaves).collect(),
    }
}

/// A path from the root of the crate; `None` where it is of another crate, or of this module.
fn absolute(path: Vec<String>, module: &[String]) -> Option<Module> {
    let (mut from, mut rest) = match path.split_first()? {
        (first, rest) if first == "crate" => (Module::new(), rest),
        (first, rest) if first == "self" => (module.to_vec(), rest),
        (first, _) if first == "super" => (module.to_vec(), path.as_slice()),
        _ => return None,
    };
    while rest.first().is_some_and(|first| first == "super") {
        from.pop();
        rest = &rest[1..];
    }
    from.extend_from_slice(rest);
    Some(from)
}
