//! What only takes time uses up no attempt, and none of the SaaS's few requests.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "memory/mod.rs"]
#[allow(dead_code, reason = "each test file uses its part")]
mod memory;

use futures::executor::block_on;
use jiff::Timestamp;
use memory::{Memory, account, deployment, id};
use towerhook_core::{
    enrollment::{Report, observe, plan},
    landing_zone::Management,
    lifecycle::Scope,
};
use towerhook_world::{Destination, History, Options, Step, Wishes};

const LISTING: &str = "lacework:ListCloudAccounts";
/// The attempts that were used up before.
const ATTEMPT: u32 = 4;

fn one_account() -> Memory {
    let memory = Memory::default();
    {
        let mut state = memory.0.borrow_mut();
        state.accounts.insert(id(0), account(0, 1));
        state.baselines.add(id(0), Management::Managed);
    }
    memory
}

fn look(memory: &Memory) -> Report {
    let mut scope = Scope::default();
    scope.accounts.insert(id(0), ATTEMPT);
    look_at(memory, scope)
}

fn look_at(memory: &Memory, scope: Scope) -> Report {
    let now: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
    let deployment = deployment();
    let inventory = block_on(observe(memory, memory, &deployment, scope)).unwrap();
    let plan = plan(&deployment, &inventory, now);
    memory.carry_out(&deployment, &inventory, plan, now)
}

/// When the account is looked at again, and which attempt that is.
fn revisit(report: &Report) -> (u64, u32) {
    let [revisit] = &report.revisits[..] else {
        panic!("{report:?}");
    };
    (revisit.delay.as_secs(), revisit.attempt)
}

#[test]
fn another_operation_under_way_is_no_failure() {
    let memory = one_account();
    let create = "cloudformation:CreateStackInstances";
    memory.0.borrow_mut().conflicting.insert(create);
    assert_eq!(revisit(&look(&memory)), (15, ATTEMPT));
}

#[test]
fn a_listing_that_the_saas_puts_off_is_awaited_for_as_long_as_it_says() {
    let memory = one_account();
    look(&memory);
    memory.settle();
    memory.0.borrow_mut().throttled.insert(LISTING);
    let report = look(&memory);
    assert_eq!(revisit(&report), (900, ATTEMPT));
    assert_eq!(report.blocked, []);
}

#[test]
fn before_a_stack_stands_the_saas_is_not_asked() {
    let memory = one_account();
    let listings = || {
        let state = memory.0.borrow();
        state.asked.get(LISTING).copied().unwrap_or_default()
    };
    for _ in ["there is none yet", "it is under way"] {
        assert_eq!(revisit(&look(&memory)), (15, ATTEMPT));
        assert_eq!(listings(), 0);
    }
    memory.settle();
    look(&memory);
    assert_eq!(listings(), 1);
}

/// Of roles that came together, the first tells of all: each request in vain is one of few.
#[test]
fn roles_that_have_yet_to_settle_are_not_all_tried() {
    const NEW: usize = 50;
    const CREATE: &str = "lacework:CreateCloudAccount";
    let memory = Memory::default();
    for n in 0..NEW {
        let mut state = memory.0.borrow_mut();
        state.accounts.insert(id(n), account(n, 1));
        state.baselines.add(id(n), Management::Managed);
        state.unusable.insert(None);
    }
    let everybody = |attempts| Scope {
        accounts: (0..NEW).map(|n| (id(n), attempts)).collect(),
        ..Scope::default()
    };
    let tried = |attempts: u32| {
        let before = memory.0.borrow().asked.get(CREATE).copied();
        let report = look_at(&memory, everybody(attempts));
        assert_eq!(report.revisits.len(), NEW);
        let after = memory.0.borrow().asked.get(CREATE).copied();
        let later = report.revisits.iter().map(|revisit| revisit.attempt);
        assert!(later.eq([attempts + 1; NEW]), "{report:?}");
        after.unwrap_or_default() - before.unwrap_or_default()
    };
    look_at(&memory, everybody(0));
    memory.settle();
    let first = tried(0);
    assert!((1..=8).contains(&first), "{first}");
    assert_eq!(tried(1), NEW, "nobody is put off twice for others");
    memory.0.borrow_mut().unusable.clear();
    memory.0.borrow_mut().records.clear();
    let at_once = look_at(&memory, everybody(0));
    assert_eq!(
        at_once.enrolled.len(),
        NEW,
        "roles that work wait for nothing"
    );
}

/// A unit with 1,000 accounts is registered, and Control Tower tells of each.
#[test]
fn a_burst_of_a_thousand_accounts_takes_a_few_passes_and_one_request_each() {
    const BURST: usize = 1000;
    for rate_limit in [false, true] {
        let history = History {
            seed: 1,
            options: Options {
                rate_limit,
                ..Options::default()
            },
            wishes: Wishes {
                destination: Destination::Tenant,
                by_stack: false,
                config: true,
                cloud_trail: false,
                monitor_existing: true,
                enroll_management: false,
                offboard_unenrolled: false,
                limit: 10,
                approve: None,
            },
            steps: vec![
                Step::Register {
                    unit: 1,
                    count: BURST,
                },
                Step::Wait { seconds: 600 },
            ],
        };
        let outcome = history.run(false);
        assert_eq!(outcome.problems, [] as [&str; 0]);
        // Log Archive and Audit, too.
        assert_eq!(outcome.watched, BURST + 2);
        let calls = |operation: &str| outcome.counts.get(operation).copied().unwrap_or_default();
        let (created, listed) = (calls("lacework:CreateCloudAccount"), calls(LISTING));
        let passes = calls("dynamodb:Query");
        // Two of three roles cannot be used yet when they are first tried, and are tried again.
        assert!(created <= 2 * (BURST + 2), "{created} creations");
        let (few, some) = if rate_limit { (200, 160) } else { (60, 30) };
        assert!(passes <= few, "{passes} passes");
        assert!(listed <= some, "{listed} listings");
    }
}
