use super::*;
use crate::enrollment::{Capability, Destination};

const STACK_ID: &str = "arn:aws:cloudformation:us-east-1:000000000099:stack/towerhook/1";
const MEMBER: &str = "000000000007";

fn policy() -> Policy {
    Policy {
        stack_id: STACK_ID.into(),
        partition: "aws".into(),
        region: "us-east-1".into(),
        management_account: "000000000099".parse().unwrap(),
        tenant: "acme".into(),
        names: Names {
            resource: "acme".into(),
            prefix: "Lacework-Control-Tower-".parse().unwrap(),
        },
        capability: Capability::CloudTrailAndConfig,
        destination: Destination::Tenant,
        external_id_suffix: "ABCDEFGHIJ".into(),
        monitor_existing: true,
        enroll_management: false,
        control_tower: true,
        log_archive: None,
        audit: None,
        offboard_limit_percent: 10,
        approved_offboard: None,
    }
}

fn integration(name: &str, role: &str, external_id: &str) -> Integration {
    Integration {
        guid: "guid".into(),
        sub_account: None,
        name: name.into(),
        kind: IntegrationKind::Config,
        enabled: true,
        role_arn: format!("arn:aws:iam::{MEMBER}:role/{role}"),
        external_id: external_id.into(),
        queue_url: None,
    }
}

fn stack_set(name: &str, owner: &str, instances: &[StackInstance]) -> Observed {
    let set = StackSet {
        name: name.into(),
        description: String::new(),
        parameters: BTreeMap::new(),
        tags: [(STACK_ID_TAG.to_owned(), owner.to_owned())].into(),
    };
    Observed {
        stack_sets: [(name.to_owned(), (set, instances.to_vec()))].into(),
        ..Observed::default()
    }
}

fn removal(observed: &Observed) -> Vec<Step> {
    let policy = policy();
    let retired = [policy.names.clone()];
    plan(None, &retired, &policy, observed).unwrap()
}

#[test]
fn an_integration_is_removed_when_its_external_id_is_ours_or_hidden_behind_our_name() {
    let name = format!("Lacework-Control-Tower-Config-Member-{MEMBER}");
    let id = format!("lweid:aws:v2:acme:{MEMBER}:ABCDEFGHIJ");
    let other = format!("lweid:aws:v2:acme:{MEMBER}:0123456789");
    let role = "acme-laceworkcwsrole-sa";
    for (integration, ours) in [
        (integration(&name, role, &id), true),
        (integration("Renamed by hand", role, &id), true),
        (integration(&name, role, "**********"), true),
        (integration("Made by hand", role, "**********"), false),
        (integration("Made by hand", role, &other), false),
        (integration(&name, role, &other), false),
        (integration(&name, "acme-other", &id), false),
    ] {
        let observed = Observed {
            integrations: vec![integration.clone()],
            ..Observed::default()
        };
        let expected = ours.then(|| Step::DeleteIntegration(integration.clone()));
        assert_eq!(
            removal(&observed),
            Vec::from_iter(expected),
            "{integration:?}"
        );
    }
}

#[test]
fn a_stack_set_is_emptied_and_then_removed_and_another_owners_is_left() {
    let name = "Lacework-Control-Tower-Config-Member-acme";
    let account: AccountId = MEMBER.parse().unwrap();
    let instance = |state| StackInstance {
        account,
        state,
        reason: None,
    };
    let delete = |retain| Step::DeleteInstances {
        stack_set: name.into(),
        accounts: vec![account],
        retain,
    };
    let current = [instance(InstanceState::Current)];
    let mut observed = stack_set(name, STACK_ID, &current);
    assert_eq!(removal(&observed), [delete(true)], "nobody can reach it");
    observed.active.insert(account);
    assert_eq!(removal(&observed), [delete(false)]);

    let observed = stack_set(name, STACK_ID, &[instance(InstanceState::InProgress)]);
    assert!(matches!(&removal(&observed)[..], [Step::Await(_)]));
    let observed = stack_set(name, STACK_ID, &[]);
    assert_eq!(removal(&observed), [Step::DeleteStackSet(name.into())]);
    let observed = stack_set(name, "another stack", &current);
    assert_eq!(removal(&observed), []);
}
