//! Unreadable data changes nothing, and plans are deterministic.

use proptest::prelude::*;
use towerhook_core::{
    Read,
    enrollment::observe,
    landing_zone::{AccountState, Management},
    lifecycle::Scope,
    policy::Deployment,
    provider::plain::Plain,
    stack_sets::InstanceState,
};
use towerhook_world::{Destination, Ports, Step, Window, Wishes};

use super::{
    enrolled,
    look::{Look, PRODUCTION, STAGING, deployment, path},
    members,
};

/// The properties of an account in a generated inventory.
#[derive(Debug, Clone)]
struct Case {
    exists: bool,
    state: AccountState,
    unit: &'static str,
    management: Management,
    instance: Option<InstanceState>,
    watchers: usize,
    enabled: bool,
    is_known: bool,
}

fn case() -> impl Strategy<Value = Case> {
    use AccountState::*;
    use InstanceState::*;
    use Management::*;
    let state = vec![Active, Active, Active, Suspended, PendingClosure, Closed];
    let management = vec![Managed, Managed, UnderChange, Failed, NotManaged];
    let instance = vec![InProgress, Current, Current, Outdated, Inoperable];
    let drawn = (
        prop::bool::weighted(0.9),
        prop::sample::select(state),
        prop::sample::select(vec![PRODUCTION, STAGING, "ou-ab12-sandbox00"]),
        prop::sample::select(management),
        prop::option::of(prop::sample::select(instance)),
        0..3usize,
        prop::bool::weighted(0.8),
        prop::bool::weighted(0.8),
    );
    drawn.prop_map(
        |(exists, state, unit, management, instance, watchers, enabled, is_known)| Case {
            exists,
            state,
            unit,
            management,
            instance,
            watchers,
            enabled,
            is_known,
        },
    )
}

thread_local! {
    static MAPPED: Deployment = deployment(Wishes {
        destination: Destination::Units(vec![1, 3]),
        limit: 100,
        offboard_unenrolled: true,
        ..Wishes::default()
    });
}

fn generated(cases: &[Case]) -> Look {
    let mut look = Look::enrolled(MAPPED.with(Clone::clone), cases.len());
    for (n, case) in cases.iter().enumerate() {
        look.account(n).state = case.state;
        look.account(n).path = path(case.unit);
        look.view(n).management = Read::Ok(case.management);
        match case.instance {
            Some(state) => look.stand(n, state),
            None => look.view(n).instance = Read::Ok(None),
        }
        let mut first = look.ours(n).remove(0);
        first.enabled = case.enabled;
        for number in 0..case.watchers {
            let mut one = first.clone();
            one.guid = format!("{}_{number}", one.guid);
            look.ours(n).push(one);
        }
        if !case.exists {
            look.view(n).account = Read::Ok(None);
        }
        if !case.is_known {
            look.inventory
                .records
                .remove(&towerhook_world::member_id(n));
        }
    }
    look
}

proptest! {
    #[test]
    fn the_same_inventory_gives_the_same_plan(cases in prop::collection::vec(case(), 0..8)) {
        let look = generated(&cases);
        prop_assert_eq!(look.plan(), look.clone().plan());
    }

    #[test]
    fn nobody_is_taken_out_on_what_is_unknown(
        cases in prop::collection::vec(case(), 1..8),
        unread in prop::sample::subsequence(vec![0, 1, 2], 1..=3),
    ) {
        let mut look = generated(&cases);
        for n in 0..cases.len() {
            let why = || "no answer".to_owned();
            for source in &unread {
                match source {
                    0 => look.view(n).account = Read::Unknown(why()),
                    1 => look.view(n).instance = Read::Unknown(why()),
                    _ => look.view(n).registrations = Read::Unknown(why()),
                }
            }
        }
        let takes_away = |action: &String| action.starts_with("delete") || action.starts_with("forget");
        let actions = look.actions();
        prop_assert!(!actions.iter().any(takes_away), "{actions:?}");
    }
}

#[test]
fn a_listing_of_accounts_that_fails_is_an_error_and_no_plan() {
    enrolled(members(1), Wishes::default(), async |world| {
        let deployment = world.recorded().success.unwrap().deployment;
        let ports = Ports::new(&world, "a test");
        let look = async || observe(&Plain, &ports, &ports, &deployment, Scope::all()).await;
        assert!(look().await.is_ok());
        world.happen(&Step::Fault(Window::Down("organizations")));
        assert!(look().await.is_err());
    });
}
