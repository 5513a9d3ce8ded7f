//! The templates that the StackSets deploy, embedded in the function: there is no bucket to read
//! them from, and no version that could differ from the function's.

use towerhook_core::stack_sets::{FeedTemplates, Templates};
use towerhook_runtime::providers::Vendor;

/// This release's templates of a vendor.
pub(crate) fn templates(vendor: Vendor) -> Templates {
    match vendor {
        Vendor::Expel => Templates {
            feed: Some(FeedTemplates {
                log: include_str!("../../../templates/expel-trail.template.yml"),
                audit: None,
            }),
            member: include_str!("../../../templates/expel-member.template.yml"),
        },
        Vendor::Lacework => Templates {
            feed: Some(FeedTemplates {
                log: include_str!("../../../templates/lacework-aws-ct-log.template.yml"),
                audit: Some(include_str!(
                    "../../../templates/lacework-aws-ct-audit.template.yml"
                )),
            }),
            member: include_str!("../../../templates/lacework-aws-cfg-member.template.yml"),
        },
        Vendor::TrendVisionOne => Templates {
            feed: None,
            member: include_str!("../../../templates/trend-vision-one-member.template.yml"),
        },
        Vendor::TrendWorkloadSecurity => Templates {
            feed: None,
            member: include_str!("../../../templates/trend-workload-security-member.template.yml"),
        },
    }
}
