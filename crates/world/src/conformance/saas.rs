//! What the SaaS's integrations promise.

use towerhook_core::{
    model::SubAccount,
    ports::{Created, Integration, IntegrationKind, IntegrationSpec, Saas},
};

use super::LOOKS;

/// Integrations of one account, whose role can be used, from none to none; the SaaS takes an
/// account once. `other` is a sub-account.
pub async fn saas(
    saas: &impl Saas,
    spec: &IntegrationSpec,
    other: &SubAccount,
    pause: &impl AsyncFn(),
) {
    let profile = saas.profile().await.unwrap();
    assert!(profile.sub_accounts.contains(other), "{profile:?}");
    let listed = async |store: Option<&SubAccount>| -> Vec<Integration> {
        saas.integrations(store, IntegrationKind::Config)
            .await
            .unwrap()
    };
    assert_eq!(listed(None).await, []);
    let guid = made(saas, spec, pause).await;
    let found = listed(None).await;
    let [one] = found.as_slice() else {
        panic!("one integration was made, and there are {found:?}");
    };
    assert!(guid.is_none() || guid.as_ref() == Some(&one.guid));
    assert!(one.enabled && !one.organization && one.sub_account.is_none());
    assert_eq!((&one.name, &one.role_arn), (&spec.name, &spec.role_arn));
    assert!(spec.external_id.is_shown_as(&one.external_id));
    assert_eq!(saas.create(None, spec).await.unwrap(), Created::AlreadyUsed);
    assert_eq!(
        saas.create(Some(other), spec).await.unwrap(),
        Created::AlreadyUsed
    );
    assert_eq!(listed(Some(other)).await, []);

    let renamed = IntegrationSpec {
        name: format!("{} renamed", spec.name),
        ..spec.clone()
    };
    let updated = saas.update(one, &renamed, false).await.unwrap();
    assert!(matches!(updated, Created::Done(_)), "{updated:?}");
    let found = listed(None).await;
    let [two] = found.as_slice() else {
        panic!("an update makes no other: {found:?}");
    };
    assert_eq!((&two.guid, two.enabled), (&one.guid, false));
    assert_eq!(two.name, renamed.name);
    let unusable = IntegrationSpec {
        role_arn: format!("{}-that-is-not-there", spec.role_arn),
        ..spec.clone()
    };
    let refused = saas.update(two, &unusable, true).await.unwrap();
    assert!(matches!(refused, Created::NotUsable(_)), "{refused:?}");

    saas.delete(two).await.unwrap();
    saas.delete(two).await.unwrap();
    assert_eq!(listed(None).await, []);
    let refused = saas.create(None, &unusable).await.unwrap();
    assert!(matches!(refused, Created::NotUsable(_)), "{refused:?}");
    assert_eq!(listed(None).await, [], "what cannot be used is not made");
}

/// A role that is seconds old may take a while until it can be used.
async fn made(saas: &impl Saas, spec: &IntegrationSpec, pause: &impl AsyncFn()) -> Option<String> {
    for _ in 0..LOOKS {
        match saas.create(None, spec).await.unwrap() {
            Created::Done(guid) => return guid,
            Created::NotUsable(_) => pause().await,
            Created::AlreadyUsed => panic!("nobody else watches it"),
        }
    }
    panic!("the role never becomes usable");
}
