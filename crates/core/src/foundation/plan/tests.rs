use std::collections::{BTreeMap, BTreeSet};

use super::{build::management_stack, *};
use crate::{
    model::{AccountId, Registration, RegistrationKind, RegistrationSpec},
    policy::{
        DeployedTrail, Destination, Policy, RegistrationMode, TrailSource,
        testing::{deployment, policy},
    },
    provider::{FeedFootprint, plain::Plain},
    stack_sets::{
        InstanceState, STACK_ID_TAG, Stack, StackInstance, StackSet, StackSetSpec, StackState,
    },
};

mod bucket;
mod registration;

const STACK_ID: &str = "arn:aws:cloudformation:us-east-1:000000000099:stack/towerhook/1";
const MEMBER: &str = "000000000007";

fn registration(name: &str, role: &str, external_id: &str) -> Registration {
    Registration {
        guid: "guid".into(),
        store: None,
        organization: false,
        name: name.into(),
        kind: RegistrationKind::Account,
        enabled: true,
        role_arn: format!("arn:aws:iam::{MEMBER}:role/{role}"),
        external_id: external_id.into(),
        queue_url: None,
        account_mapping: None,
        health: crate::model::Health::Unknown,
    }
}

fn stack_set(name: &str, owner: &str, instances: &[StackInstance]) -> Observed {
    let set = StackSet {
        name: name.into(),
        description: String::new(),
        template: "a template".into(),
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
    let going = Deployment {
        retired: vec![policy.names.clone()],
        ..deployment(policy)
    };
    plan(&Plain, None, &going, observed).unwrap()
}

#[test]
fn the_management_accounts_stack_follows_the_main_stacks_tags() {
    let spec = StackSetSpec {
        name: "management".into(),
        template: "a: b",
        parameters: Default::default(),
        stack_id: "id".into(),
        tags: [("team".to_owned(), "security".to_owned())].into(),
        roles: None,
    };
    let steps = |observed: &Observed| {
        let mut steps = Vec::new();
        management_stack(&Plain, &mut steps, &spec, false, observed).unwrap();
        steps
    };
    let mut stack = Stack {
        state: StackState::Complete,
        rolls_back: false,
        reason: None,
        description: spec.description(),
        tags: spec.all_tags(),
    };
    let stands = |stack: &Stack| Observed {
        stacks: [(spec.name.clone(), stack.clone())].into(),
        ..Observed::default()
    };
    assert_eq!(steps(&stands(&stack)), []);
    stack.tags.remove("team");
    let mut observed = stands(&stack);
    assert_eq!(steps(&observed), [Step::UpdateStack(spec.clone())]);
    // Any later difference is only in how CloudFormation shows them.
    observed.updated.insert(spec.name.clone());
    assert_eq!(steps(&observed), []);
}

#[test]
fn a_registration_is_removed_when_its_external_id_is_ours_or_hidden_behind_our_name() {
    let name = format!("Plain-{MEMBER}");
    let id = format!("plain:acme:{MEMBER}:ABCDEFGHIJ");
    let other = format!("plain:acme:{MEMBER}:0123456789");
    let role = "acme-reader";
    for (registration, ours) in [
        (registration(&name, role, &id), true),
        (registration("Renamed by hand", role, &id), true),
        (registration(&name, role, "**********"), true),
        (registration("Made by hand", role, "**********"), false),
        (registration("Made by hand", role, &other), false),
        (registration(&name, role, &other), false),
        (registration(&name, "acme-other", &id), true),
    ] {
        let observed = Observed {
            registrations: vec![registration.clone()],
            ..Observed::default()
        };
        let expected = ours.then(|| Step::DeleteRegistration(registration.clone()));
        assert_eq!(
            removal(&observed),
            Vec::from_iter(expected),
            "{registration:?}"
        );
    }
}

#[test]
fn a_stack_set_is_emptied_and_then_removed_and_another_owners_is_left() {
    let name = "Plain-Members-acme";
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

/// A StackSet of the trail.
fn trail_set(name: String) -> StackSetSpec {
    StackSetSpec {
        name,
        template: "a template",
        parameters: BTreeMap::new(),
        stack_id: STACK_ID.into(),
        tags: BTreeMap::new(),
        roles: None,
    }
}

/// The StackSet as it was made, with its instance in this account.
fn made(spec: &StackSetSpec, account: &AccountId) -> (String, (StackSet, Vec<StackInstance>)) {
    let set = StackSet {
        name: spec.name.clone(),
        description: spec.description(),
        template: spec.body(),
        parameters: BTreeMap::new(),
        tags: [(STACK_ID_TAG.to_owned(), STACK_ID.to_owned())].into(),
    };
    let instance = StackInstance {
        account: *account,
        state: InstanceState::Current,
        reason: None,
    };
    (spec.name.clone(), (set, vec![instance]))
}

/// Setup's goal with a trail only, of which everything but the registration exists.
fn with_trail(destination: Destination, registrations: Vec<Registration>) -> Vec<Step> {
    let policy = Policy {
        destination,
        ..policy()
    };
    let account: AccountId = MEMBER.parse().unwrap();
    let names = Plain.resources(&policy.names).feed.unwrap();
    let trail = FeedFootprint {
        topic: None,
        log: (trail_set(names.log_stack_set), account),
        audit: Some((trail_set(names.audit_stack_set.unwrap()), account)),
        announcement: None,
        registration: Some(trail_spec(&policy)),
    };
    let made = trail
        .stack_sets()
        .map(|(spec, account)| made(spec, account));
    let observed = Observed {
        stack_sets: made.collect(),
        registrations,
        ..Observed::default()
    };
    let footprint = Footprint {
        deployment: Deployment {
            stores: policy.destination.stores(),
            trail: Some(deployed(trail_spec(&policy))),
            ..deployment(policy.clone())
        },
        trail: Some(trail),
        member: None,
    };
    plan(&Plain, Some(&footprint), &footprint.deployment, &observed).unwrap()
}

fn deployed(registration: RegistrationSpec) -> DeployedTrail {
    DeployedTrail {
        source: TrailSource {
            name: "trail".into(),
            bucket: "logs".into(),
            topic: "arn:aws:sns:us-east-1:000000000001:trail".parse().unwrap(),
            makes_topic: false,
            announcement: None,
            kms_key: None,
        },
        queue_account: registration.account,
        registration: Some(registration),
        registration_id: None,
        asked_at: None,
        made_at: None,
        mended: BTreeMap::new(),
    }
}

fn trail_spec(policy: &Policy) -> RegistrationSpec {
    let account = MEMBER.parse().unwrap();
    let queue_url = "https://sqs.us-east-1.amazonaws.com/1/acme-queue";
    Plain
        .wanted_feed(policy, &account, queue_url.into())
        .unwrap()
}

fn trail(organization: bool) -> Registration {
    let spec = trail_spec(&policy());
    Registration {
        kind: RegistrationKind::Feed,
        queue_url: spec.queue_url,
        organization,
        ..registration(&spec.name, "acme-log-reader", spec.external_id.as_str())
    }
}

#[test]
fn the_trails_registration_is_the_organizations_where_units_are_mapped_and_moves_by_being_made_anew()
 {
    let mapped =
        || Destination::Mapped([("ou-ab12-11111111".parse().unwrap(), "emea".into())].into());
    for (destination, organization) in [(Destination::Tenant, false), (mapped(), true)] {
        let steps = with_trail(destination.clone(), vec![]);
        let [Step::CreateRegistration { spec, .. }] = &steps[..] else {
            panic!("{steps:?}");
        };
        assert_eq!(spec.is_of_organization(), organization);
        assert_eq!(
            with_trail(destination.clone(), vec![trail(organization)]),
            []
        );
        let elsewhere = trail(!organization);
        let removed = [Step::DeleteRegistration(elsewhere.clone())];
        assert_eq!(
            with_trail(destination.clone(), vec![elsewhere.clone()]),
            removed
        );
        let masked = Registration {
            external_id: "*****".into(),
            ..elsewhere.clone()
        };
        assert_eq!(
            with_trail(destination.clone(), vec![masked.clone()]),
            [Step::DeleteRegistration(masked)]
        );
        // A foreign one with the same name stays; in another place and with another queue, it does
        // not block ours.
        let other = Registration {
            external_id: "plain:acme:000000000007:0123456789".into(),
            queue_url: None,
            ..elsewhere
        };
        let steps = with_trail(destination, vec![other]);
        assert!(matches!(&steps[..], [Step::CreateRegistration { .. }]));
    }
}

/// A footprint with members only.
fn member_foundation(policy: &Policy, adopting: bool) -> Footprint {
    let name = Some(Plain.resources(&policy.names).member_stack_set).filter(|_| adopting);
    Footprint {
        deployment: Deployment {
            spared: name.into_iter().collect(),
            ..deployment(policy.clone())
        },
        trail: None,
        member: Some(StackSetSpec {
            name: Plain.resources(&policy.names).member_stack_set,
            template: "a template",
            parameters: BTreeMap::new(),
            stack_id: STACK_ID.into(),
            tags: BTreeMap::new(),
            roles: None,
        }),
    }
}

/// A member StackSet with these tags, and what setup plans for it.
fn member_steps(adopting: bool, tags: &[(&str, &str)]) -> Result<Vec<Step>, Refusal> {
    let policy = policy();
    let name = Plain.resources(&policy.names).member_stack_set;
    let mut observed = stack_set(&name, STACK_ID, &[]);
    let (set, _) = observed.stack_sets.get_mut(&name).unwrap();
    let owned = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
    set.tags = tags.iter().map(owned).collect();
    let footprint = member_foundation(&policy, adopting);
    plan(&Plain, Some(&footprint), &footprint.deployment, &observed)
}

#[test]
fn a_stack_set_is_taken_over_only_when_that_was_decided_and_never_from_a_stack_that_lives() {
    let vendors = [("team", "security")];
    let former = "arn:aws:cloudformation:us-east-1:000000000099:stack/towerhook/0";
    let other = "arn:aws:cloudformation:us-east-1:000000000099:stack/another/1";
    for (tags, adoptable) in [
        (&vendors[..], true),
        (&[], true),
        (&[(STACK_ID_TAG, former)], true),
        (&[(STACK_ID_TAG, other)], false),
        (&[(STACK_ID_TAG, "another stack")], false),
    ] {
        assert!(member_steps(false, tags).is_err(), "{tags:?}");
        let steps = member_steps(true, tags);
        match steps {
            Ok(steps) => {
                assert!(adoptable, "{tags:?}");
                assert!(matches!(&steps[..], [Step::AdoptStackSet(_)]), "{steps:?}");
            }
            Err(refusal) => assert!(!adoptable, "{refusal}"),
        }
    }
}

#[test]
fn an_instance_in_another_account_than_its_own_goes_before_anything_else_is_done() {
    let policy = policy();
    let (own, other): (AccountId, AccountId) =
        (MEMBER.parse().unwrap(), "000000000008".parse().unwrap());
    let spec = StackSetSpec {
        name: Plain
            .resources(&policy.names)
            .feed
            .unwrap()
            .audit_stack_set
            .unwrap(),
        template: "a template",
        parameters: BTreeMap::new(),
        stack_id: STACK_ID.into(),
        tags: BTreeMap::new(),
        roles: None,
    };
    let steps = |state, blind| {
        let instance = StackInstance {
            account: other,
            state,
            reason: None,
        };
        let observed = Observed {
            blind,
            ..stack_set(&spec.name, STACK_ID, &[instance])
        };
        let mut steps = Vec::new();
        super::build::stack_set(
            &Plain,
            &mut steps,
            &spec,
            Some(&own),
            &BTreeSet::new(),
            &observed,
        )
        .map(|()| steps)
    };
    let gone = |retain| {
        let delete = Step::DeleteInstances {
            stack_set: spec.name.clone(),
            accounts: vec![other],
            retain,
        };
        Ok(vec![delete])
    };
    assert_eq!(steps(InstanceState::Current, false), gone(false));
    assert_eq!(steps(InstanceState::Outdated, false), gone(false));
    assert_eq!(steps(InstanceState::Inoperable, false), gone(true));
    let awaited = steps(InstanceState::InProgress, false).unwrap();
    assert!(matches!(&awaited[..], [Step::Await(_)]), "{awaited:?}");
    // The registration that uses it could not follow.
    let refusal = steps(InstanceState::Current, true).unwrap_err().to_string();
    assert!(refusal.contains("API key that works"), "{refusal}");
}
