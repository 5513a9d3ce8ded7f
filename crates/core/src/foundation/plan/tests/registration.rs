//! Stacks that register their accounts themselves.

use super::*;

fn by_stack() -> Policy {
    Policy {
        registration_mode: RegistrationMode::SnsCustomResource,
        ..policy()
    }
}

fn instance(state: InstanceState) -> StackInstance {
    StackInstance {
        account: MEMBER.parse().unwrap(),
        state,
        reason: None,
    }
}

#[test]
fn a_stack_that_registered_its_account_gets_a_token_and_goes_before_its_registration_is_looked_after()
 {
    let name = "Plain-Members-acme";
    let account: AccountId = MEMBER.parse().unwrap();
    let policy = by_stack();
    let removal = |observed: &Observed| {
        let going = Deployment {
            retired: vec![policy.names.clone()],
            ..deployment(policy.clone())
        };
        plan(&Plain, None, &going, observed).unwrap()
    };
    let watcher = registration(
        &format!("Plain-{MEMBER}"),
        "acme-reader",
        &format!("plain:acme:{MEMBER}:ABCDEFGHIJ"),
    );
    let delete = |retain| Step::DeleteInstances {
        stack_set: name.into(),
        accounts: vec![account],
        retain,
    };
    let remove = [Step::DeleteRegistration(watcher.clone())];
    let mut observed = stack_set(name, STACK_ID, &[instance(InstanceState::Current)]);
    observed.registrations = vec![watcher];
    observed.active.insert(account);

    observed.renewed = Some(BTreeSet::new());
    let renew = Step::RenewToken {
        stack_set: name.into(),
        accounts: vec![account],
    };
    assert_eq!(removal(&observed), [renew]);
    observed.renewed = Some([account].into());
    assert_eq!(removal(&observed), [delete(false)]);
    observed.renewed = None;
    assert_eq!(removal(&observed), [delete(false)], "the key is revoked");

    // A stack that cannot be deleted removes no registration, so the function does.
    let stuck = [instance(InstanceState::Inoperable)];
    let registrations = observed.registrations.clone();
    observed = stack_set(name, STACK_ID, &stuck);
    observed.registrations = registrations;
    observed.active.insert(account);
    assert_eq!(removal(&observed), remove);
    observed.stack_sets.clear();
    assert_eq!(removal(&observed), remove);
}

#[test]
fn a_stack_gets_a_token_before_its_template_changes() {
    let policy = by_stack();
    let name = Plain.resources(&policy.names).member_stack_set;
    let footprint = member_foundation(&policy, false);
    let account: AccountId = MEMBER.parse().unwrap();
    let mut observed = stack_set(&name, STACK_ID, &[instance(InstanceState::Current)]);
    observed.active.insert(account);
    let steps = |observed: &Observed| {
        plan(&Plain, Some(&footprint), &footprint.deployment, observed).unwrap()
    };
    observed.renewed = Some(BTreeSet::new());
    assert!(matches!(&steps(&observed)[..], [Step::RenewToken { .. }]));
    observed.renewed = Some([account].into());
    assert!(matches!(&steps(&observed)[..], [Step::UpdateStackSet(_)]));
    // A registration without drift needs none.
    let (set, _) = observed.stack_sets.get_mut(&name).unwrap();
    set.description = footprint.member.as_ref().unwrap().description();
    observed.renewed = Some(BTreeSet::new());
    assert_eq!(steps(&observed), []);
}
