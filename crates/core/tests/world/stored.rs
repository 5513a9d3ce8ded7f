//! Shrunk histories that once failed. Each stands for the rule in its name.

use towerhook_world::{
    Change, Destination, Ending, History, Options, Step, Vendor, Window, Wishes,
};

use super::run;
use Destination::{Tenant, Units};
use Step::*;

fn holds(seed: u64, options: Options, wishes: Wishes, steps: Vec<Step>) {
    let history = History {
        seed,
        options,
        wishes,
        steps,
        ending: Ending::Rest,
    };
    assert_eq!(run(&history).problems, Vec::<String>::new());
}

/// A stale list shows an account in its former store, and another mapping moves it again. Its own
/// exchange is not an offboarding in addition to those of three others.
#[test]
fn an_account_that_moves_under_a_list_that_is_behind_does_not_count_as_offboarded() {
    holds(
        29866,
        Options {
            vendor: Vendor::Lacework,
            control_tower: true,
            accounts: 10,
            refuses_duplicates: true,
            masks_external_ids: false,
            rate_limit: false,
            foreign: 0,
            units: 5,
            settles: 0,
            true_to_scale: false,
        },
        Wishes {
            destination: Units(vec![1, 2, 3]),
            by_stack: false,
            config: true,
            cloud_trail: false,
            monitor_existing: true,
            enroll_management: false,
            offboard_unenrolled: false,
            limit: 25,
            approve: None,
            ..Wishes::default()
        },
        vec![
            Crash { steps: 40 },
            Register { unit: 2, count: 3 },
            Fault(Window::Lag(209)),
            Wait { seconds: 57 },
            Create {
                unit: 3,
                told: false,
            },
            Fault(Window::Events {
                lost: 40,
                late: 676,
            }),
            Fault(Window::Duplicates(257)),
            Wait { seconds: 1174 },
            ChangeBaseline {
                account: 454,
                minutes: 29,
                fails: true,
            },
            Wait { seconds: 5325 },
            Wait { seconds: 1199 },
            Move {
                account: 141,
                unit: Some(4),
                told: true,
            },
            Create {
                unit: 4,
                told: true,
            },
            Update(Change::Destination(Units(vec![1]))),
        ],
    );
}

