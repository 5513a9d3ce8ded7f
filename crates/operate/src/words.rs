//! What was read, in an operator's words.

use jiff::Timestamp;
use towerhook_core::{
    Read,
    landing_zone::{Account, AccountState, Management},
    stack_sets::{InstanceState, StackInstance},
};

/// What was not read.
pub(crate) const UNKNOWN: &str = "unknown";

/// A time as people read it: UTC, to the minute.
pub fn moment(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// The state of an account.
pub(crate) fn state(account: &Read<Option<Account>>) -> &'static str {
    let state = match account {
        Read::Unknown(_) => return UNKNOWN,
        Read::Ok(None) => return "left",
        Read::Ok(Some(account)) => account.state,
    };
    match state {
        AccountState::PendingActivation => "not active yet",
        AccountState::Active => "active",
        AccountState::Suspended => "suspended",
        AccountState::PendingClosure => "being closed",
        AccountState::Closed => "closed",
    }
}

/// What Control Tower says about an account.
pub(crate) fn management(management: &Read<Management>) -> &'static str {
    match management {
        Read::Unknown(_) => UNKNOWN,
        Read::Ok(Management::Managed) => "managed",
        Read::Ok(Management::UnderChange) => "changing",
        Read::Ok(Management::Failed) => "failed",
        Read::Ok(Management::NotManaged) => "not managed",
    }
}

/// The state of a member stack.
pub(crate) fn stack(instance: &Read<Option<StackInstance>>) -> &'static str {
    let state = match instance {
        Read::Unknown(_) => return UNKNOWN,
        Read::Ok(None) => return "none",
        Read::Ok(Some(instance)) => instance.state,
    };
    match state {
        InstanceState::InProgress => "in progress",
        InstanceState::Current => "current",
        InstanceState::Outdated => "failed",
        InstanceState::Inoperable => "inoperable",
    }
}

/// CloudFormation's reason for the failure of a member stack.
pub(crate) fn stack_failure(instance: &Read<Option<StackInstance>>) -> Option<String> {
    let Read::Ok(Some(instance)) = instance else {
        return None;
    };
    let failed = matches!(
        instance.state,
        InstanceState::Outdated | InstanceState::Inoperable
    );
    failed.then(|| instance.failure().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stack_that_failed_has_a_reason_and_a_good_one_has_none() {
        let instance = |state| {
            Read::Ok(Some(StackInstance {
                account: "111122223333".parse().unwrap(),
                state,
                reason: Some("no role".into()),
            }))
        };
        let failed = instance(InstanceState::Outdated);
        assert_eq!(stack_failure(&failed).as_deref(), Some("no role"));
        assert_eq!(stack_failure(&instance(InstanceState::Current)), None);
        assert_eq!(stack_failure(&Read::Unknown("no answer".into())), None);
    }

    #[test]
    fn a_time_is_shown_in_utc_to_the_minute() {
        let at = "2026-01-10T12:34:56+02:00".parse().unwrap();
        assert_eq!(moment(at), "2026-01-10 10:34 UTC");
    }
}
