//! Which AWS operations each function can call, read from the function's program: unreachable
//! operations are not linked.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::LazyLock;

use object::{Object, ObjectSymbol};
use regex_lite::Regex;
use towerhook_package::local::{Profile, build};
use zip::ZipArchive;

/// The operations, as `service:Operation`, that each function can call.
pub(crate) fn operations() -> &'static BTreeMap<&'static str, BTreeSet<String>> {
    static OPERATIONS: LazyLock<BTreeMap<&str, BTreeSet<String>>> = LazyLock::new(|| {
        let zips = build(Profile::Quick).unwrap();
        zips.named()
            .map(|(name, zip)| (name.strip_suffix(".zip").unwrap(), linked(&program(zip))))
            .into()
    });
    &OPERATIONS
}

fn program(zip: &Path) -> Vec<u8> {
    let mut archive = ZipArchive::new(File::open(zip).unwrap()).unwrap();
    let mut program = Vec::new();
    archive
        .by_name("bootstrap")
        .unwrap()
        .read_to_end(&mut program)
        .unwrap();
    program
}

/// The SDK's entry point of an operation is
/// `aws_sdk_<service>::operation::<operation>::<Operation>::orchestrate`; that of a call without a
/// generated client is `towerhook_aws::call::services::<service>::<operation>`.
fn linked(program: &[u8]) -> BTreeSet<String> {
    let entry =
        Regex::new(r"aws_sdk_([a-z0-9]+)::operation::[a-z_0-9]+::([A-Za-z0-9]+)::orchestrate\b")
            .unwrap();
    let own = Regex::new(r"towerhook_aws::call::services::([a-z0-9]+)::([a-z_]+)\b").unwrap();
    let file = object::File::parse(program).unwrap();
    let operations: BTreeSet<String> = file
        .symbols()
        .filter_map(|symbol| symbol.name().ok())
        .filter(|name| {
            name.contains("aws_sdk_") && name.contains("orchestrate") || name.contains("services")
        })
        .map(|name| format!("{:#}", rustc_demangle::demangle(name)))
        .filter_map(|name| {
            if let Some(found) = own.captures(&name) {
                return Some(format!("{}:{}", &found[1], pascal_case(&found[2])));
            }
            let found = entry.captures(&name)?;
            Some(format!("{}:{}", prefix(&found[1])?, &found[2]))
        })
        .collect();
    assert!(!operations.is_empty(), "the program has no symbols");
    operations
}

/// The IAM name of an SDK crate's service; `None` for those that only the SDK's own credential
/// chain uses, since Lambda provides a role's credentials. Identity Center is among them if the
/// functions were compiled together with the command.
fn prefix(sdk: &str) -> Option<&str> {
    match sdk {
        "sso" | "ssooidc" | "sts" => None,
        "cloudwatchlogs" => Some("logs"),
        other => Some(other),
    }
}

/// `GetTrail` for `get_trail`.
fn pascal_case(name: &str) -> String {
    let words = name.split('_').map(|word| {
        let (first, rest) = word.split_at(1);
        first.to_uppercase() + rest
    });
    words.collect()
}
