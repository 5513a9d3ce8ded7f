//! The ledger's contents after setup has ended.

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
