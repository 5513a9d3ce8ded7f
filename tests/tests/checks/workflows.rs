//! The workflows run pinned actions with the least permissions, and the compiler is the one that the
//! manifest asks for.

use std::fs;
use std::path::{Path, PathBuf};

use fancy_regex::Regex;
use serde_json::Value;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The workflows with their texts.
fn workflows() -> Vec<(String, Value)> {
    let folder = fs::read_dir(root().join(".github/workflows")).unwrap();
    folder
        .map(|entry| {
            let text = fs::read_to_string(entry.unwrap().path()).unwrap();
            let workflow = serde_yaml_ng::from_str(&text).unwrap();
            (text, workflow)
        })
        .collect()
}

/// What uses an action without naming its commit and, in a comment, its version.
fn unpinned(workflow: &str) -> Vec<&str> {
    let pinned = Regex::new(r"uses: [\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$").unwrap();
    let uses = workflow.lines().filter(|line| line.contains("uses:"));
    uses.filter(|line| !pinned.is_match(line).unwrap())
        .collect()
}

#[test]
fn every_action_is_pinned_by_its_commit() {
    let workflows = workflows();
    assert_eq!(workflows.len(), 2);
    for (text, _) in &workflows {
        assert_eq!(unpinned(text), Vec::<&str>::new());
        assert!(text.contains("uses: actions/checkout@"));
    }
    let by_tag = "      - uses: actions/checkout@v5 # v5.0.0";
    assert_eq!(unpinned(by_tag), [by_tag]);
}

#[test]
fn jobs_may_do_only_what_they_need() {
    for (_, workflow) in workflows() {
        assert_eq!(workflow["permissions"], serde_json::json!({}));
        for (name, job) in workflow["jobs"].as_object().unwrap() {
            let permissions = job["permissions"].as_object().unwrap();
            let may_write = permissions.values().any(|level| level == "write");
            assert_eq!(may_write, name == "publish", "{name}");
            let steps = job["steps"].as_array().unwrap();
            for step in steps {
                let action = step["uses"].as_str().unwrap_or_default();
                if action.starts_with("actions/checkout@") {
                    // What a later step runs would find the token in the clone otherwise.
                    assert_eq!(step["with"]["persist-credentials"], false, "{name}");
                }
                // The job that may write runs no code of a dependency.
                let command = step["run"].as_str().unwrap_or_default();
                assert!(!may_write || !command.contains("cargo "), "{command}");
            }
        }
    }
}

#[test]
fn the_summary_of_a_release_has_the_table_of_buttons_alone_and_once() {
    let text = fs::read_to_string(root().join(".github/workflows/release.yml")).unwrap();
    let release: Value = serde_yaml_ng::from_str(&text).unwrap();
    let build = release["jobs"]["build"]["steps"].as_array().unwrap();
    let tells = |step: &&Value| step.to_string().contains("GITHUB_STEP_SUMMARY");
    let telling: Vec<_> = build.iter().filter(tells).collect();
    assert_eq!(telling.len(), 1);
    let condition = telling[0]["if"].as_str().unwrap();
    assert!(condition.ends_with("&& matrix.artifact == 'one'"));
    let command = telling[0]["run"].as_str().unwrap();
    let mut lines = command.lines();
    let told = lines.find(|line| line.contains("GITHUB_STEP_SUMMARY"));
    assert!(told.unwrap().starts_with("grep '^|' "), "{command}");
}

#[test]
fn the_compiler_is_the_one_that_the_manifest_asks_for() {
    let read = |name: &str| -> toml::Table {
        let text = fs::read_to_string(root().join(name)).unwrap();
        text.parse().unwrap()
    };
    let asked = &read("Cargo.toml")["workspace"]["package"]["rust-version"];
    let pinned = &read("rust-toolchain.toml")["toolchain"]["channel"];
    let asked = format!("{}.", asked.as_str().unwrap());
    assert!(pinned.as_str().unwrap().starts_with(&asked), "{pinned:?}");
}
