//! Dependencies that must not exist, checked against cargo's own view of the workspace.

mod adding;
mod dependency;
mod imports;
mod logs;
mod metrics;
pub(crate) mod pages;
mod vendors;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    process::Command,
};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand};
use imports::{Imports, circles};

const FUNCTIONS: [&str; 3] = ["towerhook-setup", "towerhook-account", "towerhook-auth"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_owned()
}

fn metadata() -> Metadata {
    MetadataCommand::new()
        .current_dir(root())
        .no_deps()
        .exec()
        .unwrap()
}

/// The normal dependencies of each member of the workspace, as its manifest names them.
fn manifests() -> BTreeMap<String, BTreeSet<String>> {
    let metadata = metadata();
    let members = metadata.workspace_packages();
    let normal = |package: &&cargo_metadata::Package| {
        let dependencies = package.dependencies.iter();
        dependencies
            .filter(|dependency| dependency.kind == DependencyKind::Normal)
            .map(|dependency| dependency.name.clone())
            .collect()
    };
    members
        .iter()
        .map(|package| (package.name.to_string(), normal(package)))
        .collect()
}

/// Every package that cargo compiles for one function, with the features resolved for it alone.
fn compiled_for(function: &str) -> BTreeSet<String> {
    let output = Command::new(env!("CARGO"))
        .current_dir(root())
        .args([
            "tree",
            "--offline",
            "--package",
            function,
            "--edges",
            "normal",
        ])
        .args(["--prefix", "none", "--format", "{p}"])
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines()
        .filter_map(|line| line.split_whitespace().next())
        .map(str::to_owned)
        .collect()
}

#[test]
fn core_sees_no_aws_no_http_no_runtime_and_no_randomness() {
    let core = &manifests()["towerhook-core"];
    let allowed = [
        "futures",
        "jiff",
        "secrecy",
        "serde",
        "serde_json",
        "sha2",
        "thiserror",
        "tracing",
        "url",
    ];
    let allowed: BTreeSet<String> = allowed.map(str::to_owned).into();
    assert_eq!(
        core.difference(&allowed).collect::<Vec<_>>(),
        Vec::<&String>::new()
    );
}

#[test]
fn only_the_aws_crate_names_the_sdk() {
    for (package, dependencies) in manifests() {
        let names_sdk = dependencies.iter().any(|name| {
            name.starts_with("aws-sdk") || name == "aws-config" || name.starts_with("aws-smithy")
        });
        assert_eq!(names_sdk, package == "towerhook-aws", "{package}");
    }
}

#[test]
fn imports_run_downwards_only() {
    let allowed: BTreeMap<&str, &[&str]> = [
        ("towerhook-core", &[][..]),
        ("towerhook-http", &[]),
        ("towerhook-aws", &["towerhook-core", "towerhook-http"]),
        ("towerhook-providers", &["towerhook-core", "towerhook-http"]),
        (
            "towerhook-runtime",
            &[
                "towerhook-core",
                "towerhook-aws",
                "towerhook-http",
                "towerhook-providers",
            ],
        ),
        ("towerhook-setup", &["towerhook-core", "towerhook-runtime"]),
        (
            "towerhook-account",
            &["towerhook-core", "towerhook-operate", "towerhook-runtime"],
        ),
        ("towerhook-auth", &["towerhook-core", "towerhook-runtime"]),
        (
            "towerhook-world",
            &["towerhook-core", "towerhook-providers"],
        ),
        ("towerhook-operate", &["towerhook-core"]),
        ("towerhook-package", &[]),
        ("towerhook-sandbox", &["towerhook-package"]),
        (
            "towerhook-bench",
            &[
                "towerhook-core",
                "towerhook-package",
                "towerhook-sandbox",
                "towerhook-world",
            ],
        ),
        // The baseline that the functions are measured against: the same clients, and nothing else.
        (
            "towerhook-bench-bare",
            &["towerhook-core", "towerhook-runtime"],
        ),
        // An operator's commands work on a real account: they resolve credentials as the SDK does, and
        // read the account function's settings as that does.
        (
            "towerhook-cli",
            &[
                "towerhook-account",
                "towerhook-core",
                "towerhook-aws",
                "towerhook-bench",
                "towerhook-operate",
                "towerhook-package",
                "towerhook-runtime",
                "towerhook-sandbox",
            ],
        ),
        (
            "towerhook-tests",
            &[
                "towerhook-core",
                "towerhook-package",
                "towerhook-providers",
                "towerhook-sandbox",
            ],
        ),
    ]
    .into();
    for (package, dependencies) in manifests() {
        let ours = dependencies
            .iter()
            .filter(|name| name.starts_with("towerhook-"));
        let allowed = allowed
            .get(package.as_str())
            .expect("a crate that the map does not know");
        for name in ours {
            assert!(allowed.contains(&name.as_str()), "{package} imports {name}");
        }
    }
}

