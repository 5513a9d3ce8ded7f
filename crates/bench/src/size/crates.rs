/// The owner of symbols without a Rust path: C, assembly, and the C library's start files.
pub(super) const FOREIGN: &str = "C and assembly";

/// The function that the compiler generates for each type to drop a value.
const DROP_GLUE: &str = "core::ptr::drop_in_place";

/// The crates whose generic types hold those of all others.
const STANDARD: [&str; 3] = ["core", "alloc", "std"];

/// The crate of a demangled symbol's path: that of `T` in `<T as Trait>::f`, the first one named in a
/// generic implementation, and that of the dropped type in drop glue.
pub(super) fn crate_of(symbol: &str) -> &str {
    if let Some(dropped) = symbol.strip_prefix(DROP_GLUE) {
        let mut named = crates(dropped);
        return named
            .find(|name| !STANDARD.contains(name))
            .unwrap_or("core");
    }
    crates(symbol).next().unwrap_or(FOREIGN)
}

/// The first part of each path in a symbol.
fn crates(symbol: &str) -> impl Iterator<Item = &str> {
    let is_part = |character: char| character.is_alphanumeric() || character == '_';
    symbol.match_indices("::").filter_map(move |(at, _)| {
        let before = &symbol[..at];
        let part = before.trim_end_matches(is_part);
        // A part that follows `::`, `>` or `}` is not the first of its path.
        (part.len() < at && !part.ends_with([':', '>', '}'])).then(|| &before[part.len()..])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_belongs_to_its_first_part() {
        for (symbol, owner) in [
            ("h2::proto::connection::Connection<T,P,B>::poll", "h2"),
            ("account::main::{{closure}}", "account"),
            ("aws_sdk_sqs::client::Client::new", "aws_sdk_sqs"),
            ("std::rt::lang_start::{closure#0}", "std"),
            (
                "towerhook_aws::accounts::<impl towerhook_core::ports::Accounts for Aws<S>>::list",
                "towerhook_aws",
            ),
        ] {
            assert_eq!(crate_of(symbol), owner, "{symbol}");
        }
    }

    #[test]
    fn an_implementation_belongs_to_its_type() {
        for (symbol, owner) in [
            (
                "<rustls::msgs::Hello as core::fmt::Debug>::fmt::{{closure}}",
                "rustls",
            ),
            ("<&mut url::Url as core::fmt::Debug>::fmt", "url"),
            (
                "<alloc::vec::Vec<http::Uri> as core::ops::Drop>::drop",
                "alloc",
            ),
            (
                "<dyn tokio::io::AsyncRead as std::any::Any>::type_id",
                "tokio",
            ),
            ("<[jiff::Span] as core::cmp::Ord>::cmp", "jiff"),
            ("<&T as core::fmt::Debug>::fmt", "core"),
            ("<(A, B) as serde_json::value::Index>::of", "serde_json"),
        ] {
            assert_eq!(crate_of(symbol), owner, "{symbol}");
        }
    }

    #[test]
    fn a_drop_belongs_to_the_dropped_type() {
        for (symbol, owner) in [
            ("core::ptr::drop_in_place<hyper::Body>", "hyper"),
            (
                "core::ptr::drop_in_place::<core::option::Option<ring::rsa::Key>>",
                "ring",
            ),
            ("core::ptr::drop_in_place<alloc::string::String>", "core"),
        ] {
            assert_eq!(crate_of(symbol), owner, "{symbol}");
        }
    }

    #[test]
    fn a_symbol_without_a_path_is_foreign() {
        for symbol in ["_start", "ecp_nistz256_precomputed", ""] {
            assert_eq!(crate_of(symbol), FOREIGN, "{symbol}");
        }
    }
}
