//! OUs that parameters name.

use towerhook_world::{Wishes, World};

use super::{launched, members, refused, updated};

#[test]
fn a_name_keeps_its_recorded_id_and_only_new_names_are_resolved() {
    World::quiet(members(4), async |world| {
        let exclude = Wishes {
            exclude: vec![4],
            ..Wishes::default()
        };
        launched(&world, exclude).await;
        let before = world.recorded().success.unwrap().deployment.units;
        assert_eq!(before.len(), 1);
        // The name belongs to another OU now.
        world.rename_unit(4, "Playground");
        world.rename_unit(3, "Sandbox");
        updated(&world, |wishes| wishes.exclude.push(2)).await;
        let after = world.recorded().success.unwrap().deployment;
        assert_eq!(after.units["Sandbox"], before["Sandbox"]);
        let blue = &after.units["Production/Blue"];
        let excluded = &after.policy.selection.exclude;
        assert_eq!(*excluded, [before["Sandbox"].clone(), blue.clone()].into());
        assert_eq!(after.units.len(), 2);
    });
}

#[test]
fn a_name_that_was_left_out_meanwhile_is_resolved_anew() {
    World::quiet(members(0), async |world| {
        let exclude = Wishes {
            exclude: vec![4],
            ..Wishes::default()
        };
        launched(&world, exclude).await;
        let before = world.recorded().success.unwrap().deployment.units;
        updated(&world, |wishes| wishes.exclude.clear()).await;
        world.rename_unit(4, "Playground");
        world.rename_unit(3, "Sandbox");
        updated(&world, |wishes| {
            wishes.exclude.push(4);
            // The parameters of the success before would roll back to that.
            wishes.limit = 20;
        })
        .await;
        let after = world.recorded().success.unwrap().deployment.units;
        assert_ne!(after["Sandbox"], before["Sandbox"]);
    });
}

#[test]
fn a_wrong_new_name_is_refused_with_a_reason_that_speaks_of_units() {
    World::quiet(members(1), async |world| {
        launched(&world, Wishes::default()).await;
        let (why, _) = refused(&world, |wishes| wishes.wrong = true).await;
        let said = "ExcludeOrganizationalUnits names the organizational unit \"Nowhere\", which the \
                    organization does not have";
        assert!(why.contains(said), "{why}");
    });
}

#[test]
fn a_unit_that_nobody_has_is_told_before_the_store_that_its_name_would_mean() {
    World::quiet(members(1), async |world| {
        launched(&world, Wishes::default()).await;
        for (written, hint) in [("Dev", ""), ("Dev*", " (patterns are not supported here)")] {
            let mapping = ("StoresByUnit", written.to_owned());
            let (why, _) = refused(&world, |wishes| wishes.others.extend([mapping])).await;
            let said = format!(
                "StoresByUnit names the organizational unit {written:?}, which the \
                 organization does not have{hint}."
            );
            assert!(why.contains(&said), "{why}");
        }
        // If the store is named, too, both have to exist.
        let mapping = ("StoresByUnit", "Production=nobody".to_owned());
        let (why, _) = refused(&world, |wishes| wishes.others.extend([mapping])).await;
        let said = "names the store nobody, which the API key cannot use";
        assert!(why.contains(said), "{why}");
    });
}

#[test]
fn all_wrong_parameters_are_named_in_one_refusal() {
    World::quiet(members(1), async |world| {
        launched(&world, Wishes::default()).await;
        let (why, _) = refused(&world, |wishes| {
            wishes.wrong = true;
            wishes.exclude_accounts = ["999999999997", "999999999998"]
                .map(towerhook_world::id)
                .into();
        })
        .await;
        let said = "ExcludeAccounts names 999999999997, which is not an account of this organization. \
                    ExcludeAccounts names 999999999998, which is not an account of this organization. \
                    ExcludeOrganizationalUnits names the organizational unit \"Nowhere\"";
        assert!(why.contains(said), "{why}");
    });
}
