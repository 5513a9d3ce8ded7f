//! The demo's story, run and checked: launch to enrolled, a new account, the token, an update, the
//! deletion with nothing left.

use std::collections::BTreeSet;
use std::sync::Mutex;

use towerhook_package::local::{FunctionZips, Profile, build};
use towerhook_sandbox::landing_zone::Role;
use towerhook_sandbox::story::{Listener, Story, Telling};
use towerhook_tests::python::assert_requests_fit;

const ACCOUNTS: usize = 7;

/// Everything that a launch creates.
const KINDS: [&str; 17] = [
    "StackSet",
    "alarm",
    "dashboard",
    "event source mapping",
    "function",
    "log group",
    "policy",
    "queue",
    "registration",
    "role",
    "rule",
    "secret",
    "stack",
    "stack instance",
    "subscription",
    "table",
    "topic",
];

/// Records a story's output.
pub(crate) fn hearing(heard: &Mutex<Vec<String>>) -> impl Fn(Telling<'_>) {
    |telling| {
        if let Telling::Chapter(text) | Telling::Fact(text) = telling {
            heard.lock().unwrap().push(text.to_owned());
        }
    }
}

/// Runs a story to its end.
pub(crate) async fn tell(story: &mut Story, zips: &FunctionZips, listen: Listener<'_>) {
    if let Err(error) = story.tell(zips, listen).await {
        let logs = story.sandbox.function_logs().last_errors(5).join("\n");
        panic!("{error:#}\n{logs}");
    }
}

#[tokio::test]
async fn the_whole_story_ends_well() {
    let zips = build(Profile::Quick).unwrap();
    let mut options = towerhook_tests::options();
    options.accounts = ACCOUNTS;
    let heard = Mutex::new(Vec::new());
    let steps = Mutex::new(BTreeSet::new());
    let hear = hearing(&heard);
    let listen = |telling: Telling<'_>| {
        if let Telling::Step(step) = telling {
            steps.lock().unwrap().insert(step.to_owned());
        }
        hear(telling);
    };
    let mut story = Story::open(options, &listen).await.unwrap();
    story.sandbox.gateway.keep_requests();
    tell(&mut story, &zips, &listen).await;

    let report = story.report();
    assert!(report.is_good(), "{report:?}");
    // One of them has moved out.
    assert_eq!(report.accounts, ACCOUNTS - 1);
    every_account_is_as_it_should_be(&story);
    what_was_made_was_seen(&story);

    // No function was invoked directly: CloudFormation, the queue and the rules did it.
    assert_eq!(report.aws_calls.get("lambda:Invoke"), None);
    // One token for the launch, and at least the one that the schedule got.
    assert!(report.saas_calls["POST access/tokens"] >= 2);
    let told = heard.lock().unwrap().join("\n");
    for chapter in &report.chapters {
        assert!(told.contains(&chapter.name), "{told}");
    }
    assert!(told.contains("the schedule fired"), "{told}");
    // Whoever waits sees what for, and how far a launch is.
    let steps = steps.lock().unwrap().clone();
    let is_told = |begin: &str| steps.iter().any(|step| step.starts_with(begin));
    for begin in [
        "waiting for CREATE_COMPLETE: 2",
        "waiting for UPDATE_COMPLETE",
        "waiting for DELETE_COMPLETE",
        "waiting for the schedule",
    ] {
        assert!(is_told(begin), "{begin}: {steps:?}");
    }
    let operations = [
        "cloudformation:CreateStackSet",
        "cloudformation:CreateStackInstances",
        "cloudformation:DeleteStackInstances",
        "cloudformation:CreateStack",
        "controltower:ListEnabledBaselines",
        "dynamodb:TransactWriteItems",
        "organizations:ListAccounts",
        "secretsmanager:PutSecretValue",
        "sns:Publish",
        "sqs:SendMessageBatch",
    ];
    assert_requests_fit(&story.sandbox, &operations).await;
    story.sandbox.shutdown().await.unwrap();
}

fn every_account_is_as_it_should_be(story: &Story) {
    let mut roles = Vec::new();
    for story in story.accounts() {
        let account = &story.account;
        roles.push(account.role);
        if !story.expected {
            assert!(story.enrollment.is_absent(), "{story:?}");
            continue;
        }
        let registration = story.enrollment.registration.as_ref().unwrap();
        assert_eq!(
            registration.name,
            format!("Lacework-Control-Tower-Config-Member-{}", account.id)
        );
        let role = format!("arn:aws:iam::{}:role/acme-laceworkcwsrole-sa", account.id);
        assert_eq!(registration.role_arn.as_deref(), Some(role.as_str()));
        let external_id = registration.external_id.as_deref().unwrap();
        let suffix = external_id
            .strip_prefix(&format!("lweid:aws:v2:acme:{}:", account.id))
            .unwrap();
        assert_eq!(suffix.len(), 10);
        assert!(story.enrolled_after.is_some(), "{story:?}");
    }
    // The story covers an account of each kind.
    for role in [
        Role::Management,
        Role::LogArchive,
        Role::Audit,
        Role::Member,
        Role::Unmanaged,
        Role::Closed,
    ] {
        assert!(roles.contains(&role), "{role}");
    }
}

fn what_was_made_was_seen(story: &Story) {
    let seen: BTreeSet<_> = story.made().iter().map(|item| item.kind).collect();
    assert_eq!(seen, BTreeSet::from(KINDS));
    let places = story.made().iter().filter(|item| item.kind == "role");
    let accounts: BTreeSet<_> = places.map(|item| item.place.as_str()).collect();
    assert_eq!(accounts.len(), ACCOUNTS - 1);
}
