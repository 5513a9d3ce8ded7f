//! Which source file takes names from which, read from the source itself.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use syn::{Attribute, Item, ItemMod, UseTree, Visibility, visit::Visit};

/// A module of one crate, by the path from its root.
type Module = Vec<String>;

/// What a file defines, what it passes on, and the paths it names.
#[derive(Default)]
struct Source {
    file: PathBuf,
    defines: BTreeSet<String>,
    passes_on: BTreeMap<String, BTreeSet<Vec<String>>>,
    names: BTreeSet<Vec<String>>,
}

/// The files of one crate, with an arrow to each file whose names another one takes.
pub(super) struct Imports {
    sources: BTreeMap<Module, Source>,
}

impl Imports {
    /// Reads the crate whose root file is `src/lib.rs` or `src/main.rs`. Unit tests are left out: they may
    /// take what they need from anywhere.
    pub(super) fn of_crate(directory: &Path) -> Self {
        let mut sources = BTreeMap::new();
        for root in ["lib.rs", "main.rs"] {
            let file = directory.join("src").join(root);
            if file.exists() {
                read(&file, Module::new(), &mut sources);
                break;
            }
        }
        Self { sources }
    }

    /// Each file with those it takes names from, relative to the crate's `src`. A module stands on what
    /// the modules around it define, so arrows to these are left out.
    pub(super) fn arrows(&self) -> BTreeMap<String, BTreeSet<String>> {
        let mut arrows: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (module, source) in &self.sources {
            let targets = source
                .names
                .iter()
                .filter_map(|path| self.file_of(module, path, 0))
                .filter(|target| !self.is_around(module, target))
                .map(|target| shown(&target));
            arrows
                .entry(shown(&source.file))
                .or_default()
                .extend(targets.collect::<Vec<_>>());
        }
        arrows
    }

    /// Whether the file is the module's own, or that of a module around it.
    fn is_around(&self, module: &Module, file: &Path) -> bool {
        (0..=module.len()).any(|depth| {
            let around = self.sources.get(&module[..depth]);
            around.is_some_and(|source| source.file == file)
        })
    }

    /// The file that defines what the path names, through whatever passes it on.
    fn file_of(&self, from: &Module, path: &[String], depth: usize) -> Option<PathBuf> {
        // Re-exports may lead in a loop.
        if depth > 16 {
            return None;
        }
        let (mut at, rest) = self.start(from, path)?;
        for (index, name) in rest.iter().enumerate() {
            let mut inner = at.clone();
            inner.push(name.clone());
            if self.sources.contains_key(&inner) {
                at = inner;
                continue;
            }
            let source = self.sources.get(&at)?;
            if source.defines.contains(name) {
                return Some(source.file.clone());
            }
            let mut passed_on = source.passes_on.get(name)?.iter();
            return passed_on.find_map(|path| {
                let whole = [path, &rest[index + 1..]].concat();
                self.file_of(&at, &whole, depth + 1)
            });
        }
        // A module by itself names nothing in it.
        None
    }

    /// The module that a path begins in, and the names after it; `None` for another crate's.
    fn start<'a>(&self, from: &Module, path: &'a [String]) -> Option<(Module, &'a [String])> {
        let mut at = from.clone();
        let mut rest = path;
        match rest.first()?.as_str() {
            "crate" => {
                at.clear();
                rest = &rest[1..];
            }
            "self" => rest = &rest[1..],
            "super" => {
                while rest.first().is_some_and(|name| name == "super") {
                    at.pop()?;
                    rest = &rest[1..];
                }
            }
            first => {
                let mut inner = at.clone();
                inner.push(first.to_owned());
                let source = self.sources.get(&at)?;
                let is_here =
                    self.sources.contains_key(&inner) || source.passes_on.contains_key(first);
                if !is_here {
                    return None;
                }
            }
        }
        Some((at, rest))
    }
}

fn shown(file: &Path) -> String {
    let path = file.to_string_lossy().replace('\\', "/");
    path.split_once("/src/")
        .map_or(path.clone(), |(_, inner)| inner.to_owned())
}

