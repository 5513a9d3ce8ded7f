use serde::Serialize;

use super::AccountView;
use crate::{
    Read,
    landing_zone::{AccountState, Management},
    ledger::Record,
    model::{AccountId, Store},
    planted::{Fault, planted},
    policy::{Policy, Unselected},
    provider::Words,
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
        why: String,
    },
}

/// Why an account is not watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// Organizations answers AccountNotFound.
    Gone,
    /// Closed or being closed.
    Closed,
    /// Suspended by AWS.
    Suspended,
    /// Not usable yet.
    PendingActivation,
    /// `EnrollManagementAccount=No`.
    ManagementAccount,
    /// Outside the units that are mapped to stores.
    OutsideMappedUnits,
    /// `ExcludeAccounts` names it.
    ExcludedAccount,
    /// In a unit of `ExcludeOrganizationalUnits`.
    ExcludedUnit,
    /// Outside the units of `IncludeOrganizationalUnits`.
    OutsideIncludedUnits,
    /// Existed at launch with `MonitorExistingAccounts=No`.
    ExistingAtLaunch,
    /// Control Tower does not manage it.
    NotManaged,
    /// Control Tower could not enable its baseline.
    BaselineFailed,
    /// `CapabilityType=CloudTrail`.
    NoConfigCapability,
}

impl Reason {
    /// The reason, for an administrator.
    pub fn in_words(self, words: &Words) -> String {
        let fixed = match self {
            Self::Gone => "it is no longer in the organization",
            Self::Closed => "it is closed",
            Self::Suspended => "it is suspended",
            Self::PendingActivation => "it is not active yet",
            Self::ManagementAccount => {
                "it is the management account and EnrollManagementAccount is No"
            }
            Self::OutsideMappedUnits => {
                let parameter = words.parameters.mapped_units;
                return format!("it is outside the units of {parameter}");
            }
            Self::ExcludedAccount => "ExcludeAccounts names it",
            Self::ExcludedUnit => "it is in a unit of ExcludeOrganizationalUnits",
            Self::OutsideIncludedUnits => "it is outside the units of IncludeOrganizationalUnits",
            Self::ExistingAtLaunch => "it existed at launch and MonitorExistingAccounts is No",
            Self::NotManaged => "Control Tower does not manage it",
            Self::BaselineFailed => "Control Tower could not enable its baseline",
            Self::NoConfigCapability => "CapabilityType has no Config",
        };
        fixed.to_owned()
    }
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
    let account = match &view.account {
        Read::Unknown(why) => return Decision::Undecided { why: why.clone() },
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
    let left_out = policy.selection.leaves_out(id, &account.path);
    if let Some(why) = left_out.filter(|_| !planted(Fault::SelectionIsIgnored)) {
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
    if was_there && !arrived && !policy.monitor_existing && !is_management {
        return Decision::Ignore {
            reason: Reason::ExistingAtLaunch,
        };
    }
    if policy.control_tower && !is_management && !policy.is_shared_account(id) {
        match &view.management {
            Read::Unknown(why) => return Decision::Undecided { why: why.clone() },
            Read::Ok(Management::UnderChange)
                if planted(Fault::UnderChangeIsNotManaged) && policy.offboard_unenrolled =>
            {
                return Decision::Offboard {
                    reason: Reason::NotManaged,
                };
            }
            Read::Ok(Management::UnderChange) => {
                return Decision::Undecided {
                    why: "Control Tower is changing its baseline".into(),
                };
            }
            Read::Ok(Management::Failed) => {
                return Decision::Keep {
                    store,
                    reason: Reason::BaselineFailed,
                };
            }
            // The event may be newer than the listing.
            Read::Ok(Management::NotManaged) if arrived => {
                return Decision::Undecided {
                    why: "Control Tower does not list its baseline yet".into(),
                };
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
