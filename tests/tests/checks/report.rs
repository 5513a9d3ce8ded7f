//! The report's page in a browser (what it shows, by keyboard, on a phone, in the dark and on paper),
//! and its findings as those read them that others collect.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tokio::process::Command;
use towerhook_core::enrollment::Coverage;
use towerhook_operate::{Day, Row, Status, asff, ocsf, page_over_time};
use towerhook_package::python::virtual_environment;
use towerhook_sandbox::gateway::SentRequest;
use towerhook_tests::python::judge;

/// The folder of the pictures in the documents; they are taken anew if this variable is set.
const PICTURES: (&str, &str) = ("TOWERHOOK_PICTURES", "../docs/images");

/// An account of an organization in which each one in `gap` is not watched.
fn row(n: usize, gap: usize, unit: &str, name: String) -> Row {
    let is_watched = !n.is_multiple_of(gap);
    let (code, why) = [
        (
            "stack-fails",
            "its member stack cannot be made: the role AWSControlTowerExecution does not exist",
        ),
        ("under-way", "its enrollment is under way"),
    ][n / gap % 2];
    Row {
        account: format!("{:012}", 100_200_300_400 + n * 7_919)
            .parse()
            .unwrap(),
        name,
        unit: unit.to_owned(),
        state: "active",
        management: "managed",
        stack: if is_watched { "current" } else { "failed" },
        stack_failure: None,
        registration: if is_watched { "works" } else { "none" },
        registration_failure: None,
        standing: if is_watched {
            Row::WATCHED
        } else {
            Row::UNWATCHED
        },
        since: is_watched.then(|| "2026-01-10T12:00:00Z".parse().unwrap()),
        seen: None,
        gap: None,
        code: (!is_watched).then(|| code.to_owned()),
        why: (!is_watched).then(|| why.to_owned()),
    }
}

fn status(accounts: Vec<Row>) -> Status {
    let mut unwatched = BTreeMap::new();
    for code in accounts.iter().filter_map(|row| row.code.clone()) {
        *unwatched.entry(code).or_default() += 1;
    }
    let watched = accounts.iter().filter(|row| row.standing == Row::WATCHED);
    Status {
        release: "1.2.3",
        compared: None,
        sources: [].into(),
        format_version: 1,
        read_at: "2026-01-12T12:00:00Z".parse().unwrap(),
        product: "Lacework",
        stack_id: "arn:aws:cloudformation:eu-west-1:111122223333:stack/towerhook/1a2b3c4d".into(),
        coverage: Coverage {
            watched: watched.count(),
            unwatched,
        },
        accounts,
        out_of_scope: 0,
        notes: Vec::new(),
    }
}

/// Ten thousand accounts, each seventh of which is not watched: more than the page shows at once.
fn large() -> Status {
    let units = [
        "Security",
        "Workloads/Production/Europe, Middle East and Africa",
    ];
    let account = |n: usize| row(n, 7, units[n % 2], format!("member-{n}"));
    status((0..10_000).map(account).collect())
}

/// An organization that fits into a picture.
fn small() -> Status {
    let units = [
        ("Security", &["log-archive", "audit"][..]),
        (
            "Workloads/Production",
            &["payments", "shop", "identity", "search"],
        ),
        (
            "Workloads/Development",
            &["payments-dev", "shop-dev", "search-dev"],
        ),
        ("Sandbox", &["alice", "bob"]),
    ];
    let named = units
        .iter()
        .flat_map(|(unit, names)| names.iter().map(move |name| (unit, name)));
    let account = |(n, (unit, name)): (usize, (&&str, &&str))| row(n + 1, 5, unit, (*name).into());
    status(named.enumerate().map(account).collect())
}

/// Six weeks before the report, in which the accounts were enrolled little by little.
fn days(status: &Status) -> Vec<Day> {
    let in_scope = status.accounts.len() as u64;
    let first = jiff::civil::date(2025, 12, 1);
    let day = |(n, date): (u64, jiff::civil::Date)| Day {
        date,
        watched: in_scope * (58 + n) / 100,
        in_scope,
    };
    let dates = first.series(jiff::Span::new().days(1)).take(42);
    (0..).zip(dates).map(day).collect()
}

/// What the page has to show, counted from its accounts.
fn facts(status: &Status) -> Value {
    let word = "member-77";
    let units = status
        .by_unit()
        .into_iter()
        .map(|(unit, (watched, all))| (unit.to_owned(), json!([watched, all - watched, all])));
    json!({
        "words": status.in_words(),
        "accounts": status.accounts.len(),
        "unwatched": status.coverage.unwatched(),
        "units": units.collect::<serde_json::Map<_, _>>(),
        "reasons": status.coverage.unwatched.iter()
            .map(|(code, count)| (code.clone(), json!([count])))
            .collect::<serde_json::Map<_, _>>(),
        "days": days(status).len() + 1,
        "word": word,
        "matching": status.accounts.iter().filter(|row| row.name.contains(word)).count(),
    })
}

/// A Python with these packages.
async fn python(name: &str, requirements: &str) -> PathBuf {
    let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    virtual_environment(&directory, requirements).await.unwrap()
}

async fn succeeds(check: &mut Command) {
    let output = check.output().await.unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

fn write(folder: &Path, name: &str, status: &Status) -> PathBuf {
    let file = folder.join(name);
    std::fs::write(&file, page_over_time(status, &days(status)).unwrap()).unwrap();
    file
}

#[tokio::test]
async fn the_report_can_be_read_and_operated_in_a_browser() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let python = python("browser", include_str!("../../browser.txt"));
    let folder = tempfile::tempdir().unwrap();
    let large = large();
    let mut check = Command::new(python.await);
    check
        .arg(root.join("python/report_check.py"))
        .arg(facts(&large).to_string())
        .arg(write(folder.path(), "large.html", &large));
    let (variable, images) = PICTURES;
    if std::env::var_os(variable).is_some() {
        check
            .arg(write(folder.path(), "small.html", &small()))
            .arg(root.join(images));
    }
    succeeds(&mut check).await;
}

#[tokio::test]
async fn the_findings_fit_the_models_of_ocsf() {
    let python = python("ocsf", include_str!("../../ocsf.txt"));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("findings.json");
    std::fs::write(&file, ocsf(&small()).unwrap()).unwrap();
    let mut check = Command::new(python.await);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("python/ocsf_check.py");
    succeeds(check.arg(script).arg(file)).await;
}

#[tokio::test]
async fn each_line_of_findings_is_a_call_that_security_hubs_model_knows() {
    let written = String::from_utf8(asff(&large()).unwrap()).unwrap();
    let import = |line: &str| SentRequest {
        service: "securityhub".into(),
        operation: "BatchImportFindings".into(),
        method: "POST".into(),
        path: "/findings/import".into(),
        body: line.to_owned().into(),
    };
    let imports: Vec<_> = written.lines().map(import).collect();
    assert_eq!(imports.len(), 100);
    judge(&imports).await.unwrap();
    let broken = written.lines().next().unwrap();
    let broken = broken.replace("\"PASSED\"", "\"FINE\"");
    let told = judge(&[import(&broken)]).await.unwrap_err();
    assert!(told.contains("a word that is none of"), "{told}");
}
