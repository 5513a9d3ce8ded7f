use std::collections::BTreeMap;

use towerhook_core::{
    landing_zone::AccountState,
    model::{Health, OuId, Registration, RegistrationKind, RegistrationSpec, Store},
    policy::{Destination, testing::deployment},
    provider::{FeedFootprint, Provider},
    stack_sets::{InstanceState, StackInstance},
};

use super::*;
use crate::lacework::{Lacework, tests::policy};

const STACK_ID: &str = "arn:aws:cloudformation:us-east-1:000000000099:stack/towerhook/2";
const LOG: &str = "000000000001";
const AUDIT: &str = "000000000002";

fn footprint() -> Footprint {
    let policy = Policy {
        stack_id: STACK_ID.into(),
        external_id_suffix: "FRESHFRESH".into(),
        ..policy()
    };
    let spec = |name: String| StackSetSpec {
        name,
        template: "",
        parameters: BTreeMap::new(),
        stack_id: STACK_ID.into(),
        tags: BTreeMap::new(),
        roles: None,
    };
    let log: AccountId = LOG.parse().unwrap();
    let names = Lacework.resources(&policy.names);
    let feed = names.feed.unwrap();
    Footprint {
        trail: Some(FeedFootprint {
            topic: None,
            log: (spec(feed.log_stack_set), log),
            audit: Some((spec(feed.audit_stack_set.unwrap()), AUDIT.parse().unwrap())),
            announcement: None,
            registration: Some(RegistrationSpec {
                queue_url: None,
                ..Lacework.wanted_feed(&policy, &log, String::new()).unwrap()
            }),
        }),
        member: Some(spec(names.member_stack_set)),
        deployment: deployment(policy),
    }
}

fn set(found: &mut Found, name: &str, accounts: &[&str], parameters: &[(&str, &str)]) {
    let owned = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
    let set = StackSet {
        name: name.into(),
        description: "Lacework's".into(),
        template: "ManagedPolicyName: !Sub LaceworkCWSPolicy-${AWS::AccountId}".into(),
        parameters: parameters.iter().map(owned).collect(),
        tags: [("team".to_owned(), "security".to_owned())].into(),
    };
    let instances = accounts.iter().map(|account| StackInstance {
        account: account.parse().unwrap(),
        state: InstanceState::Current,
        reason: None,
    });
    found
        .stack_sets
        .insert(name.into(), (set, instances.collect()));
}

/// As the vendor creates them.
fn vendors() -> Found {
    let names = Lacework.resources(&policy().names);
    let feed = names.feed.unwrap();
    let mut found = Found::default();
    let prefix = ("ResourceNamePrefix", "acme");
    let external_id = ("ExternalID", "lweid:aws:v2:acme:000000000001:K3J9A0ZZ1Q");
    set(
        &mut found,
        &feed.log_stack_set,
        &[LOG],
        &[prefix, external_id],
    );
    set(
        &mut found,
        feed.audit_stack_set.as_ref().unwrap(),
        &[AUDIT],
        &[prefix],
    );
    let member = [
        prefix,
        ("LaceworkAccountName", "acme"),
        ("ExternalSuffix", "lw1a2b3c4d"),
    ];
    set(&mut found, &names.member_stack_set, &[], &member);
    found
}

fn parameters<'a>(found: &'a mut Found, which: &str) -> &'a mut BTreeMap<String, String> {
    let mut sets = found.stack_sets.iter_mut();
    let (_, (set, _)) = sets.find(|(name, _)| name.contains(which)).unwrap();
    &mut set.parameters
}

fn refusal(found: &Found) -> String {
    let refused = adopt(&footprint(), found, &[]);
    refused.unwrap_err().to_string()
}

fn adopted(found: &Found) -> Adoption {
    let adopted = adopt(&footprint(), found, &[]);
    adopted.unwrap().unwrap().adoption
}

#[test]
fn the_vendors_external_ids_are_kept() {
    assert_eq!(
        adopted(&vendors()),
        Adoption {
            tenant: Some("acme".into()),
            resource: Some("acme".into()),
            member_suffix: Some("lw1a2b3c4d".into()),
            trail_suffix: Some("K3J9A0ZZ1Q".into()),
            policy_names: PolicyNames::Vendor,
        }
    );
    let nothing = adopt(&footprint(), &Found::default(), &[]);
    assert_eq!(nothing.unwrap(), None);
}

