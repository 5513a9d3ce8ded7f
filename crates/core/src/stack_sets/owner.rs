//! The tag that marks whose a StackSet or a stack is.

use std::collections::BTreeMap;

/// The tag that marks the owner of a StackSet or a stack: the main stack's id.
pub const STACK_ID_TAG: &str = "towerhook:stack-id";

/// Whether the tags are those of a resource of this main stack.
pub fn is_owned_by(tags: &BTreeMap<String, String>, stack_id: &str) -> bool {
    tags.get(STACK_ID_TAG)
        .is_some_and(|owner| owner == stack_id)
}

/// Whether this main stack may take the resource over: it is not tagged as ours, or belongs to a
/// former stack with this one's name, which must be gone.
pub fn may_be_taken_over(tags: &BTreeMap<String, String>, stack_id: &str) -> bool {
    // arn:<partition>:cloudformation:<region>:<account>:stack/<name>/<unique id>
    let name = |id: &str| id.rsplit_once('/').map(|(name, _)| name.to_owned());
    tags.get(STACK_ID_TAG)
        .is_none_or(|owner| name(owner).is_some() && name(owner) == name(stack_id))
}
