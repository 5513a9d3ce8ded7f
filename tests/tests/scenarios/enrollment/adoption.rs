//! A deployment of Lacework's own Control Tower integration, and its takeover by the procedure in
//! `docs/adoption.md`.

mod vendors;

use towerhook_sandbox::Sandbox;
use towerhook_sandbox::gateway::stack_sets::StackSetView;
use towerhook_sandbox::landing_zone::Role;
use towerhook_sandbox::launch::{Stack, TEMPLATE};
use towerhook_sandbox::providers::Verification;
use towerhook_sandbox::providers::lacework::TENANT;
use towerhook_tests::STACK_DEADLINE;
use towerhook_tests::python::assert_requests_fit;
use towerhook_tests::scene::{Scene, until};

use crate::enrollment::PREFIX;
use crate::golden::assert_golden;
use vendors::{ENROLLED, MEMBER_SUFFIX, Vendors, Version};

const ADOPT: (&str, &str) = ("AdoptExistingDeployment", "Yes");

async fn is_now(stack: &Stack, status: &str) {
    stack.wait_for(status, STACK_DEADLINE).await.unwrap();
}

/// Launches, expects a failure, and returns the reason.
async fn failed_launch(sandbox: &Sandbox, parameters: &[(&str, &str)]) -> String {
    let stack = sandbox.launch(parameters).await.unwrap();
    is_now(&stack, "ROLLBACK_COMPLETE").await;
    let mut failures = stack.failures().await.unwrap();
    stack.delete().await.unwrap();
    is_now(&stack, "DELETE_COMPLETE").await;
    assert_requests_fit(sandbox, &[]).await;
    failures.remove(0).reason
}

/// Setup's steps since the launch, and the state of every account.
async fn told(scene: &Scene) -> String {
    until("setup's log is filed", async || {
        !scene.logged("setup", "response sent").await.is_empty()
    })
    .await;
    format!("{}\n{}", scene.steps().await, scene.table().await)
}

#[tokio::test]
async fn a_deployment_of_laceworks_own_is_taken_over_with_its_external_ids() {
    let vendors = Vendors::open(Version::Newest, TENANT, &[]).await;
    let before = vendors.watched();

    // While the old stack exists, nothing is touched.
    let reason = failed_launch(&vendors.sandbox, &[ADOPT]).await;
    assert!(reason.contains("LaceworkControlTowerEvents"), "{reason}");
    vendors.assert_untouched();
    vendors.free_the_names().await;

    // A launch that fails half way leaves every account watched.
    let audit = vendors.sandbox.landing_zone.account_of(Role::Audit);
    let audit = audit.unwrap().id.clone();
    let sets = vendors.sandbox.gateway.stack_sets();
    sets.fail_instances([audit], "no such luck");
    let failing = failed_launch(&vendors.sandbox, &[ADOPT]);
    let reason = vendors.watched_during(failing).await;
    assert!(reason.contains("no such luck"), "{reason}");
    assert_eq!(sets.all().len(), 3);
    sets.fail_instances([] as [&str; 0], "");

    let stack = vendors
        .watched_during(async {
            let stack = vendors.sandbox.launch(&[ADOPT]).await.unwrap();
            is_now(&stack, "CREATE_COMPLETE").await;
            stack
        })
        .await;
    let scene = Scene {
        sandbox: vendors.sandbox,
        stack,
    };
    scene.await_enrolled(&ENROLLED).await;
    scene.await_enrolled(&["development-1"]).await;
    scene.settle().await;
    let integrations = scene.lacework().integrations();
    for one in &integrations {
        let verification = scene.sandbox.simulator.verify(&one.guid).await.unwrap();
        assert_eq!(verification, Verification::Passed, "{}", one.name);
        let id = one.external_id.clone().unwrap();
        match before.get(&one.name) {
            Some(before) => assert_eq!((&id, &one.guid), (&before.0, &before.1)),
            None => assert!(id.ends_with(MEMBER_SUFFIX), "{id}"),
        }
    }
    assert_eq!(integrations.len(), before.len() + 1, "development-1 is new");
    for set in scene.sandbox.gateway.stack_sets().all() {
        assert!(set.managed_execution, "{}", set.name);
    }
    assert_golden("adoption", &told(&scene).await);
    // Another comparison changes nothing.
    scene.reconcile().await;
    assert_eq!(
        scene.sandbox.simulator.registrations().len(),
        integrations.len()
    );

    scene.delete().await;
    assert_eq!(scene.sandbox.simulator.registrations(), []);
    assert!(scene.sandbox.gateway.stack_sets().all().is_empty());
}

