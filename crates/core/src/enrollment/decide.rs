use serde::Serialize;

use super::AccountView;
use crate::{
    Read,
    landing_zone::{AccountState, Management},
    ledger::{Reason, Record},
    model::{AccountId, Store},
    planted::{Fault, planted},
    policy::{Policy, Unselected},
};

/// The desired state of one account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "decision", rename_all = "kebab-case")]
pub enum Decision {
    /// Watched.
    Enroll {
        /// The store of its registration.
        store: Option<Store>,
    },
    /// Unchanged: it is neither enrolled nor offboarded.
    Ignore {
        /// Why.
        reason: Reason,
    },
    /// Its stack is out of reach. If it is watched, it stays so.
    Keep {
        /// The store of its registration.
        store: Option<Store>,
        /// Why its stack is out of reach.
        reason: Reason,
    },
    /// Its registration is disabled until the account is active again.
    Pause {
        /// Why.
        reason: Reason,
    },
    /// Offboarded, on positive evidence.
    Offboard {
        /// The evidence.
        reason: Reason,
    },
    /// Data is missing; another pass decides.
    Undecided {
        /// What is missing.
        reason: Reason,
    },
}

/// Decides the desired state of `id`. Unknown data never leads to an offboarding.
pub fn decide(
    policy: &Policy,
    id: &AccountId,
    view: &AccountView,
    record: Option<&Record>,
    arrived: bool,
) -> Decision {
    if !policy.capability.config() {
        return Decision::Ignore {
            reason: Reason::NoConfigCapability,
        };
    }
    let undecided = |reason| Decision::Undecided { reason };
    let account = match &view.account {
        Read::Unknown(why) => return undecided(Reason::Unread(why.clone())),
        Read::Ok(None) => {
            return Decision::Offboard {
                reason: Reason::Gone,
            };
        }
        Read::Ok(Some(account)) => account,
    };
    match account.state {
        AccountState::Active => {}
        AccountState::PendingActivation => {
            return Decision::Ignore {
                reason: Reason::PendingActivation,
            };
        }
        AccountState::Suspended if planted(Fault::SuspendedIsClosed) => {
            return Decision::Offboard {
                reason: Reason::Closed,
            };
        }
        AccountState::Suspended => {
            return Decision::Pause {
                reason: Reason::Suspended,
            };
        }
        AccountState::PendingClosure | AccountState::Closed => {
            return Decision::Offboard {
                reason: Reason::Closed,
            };
        }
    }
    let is_management = *id == policy.management_account;
    if is_management && !policy.enroll_management {
        return Decision::Offboard {
            reason: Reason::ManagementAccount,
        };
    }
    let reads_trail = policy.trail_reader.as_ref() == Some(id);
    let left_out = policy.selection.leaves_out(id, &account.path);
    let left_out = left_out.filter(|_| !reads_trail && !planted(Fault::SelectionIsIgnored));
    if let Some(why) = left_out {
        let reason = match why {
            Unselected::Account => Reason::ExcludedAccount,
            Unselected::Excluded => Reason::ExcludedUnit,
            Unselected::NotIncluded => Reason::OutsideIncludedUnits,
        };
        return Decision::Offboard { reason };
    }
    let Some(store) = policy.destination.of(&account.path) else {
        return Decision::Offboard {
            reason: Reason::OutsideMappedUnits,
        };
    };
    let was_there = record.is_some_and(|record| record.existing_at_launch);
    // `EnrollManagementAccount` asks for the management account explicitly.
    let is_asked_for = is_management || reads_trail;
    if was_there && !arrived && !policy.monitor_existing && !is_asked_for {
        return Decision::Ignore {
            reason: Reason::ExistingAtLaunch,
        };
    }
    if policy.control_tower && !is_management && !policy.is_shared_account(id) {
        match &view.management {
            Read::Unknown(why) => return undecided(Reason::Unread(why.clone())),
            Read::Ok(Management::UnderChange)
                if planted(Fault::UnderChangeIsNotManaged) && policy.offboard_unenrolled =>
            {
                return Decision::Offboard {
                    reason: Reason::NotManaged,
                };
            }
            Read::Ok(Management::UnderChange) => {
                return undecided(Reason::BaselineChanging);
            }
            Read::Ok(Management::Failed) => {
                return Decision::Keep {
                    store,
                    reason: Reason::BaselineFailed,
                };
            }
            // The event may be newer than the listing.
            Read::Ok(Management::NotManaged) if arrived => {
                return undecided(Reason::BaselineUnlisted);
            }
            Read::Ok(Management::NotManaged) if policy.offboard_unenrolled => {
                return Decision::Offboard {
                    reason: Reason::NotManaged,
                };
            }
            Read::Ok(Management::NotManaged) => {
                return Decision::Keep {
                    store,
                    reason: Reason::NotManaged,
                };
            }
            Read::Ok(Management::Managed) => {}
        }
    }
    Decision::Enroll { store }
}