#[test]
fn what_a_former_stack_of_the_same_name_left_is_taken_over_and_no_other_stacks() {
    let mut found = vendors();
    let owner =
        |name: &str| format!("arn:aws:cloudformation:us-east-1:000000000099:stack/{name}/1");
    for (set, _) in found.stack_sets.values_mut() {
        set.tags = [(STACK_ID_TAG.to_owned(), owner("towerhook"))].into();
    }
    let ours = |suffix: &str| {
        [
            ("ResourceNamePrefix", "acme"),
            ("LaceworkAccount", "acme"),
            ("ExternalIdSuffix", suffix),
            ("ManagedPolicyNames", "Generated"),
        ]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into()
    };
    *parameters(&mut found, "Log") = ours("LLLLLLLLLL");
    *parameters(&mut found, "Member") = ours("MMMMMMMMMM");
    let adoption = adopted(&found);
    assert_eq!(adoption.trail_suffix.as_deref(), Some("LLLLLLLLLL"));
    assert_eq!(adoption.member_suffix.as_deref(), Some("MMMMMMMMMM"));
    assert_eq!(adoption.policy_names, PolicyNames::Generated);
    for (set, _) in found.stack_sets.values_mut() {
        set.tags = [(STACK_ID_TAG.to_owned(), owner("another"))].into();
    }
    assert!(refusal(&found).contains("belongs to the stack arn:aws"));
}

#[test]
fn what_does_not_fit_is_refused_with_the_reason() {
    let bent: [(&str, &str, &str, &str); 6] = [
        ("Member", "LaceworkAccountName", "emea", "\"emea\""),
        ("Member", "ExternalSuffix", "short", "10 characters"),
        ("Member", "ResourceNamePrefix", "emea", "\"emea\""),
        ("Log", "ExternalID", "4CEBE3B", "does not begin with"),
        (
            "Log",
            "ExternalID",
            "lweid:aws:v2:acme:000000000009:K3J9A0ZZ1Q",
            "does not begin with",
        ),
        ("Audit", "ResourceNamePrefix", "x", "\"x\""),
    ];
    for (which, name, value, reason) in bent {
        let mut found = vendors();
        parameters(&mut found, which).insert(name.into(), value.into());
        let refused = refusal(&found);
        assert!(
            refused.contains(which) && refused.contains(reason),
            "{refused}"
        );
    }
    for (which, name) in [("Member", "ExternalSuffix"), ("Log", "ExternalID")] {
        let mut found = vendors();
        parameters(&mut found, which).remove(name);
        assert!(refusal(&found).contains(name));
    }
    // As in version 3.3.0.
    let mut found = vendors();
    parameters(&mut found, "Member").remove("LaceworkAccountName");
    assert!(refusal(&found).contains("before 3.3.2"));
    let mut found = vendors();
    let (_, instances) = found
        .stack_sets
        .get_mut("Lacework-Control-Tower-CloudTrail-Log-Account-acme")
        .unwrap();
    instances[0].account = AUDIT.parse().unwrap();
    assert!(refusal(&found).contains("an instance in 000000000002"));
}

#[test]
fn a_registration_that_does_not_fit_its_role_is_refused() {
    let mut found = vendors();
    let spec = footprint().trail.unwrap().registration.unwrap();
    found.registrations.push(Registration {
        guid: "ACME_1".into(),
        store: None,
        organization: false,
        name: spec.name,
        kind: RegistrationKind::Feed,
        enabled: true,
        role_arn: spec.role_arn,
        external_id: "lweid:aws:v2:acme:000000000001:0123456789".into(),
        queue_url: None,
        account_mapping: None,
        health: Health::Unknown,
    });
    assert!(refusal(&found).contains("0123456789"));
    for shown in ["lweid:aws:v2:acme:000000000001:K3J9A0ZZ1Q", "*****"] {
        found.registrations[0].external_id = shown.into();
        adopted(&found);
    }
}

#[test]
fn the_letter_case_of_what_is_there_is_kept() {
    let mut found = vendors();
    parameters(&mut found, "Member").insert("LaceworkAccountName".into(), "Acme".into());
    let id = "lweid:aws:v2:Acme:000000000001:K3J9A0ZZ1Q";
    assert!(refusal(&found).contains("name Acme and the trail's acme"));
    parameters(&mut found, "Log").insert("ExternalID".into(), id.into());
    assert_eq!(adopted(&found).tenant.as_deref(), Some("Acme"));
}