#[tokio::test]
async fn what_is_there_keeps_its_letter_case_and_its_trail_may_follow_later() {
    let vendors = Vendors::open(Version::April2024, "Acme", &[]).await;
    vendors.free_the_names().await;

    // Nothing of the newer line is taken over.
    let newer = format!("{PREFIX}CloudTrail-Audit-Acme");
    vendors.empty_stack_set(&newer).await;
    let reason = failed_launch(&vendors.sandbox, &[ADOPT]).await;
    assert!(reason.contains(&newer), "{reason}");
    vendors.remove_empty_stack_set(&newer).await;
    vendors.assert_untouched();

    let config = [ADOPT, ("CapabilityType", "Config")];
    let stack = vendors
        .watched_during(async {
            let stack = vendors.sandbox.launch(&config).await.unwrap();
            is_now(&stack, "CREATE_COMPLETE").await;
            stack
        })
        .await;
    let sets = vendors.sandbox.gateway.stack_sets().clone();
    let of_trail = |set: &&StackSetView| set.name.contains("CloudTrail");
    let owned = |set: &StackSetView| set.tags.contains_key("towerhook:stack-id");
    let all = sets.all();
    let trail: Vec<_> = all.iter().filter(of_trail).collect();
    assert_eq!(trail.len(), 2);
    assert!(
        !trail.into_iter().any(owned),
        "the trail's stay as they are"
    );

    let both = [("CapabilityType".to_owned(), "CloudTrail+Config".to_owned())].into();
    vendors
        .watched_during(async {
            stack.update(TEMPLATE, &both).await.unwrap();
            is_now(&stack, "UPDATE_COMPLETE").await;
        })
        .await;
    assert!(sets.all().iter().all(owned));
    let scene = Scene {
        sandbox: vendors.sandbox,
        stack,
    };
    scene.await_enrolled(&["development-1"]).await;
    let new = scene.integrations("development-1").remove(0);
    let id = new.external_id.unwrap();
    assert!(
        id.starts_with("lweid:aws:v2:Acme:") && id.ends_with(MEMBER_SUFFIX),
        "{id}"
    );
    scene.delete().await;
    assert_eq!(scene.sandbox.simulator.registrations(), []);
    assert!(sets.all().is_empty());
}

#[tokio::test]
async fn where_units_are_sub_accounts_the_trail_becomes_the_organizations() {
    let vendors = Vendors::open(Version::June2025, TENANT, &["security", "production"]).await;
    let before = vendors.watched();
    vendors.free_the_names().await;
    let parameters = [ADOPT, ("LaceworkOrgSubAccountNames", "Security,Production")];
    let stack = vendors.sandbox.launch(&parameters).await.unwrap();
    is_now(&stack, "CREATE_COMPLETE").await;
    let scene = Scene {
        sandbox: vendors.sandbox,
        stack,
    };
    scene.await_enrolled(&ENROLLED).await;
    let trail = || {
        let all = scene.lacework().integrations();
        let mut trails = all.into_iter().filter(|one| one.kind == "AwsCtSqs");
        (trails.next().unwrap(), trails.next())
    };
    until("the mapping is written", async || {
        let mapping = trail().0.account_mapping.unwrap_or_default();
        mapping["integration_mappings"]["security"].is_object()
    })
    .await;
    scene.settle().await;
    let (trail, second) = trail();
    assert!(trail.organization && second.is_none());
    assert_eq!(trail.external_id.as_ref(), Some(&before[&trail.name].0));
    for name in ENROLLED {
        let integration = scene.integrations(name).remove(0);
        let (external_id, guid) = &before[&integration.name];
        assert_eq!(
            integration.external_id.as_ref(),
            Some(external_id),
            "{name}"
        );
        assert_eq!(&integration.guid, guid, "{name}");
        let unit = scene.account(name).unit.to_lowercase();
        assert_eq!(integration.account, unit, "{name}");
    }
    assert_golden("adoption_by_unit", &told(&scene).await);
    scene.delete().await;
    assert_eq!(scene.sandbox.simulator.registrations(), []);
}