/// Reads a file and all modules that it declares.
fn read(file: &Path, module: Module, sources: &mut BTreeMap<Module, Source>) {
    let text = fs::read_to_string(file).unwrap();
    let parsed = syn::parse_file(&text).unwrap();
    let mut reader = Reader {
        source: Source {
            file: file.to_owned(),
            ..Source::default()
        },
        declared: Vec::new(),
    };
    reader.visit_file(&parsed);
    let Reader { source, declared } = reader;
    sources.insert(module.clone(), source);
    let is_root =
        ["mod.rs", "lib.rs", "main.rs"].contains(&file.file_name().unwrap().to_str().unwrap());
    let beside = if is_root {
        file.parent().unwrap().to_owned()
    } else {
        file.with_extension("")
    };
    for name in declared {
        let mut inner = module.clone();
        inner.push(name.clone());
        let candidates = [
            beside.join(format!("{name}.rs")),
            beside.join(&name).join("mod.rs"),
        ];
        if let Some(file) = candidates.iter().find(|file| file.exists()) {
            read(file, inner, sources);
        }
    }
}

struct Reader {
    source: Source,
    declared: Vec<String>,
}

fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute
                .meta
                .require_list()
                .is_ok_and(|list| list.tokens.to_string() == "test")
    })
}

impl<'ast> Visit<'ast> for Reader {
    fn visit_item(&mut self, item: &'ast Item) {
        let name = match item {
            Item::Const(item) => Some(&item.ident),
            Item::Enum(item) => Some(&item.ident),
            Item::Fn(item) => Some(&item.sig.ident),
            Item::Static(item) => Some(&item.ident),
            Item::Struct(item) => Some(&item.ident),
            Item::Trait(item) => Some(&item.ident),
            Item::Type(item) => Some(&item.ident),
            Item::Macro(item) => item.ident.as_ref(),
            _ => None,
        };
        self.source.defines.extend(name.map(ToString::to_string));
        syn::visit::visit_item(self, item);
    }

    fn visit_item_mod(&mut self, item: &'ast ItemMod) {
        if is_test(&item.attrs) {
            return;
        }
        if item.content.is_none() {
            self.declared.push(item.ident.to_string());
        }
        syn::visit::visit_item_mod(self, item);
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        let mut leaves = Vec::new();
        collect(&item.tree, &mut Vec::new(), &mut leaves);
        for (path, name) in leaves {
            // A module and a function may share a name.
            let passed_on = self.source.passes_on.entry(name).or_default();
            passed_on.insert(path.clone());
            // Passing a name on takes nothing.
            if matches!(item.vis, Visibility::Inherited) {
                self.source.names.insert(path);
            }
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let names = path
            .segments
            .iter()
            .map(|segment| segment.ident.to_string());
        let names: Vec<String> = names.collect();
        if names.len() > 1 {
            self.source.names.insert(names);
        }
        syn::visit::visit_path(self, path);
    }
}

/// The paths of a `use`, each with the name that it has in the file.
fn collect(tree: &UseTree, path: &mut Vec<String>, leaves: &mut Vec<(Vec<String>, String)>) {
    match tree {
        UseTree::Path(inner) => {
            path.push(inner.ident.to_string());
            collect(&inner.tree, path, leaves);
            path.pop();
        }
        UseTree::Name(name) => {
            let mut whole = path.clone();
            if name.ident != "self" {
                whole.push(name.ident.to_string());
            }
            let last = whole.last().cloned().unwrap_or_default();
            leaves.push((whole, last));
        }
        UseTree::Rename(rename) => {
            let mut whole = path.clone();
            whole.push(rename.ident.to_string());
            leaves.push((whole, rename.rename.to_string()));
        }
        UseTree::Group(group) => {
            for inner in &group.items {
                collect(inner, path, leaves);
            }
        }
        UseTree::Glob(_) => {}
    }
}

/// Sets of files each of which takes names from another one of the same set, directly or not.
pub(super) fn circles(arrows: &BTreeMap<String, BTreeSet<String>>) -> Vec<Vec<String>> {
    let reached = |from: &String| {
        let mut seen = BTreeSet::new();
        let mut next: Vec<&String> = arrows.get(from).into_iter().flatten().collect();
        while let Some(file) = next.pop() {
            if seen.insert(file.clone()) {
                next.extend(arrows.get(file).into_iter().flatten());
            }
        }
        seen
    };
    let reach: BTreeMap<&String, BTreeSet<String>> =
        arrows.keys().map(|file| (file, reached(file))).collect();
    let mut found = BTreeSet::new();
    for (file, reached) in &reach {
        if reached.contains(*file) {
            let back = reached
                .iter()
                .filter(|other| reach.get(other).is_some_and(|more| more.contains(*file)));
            found.insert(back.cloned().collect::<Vec<_>>());
        }
    }
    found.into_iter().collect()
}
