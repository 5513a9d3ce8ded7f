//! The templates that the StackSets deploy, embedded in the function: there is no bucket to read
//! them from, and no version that could differ from the function's.

use towerhook_core::stack_sets::Templates;

/// The templates of this release.
pub const TEMPLATES: Templates = Templates {
    log: include_str!("../../../templates/lacework-aws-ct-log.template.yml"),
    audit: include_str!("../../../templates/lacework-aws-ct-audit.template.yml"),
    member: include_str!("../../../templates/lacework-aws-cfg-member.template.yml"),
};
