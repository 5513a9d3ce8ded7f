//! Every table and sentence fits into 80 columns, whatever AWS and the vendor say.

use std::collections::BTreeSet;

use towerhook_core::enrollment::{Coverage, Held};
use towerhook_operate::doctor::{Finding, Mend};
use towerhook_operate::{Change, Counts, Verb};

use super::*;
use crate::terminal::width::widest;

const ARN: &str = "arn:aws:cloudformation:ap-southeast-2:111122223333:stack/StackSet-Lacework-Control-\
                   Tower-Config-Member-acme-0123456789ab/01234567-89ab-cdef-0123-456789abcdef";
const REASON: &str = "ResourceLogicalId:Role, ResourceType:AWS::IAM::Role, ResourceStatusReason:Resource of \
                      type 'AWS::IAM::Role' with identifier 'acme-laceworkcwsrole-sa' already exists \
                      (RequestToken: 6a2f1c5e-1d2b-4c3d-8e9f-0a1b2c3d4e5f, HandlerErrorCode: AlreadyExists)";
const UNIT: &str =
    "Workloads/Production-Environments/Regulated-Workloads-of-the-European-Union/Payments";

fn row(standing: &'static str) -> Row {
    Row {
        account: "111122223333".parse().unwrap(),
        name: "Payments-and-Settlement-Production-eu-central-1".into(),
        unit: UNIT.into(),
        state: "not active yet",
        management: "not managed",
        stack: "in progress",
        stack_failure: Some(REASON.into()),
        registration: "disabled",
        registration_failure: Some("AccessDenied: ".repeat(9)),
        standing,
        since: "2026-01-11T12:00:00Z".parse().ok(),
        seen: None,
        gap: None,
        code: Some("stack-fails".into()),
        why: Some(format!("its member stack {ARN} cannot be made")),
    }
}

fn assert_fits(shown: &str, words: &[&str]) {
    assert!(widest(shown) <= 80, "{shown}");
    for word in words {
        assert!(shown.contains(word), "{word}:\n{shown}");
    }
}

#[test]
fn the_status_fits_and_so_does_one_account() {
    let status = Status {
        compared: "2026-01-11T12:00:00Z".parse().ok(),
        format_version: 1,
        release: "1.2.3",
        read_at: "2026-01-11T12:00:00Z".parse().unwrap(),
        product: "Plain",
        stack_id: ARN.into(),
        accounts: vec![row(Row::UNWATCHED), row(Row::OUT_OF_SCOPE)],
        coverage: Coverage {
            watched: 119_999,
            ..Coverage::default()
        },
        out_of_scope: 10_000,
        notes: Vec::new(),
        sources: [].into(),
    };
    let words = ["111122223333", "2026-01-11 12:00 UTC"];
    assert_fits(&super::status(&status).to_string(), &words);
    let sentence = wrapped(&status.in_words(), "");
    assert_fits(&sentence, &["119999 of 119999 accounts", "out of scope"]);
    let detail = Detail {
        format_version: 1,
        row: row(Row::WATCHED),
        record: None,
        notes: vec![REASON.into()],
        remembered: vec![(
            "a move to another Lacework account failed".into(),
            ARN.into(),
        )],
    };
    assert_fits(&super::detail(&detail), &["111122223333", "no record"]);
}

#[test]
fn the_plan_fits_with_all_that_is_held() {
    let change = |verb| Change {
        account: "111122223333".parse().unwrap(),
        name: row("").name,
        verb,
        why: REASON.into(),
        steps: vec![
            format!("create the instance of {ARN} in 111122223333"),
            "update registration Lacework-Control-Tower-Config-Member-111122223333".into(),
        ],
    };
    let verbs = [
        Verb::Enroll,
        Verb::Update,
        Verb::Pause,
        Verb::Hold,
        Verb::Wait,
        Verb::Blocked,
        Verb::Undecided,
    ];
    let accounts: BTreeSet<_> = (0..1_000_u64)
        .map(|n| format!("{n:012}").parse().unwrap())
        .collect();
    let comparison = Comparison {
        format_version: 1,
        read_at: "2026-01-11T12:00:00Z".parse().unwrap(),
        stack_id: ARN.into(),
        changes: verbs.map(change).into(),
        counts: Counts {
            changes: verbs.map(|verb| (verb, 12_345)).into(),
            unchanged: 0,
            out_of_scope: 12_345,
        },
        trail: vec![format!("subscribe the queue to {ARN}").repeat(2)],
        trail_blocked: vec![REASON.into()],
        held: Some(Held {
            accounts,
            digest: "0123456789ab".into(),
            limit: 100,
        }),
        notes: Vec::new(),
    };
    let shown = super::comparison(&comparison);
    // An ARN outside a table stays whole, to be copied.
    let shown = shown.replace(ARN, "ARN");
    assert_fits(&shown, &["ApproveOffboard=0123456789ab", "1000 accounts"]);
    let counts = wrapped(&comparison.counts.in_words(), "");
    assert_fits(&counts, &["held until", "12345 out of scope"]);
}

#[test]
fn findings_fit_and_what_mends_them_is_whole_to_be_copied() {
    let command = format!("aws sns get-topic-attributes --topic-arn {ARN}");
    let finding = |verdict| Finding {
        check: "management-account",
        verdict,
        says: format!("{ARN}: {REASON}\u{1b}[2J"),
        mend: vec![Mend {
            what: REASON.into(),
            text: format!("{command} &&\ntrue"),
        }],
    };
    let found = Diagnosis {
        format_version: 1,
        read_at: "2026-01-11T12:00:00Z".parse().unwrap(),
        product: "Plain",
        stack: "towerhook".into(),
        region: "us-east-1".into(),
        findings: vec![finding(Verdict::Fail), finding(Verdict::Skip)],
    };
    let shown = diagnosis(&found).to_string();
    assert_fits(&shown, &["management account", "fail", "skip"]);
    assert!(!shown.contains('\u{1b}'), "{shown}");
    let mends = mends(&found);
    assert!(
        mends.contains(&format!("   {command} &&\n   true\n")),
        "{mends}"
    );
    assert_fits(
        &mends.replace(&command, ""),
        &["1. management", "2. management"],
    );
    assert_fits(&wrapped(&found.in_words(), ""), &["1 failed", "1 skipped"]);
}