#[test]
fn policies_keep_the_names_that_they_were_given() {
    for (template, names) in [
        (
            "LaceworkCWSPolicy:\n  Type: AWS::IAM::Policy\n  PolicyName: x-${AWS::AccountId}",
            PolicyNames::Generated,
        ),
        (
            "ManagedPolicyName: LaceworkCWSPolicy\n PolicyDocument: ${AWS::AccountId}",
            PolicyNames::VendorWithoutAccount,
        ),
        (
            "ManagedPolicyName: LaceworkCWSPolicy\n Roles: []\n ManagedPolicyName: Other\n",
            PolicyNames::VendorWithoutAccount,
        ),
        (
            r#"{"ManagedPolicyName": {"Fn::Join": ["-", ["L", {"Ref": "AWS::AccountId"}]]}}"#,
            PolicyNames::Vendor,
        ),
    ] {
        let mut found = vendors();
        let mut sets = found.stack_sets.values_mut();
        let (set, _) = sets.find(|(set, _)| set.name.contains("Member")).unwrap();
        set.template = template.into();
        assert_eq!(adopted(&found).policy_names, names, "{template}");
        // An adopted deployment names itself.
        parameters(&mut found, "Member").insert(POLICY_NAMES.into(), "VendorWithoutAccount".into());
        assert_eq!(
            adopted(&found).policy_names,
            PolicyNames::VendorWithoutAccount
        );
    }
}

/// A member's registration in the deployment to take over, in this store.
fn watcher(account: &str, store: Option<&str>) -> Registration {
    let account: AccountId = account.parse().unwrap();
    let policy = Policy {
        external_id_suffix: "lw1a2b3c4d".into(),
        ..footprint().deployment.policy
    };
    let spec = Lacework.wanted(&policy, &account).unwrap();
    Registration {
        store: store.map(Store::from),
        ..Registration::made(&spec, format!("ACME_{account}"))
    }
}

#[test]
fn registrations_in_stores_that_the_parameters_do_not_name_are_refused() {
    let mut found = vendors();
    found.registrations = vec![
        watcher("000000000005", None),
        watcher("000000000006", Some("dev")),
        watcher("000000000007", Some("prod")),
        watcher("000000000008", Some("prod")),
    ];
    let refused = refusal(&found);
    assert!(
        refused.contains("sub-account dev (1), the sub-account prod (2)"),
        "{refused}"
    );
    // Foreign ones are ignored.
    for other in &mut found.registrations[1..] {
        other.external_id = "lweid:aws:v2:acme:000000000006:0123456789".into();
    }
    adopted(&found);
    let trail = footprint().trail.unwrap().registration.unwrap();
    found.registrations.push(Registration {
        store: Some("emea".into()),
        external_id: "lweid:aws:v2:acme:000000000001:K3J9A0ZZ1Q".into(),
        kind: RegistrationKind::Feed,
        ..Registration::made(&trail, "ACME_T".into())
    });
    assert!(refusal(&found).contains("the sub-account emea (1)"));
    let mut single = footprint();
    single.deployment.policy.destination = Destination::Single("emea".into());
    let refused = adopt(&single, &found, &[]).unwrap_err().to_string();
    assert!(
        refused.contains("the Lacework account itself (1)"),
        "{refused}"
    );
}

#[test]
fn who_is_watched_outside_the_mapped_units_is_named() {
    let unit: OuId = "ou-ab12-11111111".parse().unwrap();
    let root: OuId = "r-ab12".parse().unwrap();
    let account = |id: &str, path: &[&OuId]| Account {
        id: id.parse().unwrap(),
        name: id.into(),
        state: AccountState::Active,
        path: path.iter().map(|ou| (*ou).clone()).collect(),
    };
    let accounts = [
        account("000000000005", &[&root, &unit]),
        account("000000000006", &[&root]),
        account("000000000007", &[&root]),
    ];
    let mut found = vendors();
    found.registrations = vec![
        watcher("000000000005", Some("dev")),
        watcher("000000000006", None),
    ];
    let mut mapped = footprint();
    mapped.deployment.policy.destination = Destination::Mapped([(unit, "dev".into())].into());
    let adopted = adopt(&mapped, &found, &accounts).unwrap().unwrap();
    assert_eq!(adopted.unwatched, [accounts[1].id].into());
}
