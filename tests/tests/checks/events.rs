//! The events in `tests/events`, in AWS's formats, are parsed as they should be.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value;
use towerhook_core::lifecycle::{Scope, Trigger};
use towerhook_core::model::AccountId;

const ACCOUNT: &str = "222222222222";
const UNIT: &str = "ou-ab12-l3zc8b3h";

fn events() -> BTreeMap<String, String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("events");
    std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            (name, std::fs::read_to_string(path).unwrap())
        })
        .collect()
}

fn account() -> AccountId {
    ACCOUNT.parse().unwrap()
}

fn look(kind: &str, scope: Scope) -> Trigger {
    Trigger::Look {
        kind: kind.to_owned(),
        scope,
    }
}

fn failed(kind: &str, account: Option<AccountId>, message: &str) -> Trigger {
    Trigger::Failed {
        kind: kind.to_owned(),
        account,
        message: message.to_owned(),
    }
}

fn ignored(kind: &str) -> Trigger {
    Trigger::Ignored {
        kind: kind.to_owned(),
    }
}

/// The expected meaning of each file.
fn meanings() -> BTreeMap<&'static str, Trigger> {
    let mut meanings = control_tower_and_cloud_formation();
    meanings.extend(organizations());
    meanings
}

/// Organizations' own events: none is an arrival, since only Control Tower's are.
fn organizations() -> BTreeMap<&'static str, Trigger> {
    let mut meanings: BTreeMap<_, _> = [
        ("accept-handshake", "AcceptHandshake"),
        (
            "account-departed-organization",
            "AccountDepartedOrganization",
        ),
        ("account-joined-organization", "AccountJoinedOrganization"),
        ("close-account", "CloseAccount"),
        ("close-account-result", "CloseAccountResult"),
        ("close-account-result-failed", "CloseAccountResult"),
        ("create-account-result", "CreateAccountResult"),
        ("leave-organization", "LeaveOrganization"),
        ("move-account", "MoveAccount"),
        (
            "remove-account-from-organization",
            "RemoveAccountFromOrganization",
        ),
    ]
    .into_iter()
    .map(|(file, kind)| (file, look(kind, Scope::account(account()))))
    .collect();
    meanings.extend([
        (
            "account-departed-organization-unnamed",
            look("AccountDepartedOrganization", Scope::all()),
        ),
        (
            "create-account-result-failed",
            ignored("CreateAccountResult"),
        ),
        ("move-account-denied", ignored("MoveAccount")),
    ]);
    meanings
}

fn control_tower_and_cloud_formation() -> BTreeMap<&'static str, Trigger> {
    let drift = "Drift Detected";
    let unit = || Scope::ou(UNIT.parse().unwrap());
    let instance = "CloudFormation StackSet StackInstance Status Change";
    let operation = "CloudFormation StackSet Operation Status Change";
    BTreeMap::from([
        (
            "create-managed-account",
            look("CreateManagedAccount", Scope::arrival(account())),
        ),
        (
            "create-managed-account-failed",
            failed(
                "CreateManagedAccount",
                None,
                "AWS Control Tower failed to create a managed account.",
            ),
        ),
        (
            "update-managed-account",
            look("UpdateManagedAccount", Scope::arrival(account())),
        ),
        (
            "update-managed-account-failed",
            failed(
                "UpdateManagedAccount",
                Some(account()),
                "AWS Control Tower failed to update a managed account.",
            ),
        ),
        (
            "enable-baseline-account",
            look("EnableBaseline", Scope::arrival(account())),
        ),
        (
            "enable-baseline-account-failed",
            failed(
                "EnableBaseline",
                Some(account()),
                "Control Tower gives no reason",
            ),
        ),
        ("enable-baseline-unit", look("EnableBaseline", unit())),
        (
            "reset-enabled-baseline",
            look("ResetEnabledBaseline", Scope::account(account())),
        ),
        (
            "disable-baseline",
            look("DisableBaseline", Scope::account(account())),
        ),
        (
            "enable-control",
            look("EnableControl", Scope::account(account())),
        ),
        (
            "disable-control",
            look("DisableControl", Scope::account(account())),
        ),
        (
            "register-organizational-unit",
            look("RegisterOrganizationalUnit", unit()),
        ),
        (
            "deregister-organizational-unit",
            look("DeregisterOrganizationalUnit", unit()),
        ),
        (
            "precheck-organizational-unit",
            failed(
                "PrecheckOrganizationalUnit",
                None,
                "AWS Control Tower failed to register an organizational unit due to pre-check \
                 failures.",
            ),
        ),
        ("setup-landing-zone", look("SetupLandingZone", Scope::all())),
        (
            "update-landing-zone",
            look("UpdateLandingZone", Scope::all()),
        ),
        (
            "update-landing-zone-failed",
            failed(
                "UpdateLandingZone",
                None,
                "AWS Control Tower failed to update a landing zone.",
            ),
        ),
        (
            "update-enabled-baseline",
            look("UpdateEnabledBaseline", Scope::account(account())),
        ),
        (
            "reset-enabled-control",
            look("ResetEnabledControl", Scope::account(account())),
        ),
        (
            "update-enabled-control",
            look("UpdateEnabledControl", Scope::account(account())),
        ),
        (
            "enable-control-failed",
            failed(
                "EnableControl",
                Some(account()),
                "AWS Control Tower failed to enable a control.",
            ),
        ),
        ("enable-guardrail", look("EnableGuardrail", unit())),
        ("disable-guardrail", look("DisableGuardrail", unit())),
        (
            "register-organizational-unit-failed",
            failed(
                "RegisterOrganizationalUnit",
                None,
                "AWS Control Tower failed to register an organizational unit.",
            ),
        ),
        ("drift-detected", look(drift, Scope::account(account()))),
        (
            "drift-detected-capitalized",
            look(drift, Scope::account(account())),
        ),
        (
            "drift-detected-account-removed",
            look(drift, Scope::account(account())),
        ),
        ("drift-detected-policy", ignored(drift)),
        (
            "stack-set-instance-current",
            look(instance, Scope::account(account())),
        ),
        ("stack-set-instance-failed", ignored(instance)),
        ("stack-set-instance-running", ignored(instance)),
        ("stack-set-instance-without-stack", ignored(instance)),
        ("stack-set-operation-succeeded", ignored(operation)),
        ("unknown", ignored("aws.somethingnew")),
    ])
}

