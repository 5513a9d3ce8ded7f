//! The contract of StackSets.

use towerhook_core::{
    ErrorKind,
    model::{AccountId, SecretText},
    ports::StackSets,
    stack_sets::{InstanceState, OperationState, StackInstance, StackSetSpec, Start},
};

use super::LOOKS;

/// Creates and deletes a StackSet and its instances. `account` is reachable, and `pause` waits a
/// little.
pub async fn stack_sets(
    ports: &impl StackSets,
    spec: &StackSetSpec,
    account: &AccountId,
    pause: &impl AsyncFn(),
) {
    let name = spec.name.as_str();
    let accounts = [*account];
    let here = async || -> Option<StackInstance> {
        let asked = ports.instances(name, Some(&accounts)).await.unwrap();
        assert_eq!(asked, ports.instances(name, None).await.unwrap());
        asked.into_iter().next()
    };
    assert_eq!(ports.stack_set(name).await.unwrap(), None);
    assert_eq!(
        here().await,
        None,
        "a StackSet that does not exist has no instances"
    );
    ports.delete_stack_set(name).await.unwrap();
    let missing = ports
        .create_instances(name, &accounts, None, "conformance-0")
        .await
        .unwrap_err();
    assert_eq!(missing.kind, ErrorKind::NotFound);

    ports.create_stack_set(spec).await.unwrap();
    ports.create_stack_set(spec).await.unwrap();
    let set = ports.stack_set(name).await.unwrap().expect("it was made");
    assert!(spec.is_met_by(&set), "{set:?}");
    assert_eq!(set.parameters, spec.parameters);
    assert_eq!(here().await, None);

    let create = async |id: &str| {
        ports
            .create_instances(name, &accounts, None, id)
            .await
            .unwrap()
    };
    assert_eq!(create("conformance-1").await, Start::Started);
    assert_eq!(
        create("conformance-1").await,
        Start::Exists,
        "the same operation twice"
    );
    ended(ports, name, "conformance-1", pause).await;
    assert_eq!(ports.failures(name, "conformance-1").await.unwrap(), []);
    assert_eq!(
        here().await.map(|one| one.state),
        Some(InstanceState::Current)
    );
    assert_eq!(
        create("conformance-2").await,
        Start::Started,
        "an instance that is there"
    );
    ended(ports, name, "conformance-2", pause).await;
    assert_eq!(
        here().await.map(|one| one.state),
        Some(InstanceState::Current)
    );
    let token = SecretText::from("token");
    let renew = async |id: &str| {
        let renewed = ports.renew_token(name, &accounts, &token, id).await;
        renewed.unwrap()
    };
    assert_eq!(renew("conformance-5").await, Start::Started);
    assert_eq!(renew("conformance-5").await, Start::Exists);
    ended(ports, name, "conformance-5", pause).await;
    assert_eq!(ports.failures(name, "conformance-5").await.unwrap(), []);
    assert_eq!(
        here().await.map(|one| one.state),
        Some(InstanceState::Current)
    );
    let full = ports.delete_stack_set(name).await.unwrap_err();
    assert_eq!(full.kind, ErrorKind::Conflict, "it has an instance");
    let unknown = ports.operation(name, "conformance-9").await.unwrap_err();
    assert_eq!(unknown.kind, ErrorKind::NotFound);

    let mut other = spec.clone();
    other
        .parameters
        .insert("ExternalIdSuffix".into(), "SECONDSUFF".into());
    assert_eq!(
        ports
            .update_stack_set(&other, "conformance-3")
            .await
            .unwrap(),
        Start::Started
    );
    ended(ports, name, "conformance-3", pause).await;
    let set = ports.stack_set(name).await.unwrap().expect("it is there");
    assert!(other.is_met_by(&set) && !spec.is_met_by(&set), "{set:?}");
    assert_eq!(
        here().await.map(|one| one.state),
        Some(InstanceState::Current)
    );

    let delete = async |id: &str| {
        ports
            .delete_instances(name, &accounts, false, id)
            .await
            .unwrap()
    };
    assert_eq!(delete("conformance-4").await, Start::Started);
    assert_eq!(delete("conformance-4").await, Start::Exists);
    ended(ports, name, "conformance-4", pause).await;
    assert_eq!(here().await, None);
    ports.delete_stack_set(name).await.unwrap();
    ports.delete_stack_set(name).await.unwrap();
    assert_eq!(ports.stack_set(name).await.unwrap(), None);
}

async fn ended(ports: &impl StackSets, name: &str, operation: &str, pause: &impl AsyncFn()) {
    for _ in 0..LOOKS {
        match ports.operation(name, operation).await.unwrap() {
            OperationState::InProgress => pause().await,
            OperationState::Succeeded => return,
            OperationState::Failed => panic!("{operation} failed"),
        }
    }
    panic!("{operation} does not end");
}

/// Deploys the StackSet and the instance with a member's role, as the account function does.
pub async fn stand(
    ports: &impl StackSets,
    spec: &StackSetSpec,
    account: &AccountId,
    pause: &impl AsyncFn(),
) {
    ports.create_stack_set(spec).await.unwrap();
    let started = ports
        .create_instances(&spec.name, &[*account], None, "conformance-stand")
        .await;
    assert_eq!(started.unwrap(), Start::Started);
    ended(ports, &spec.name, "conformance-stand", pause).await;
}
