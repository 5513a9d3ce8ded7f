//! Every command that a page shows is taken by its program, and run by a test or listed here with the
//! reason why none runs it. That `towerhook` takes its commands is tested with its arguments.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;

use serde_json::json;
use towerhook_package::shown::{Shown, of_towerhook, shown};
use towerhook_package::workspace_root;
use towerhook_tests::python::boto3;

/// Commands of ours, and what runs them: a file with this text.
const RUN: [(&str, &str, &str); 15] = [
    (
        "approve",
        "tests/tests/scenarios/steering.rs",
        "approve {digest}",
    ),
    (
        "compare",
        "tests/tests/scenarios/steering.rs",
        "\"compare --wait\"",
    ),
    ("completions", "crates/cli/src/shell.rs", "script(shell)"),
    ("compose", "crates/package/src/compose/tests.rs", "compose("),
    (
        "delete",
        "tests/tests/scenarios/steering.rs",
        "\"delete --yes\"",
    ),
    ("demo", "tests/tests/scenarios/story.rs", "Story"),
    ("doctor", "tests/tests/scenarios/operator.rs", "\"doctor\""),
    (
        "launch",
        "tests/tests/scenarios/steering.rs",
        "launch --parameters",
    ),
    ("man", "crates/cli/src/shell.rs", "man(&Man"),
    ("plan", "tests/tests/scenarios/operator.rs", "\"plan\""),
    ("publish", "tests/tests/scenarios/publish.rs", "\"publish\""),
    (
        "redrive",
        "tests/tests/scenarios/steering.rs",
        "redrive --drop",
    ),
    (
        "report",
        "tests/tests/scenarios/operator.rs",
        "report --html",
    ),
    (
        "status",
        "tests/tests/scenarios/operator.rs",
        "status --account",
    ),
    (
        "update",
        "tests/tests/scenarios/release.rs",
        "update --prefix",
    ),
];

/// How commands begin that no test runs, and why.
const NOT_RUN: [(&str, &str); 12] = [
    (".ci/run", "runs the tests"),
    (
        "aws",
        "needs an account of AWS; the models of AWS's SDK judge it",
    ),
    ("cargo test", "runs the tests"),
    (
        "cargo towerhook bench",
        "takes minutes, and CI runs its part of sizes",
    ),
    (
        "cargo towerhook event",
        "needs a sandbox that somebody runs; scenarios put the same events on the bus",
    ),
    (
        "cargo towerhook package",
        "builds for Lambda, as CI does to weigh the functions",
    ),
    (
        "cargo towerhook sandbox",
        "runs until somebody ends it; scenarios start the same landing zone",
    ),
    ("done", "is the shell's"),
    ("gh attestation verify", "needs a release on GitHub"),
    ("mkdir", "is everybody's"),
    ("sha256sum --check", "needs a release's files"),
    ("while", "is the shell's"),
];

fn all() -> Vec<Shown> {
    shown(&workspace_root()).unwrap()
}

#[test]
fn every_command_that_a_page_shows_is_run_or_has_a_reason() {
    let mut used = BTreeSet::new();
    for one in all() {
        let line = one.words.join(" ");
        let own = of_towerhook(&one.words).and_then(<[String]>::first);
        let run = RUN
            .iter()
            .find(|(name, ..)| own.is_some_and(|own| own == name));
        let reason = NOT_RUN
            .iter()
            .find(|(begin, _)| line == *begin || line.starts_with(&format!("{begin} ")));
        let name = match (run, reason) {
            (Some((name, ..)), _) => name,
            (None, Some((begin, _))) => begin,
            (None, None) => panic!("{}: no test runs {line}, and it has no reason", one.at),
        };
        used.insert(*name);
    }
    for (name, file, text) in RUN {
        assert!(used.contains(name), "no page shows {name}");
        let content = std::fs::read_to_string(workspace_root().join(file)).unwrap();
        assert!(content.contains(text), "{file} does not run {name}");
    }
    for (begin, _) in NOT_RUN {
        assert!(used.contains(begin), "no page shows {begin}");
    }
}

/// Judges commands by AWS's models; returns what is wrong with them.
async fn judged(commands: Vec<Shown>) -> Result<String, String> {
    let python = boto3().await;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("python/shell_check.py");
    let judging = move || {
        let mut child = std::process::Command::new(python)
            .arg(script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        for Shown {
            at,
            words,
            is_mention,
        } in commands
        {
            let line = json!({"at": at, "words": words, "is_mention": is_mention});
            writeln!(stdin, "{line}").unwrap();
        }
        drop(stdin);
        child.wait_with_output().unwrap()
    };
    let output = tokio::task::spawn_blocking(judging).await.unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() {
        Ok(text(&output.stdout))
    } else {
        Err(text(&output.stderr))
    }
}

#[tokio::test]
async fn every_aws_command_that_a_page_shows_is_one_of_aws() {
    let mut commands = all();
    commands.retain(|one| one.words[0] == "aws");
    let fitting = judged(commands).await.unwrap();
    let (count, _) = fitting.split_once(' ').unwrap();
    assert!(count.parse::<usize>().unwrap() >= 10, "{fitting}");

    let wrong = [
        ("aws clodtrail get-trail --name x", "no such service"),
        ("aws cloudtrail fetch-trail --name x", "no operation"),
        ("aws cloudtrail get-trail --nome x", "unknown ['nome']"),
        ("aws cloudtrail get-trail --region x", "missing ['name']"),
        (
            "aws cloudformation wait stack-made --stack-name x",
            "no waiter",
        ),
        ("aws s3 cp --recursively a b", "unknown ['recursively']"),
    ];
    for (line, why) in wrong {
        let shown = Shown {
            at: "page:1".to_owned(),
            words: line.split(' ').map(str::to_owned).collect(),
            is_mention: false,
        };
        let told = judged(vec![shown]).await.unwrap_err();
        assert!(told.contains(why), "{line}: {told}");
    }
}
