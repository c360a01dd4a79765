//! The names of types within a crate.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use syn::{Attribute, Item};

/// The types that files define, but for tests: each name with the files where it stands.
///
/// An alias is another name of a type that has one. What stands behind a `cfg` has another of its
/// name beside it, for where that does not hold; and what seals a trait is named so everywhere.
pub(super) fn types(files: &[(PathBuf, String)]) -> BTreeMap<String, Vec<&Path>> {
    let mut types: BTreeMap<String, Vec<&Path>> = BTreeMap::new();
    for (path, text) in files {
        let file = syn::parse_file(text).unwrap();
        each_type(&file.items, &mut |name| types.entry(name).or_default().push(path));
    }
    types
}

/// Names that more than one type has, with the files of those.
pub(super) fn doubled(files: &[(PathBuf, String)]) -> Vec<String> {
    let is_doubled = |(_, paths): &(String, Vec<&Path>)| paths.len() > 1;
    let said = |(name, paths)| format!("{name}: {paths:?}");
    types(files).into_iter().filter(is_doubled).map(said).collect()
}

fn each_type(items: &[Item], see: &mut impl FnMut(String)) {
    for item in items {
        let (attributes, name) = match item {
            Item::Struct(it) => (&it.attrs, &it.ident),
            Item::Enum(it) => (&it.attrs, &it.ident),
            Item::Trait(it) => (&it.attrs, &it.ident),
            Item::Union(it) => (&it.attrs, &it.ident),
            Item::Mod(it) if it.ident == "sealed" || is_conditional(&it.attrs) => continue,
            Item::Mod(it) => {
                each_type(it.content.as_ref().map_or(&[], |(_, items)| items), see);
                continue;
            }
            _ => continue,
        };
        if !is_conditional(attributes) {
            see(name.to_string());
        }
    }
}

fn is_conditional(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| attribute.path().is_ident("cfg"))
}
