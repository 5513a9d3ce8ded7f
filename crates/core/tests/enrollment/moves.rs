//! Accounts that move to another store.

use towerhook_core::{
    ledger::{GapCause, Reason},
    model::AccountId,
};
use towerhook_world::{Destination, Options, Step, Wishes, World, member_id};

use super::{enrolled, gaps, members};

/// Member 0 is in Production, and moves to Staging.
fn mapped() -> Wishes {
    Wishes {
        destination: Destination::Units(vec![1, 3]),
        ..Wishes::default()
    }
}

fn to_staging(told: bool) -> Step {
    Step::Move {
        account: 0,
        unit: Some(3),
        told,
    }
}

/// The store in which an account is watched, exactly once.
fn store(world: &World, account: &AccountId) -> String {
    let [one] = &world.watching(account)[..] else {
        panic!("{:?}", world.watching(account));
    };
    let store = one.store.clone();
    assert_eq!(world.record(account).unwrap().store, store);
    store.unwrap().to_string()
}

#[test]
fn an_account_that_moves_between_mapped_units_is_watched_once_and_in_the_right_place() {
    for refuses_duplicates in [false, true] {
        let options = Options {
            refuses_duplicates,
            ..members(1)
        };
        enrolled(options, mapped(), async move |world| {
            assert_eq!(store(&world, &member_id(0)), "production");
            world.happen(&to_staging(true));
            world.rest().await;
            assert_eq!(store(&world, &member_id(0)), "staging");
            // The new registration is tried first, and the old one deleted only if the SaaS
            // requires that.
            let expected = if refuses_duplicates {
                &[GapCause::Moved][..]
            } else {
                &[]
            };
            assert_eq!(gaps(&world), expected);
            let record = world.record(&member_id(0)).unwrap();
            assert_eq!(record.gap_at.is_some(), refuses_duplicates);
            assert_eq!(world.counted("AccountsOffboarded"), 0);
        });
    }
}

#[test]
fn accounts_outside_the_mapped_units_are_left_out() {
    enrolled(members(4), mapped(), async |world| {
        assert_eq!(store(&world, &member_id(0)), "production");
        assert_eq!(world.watching(&member_id(3)), []);
        let reason = world.record(&member_id(3)).unwrap().reason;
        assert_eq!(reason, Some(Reason::OutsideMappedUnits));
    });
}

#[test]
fn a_move_that_fails_puts_the_old_registration_back_and_waits_a_day() {
    enrolled(members(1), mapped(), async |world| {
        world.set_usable("staging", false);
        world.happen(&to_staging(true));
        world.rest().await;
        assert_eq!(store(&world, &member_id(0)), "production");
        assert_eq!(gaps(&world), [GapCause::Moved]);
        let reason = world.record(&member_id(0)).unwrap().reason.unwrap();
        assert!(matches!(reason, Reason::NotMoved(_)), "{reason:?}");
        world.hours(6).await;
        assert_eq!(
            gaps(&world),
            [GapCause::Moved],
            "nothing is given up again today"
        );
        assert_eq!(world.record(&member_id(0)).unwrap().reason, Some(reason));
        world.set_usable("staging", true);
        world.hours(20).await;
        assert_eq!(store(&world, &member_id(0)), "staging");
    });
}

#[test]
fn a_move_that_was_cut_off_goes_on_or_back_and_its_gap_is_recorded() {
    for (usable, place) in [(true, "staging"), (false, "production")] {
        enrolled(members(1), mapped(), async move |world| {
            world.set_usable("staging", usable);
            // The function crashed before it had created the new one.
            world.happen(&to_staging(false));
            world.happen(&Step::DeleteRegistration { account: 0 });
            assert_eq!(world.watching(&member_id(0)), []);
            world.hours(1).await;
            assert_eq!(store(&world, &member_id(0)), place);
            assert_eq!(gaps(&world).len(), 1);
            let record = world.record(&member_id(0)).unwrap();
            assert_eq!(record.reason.is_some(), !usable);
            assert!(record.gap_at.is_some());
        });
    }
}
