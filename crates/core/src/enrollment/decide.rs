use std::fmt;

use super::{AccountView, Known};
use crate::{
    landing_zone::{AccountState, Management},
    ledger::Record,
    model::{AccountId, Store},
    planted::{Fault, planted},
    policy::{Policy, Unselected},
};

/// The desired state of one account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Watched, in this store.
    Watch(Option<Store>),
    /// Unchanged: it is neither enrolled nor offboarded.
    Leave(Reason),
    /// Its stack is out of reach. If it is watched, it stays so, in this store.
    Keep(Option<Store>, Reason),
    /// Its registration is disabled until the account is active again.
    Pause(Reason),
    /// Offboarded, on positive evidence.
    Release(Reason),
    /// Undecided until another pass.
    Wait(String),
}

/// Why an account is not watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
    /// Outside the units of `LaceworkOrgSubAccountNames`.
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

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gone => "it is no longer in the organization",
            Self::Closed => "it is closed",
            Self::Suspended => "it is suspended",
            Self::PendingActivation => "it is not active yet",
            Self::ManagementAccount => {
                "it is the management account and EnrollManagementAccount is No"
            }
            Self::OutsideMappedUnits => "it is outside the units of LaceworkOrgSubAccountNames",
            Self::ExcludedAccount => "ExcludeAccounts names it",
            Self::ExcludedUnit => "it is in a unit of ExcludeOrganizationalUnits",
            Self::OutsideIncludedUnits => "it is outside the units of IncludeOrganizationalUnits",
            Self::ExistingAtLaunch => "it existed at launch and MonitorExistingAccounts is No",
            Self::NotManaged => "Control Tower does not manage it",
            Self::BaselineFailed => "Control Tower could not enable its baseline",
            Self::NoConfigCapability => "CapabilityType has no Config",
        })
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
        return Decision::Leave(Reason::NoConfigCapability);
    }
    let account = match &view.account {
        Known::Unknown(why) => return Decision::Wait(why.clone()),
        Known::Known(None) => return Decision::Release(Reason::Gone),
        Known::Known(Some(account)) => account,
    };
    match account.state {
        AccountState::Active => {}
        AccountState::PendingActivation => return Decision::Leave(Reason::PendingActivation),
        AccountState::Suspended if planted(Fault::SuspendedIsClosed) => {
            return Decision::Release(Reason::Closed);
        }
        AccountState::Suspended => return Decision::Pause(Reason::Suspended),
        AccountState::PendingClosure | AccountState::Closed => {
            return Decision::Release(Reason::Closed);
        }
    }
    let is_management = *id == policy.management_account;
    if is_management && !policy.enroll_management {
        return Decision::Release(Reason::ManagementAccount);
    }
    let left_out = policy.selection.leaves_out(id, &account.path);
    if let Some(why) = left_out.filter(|_| !planted(Fault::SelectionIsIgnored)) {
        return Decision::Release(match why {
            Unselected::Account => Reason::ExcludedAccount,
            Unselected::Excluded => Reason::ExcludedUnit,
            Unselected::NotIncluded => Reason::OutsideIncludedUnits,
        });
    }
    let Some(store) = policy.destination.of(&account.path) else {
        return Decision::Release(Reason::OutsideMappedUnits);
    };
    let was_there = record.is_some_and(|record| record.existing_at_launch);
    // `EnrollManagementAccount` asks for the management account explicitly.
    if was_there && !arrived && !policy.monitor_existing && !is_management {
        return Decision::Leave(Reason::ExistingAtLaunch);
    }
    if policy.control_tower && !is_management && !policy.is_shared_account(id) {
        match &view.management {
            Known::Unknown(why) => return Decision::Wait(why.clone()),
            Known::Known(Management::UnderChange)
                if planted(Fault::UnderChangeIsNotManaged) && policy.offboard_unenrolled =>
            {
                return Decision::Release(Reason::NotManaged);
            }
            Known::Known(Management::UnderChange) => {
                return Decision::Wait("Control Tower is changing its baseline".into());
            }
            Known::Known(Management::Failed) => {
                return Decision::Keep(store, Reason::BaselineFailed);
            }
            // The event may be newer than the listing.
            Known::Known(Management::NotManaged) if arrived => {
                return Decision::Wait("Control Tower does not list its baseline yet".into());
            }
            Known::Known(Management::NotManaged) if policy.offboard_unenrolled => {
                return Decision::Release(Reason::NotManaged);
            }
            Known::Known(Management::NotManaged) => {
                return Decision::Keep(store, Reason::NotManaged);
            }
            Known::Known(Management::Managed) => {}
        }
    }
    Decision::Watch(store)
}