#[test]
fn every_event_means_what_it_should() {
    let events = events();
    let meanings = meanings();
    let files: BTreeSet<&str> = events.keys().map(String::as_str).collect();
    let known: BTreeSet<&str> = meanings.keys().copied().collect();
    assert_eq!(files, known, "every file has a meaning here");
    for (name, meaning) in meanings {
        assert_eq!(
            Trigger::parse(&events[name]).as_ref(),
            Ok(&meaning),
            "{name}"
        );
    }
}

// Otherwise `cargo towerhook event` could not send it.
#[test]
fn every_event_has_eventbridges_envelope() {
    for (name, text) in events() {
        let event: Value = serde_json::from_str(&text).unwrap();
        for field in ["id", "source", "detail-type", "account", "time", "region"] {
            assert!(event[field].is_string(), "{name} has no {field}");
        }
        assert!(event["detail"].is_object(), "{name} has no detail");
        assert!(event["resources"].is_array(), "{name} has no resources");
    }
}

/// All events in Control Tower's user guide, and Organizations' events about accounts.
#[test]
fn every_event_that_aws_names_has_a_file() {
    let expected = BTreeSet::from([
        "CreateManagedAccount",
        "UpdateManagedAccount",
        "EnableGuardrail",
        "DisableGuardrail",
        "SetupLandingZone",
        "UpdateLandingZone",
        "RegisterOrganizationalUnit",
        "DeregisterOrganizationalUnit",
        "PrecheckOrganizationalUnit",
        "EnableBaseline",
        "ResetEnabledBaseline",
        "UpdateEnabledBaseline",
        "DisableBaseline",
        "EnableControl",
        "ResetEnabledControl",
        "UpdateEnabledControl",
        "DisableControl",
        "AcceptHandshake",
        "AccountDepartedOrganization",
        "AccountJoinedOrganization",
        "CloseAccount",
        "CloseAccountResult",
        "CreateAccountResult",
        "LeaveOrganization",
        "MoveAccount",
        "RemoveAccountFromOrganization",
    ]);
    let named: BTreeSet<String> = events()
        .into_values()
        .filter_map(|text| {
            let event: Value = serde_json::from_str(&text).unwrap();
            let is_theirs = ["aws.controltower", "aws.organizations"]
                .iter()
                .any(|source| event["source"] == **source);
            let name = event["detail"]["eventName"].as_str();
            name.filter(|_| is_theirs).map(str::to_owned)
        })
        .collect();
    let named: BTreeSet<&str> = named.iter().map(String::as_str).collect();
    assert_eq!(named, expected);
}
