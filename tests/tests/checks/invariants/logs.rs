//! A line of the log is one object of JSON, in which no key comes twice.

use std::{collections::BTreeSet, fs, path::Path};

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::Visit;

use super::root;

/// The keys that the formatter itself writes.
const OWN: [&str; 5] = ["timestamp", "level", "message", "target", "span"];
/// The macros that log an event.
const EVENTS: [&str; 5] = ["trace", "debug", "info", "warn", "error"];

/// The names of an event's fields: of `a = b`, `%a` and `a.b`, the first identifier.
fn fields(tokens: TokenStream) -> Vec<String> {
    let mut fields = Vec::new();
    let mut is_first = true;
    for token in tokens {
        match token {
            TokenTree::Punct(mark) if mark.as_char() == ',' => is_first = true,
            TokenTree::Punct(mark) if is_first && "%?".contains(mark.as_char()) => {}
            TokenTree::Ident(name) if is_first => {
                fields.push(name.to_string());
                is_first = false;
            }
            _ => is_first = false,
        }
    }
    fields
}

#[derive(Default)]
struct Events {
    wrong: Vec<String>,
    seen: usize,
}

impl Events {
    fn read(&mut self, path: &Path) {
        if path.is_dir() {
            for entry in fs::read_dir(path).unwrap() {
                self.read(&entry.unwrap().path());
            }
        } else if path.extension().is_some_and(|kind| kind == "rs") {
            let text = fs::read_to_string(path).unwrap();
            self.visit_file(&syn::parse_file(&text).unwrap());
        }
    }
}

impl<'ast> Visit<'ast> for Events {
    fn visit_macro(&mut self, found: &'ast syn::Macro) {
        let names: Vec<_> = found
            .path
            .segments
            .iter()
            .map(|part| part.ident.to_string())
            .collect();
        let [krate, event] = &names[..] else { return };
        if krate != "tracing" || !EVENTS.contains(&event.as_str()) {
            return;
        }
        self.seen += 1;
        let mut known: BTreeSet<String> = OWN.map(str::to_owned).into();
        for field in fields(found.tokens.clone()) {
            if !known.insert(field.clone()) {
                self.wrong.push(format!("{field} in {}", found.tokens));
            }
        }
    }
}

#[test]
fn no_field_of_a_log_line_has_the_name_of_another() {
    let mut events = Events::default();
    for krate in [
        "account",
        "auth",
        "aws",
        "core",
        "http",
        "providers",
        "runtime",
        "setup",
    ] {
        events.read(&root().join("crates").join(krate).join("src"));
    }
    assert!(events.seen > 30, "{} events found", events.seen);
    assert_eq!(events.wrong, [] as [&str; 0]);
}
