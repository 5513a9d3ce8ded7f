//! Histories for faults that need a coincidence.

use towerhook_core::planted::Fault;
use towerhook_world::{Change, Destination, Step, Window};

/// The steps that reveal a fault, or none if any history does.
pub(crate) fn steps(fault: Fault) -> Vec<Step> {
    let update = |change| Step::Update(change);
    let there = update(Change::Destination(Destination::Units(vec![1, 3])));
    let back = update(Change::Destination(Destination::Tenant));
    let without_config = update(Change::Capability {
        config: false,
        cloud_trail: true,
    });
    let without_trail = update(Change::Capability {
        config: true,
        cloud_trail: false,
    });
    let with_both = update(Change::Capability {
        config: true,
        cloud_trail: true,
    });
    let leave = Step::Move {
        account: 0,
        unit: None,
        told: true,
    };
    let come = |unit| Step::Move {
        account: 0,
        unit: Some(unit),
        told: true,
    };
    let exclude = update(Change::ExcludeAccount(Some(0)));
    match fault {
        Fault::AttemptIsInForce => vec![
            Step::CancelUpdate { after: 15 },
            Step::Crash { steps: 30 },
            there,
            back,
            without_config,
            Step::Fire,
        ],
        Fault::LateIsNewer => vec![
            Step::InvokeTwice,
            Step::CancelUpdate { after: 2 },
            there,
            back,
            Step::SlowSetup { latency: 8000 },
        ],
        Fault::HandedToEverybody => vec![
            Step::Fault(Window::LostReplies("lambda", 700)),
            Step::Fault(Window::SlowOperations(15)),
            Step::DeleteStackSet { which: 1 },
            without_trail,
            with_both,
        ],
        Fault::RefusedTokenIsFinal => vec![
            Step::RevokeTokens,
            Step::RevokeTokens,
            Step::RevokeTokens,
            there,
            back,
            Step::SlowSetup { latency: 5000 },
        ],
        Fault::RepeatedWithoutPause => vec![
            Step::Fault(Window::Down("cloudformation")),
            Step::Fault(Window::Throttling("cloudformation", 890)),
            there,
            back,
            Step::DeleteStackSet { which: 0 },
        ],
        Fault::GoneIsRetried => vec![
            Step::DeleteStackSet { which: 0 },
            Step::DeleteStackSet { which: 1 },
            Step::DeleteStackSet { which: 2 },
            Step::Fire,
            come(1),
        ],
        Fault::FailureIsForgotten => vec![
            Step::Fault(Window::FailingInstances(900)),
            Step::DeleteInstance { account: 0 },
            Step::DeleteInstance { account: 1 },
            Step::Create {
                unit: 1,
                told: true,
            },
            Step::Forbid { account: 1 },
            Step::Fire,
        ],
        Fault::QueueFailureIsFinal => vec![without_trail, with_both, Step::Fire],
        Fault::AlreadyUsedIsSuccess => vec![
            Step::DoubleRegistration {
                account: 0,
                store: 0,
            },
            Step::DoubleRegistration {
                account: 1,
                store: 1,
            },
            update(Change::Destination(Destination::Units(vec![1, 2, 3]))),
            Step::ListNothing,
            come(1),
            come(2),
            come(3),
        ],
        Fault::OneListIsEnough => vec![
            Step::EmptyLedger,
            Step::ListNothing,
            update(Change::Release),
            exclude,
            leave,
        ],
        Fault::LooksAreDeletions => vec![
            Step::Fault(Window::FailingInstances(700)),
            Step::DeleteRole { account: 0 },
            Step::DeleteRole { account: 1 },
            Step::Forbid { account: 0 },
            Step::Permit { account: 0 },
            Step::Fire,
        ],
        Fault::UnlistedIsForgotten => vec![
            Step::Fault(Window::Lag(400)),
            without_config,
            without_trail,
            with_both,
            Step::Create {
                unit: 1,
                told: true,
            },
        ],
        Fault::ApprovalEndsHalfway => vec![
            update(Change::Limit(0)),
            update(Change::Exclude(vec![1, 2])),
            update(Change::Exclude(Vec::new())),
            update(Change::OffboardUnenrolled(true)),
            Step::Fault(Window::SlowOperations(15)),
            Step::Register { unit: 1, count: 6 },
            Step::Approve,
            Step::Fire,
        ],
        Fault::ApprovalStands => vec![
            update(Change::Limit(0)),
            update(Change::Exclude(vec![1, 2, 3])),
            update(Change::Exclude(Vec::new())),
            Step::Register { unit: 1, count: 6 },
            Step::Approve,
            Step::Fire,
        ],
        Fault::AnyHostIsAsked => vec![
            update(Change::Elsewhere),
            Step::Fire,
            Step::Create {
                unit: 1,
                told: true,
            },
            come(2),
        ],
        _ => Vec::new(),
    }
}