/// `MonitorExistingAccounts=Yes` fails after an hour and is rolled back: no account that existed at
/// launch is enrolled in between.
#[test]
fn an_update_that_is_rolled_back_enrolls_nobody() {
    holds(
        36921,
        Options {
            vendor: Vendor::Lacework,
            control_tower: true,
            accounts: 7,
            refuses_duplicates: true,
            masks_external_ids: true,
            rate_limit: false,
            foreign: 2,
            units: 5,
            settles: 0,
            true_to_scale: false,
        },
        Wishes {
            destination: Units(vec![1, 2]),
            by_stack: false,
            config: true,
            cloud_trail: false,
            monitor_existing: false,
            enroll_management: false,
            offboard_unenrolled: true,
            limit: 25,
            approve: None,
            ..Wishes::default()
        },
        vec![
            Update(Change::Limit(0)),
            Create {
                unit: 2,
                told: false,
            },
            Wait { seconds: 510 },
            RevokeKey,
            Register { unit: 1, count: 5 },
            Wait { seconds: 577 },
            Wait { seconds: 1182 },
            Calm,
            Fault(Window::Lag(85)),
            RenameRegistration { account: 71 },
            Create {
                unit: 1,
                told: true,
            },
            ChangeBaseline {
                account: 233,
                minutes: 8,
                fails: false,
            },
            DeleteRole { account: 544 },
            Crash { steps: 47 },
            Crash { steps: 50 },
            Move {
                account: 626,
                unit: None,
                told: true,
            },
            Poison,
            Create {
                unit: 4,
                told: true,
            },
            Calm,
            Create {
                unit: 3,
                told: false,
            },
            Slow { latency: 16674 },
            Wait { seconds: 3601 },
            Restore { account: 753 },
            RenameRegistration { account: 225 },
            Unmanage { account: 304 },
            Wait { seconds: 27 },
            DeleteRegistration { account: 59 },
            RepointRegistration { account: 271 },
            Wait { seconds: 14 },
            Crash { steps: 15 },
            Create {
                unit: 3,
                told: true,
            },
            Fault(Window::Duplicates(565)),
            Create {
                unit: 2,
                told: true,
            },
            Wait { seconds: 23 },
            Crash { steps: 44 },
            Redrive,
            Create {
                unit: 4,
                told: true,
            },
            Crash { steps: 13 },
            Move {
                account: 248,
                unit: None,
                told: true,
            },
            Update(Change::Destination(Units(vec![1, 3]))),
            Wait { seconds: 8202 },
            Wait { seconds: 649 },
            Wait { seconds: 340 },
            Wait { seconds: 13 },
            Wait { seconds: 275 },
            Wait { seconds: 293 },
            Wait { seconds: 5592 },
            Approve,
            Move {
                account: 500,
                unit: Some(1),
                told: true,
            },
            Slow { latency: 39617 },
            Move {
                account: 541,
                unit: Some(2),
                told: false,
            },
            Fault(Window::Storm(196)),
            Join { unit: 2 },
            Wait { seconds: 42 },
            Move {
                account: 696,
                unit: Some(1),
                told: true,
            },
            Create {
                unit: 4,
                told: true,
            },
            Wait { seconds: 5189 },
            Update(Change::MonitorExisting(true)),
            Permit { account: 921 },
            Close {
                account: 317,
                busy: false,
            },
            Move {
                account: 686,
                unit: Some(2),
                told: true,
            },
            Wait { seconds: 352 },
            Fire,
            Crash { steps: 52 },
            Fire,
            Rename { account: 682 },
            Close {
                account: 5,
                busy: false,
            },
            Close {
                account: 433,
                busy: false,
            },
            Calm,
            Suspend { account: 492 },
            Wait { seconds: 955 },
            Wait { seconds: 44 },
            DeleteInstance { account: 452 },
            Create {
                unit: 3,
                told: true,
            },
            Suspend { account: 755 },
            DeleteRole { account: 602 },
            Create {
                unit: 1,
                told: true,
            },
            Wait { seconds: 7 },
            Create {
                unit: 4,
                told: true,
            },
            Wait { seconds: 1518 },
            Create {
                unit: 4,
                told: true,
            },
            Register { unit: 2, count: 7 },
            Create {
                unit: 3,
                told: true,
            },
            ReplaceKey,
            DisableRegistration { account: 706 },
            Wait { seconds: 54 },
            ChangeBaseline {
                account: 983,
                minutes: 20,
                fails: false,
            },
            Fault(Window::Duplicates(311)),
            Move {
                account: 99,
                unit: Some(4),
                told: true,
            },
            Move {
                account: 24,
                unit: Some(4),
                told: false,
            },
            Wait { seconds: 37 },
            Calm,
            RenameRegistration { account: 338 },
            Wait { seconds: 43 },
            DeleteRegistration { account: 947 },
            Forbid { account: 571 },
            Wait { seconds: 31 },
            Create {
                unit: 1,
                told: true,
            },
            Wait { seconds: 36 },
            Suspend { account: 468 },
            Wait { seconds: 18 },
            RevokeKey,
            Wait { seconds: 7351 },
        ],
    );
}

