//! The registry's contract.

use towerhook_core::{
    model::{Created, Registration, RegistrationKind, RegistrationSpec, Store},
    ports::Registry,
    provider::Limits,
};

use super::LOOKS;

/// Creates and deletes registrations of one account with a usable role; the SaaS accepts an account
/// only once. `other` is a store, if the vendor has any, and `limits` are the vendor's.
pub async fn registry(
    registry: &impl Registry,
    spec: &RegistrationSpec,
    other: Option<&Store>,
    limits: &Limits,
    pause: &impl AsyncFn(),
) {
    let profile = registry.profile().await.unwrap();
    assert!(
        other.is_none_or(|other| profile.stores.contains(other)),
        "{profile:?}"
    );
    let listed = async |store: Option<&Store>| -> Vec<Registration> {
        registry
            .registrations(store, RegistrationKind::Account)
            .await
            .unwrap()
    };
    assert_eq!(listed(None).await, []);
    let guid = made(registry, spec, pause).await;
    let found = listed(None).await;
    let [one] = found.as_slice() else {
        panic!("one integration was made, and there are {found:?}");
    };
    assert!(guid.is_none() || guid.as_ref() == Some(&one.guid));
    assert!(one.enabled && !one.organization && one.store.is_none());
    assert_eq!((&one.name, &one.role_arn), (&spec.name, &spec.role_arn));
    assert!(spec.external_id.is_shown_as(&one.external_id));
    assert_eq!(
        registry.create(None, spec).await.unwrap(),
        Created::AlreadyUsed
    );
    if other.is_some() {
        assert_eq!(
            registry.create(other, spec).await.unwrap(),
            Created::AlreadyUsed
        );
        assert_eq!(listed(other).await, []);
    }

    let renamed = RegistrationSpec {
        name: format!("{}-renamed", spec.name),
        ..spec.clone()
    };
    // Where it can be disabled, it is.
    let enabled = !limits.pauses;
    let updated = registry.update(one, &renamed, enabled).await.unwrap();
    assert!(matches!(updated, Created::Done(_)), "{updated:?}");
    let found = listed(None).await;
    let [two] = found.as_slice() else {
        panic!("an update makes no other: {found:?}");
    };
    assert_eq!((&two.guid, two.enabled), (&one.guid, enabled));
    assert_eq!(two.name, renamed.name);
    let unusable = RegistrationSpec {
        role_arn: format!("{}-that-is-not-there", spec.role_arn),
        ..spec.clone()
    };
    let refused = registry.update(two, &unusable, true).await.unwrap();
    assert!(
        matches!(refused, Created::RoleNotAssumable(_)),
        "{refused:?}"
    );

    registry.delete(two).await.unwrap();
    registry.delete(two).await.unwrap();
    assert_eq!(listed(None).await, []);
    let refused = registry.create(None, &unusable).await.unwrap();
    assert!(
        matches!(refused, Created::RoleNotAssumable(_)),
        "{refused:?}"
    );
    assert_eq!(listed(None).await, [], "what cannot be used is not made");
}

/// A new role may take a while to become usable.
async fn made(
    registry: &impl Registry,
    spec: &RegistrationSpec,
    pause: &impl AsyncFn(),
) -> Option<String> {
    for _ in 0..LOOKS {
        match registry.create(None, spec).await.unwrap() {
            Created::Done(guid) => return guid,
            Created::RoleNotAssumable(_) => pause().await,
            Created::AlreadyUsed => panic!("nobody else watches it"),
        }
    }
    panic!("the role never becomes usable");
}
