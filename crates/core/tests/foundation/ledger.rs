//! The ledger's contents after setup has ended.

use towerhook_core::{
    foundation::Removal,
    ledger::{Record, Source},
    policy::{Deployment, RegistrationMode},
};
use towerhook_world::{Step, Wishes, World};

use super::{launched, members, refused, updated};

#[test]
fn the_lease_is_free_when_setup_has_ended() {
    World::quiet(members(1), async |world| {
        launched(&world, Wishes::default()).await;
        assert!(!world.is_leased());
        updated(&world, |wishes| wishes.limit = 20).await;
        world.rest().await;
        assert!(!world.is_leased());
        refused(&world, |wishes| wishes.wrong = true).await;
        world.rest().await;
        assert!(!world.is_leased());
        let answers = world.delete().await;
        assert!(answers.len() == 1 && answers[0].success, "{answers:#?}");
        assert!(!world.is_leased());
    });
}

#[test]
fn one_ledger_item_that_cannot_be_read_stops_nobody_else_and_is_reported() {
    World::quiet(members(1), async |world| {
        launched(&world, Wishes::default()).await;
        world.happen(&Step::GarbleLedger);
        assert_eq!(world.counted("AccountsBlocked"), 0);
        updated(&world, |wishes| wishes.limit = 20).await;
        world.rest().await;
        assert!(!world.is_leased());
        assert!(world.counted("AccountsBlocked") > 0);
        let told = true;
        world.happen(&Step::Create { unit: 1, told });
        world.rest().await;
        let new = world.members()[1];
        assert_eq!(world.watching(&new).len(), 1);
    });
}

/// A document in which these words stand for others.
fn renamed(document: &impl serde::Serialize, words: &[(&str, &str)]) -> String {
    let mut text = serde_json::to_string(document).unwrap();
    for (today, former) in words {
        let (today, former) = (format!("\"{today}\""), format!("\"{former}\""));
        assert!(text.contains(&today), "{today}: {text}");
        text = text.replace(&today, &former);
    }
    text
}

#[test]
fn documents_with_the_former_names_are_read_alike() {
    let mut deployment = World::quiet(members(1), async |world| {
        launched(&world, Wishes::default()).await;
        world.recorded().success.unwrap().deployment
    });
    deployment.policy.registration_mode = RegistrationMode::SnsCustomResource;
    let former = renamed(
        &deployment,
        &[
            ("registration_mode", "registration"),
            ("registration", "integration"),
            ("Feed", "CloudTrail"),
        ],
    );
    // The two names of the first pair are in different objects, and so stay apart.
    let former = former.replacen("\"integration\":\"Sns", "\"registration\":\"Sns", 1);
    assert_eq!(
        serde_json::from_str::<Deployment>(&former).unwrap(),
        deployment
    );

    let record = Record {
        recreated_at: Some("2026-01-01T00:00:00Z".parse().unwrap()),
        ..Record::default()
    };
    let former = renamed(&record, &[("recreated_at", "remade_at")]);
    assert_eq!(serde_json::from_str::<Record>(&former).unwrap(), record);

    let removal = Removal::default();
    let former = renamed(&removal, &[("registrations", "integrations")]);
    assert_eq!(serde_json::from_str::<Removal>(&former).unwrap(), removal);

    let former = renamed(&Source::Registrations, &[("registrations", "integrations")]);
    assert_eq!(
        serde_json::from_str::<Source>(&former).unwrap(),
        Source::Registrations
    );
}

#[test]
fn what_a_lost_ledger_had_adopted_is_read_back_from_the_stack_sets() {
    World::quiet(members(2), async |world| {
        launched(&world, Wishes::default()).await;
        let policy = || world.recorded().success.unwrap().deployment.policy;
        let before = policy();
        world.happen(&Step::EmptyLedger);
        updated(&world, |wishes| wishes.release += 1).await;
        let adoption = policy().adoption.unwrap();
        assert_eq!(adoption.tenant, Some(before.tenant.clone()));
        assert_eq!(adoption.resource, Some(before.names.resource.clone()));
        assert_eq!(adoption.member_suffix, Some(before.external_id_suffix));
        assert_eq!(policy().names, before.names);
    });
}
