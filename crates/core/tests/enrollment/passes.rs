//! The results of passes, and the number of their calls.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use towerhook_core::{
    enrollment::{Action, Inventory, Plan, Report, execute, observe, plan},
    ledger::{Holder, Lease, Reason, Record},
    lifecycle::Scope,
    policy::Deployment,
    ports::Leases,
    provider::plain::Plain,
    stack_sets::InstanceState,
};
use towerhook_world::{
    Options, Ports, Step, Window, Wishes, World, member_id,
    scale::{self, Setting},
};

use super::{enrolled, members};

const LISTING: &str = "registry:ListCloudAccounts";
const CREATION: &str = "registry:CreateCloudAccount";

async fn second(world: &World) {
    world.simulation().sleep(Duration::from_secs(1)).await;
}

/// An account that Account Factory creates in Production.
const NEW: Step = Step::Create {
    unit: 1,
    told: true,
};

#[test]
fn a_new_account_gets_its_stack_and_then_its_registration() {
    enrolled(members(0), Wishes::default(), async |world| {
        let set = world.wishes().resources().member_stack_set;
        let listed = world.calls(LISTING);
        world.happen(&NEW);
        let new = world.members()[0];
        let stands = || {
            let instance = world.instance(&set, &new);
            instance.is_some_and(|one| one.state == InstanceState::Current)
        };
        while !stands() {
            assert_eq!(
                world.calls(LISTING),
                listed,
                "the SaaS has nothing to do yet"
            );
            assert_eq!(world.watching(&new), []);
            second(&world).await;
        }
        world.rest().await;
        assert_eq!(world.watching(&new).len(), 1);
        assert!(world.record(&new).unwrap().since.is_some());
        assert_eq!(world.counted("AccountsBlocked"), 0);
    });
}

#[test]
fn what_is_at_rest_stays_so_whatever_is_told_again() {
    enrolled(members(2), Wishes::default(), async |world| {
        let before = world.writes();
        for _ in 0..2 {
            world.happen(&Step::Manage { account: 0 });
            world.hours(1).await;
        }
        assert_eq!(world.writes(), before);
    });
}

#[test]
fn only_a_comparison_of_the_whole_organization_is_recorded_as_one() {
    enrolled(members(2), Wishes::default(), async |world| {
        world.hours(1).await;
        let compared = world.recorded().compared.unwrap();
        assert!(compared <= world.now());
        world.happen(&Step::Manage { account: 0 });
        world.rest().await;
        assert_eq!(world.recorded().compared, Some(compared));
        world.hours(1).await;
        assert!(world.recorded().compared > Some(compared));
    });
}

#[test]
fn a_suspended_account_is_switched_off_and_on_again() {
    enrolled(members(1), Wishes::default(), async |world| {
        let (member, set) = (member_id(0), world.wishes().resources().member_stack_set);
        world.happen(&Step::Suspend { account: 0 });
        world.hours(1).await;
        assert_eq!(world.watching(&member), []);
        assert!(world.instance(&set, &member).is_some());
        world.happen(&Step::Restore { account: 0 });
        world.hours(1).await;
        assert_eq!(world.watching(&member).len(), 1);
    });
}

#[test]
fn a_closed_account_leaves_and_the_day_counts_it() {
    enrolled(members(2), Wishes::default(), async |world| {
        let (account, busy) = (0, false);
        world.happen(&Step::Close { account, busy });
        world.rest().await;
        assert_eq!(world.watching(&member_id(0)), []);
        assert_eq!(world.watching(&member_id(1)).len(), 1);
        let record = world.record(&member_id(0)).unwrap();
        assert!(record.left_at.is_some() && record.since.is_none());
        assert_eq!(record.reason, Some(Reason::Closed));
    });
}

#[test]
fn who_was_there_at_launch_stays_out_until_something_happens_to_it() {
    let wishes = Wishes {
        monitor_existing: false,
        ..Wishes::default()
    };
    enrolled(members(2), wishes, async |world| {
        let watched = || [0, 1].map(|n| world.watching(&member_id(n)).len());
        world.hours(1).await;
        assert_eq!(watched(), [0, 0]);
        world.happen(&Step::Manage { account: 0 });
        world.hours(1).await;
        assert_eq!(watched(), [1, 0]);
        world.update(|wishes| wishes.monitor_existing = true).await;
        world.rest().await;
        assert_eq!(watched(), [1, 1]);
    });
}

#[test]
fn another_operation_under_way_is_no_failure() {
    enrolled(members(0), Wishes::default(), async |world| {
        world.happen(&Step::Fault(Window::Conflicts(1000)));
        world.happen(&NEW);
        // More passes than there are attempts.
        world.simulation().sleep(Duration::from_secs(1200)).await;
        assert_eq!(world.counted("AccountsBlocked"), 0);
        assert!(world.counted("AccountsRevisited") > 20);
        world.happen(&Step::Calm);
        world.rest().await;
        assert_eq!(world.watching(&world.members()[0]).len(), 1);
    });
}

/// Roles created together propagate together, so the first refusal counts for all: failed requests
/// use up the rate limit.
#[test]
fn roles_that_have_yet_to_settle_are_not_all_tried() {
    World::quiet(members(50), async |world| {
        world.set_usable("", false);
        let wishes = Wishes {
            cloud_trail: false,
            ..Wishes::default()
        };
        world.launch(wishes).await;
        world.rest().await;
        // Every stack exists, and no account has been enrolled. Those that are tried first are tried once
        // more in the same pass.
        let (first, _) = tries(&world, 0).await;
        assert!((2..=16).contains(&first), "{first}");
        let (second, _) = tries(&world, 1).await;
        assert_eq!(second, 50, "nobody is put off twice for others");
        world.set_usable("", true);
        let (_, enrolled) = tries(&world, 0).await;
        assert_eq!(enrolled, 50, "roles that work wait for nothing");
    });
}

