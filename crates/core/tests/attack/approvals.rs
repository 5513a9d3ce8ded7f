//! What an administrator's approval covers, and what it does not.

use towerhook_world::{Step, Wishes, World, member_id};

use super::enrolled;

/// How many of the members are watched.
fn watched(world: &World, members: usize) -> usize {
    let is_watched = |n: &usize| !world.watching(&member_id(*n)).is_empty();
    (0..members).filter(is_watched).count()
}

#[test]
fn an_approval_works_once_and_not_for_accounts_that_came_back() {
    enrolled(12, Wishes::default(), async |world| {
        let all = (0..12).map(member_id).collect::<Vec<_>>();
        let exclude = |wishes: &mut Wishes| wishes.exclude_accounts.extend(all.iter().copied());
        world.update(exclude).await;
        world.rest().await;
        assert_eq!(watched(&world, 12), 12, "that many are held");
        world.let_go().await;
        world.rest().await;
        assert_eq!(watched(&world, 12), 0, "until an administrator approves");
        world.update(|wishes| wishes.exclude_accounts.clear()).await;
        world.rest().await;
        assert_eq!(watched(&world, 12), 12, "they are back");
        // A day later the daily count has expired.
        world.hours(26).await;
        world.update(exclude).await;
        world.rest().await;
        assert_eq!(
            watched(&world, 12),
            12,
            "and the same approval lets nobody go"
        );
        assert!(world.wishes().approve.is_some());
    });
}

/// A mapping to empty OUs, under a limit of ten percent, while the SaaS's lists are empty.
#[test]
fn a_wrong_mapping_takes_nobody_out_however_little_the_saas_lists() {
    for step in [Step::ListNothing, Step::ListGarbage] {
        enrolled(40, Wishes::default(), async move |world| {
            world.update(|wishes| wishes.include = vec![4]).await;
            for _ in 0..3 {
                world.happen(&step);
                world.happen(&Step::Fire);
                world.rest().await;
            }
            world.hours(3).await;
            let left = 40 - watched(&world, 40);
            assert_eq!(left, 0, "{step:?}");
            let stacks = (0..40).filter(|n| world.instance(MEMBERS, &member_id(*n)).is_some());
            assert_eq!(stacks.count(), 40, "{step:?}");
        });
    }
}

const MEMBERS: &str = "Plain-Members-acme";
