//! Expel Workbench: a role in every account, which Expel's service assumes.
//!
//! Source: Expel's Terraform module `terraform-aws-cloudtrail`. Workbench is told of the roles and of
//! the trail's queue by an administrator, so there is no registration and no key.

mod footprint;

use jiff::SignedDuration;
use towerhook_core::{
    model::Names,
    policy::Deployment,
    provider::{
        Credential, FeedNames, Footprint, Limits, PrincipalWords, Provider, ResourceNames, Traces,
        Words,
    },
    stack_sets::{StackSet, StackSetRoles, Templates},
};
use url::Url;

use crate::guid::is_guid;

/// The rules of Expel.
#[derive(Debug, Clone, Copy)]
pub struct Expel;

/// The role in every account, the management account included. In Log Archive it reads the trail,
/// too.
///
/// Source: the module's default.
pub const ROLE: &str = "ExpelTrailAssumeRole";

/// The one address of Workbench. Together with an organization's GUID it is the organization's URL.
const WORKBENCH: &str = "https://workbench.expel.io/";

const WORDS: Words = Words {
    title: "Expel",
    tenant: "the GUID of a Workbench organization",
    tenant_parameter: "WorkbenchOrganizationGuid",
    principal: Some(PrincipalWords {
        parameter: "ExpelPrincipalArn",
        principal: "a principal's ARN",
    }),
    external_id_parameter: None,
    stores: None,
};

/// There is no list that could be behind, and no token.
const LIMITS: Limits = Limits {
    unlisted_for: SignedDuration::ZERO,
    list_lag: SignedDuration::ZERO,
    unlisted_looks: 0,
    unusable_for: SignedDuration::ZERO,
    numbers_registrations: false,
    pauses: false,
    token_lifetime: SignedDuration::ZERO,
};

impl Provider for Expel {
    fn id(&self) -> &'static str {
        "expel"
    }

    fn words(&self) -> &'static Words {
        &WORDS
    }

    fn limits(&self) -> &'static Limits {
        &LIMITS
    }

    fn credential(&self) -> Credential {
        Credential::None
    }

    /// The organization's URL, of its GUID or of the URL itself.
    fn url(&self, named: &str) -> Option<Url> {
        let named = named.trim();
        let guid = named.strip_prefix(WORKBENCH).unwrap_or(named);
        let url = || format!("{WORKBENCH}{}", guid.to_lowercase()).parse().ok();
        is_guid(guid).then(url)?
    }

    /// The organization's GUID, which is the external id, too.
    fn tenant_in(&self, url: &Url) -> Option<String> {
        let guid = url.as_str().strip_prefix(WORKBENCH)?;
        is_guid(guid).then(|| guid.to_owned())
    }

    fn resources(&self, Names { resource, prefix }: &Names) -> ResourceNames {
        let set = |part: &str| format!("{}{part}-{resource}", prefix.as_str());
        let own = format!("expel-{resource}");
        ResourceNames {
            feed: Some(FeedNames {
                log_stack_set: set("Trail"),
                audit_stack_set: None,
                log_role: format!("{own}-notifier"),
                queue: own.clone(),
                trail_topic: own,
            }),
            member_stack_set: set("Member"),
            member_role: ROLE.to_owned(),
        }
    }

    fn footprint(
        &self,
        deployment: Deployment,
        templates: &Templates,
        roles: &StackSetRoles,
    ) -> Footprint {
        footprint::footprint(deployment, templates, roles)
    }

    fn traces(&self, set: &StackSet) -> Traces {
        footprint::traces(set)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GUID: &str = "01234567-89ab-cdef-0123-456789abcdef";

    #[test]
    fn an_organization_is_named_by_its_guid_in_any_case_or_by_its_url() {
        let url = Expel.url(GUID).unwrap();
        assert_eq!(url.as_str(), format!("https://workbench.expel.io/{GUID}"));
        assert_eq!(
            Expel.url(&format!(" {} ", GUID.to_uppercase())),
            Some(url.clone())
        );
        assert_eq!(Expel.url(url.as_str()), Some(url.clone()));
        assert_eq!(Expel.tenant_in(&url).as_deref(), Some(GUID));
    }

    #[test]
    fn what_is_no_guid_names_no_organization() {
        for odd in [
            "",
            "acme",
            "https://workbench.expel.io/",
            "https://example.com/01234567-89ab-cdef-0123-456789abcdef",
            "01234567-89ab-cdef-0123-456789abcdeg",
            "0123456789abcdef0123456789abcdef",
            "01234567-89ab-cdef-0123-456789abcdef-",
            "01234567-89ab-cdef-0123-456789abcdef/x",
        ] {
            assert_eq!(Expel.url(odd), None, "{odd:?}");
        }
        let other = "https://example.com/01234567-89ab-cdef-0123-456789abcdef";
        assert_eq!(Expel.tenant_in(&other.parse().unwrap()), None);
    }
}