/// Runs a plan, with as much time as it needs.
async fn run(
    ports: &Ports,
    deployment: &Deployment,
    inventory: &Inventory,
    plan: Plan,
    now: Timestamp,
) -> Report {
    let left = || Duration::from_secs(180);
    let done = execute(
        ports,
        ports,
        (&Plain, deployment),
        inventory,
        plan,
        now,
        (ports, left),
    );
    done.await.unwrap()
}

/// A pass over all members after this many attempts: how many registrations it has tried to create,
/// and has created.
async fn tries(world: &World, attempts: u32) -> (usize, usize) {
    let ports = Ports::new(world, "a look");
    let deployment = world.recorded().success.unwrap().deployment;
    let accounts = world.members().into_iter().map(|id| (id, attempts));
    let scope = Scope {
        accounts: accounts.collect(),
        ..Scope::default()
    };
    let inventory = observe(&Plain, &ports, &ports, &deployment, scope)
        .await
        .unwrap();
    let plan = plan(&Plain, &deployment, &inventory, world.now());
    let before = world.calls(CREATION);
    let report = run(&ports, &deployment, &inventory, plan, world.now()).await;
    // An enrolled account is revisited if the response lacked its registration's id: that is not a
    // failed attempt.
    let enrolled = &report.enrolled;
    let mut requeued = 0;
    for revisit in &report.revisits {
        let in_vain = !enrolled.contains(&revisit.account);
        assert_eq!(
            revisit.attempt,
            attempts + u32::from(in_vain),
            "{revisit:?}"
        );
        requeued += usize::from(in_vain);
    }
    assert_eq!(enrolled.len() + requeued, 50);
    (world.calls(CREATION) - before, enrolled.len())
}

#[test]
fn after_the_saas_has_had_enough_nobody_asks_it_again_in_that_pass() {
    let setting = Setting {
        accounts: 800,
        units: 5,
        limited: true,
    };
    let enrolling = scale::launch(setting, 1).enrolling;
    let refused = enrolling.throttles[CREATION];
    assert!(
        refused > 0 && refused <= 8 * enrolling.passes.len(),
        "{refused}"
    );
}

/// An OU with 1,000 accounts is registered, and Control Tower sends an event for each.
#[test]
fn a_burst_of_a_thousand_accounts_takes_a_few_passes_and_few_requests_each() {
    for (rate_limit, most_passes, most_listings) in [(false, 60, 30), (true, 200, 160)] {
        let options = Options {
            rate_limit,
            ..members(0)
        };
        let wishes = Wishes {
            cloud_trail: false,
            ..Wishes::default()
        };
        enrolled(options, wishes, async move |world| {
            let (unit, count) = (1, 1000);
            world.happen(&Step::Register { unit, count });
            world.rest().await;
            let all = world.members();
            assert!(all.iter().all(|new| world.watching(new).len() == 1));
            // Some of the roles are not usable yet at the first attempt.
            let created = world.calls(CREATION);
            assert!(created <= 2 * (count + 2), "{created} creations");
            let passes = world.counted("Passes");
            assert!(passes <= most_passes, "{passes} passes");
            let listed = world.calls(LISTING);
            assert!(listed <= most_listings, "{listed} listings");
        });
    }
}

#[test]
fn what_a_plan_records_is_stored_with_what_it_removes() {
    enrolled(members(2), Wishes::default(), async |world| {
        let ports = Ports::new(&world, "a look");
        let deployment = world.recorded().success.unwrap().deployment;
        let (removed, other) = (member_id(0), member_id(1));
        let (holder, now) = (Holder::Pass("a look".into()), world.now());
        let until = now + SignedDuration::from_mins(3);
        let lease = ports.take_lease(&holder, None, now, until).await.unwrap();
        assert!(matches!(lease, Lease::Taken(_)));
        let (account, busy) = (0, false);
        world.happen(&Step::Close { account, busy });
        let inventory = observe(&Plain, &ports, &ports, &deployment, Scope::all());
        let inventory = inventory.await.unwrap();
        let record = Record {
            reason: Some(Reason::Suspended),
            ..world.record(&other).unwrap()
        };
        let plan = Plan {
            actions: vec![Action::DeleteInstances {
                accounts: vec![removed],
                retain: true,
            }],
            records: [(other, Some(record.clone()))].into(),
            ..Plan::default()
        };
        run(&ports, &deployment, &inventory, plan, world.now()).await;
        assert_eq!(world.record(&other), Some(record));
        ports.release_lease(&holder).await.unwrap();
    });
}

#[test]
fn of_accounts_outside_the_organization_only_those_with_a_registration_of_ours_are_looked_at() {
    enrolled(members(2), Wishes::default(), async |world| {
        let (ours, foreign) = (member_id(70), member_id(71));
        let spec = world.wishes().registration(&ours, towerhook_world::SUFFIX);
        world.integrate(None, &spec);
        let theirs = world.wishes().registration(&foreign, "THEIRSUFFX");
        world.integrate(None, &theirs);
        let ports = Ports::new(&world, "a look");
        let deployment = world.recorded().success.unwrap().deployment;
        let inventory = observe(&Plain, &ports, &ports, &deployment, Scope::all());
        let accounts = inventory.await.unwrap().accounts;
        assert!(accounts.contains_key(&ours) && !accounts.contains_key(&foreign));
    });
}
