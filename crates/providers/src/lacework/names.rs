//! The fixed names.
//!
//! Source: Lacework's `lacework-control-tower-cfn`, 3.3.2.

use towerhook_core::{
    model::{AccountId, Names},
    provider::{FeedNames, ResourceNames},
};

/// The part of a StackSet's name between the prefix and the Lacework account or store.
pub(super) const LOG: &str = "CloudTrail-Log-Account-";
pub(super) const AUDIT: &str = "CloudTrail-Audit-Account-";
pub(super) const MEMBER: &str = "Config-Member-";

pub(super) fn resources(names: &Names) -> ResourceNames {
    let Names { resource, prefix } = names;
    let prefix = prefix.as_str();
    ResourceNames {
        feed: Some(feed(names)),
        member_stack_set: format!("{prefix}{MEMBER}{resource}"),
        member_role: member_role(names),
    }
}

pub(super) fn feed(names: &Names) -> FeedNames {
    let resource = &names.resource;
    FeedNames {
        log_stack_set: log_stack_set(names),
        audit_stack_set: Some(audit_stack_set(names)),
        log_role: log_role(names),
        queue: format!("{resource}-laceworkcws"),
        trail_topic: format!("{resource}-laceworkcwstopic"),
    }
}

pub(super) fn log_stack_set(Names { resource, prefix }: &Names) -> String {
    format!("{}{LOG}{resource}", prefix.as_str())
}

pub(super) fn audit_stack_set(Names { resource, prefix }: &Names) -> String {
    format!("{}{AUDIT}{resource}", prefix.as_str())
}

pub(super) fn log_role(names: &Names) -> String {
    format!("{}-laceworkcwssarole", names.resource)
}

pub(super) fn member_role(names: &Names) -> String {
    format!("{}-laceworkcwsrole-sa", names.resource)
}

/// The registration of one account.
pub(super) fn member_registration(names: &Names, account: &AccountId) -> String {
    format!("{}{MEMBER}{account}", names.prefix.as_str())
}
