//! A landing zone in order, to be broken by tests.

use towerhook_core::{
    Read,
    landing_zone::{Account, AccountState, LandingZone, LandingZoneReply, Trail},
    model::{AccountId, Names},
    ports::{
        AlarmState, AttachedPolicy, BucketPlace, Caller, FunctionState, MainStack, StoredObject,
        ZoneStatus,
    },
    provider::plain::Plain,
    stack_sets::{InstanceState, Role, StackInstance, StackSetRoles},
};

use super::{
    ArtifactFacts, Control, Diagnosis, Facts, Finding, Part, Quotas, StackFacts, TrailFacts,
    VendorFacts,
};

pub(super) const NOW: &str = "2026-01-11T12:00:00Z";
pub(super) const LOG_ARCHIVE: &str = "000000000001";
const AUDIT: &str = "000000000002";
const MEMBER: &str = "000000000003";
const MANAGEMENT: &str = "000000000099";

pub(super) fn unread<T>() -> Read<T> {
    Read::Unknown("AccessDenied".to_owned())
}

/// The finding of one check.
pub(super) fn finding(facts: &Facts, check: &str) -> Finding {
    let found = Diagnosis::of(facts).findings;
    let mut found = found.into_iter().filter(|one| one.check == check);
    found
        .next()
        .unwrap_or_else(|| panic!("no finding of {check}"))
}

pub(super) fn facts() -> Facts {
    let management = id(MANAGEMENT);
    let roles = StackSetRoles::of_control_tower("aws", &management).unwrap();
    let role = Role {
        arn: roles.administration.clone(),
        trust: r#"{"Statement": {"Effect": "Allow", "Action": "sts:AssumeRole",
                   "Principal": {"Service": "cloudformation.amazonaws.com"}}}"#
            .to_owned(),
    };
    Facts {
        provider: &Plain,
        region: "us-east-1".into(),
        stack_name: "towerhook".into(),
        read_at: NOW.parse().unwrap(),
        caller: Read::Ok(Caller {
            account: management,
            arn: format!("arn:aws:sts::{MANAGEMENT}:assumed-role/Admin/me"),
        }),
        management_account: Read::Ok(Some(management)),
        zone: Read::Ok(LandingZoneReply::Here(LandingZone {
            version: "3.3".into(),
            log_archive: Some(id(LOG_ARCHIVE)),
            audit: Some(id(AUDIT)),
            kms_key: None,
        })),
        zone_status: Read::Ok(Some(ZoneStatus {
            status: Some("ACTIVE".into()),
            drift: Some("IN_SYNC".into()),
            latest: Some("4.0".into()),
        })),
        trusted: Read::Ok(["cloudtrail.amazonaws.com".to_owned()].into()),
        accounts: Read::Ok([LOG_ARCHIVE, AUDIT, MEMBER, MANAGEMENT].map(account).into()),
        roles: Read::Ok(roles),
        role: Read::Ok(Some(role)),
        stack_sets: Read::Ok(20),
        quotas: Quotas {
            stack_sets: Read::Ok(1000),
            instances: Read::Ok(100_000),
            concurrency: Read::Ok(1000),
        },
        names: Read::Ok(Names {
            resource: "acme".into(),
            prefix: "Plain-".parse().unwrap(),
        }),
        controls: Read::Ok(vec![Control {
            policy: AttachedPolicy {
                id: "p-1".into(),
                name: "NoUsers".into(),
                aws_managed: false,
            },
            text: Read::Ok(
                r#"{"Statement": [{"Effect": "Deny", "Action": "iam:CreateUser", "Resource": "*"}]}"#
                    .to_owned(),
            ),
            unit: "Workloads".into(),
            account: id(MEMBER),
        }]),
        trail: Some(trail()),
        vendor: Some(VendorFacts {
            url: Read::Ok("https://acme.example.com".parse().unwrap()),
            reached: Read::Ok(401),
            has_proxy: false,
            rights: Some(Read::Ok(())),
        }),
        artifacts: Some(artifacts()),
        stack: Read::Ok(Some(stack())),
    }
}

fn trail() -> TrailFacts {
    let key = "arn:aws:kms:us-east-1:000000000099:key/k".parse().unwrap();
    let policy = format!(
        r#"{{"Statement": [{{"Effect": "Allow", "Action": "kms:Decrypt", "Resource": "*",
             "Principal": {{"AWS": "arn:aws:iam::{LOG_ARCHIVE}:root"}}}}]}}"#
    );
    TrailFacts {
        name: "trail".into(),
        found: Read::Ok(Some(Trail {
            name: "trail".into(),
            home_region: Some("us-east-1".into()),
            bucket: "logs".into(),
            key_prefix: None,
            topic: format!("arn:aws:sns:us-east-1:{AUDIT}:topic").parse().ok(),
            kms_key: Some(key),
            is_organization: true,
            is_multi_region: true,
            is_logging: true,
        })),
        creates_topic: false,
        own_topic: None,
        key: "arn:aws:kms:us-east-1:000000000099:key/k".parse().ok(),
        key_policy: Read::Ok(Some(policy)),
        bucket_policy: Read::Ok(None),
        topic_policy: Read::Ok(None),
    }
}

fn artifacts() -> ArtifactFacts {
    let object = |name: &str| StoredObject {
        key: format!("v/1/arm64/{name}.zip"),
        size: 1,
    };
    ArtifactFacts {
        bucket: "zips".into(),
        prefix: "v/1/".into(),
        architecture: Some("arm64".into()),
        place: Read::Ok(BucketPlace::Region("us-east-1".into())),
        objects: Read::Ok(["setup", "account", "auth"].map(object).into()),
    }
}

fn stack() -> StackFacts {
    let active = FunctionState {
        state: Some("Active".into()),
        last_update: Some("Successful".into()),
        reason: None,
    };
    StackFacts {
        stack: MainStack {
            id: "arn:aws:cloudformation:us-east-1:000000000099:stack/towerhook/1".into(),
            status: "CREATE_COMPLETE".into(),
            changed_at: "2026-01-01T00:00:00Z".parse().ok(),
            ..MainStack::default()
        },
        functions: part("AccountFunction", "towerhook-account", active),
        rules: part("ReconcileSchedule", "towerhook-1-reconcile", true),
        mappings: part("WorkQueueMapping", "m-1", "Enabled".to_owned()),
        dead_letters: Read::Ok(0),
        alarms: Read::Ok(vec![AlarmState {
            name: "towerhook-silence".into(),
            state: "OK".into(),
        }]),
        compared_at: Read::Ok("2026-01-11T11:00:00Z".parse().ok()),
        token_ends: Some(Read::Ok("2026-01-12T10:00:00Z".parse().ok())),
        members: Read::Ok(vec![StackInstance {
            account: id(MEMBER),
            state: InstanceState::Current,
            reason: None,
        }]),
    }
}

fn part<T>(logical_id: &str, name: &str, state: T) -> Read<Vec<Part<T>>> {
    Read::Ok(vec![Part {
        logical_id: logical_id.into(),
        name: name.into(),
        state: Read::Ok(Some(state)),
    }])
}

fn id(text: &str) -> AccountId {
    text.parse().unwrap()
}

fn account(text: &str) -> Account {
    Account {
        id: id(text),
        name: format!("account {text}"),
        state: AccountState::Active,
        path: Vec::new(),
    }
}