/// A stale list shows a stack as inoperable after its deletion was requested again.
#[test]
fn a_stack_is_not_abandoned_for_a_failure_older_than_its_last_deletion() {
    holds(
        26218,
        Options {
            vendor: Vendor::Lacework,
            control_tower: true,
            accounts: 3,
            refuses_duplicates: true,
            masks_external_ids: false,
            rate_limit: false,
            foreign: 0,
            units: 5,
            settles: 0,
            true_to_scale: false,
        },
        Wishes {
            destination: Units(vec![1, 2, 3]),
            by_stack: false,
            config: true,
            cloud_trail: false,
            monitor_existing: true,
            enroll_management: false,
            offboard_unenrolled: false,
            limit: 25,
            approve: None,
            ..Wishes::default()
        },
        vec![
            Wait { seconds: 53 },
            Redrive,
            Wait { seconds: 6 },
            Wait { seconds: 2008 },
            Calm,
            Wait { seconds: 584 },
            Fire,
            Wait { seconds: 37 },
            Fault(Window::Lag(180)),
            Fault(Window::Events {
                lost: 274,
                late: 1040,
            }),
            Restore { account: 17 },
            Wait { seconds: 43 },
            Unmanage { account: 962 },
            Fault(Window::FailingInstances(171)),
            Wait { seconds: 55 },
            Crash { steps: 15 },
            Create {
                unit: 3,
                told: true,
            },
            Create {
                unit: 4,
                told: true,
            },
            Slow { latency: 53219 },
            Poison,
            Move {
                account: 979,
                unit: Some(1),
                told: true,
            },
            Update(Change::Limit(0)),
            Close {
                account: 277,
                busy: false,
            },
            Create {
                unit: 1,
                told: false,
            },
            Wait { seconds: 22 },
            Fire,
            Wait { seconds: 2497 },
            DeleteInstance { account: 318 },
            Fault(Window::Duplicates(210)),
            Forbid { account: 54 },
            Permit { account: 224 },
            Wait { seconds: 1039 },
            Restore { account: 688 },
            Restore { account: 682 },
            Rename { account: 907 },
            ChangeBaseline {
                account: 38,
                minutes: 25,
                fails: false,
            },
            Create {
                unit: 1,
                told: true,
            },
            Wait { seconds: 30 },
            Wait { seconds: 1958 },
        ],
    );
}

/// The list lacks a registration for minutes, so a second one is created. The first is renamed
/// while external ids are masked, so only the ledger can identify it.
#[test]
fn a_registration_that_was_made_twice_under_a_list_that_is_behind_is_still_known() {
    holds(
        32401,
        Options {
            vendor: Vendor::Lacework,
            control_tower: true,
            accounts: 4,
            refuses_duplicates: false,
            masks_external_ids: true,
            rate_limit: false,
            foreign: 0,
            units: 5,
            settles: 0,
            true_to_scale: false,
        },
        Wishes {
            destination: Units(vec![1, 3]),
            by_stack: false,
            config: true,
            cloud_trail: false,
            monitor_existing: true,
            enroll_management: true,
            offboard_unenrolled: true,
            limit: 50,
            approve: None,
            ..Wishes::default()
        },
        vec![
            Create {
                unit: 4,
                told: true,
            },
            Slow { latency: 34743 },
            Fault(Window::Lag(218)),
            ChangeBaseline {
                account: 893,
                minutes: 18,
                fails: true,
            },
            Crash { steps: 31 },
            Move {
                account: 286,
                unit: None,
                told: true,
            },
            Update(Change::Limit(100)),
            Remove { account: 222 },
            Move {
                account: 952,
                unit: Some(1),
                told: true,
            },
            Fire,
            RenameRegistration { account: 594 },
            Wait { seconds: 16 },
            Fire,
            Close {
                account: 12,
                busy: false,
            },
        ],
    );
}

/// Each call takes seconds, and the account leaves the organization during the pass.
#[test]
fn a_pass_that_is_slow_acts_on_what_it_has_read() {
    holds(
        54043,
        Options {
            vendor: Vendor::Lacework,
            control_tower: true,
            accounts: 7,
            refuses_duplicates: false,
            masks_external_ids: true,
            rate_limit: false,
            foreign: 0,
            units: 5,
            settles: 0,
            true_to_scale: false,
        },
        Wishes {
            destination: Tenant,
            by_stack: false,
            config: true,
            cloud_trail: true,
            monitor_existing: true,
            enroll_management: true,
            offboard_unenrolled: false,
            limit: 25,
            approve: None,
            ..Wishes::default()
        },
        vec![
            Wait { seconds: 163 },
            Create {
                unit: 3,
                told: true,
            },
            Wait { seconds: 7236 },
            Wait { seconds: 29 },
            Wait { seconds: 677 },
            Crash { steps: 6 },
            Wait { seconds: 608 },
            DeleteRegistration { account: 988 },
            Fire,
            Calm,
            DeleteRole { account: 905 },
            DoubleRegistration {
                account: 385,
                store: 5,
            },
            Wait { seconds: 28 },
            Wait { seconds: 59 },
            Wait { seconds: 858 },
            Join { unit: 2 },
            Wait { seconds: 999 },
            Wait { seconds: 42 },
            Update(Change::OffboardUnenrolled(false)),
            Slow { latency: 17556 },
            Wait { seconds: 36 },
            Remove { account: 55 },
        ],
    );
}
