//! What counts as watched, as unwatched, and as out of scope.

use towerhook_core::{
    Read,
    enrollment::{Coverage, Reply, Standing},
    landing_zone::{AccountState, Management},
    ledger::Reason,
};
use towerhook_world::{Step, Wishes, World, member_id};

use super::{enrolled, look::Look, look::deployment, members};

fn standing(look: &Look, n: usize) -> Standing {
    let id = member_id(n);
    let (view, record) = (
        &look.inventory.accounts[&id],
        look.inventory.records.get(&id),
    );
    Standing::of(&look.deployment.policy, &id, view, record, false)
}

#[test]
fn an_account_is_watched_once_it_is_enrolled_and_until_then_its_enrollment_is_under_way() {
    let mut look = Look::new(deployment(Wishes::default()));
    assert_eq!(standing(&look, 0), Standing::Unwatched(None));
    assert_eq!(standing(&look, 0).code().unwrap(), "under-way");
    look = Look::enrolled(deployment(Wishes::default()), 1);
    assert_eq!(standing(&look, 0), Standing::Watched);
    assert_eq!(standing(&look, 0).code(), None);
}

#[test]
fn a_suspended_or_closed_account_is_no_gap() {
    for (state, reason) in [
        (AccountState::Suspended, Reason::Suspended),
        (AccountState::Closed, Reason::Closed),
    ] {
        let mut look = Look::enrolled(deployment(Wishes::default()), 1);
        look.account(0).state = state;
        assert_eq!(standing(&look, 0), Standing::OutOfScope(reason));
    }
}

#[test]
fn an_account_that_the_vendor_cannot_read_is_not_watched_and_a_drifting_one_is() {
    let mut look = Look::enrolled(deployment(Wishes::default()), 1);
    let denied = Reason::Unreadable("AccessDenied".into());
    look.record(0).reason = Some(denied.clone());
    assert_eq!(standing(&look, 0), Standing::Unwatched(Some(denied)));
    assert_eq!(standing(&look, 0).code().unwrap(), "unreadable");
    look.record(0).reason = Some(Reason::KeepsDrifting);
    assert_eq!(standing(&look, 0), Standing::Watched);
}

#[test]
fn what_control_tower_does_not_manage_is_in_scope_only_while_it_is_watched() {
    let mut look = Look::new(deployment(Wishes::default()));
    look.view(0).management = Read::Ok(Management::NotManaged);
    assert_eq!(standing(&look, 0), Standing::OutOfScope(Reason::NotManaged));
    look.view(0).management = Read::Ok(Management::Failed);
    let failed = Standing::Unwatched(Some(Reason::BaselineFailed));
    assert_eq!(standing(&look, 0), failed);
    let mut look = Look::enrolled(deployment(Wishes::default()), 1);
    look.view(0).management = Read::Ok(Management::NotManaged);
    assert_eq!(standing(&look, 0), Standing::Watched);
}

#[test]
fn an_account_that_could_not_be_read_stays_as_the_ledger_has_it() {
    let mut look = Look::enrolled(deployment(Wishes::default()), 1);
    look.view(0).account = Read::Unknown("no answer".into());
    assert_eq!(standing(&look, 0), Standing::Watched);
    let mut look = Look::new(deployment(Wishes::default()));
    look.view(0).account = Read::Unknown("no answer".into());
    assert_eq!(standing(&look, 0).code().unwrap(), "unread");
}

/// The coverage of the last comparison of the whole organization.
fn coverage(world: &World) -> Coverage {
    let replies = world.replies();
    let coverage = |reply: &Reply| match reply {
        Reply::Done { report, .. } => report.coverage.clone(),
        _ => None,
    };
    replies
        .iter()
        .rev()
        .find_map(|reply| coverage(reply))
        .unwrap()
}

#[test]
fn a_comparison_of_all_counts_the_watched_and_the_rest_by_reason() {
    enrolled(members(3), Wishes::default(), async |world| {
        world.hours(1).await;
        let all = coverage(&world);
        // Log Archive and Audit are watched, too.
        assert_eq!((all.watched, all.in_scope()), (5, 5));
        world.happen(&Step::Suspend { account: 0 });
        world.hours(1).await;
        let after = coverage(&world);
        assert_eq!((after.watched, after.unwatched()), (4, 0));
    });
}
