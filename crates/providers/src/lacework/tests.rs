use towerhook_core::{
    model::{Health, Store},
    policy::{Adoption, testing},
};

use super::*;

const MEMBER: &str = "111122223333";

/// A deployment's policy, with the names of the vendor's own integration.
pub(super) fn policy() -> Policy {
    Policy {
        names: Names {
            resource: "acme".into(),
            prefix: "Lacework-Control-Tower-".parse().unwrap(),
        },
        ..testing::policy()
    }
}

fn member() -> AccountId {
    MEMBER.parse().unwrap()
}

fn made(spec: &RegistrationSpec) -> Registration {
    Registration::made(spec, "ACME_1".into())
}

fn subject(policy: &Policy, seen: &Registration) -> Subject {
    Lacework.subject(policy, &policy.names, seen)
}

#[test]
fn names_are_those_of_the_vendors_own_integration() {
    let policy = policy();
    let names = Lacework.resources(&policy.names);
    assert_eq!(
        names.member_stack_set,
        "Lacework-Control-Tower-Config-Member-acme"
    );
    assert_eq!(
        names.feed.as_ref().unwrap().log_stack_set,
        "Lacework-Control-Tower-CloudTrail-Log-Account-acme"
    );
    assert_eq!(names.member_role, "acme-laceworkcwsrole-sa");
    assert_eq!(
        Lacework.wanted(&policy, &member()).unwrap().name,
        "Lacework-Control-Tower-Config-Member-111122223333"
    );
}

#[test]
fn the_url_names_the_tenant_and_its_region_the_topic() {
    let url = |text: &str| text.parse::<Url>().unwrap();
    let tenant_in = |text| Lacework.tenant_in(&url(text));
    assert_eq!(
        tenant_in("https://ACME.fra.lacework.net/ui").as_deref(),
        Some("acme")
    );
    assert_eq!(tenant_in("https://acme.example.com"), None);
    assert_eq!(tenant_in("http://127.0.0.1:8443"), None);
    let topic = |text| Lacework.registration_topic(&url(text), "eu-west-1");
    assert_eq!(
        topic("https://acme.fra.lacework.net").unwrap(),
        "arn:aws:sns:eu-west-1:434813966438:euprodn-customer-cloudformation"
    );
    assert_eq!(
        topic("https://acme.lacework.net").unwrap(),
        "arn:aws:sns:eu-west-1:434813966438:prodn-customer-cloudformation"
    );
}

#[test]
fn an_external_id_of_ours_outweighs_name_and_role() {
    let policy = policy();
    let bent = Registration {
        name: "renamed".into(),
        role_arn: "arn:aws:iam::999999999999:role/another".into(),
        ..made(&Lacework.wanted(&policy, &member()).unwrap())
    };
    assert_eq!(subject(&policy, &bent), Subject::Ours(member()));
    for other in [
        "lweid:aws:v2:acme:111122223333:JIHGFEDCBA",
        "lweid:aws:v2:emea:111122223333:ABCDEFGHIJ",
    ] {
        let foreign = Registration {
            external_id: other.into(),
            ..made(&Lacework.wanted(&policy, &member()).unwrap())
        };
        assert_eq!(subject(&policy, &foreign), Subject::Foreign(member()));
    }
}

#[test]
fn behind_a_masked_external_id_name_and_role_together_count() {
    let policy = policy();
    let masked = Registration {
        external_id: "********".into(),
        ..made(&Lacework.wanted(&policy, &member()).unwrap())
    };
    assert_eq!(subject(&policy, &masked), Subject::Ours(member()));
    let renamed = Registration {
        name: "renamed".into(),
        ..masked.clone()
    };
    let moved = Registration {
        role_arn: "arn:aws:iam::111122223333:role/another".into(),
        ..masked.clone()
    };
    for foreign in [renamed, moved] {
        assert_eq!(subject(&policy, &foreign), Subject::Foreign(member()));
    }
    let without_account = Registration {
        role_arn: "no role".into(),
        ..masked
    };
    assert_eq!(subject(&policy, &without_account), Subject::Unknown);
}

#[test]
fn in_an_adopted_deployment_a_failing_registration_with_our_role_is_ours() {
    let failing = Registration {
        name: "by hand".into(),
        external_id: "lweid:aws:v2:acme:111122223333:JIHGFEDCBA".into(),
        health: Health::Failing("Error assuming role".into()),
        ..made(&Lacework.wanted(&policy(), &member()).unwrap())
    };
    assert_eq!(subject(&policy(), &failing), Subject::Foreign(member()));
    let adopted = Policy {
        adoption: Some(Adoption::default()),
        ..policy()
    };
    assert_eq!(subject(&adopted, &failing), Subject::Ours(member()));
}

#[test]
fn the_trails_registration_has_the_trails_own_suffix() {
    let adopted = Policy {
        adoption: Some(Adoption {
            trail_suffix: Some("TTTTTTTTTT".into()),
            ..Adoption::default()
        }),
        ..policy()
    };
    let queue = "https://sqs.us-east-1.amazonaws.com/000000000002/acme-laceworkcws";
    let spec = Lacework
        .wanted_feed(&adopted, &member(), queue.into())
        .unwrap();
    assert!(spec.external_id.as_str().ends_with(":TTTTTTTTTT"));
    let made = Registration {
        store: Some(Store::from("emea")),
        ..made(&spec)
    };
    assert_eq!(subject(&adopted, &made), Subject::Ours(member()));
    assert_eq!(subject(&policy(), &made), Subject::Foreign(member()));
}

#[test]
fn the_details_name_the_part_that_is_at_fault() {
    use FeedPart::{Queue, Role};
    let cases: [(&str, &[FeedPart]); 5] = [
        (r#"{"message":"Error assuming role"}"#, &[Role]),
        (
            r#"{"sqsRx":"The queue does not exist","s3Get":"ok"}"#,
            &[Queue],
        ),
        (r#"{"sqsRx":"Access denied"}"#, &[Role, Queue]),
        (
            r#"{"sqsRx":"ok","sqsDel":"ok","s3Get":"Access denied"}"#,
            &[Role],
        ),
        (r#"{"sqsRx":"ok","s3Get":"ok"}"#, &[]),
    ];
    for (details, parts) in cases {
        assert_eq!(Lacework.suspects(details), parts, "{details}");
    }
}