#[test]
fn a_function_has_one_tls_stack_and_one_crypto_provider() {
    for function in FUNCTIONS {
        let packages = compiled_for(function);
        for wanted in ["rustls", "ring", "hyper"] {
            assert!(packages.contains(wanted), "{function} lacks {wanted}");
        }
        for banned in [
            // A second HTTP client, and an unused protocol.
            "aws-smithy-http-client",
            "h2",
            "aws-lc-rs",
            "aws-lc-sys",
            "openssl",
            "openssl-sys",
            "native-tls",
            "s2n-tls",
        ] {
            assert!(!packages.contains(banned), "{function} compiles {banned}");
        }
    }
    let lock = std::fs::read_to_string(root().join("Cargo.lock")).unwrap();
    assert_eq!(
        lock.matches("name = \"rustls\"").count(),
        1,
        "two versions of rustls"
    );
    assert_eq!(
        lock.matches("name = \"hyper\"").count(),
        1,
        "two versions of hyper"
    );
}

#[test]
fn auth_links_no_more_of_aws_than_it_uses() {
    let sources = root().join("crates/auth/src");
    let text: String = std::fs::read_dir(sources)
        .unwrap()
        .map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap())
        .collect();
    for port in ["StackSet", "Accounts", "Ledger", "Messages"] {
        assert!(!text.contains(port), "auth uses {port}");
    }
}

#[test]
fn every_crate_takes_the_workspaces_lints_and_dependencies() {
    let members: Vec<PathBuf> = metadata()
        .workspace_packages()
        .iter()
        .map(|package| package.manifest_path.clone().into_std_path_buf())
        .collect();
    for manifest in members {
        let text = std::fs::read_to_string(&manifest).unwrap();
        let shown = manifest.display();
        assert!(
            text.contains("[lints]\nworkspace = true"),
            "{shown} has lints of its own"
        );
        let own_version = text.lines().find(|line| {
            line.contains("version = \"") || line.contains("path = \"..") || line.contains("git = ")
        });
        assert_eq!(own_version, None, "{shown} pins by itself");
    }
}

#[test]
fn a_main_file_fits_on_a_screen() {
    for name in ["setup", "account", "auth", "cli"] {
        let path = root().join(format!("crates/{name}/src/main.rs"));
        let lines = std::fs::read_to_string(&path).unwrap().lines().count();
        assert!(lines <= 40, "{} has {lines} lines", path.display());
    }
}

/// The engine's folders, from the ground up: each takes names only from those before it.
const FLOORS: [&[&str]; 13] = [
    &[
        "model", "count", "error", "metrics", "planted", "refusal", "time",
    ],
    &["read"],
    &["retry"],
    &["stack_sets"],
    &["landing_zone", "lifecycle", "custom_resource", "happening"],
    &["policy"],
    &["provider"],
    &["ledger"],
    &["ports"],
    &["deadline", "token", "dead_letters"],
    &["feed"],
    &["enrollment"],
    &["foundation"],
];

/// What runs up, or along a floor, from one folder of the engine to another.
fn upward(arrows: &BTreeMap<String, BTreeSet<String>>) -> Vec<String> {
    let folder = |file: &str| {
        let folder = file.split('/').next().unwrap_or_default();
        folder.trim_end_matches(".rs").to_owned()
    };
    let floor = |folder: &str| {
        let floor = FLOORS.iter().position(|floor| floor.contains(&folder));
        floor.unwrap_or_else(|| panic!("{folder} has no floor"))
    };
    let mut upward = Vec::new();
    for (file, targets) in arrows.iter().filter(|(file, _)| *file != "lib.rs") {
        for target in targets {
            let (from, to) = (folder(file), folder(target));
            if from != to && floor(&from) <= floor(&to) {
                upward.push(format!("{file} -> {target}"));
            }
        }
    }
    upward
}

#[test]
fn imports_of_the_engine_run_downwards_only() {
    let arrows = Imports::of_crate(&root().join("crates/core")).arrows();
    let from_foundation = &arrows["foundation/request.rs"];
    assert!(
        from_foundation.contains("ports/registry.rs"),
        "{from_foundation:?}"
    );
    assert_eq!(upward(&arrows), Vec::<String>::new());

    let broken = [(
        "policy/mod.rs".to_owned(),
        ["ports/reads.rs".to_owned()].into(),
    )];
    assert_eq!(upward(&broken.into()), ["policy/mod.rs -> ports/reads.rs"]);
}

#[test]
fn no_file_takes_names_from_one_that_takes_names_from_it() {
    let mut files = 0;
    for directory in std::fs::read_dir(root().join("crates")).unwrap() {
        let arrows = Imports::of_crate(&directory.unwrap().path()).arrows();
        files += arrows.len();
        assert_eq!(circles(&arrows), Vec::<Vec<String>>::new());
    }
    assert!(files > 300, "{files}");

    let arrow = |from: &str, to: &str| (from.to_owned(), BTreeSet::from([to.to_owned()]));
    let broken = [
        arrow("a.rs", "b.rs"),
        arrow("b.rs", "c.rs"),
        arrow("c.rs", "b.rs"),
    ];
    assert_eq!(circles(&broken.into()), [["b.rs", "c.rs"]]);
}
