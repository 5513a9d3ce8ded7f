//! A SaaS that accepts a registration without listing it, or lists it with other values.

use towerhook_core::ledger::Reason;
use towerhook_world::{Destination, LOG_ARCHIVE, Options, Wishes, World, id, member_id};

use super::enrolled;

const MADE: &str = "registry:CreateCloudAccount";
const DELETED: &str = "registry:DeleteCloudAccount";

/// A launch in a small landing zone, and how often registrations were created and deleted by its
/// end.
fn launched(wishes: Wishes, lie: impl FnOnce(&World) + 'static) -> (usize, usize) {
    let options = Options {
        accounts: 2,
        ..Options::default()
    };
    World::quiet(options, async move |world| {
        lie(&world);
        let _ = world.launch(wishes).await;
        world.hours(2).await;
        (world.calls(MADE), world.calls(DELETED))
    })
}

#[test]
fn a_registration_that_is_accepted_and_never_listed_is_not_made_over_and_over() {
    let trail = Wishes {
        config: false,
        ..Wishes::default()
    };
    let (made, _) = launched(trail, |world| world.unlist(id(LOG_ARCHIVE)));
    assert!((1..=4).contains(&made), "{made}");
}

#[test]
fn an_account_whose_registration_is_never_listed_is_looked_at_with_a_pause_and_reported() {
    enrolled(2, Wishes::default(), async |world| {
        let account = member_id(0);
        world.unlist(account);
        world.delete_registrations(towerhook_core::model::RegistrationKind::Account);
        let before = world.calls(MADE);
        world.hours(24).await;
        let made = world.calls(MADE) - before;
        // Each comparison of the whole organization tries once, and all others are recreated once.
        assert!(made <= 24 + 5, "{made}");
        let reason = world.record(&account).unwrap().reason;
        assert_eq!(reason, Some(Reason::DeletedAgain));
    });
}

#[test]
fn a_registration_that_is_listed_otherwise_than_it_was_made_is_not_replaced_over_and_over() {
    let mapped = Wishes {
        destination: Destination::Units(vec![1, 3]),
        config: false,
        ..Wishes::default()
    };
    let (made, deleted) = launched(mapped, World::hide_organization);
    assert!(made <= 6 && deleted <= 6, "made {made}, deleted {deleted}");
}
