//! Trend Vision One: a role in every account, which Cloud Account Management assumes as a web
//! identity, and a row for each account ([`api`], a feature).
//!
//! Source of the names: the vendor's page "Connect an AWS account manually".

#[cfg(feature = "api")]
pub mod api;
mod footprint;
mod identity;

use jiff::SignedDuration;
use towerhook_core::{
    model::{AccountId, Arn, ExternalId, Names, Registration, RegistrationSpec},
    policy::{Deployment, Policy},
    provider::{
        Credential, Footprint, KeyParameters, Limits, Provider, ResourceNames, Subject, Traces,
        Words,
    },
    stack_sets::{StackSet, StackSetRoles, Templates},
};
use url::Url;

use crate::{
    host_name,
    mark::{account_in, is_open_to_takeover, marked},
    verified_key::KEY_COUNTS_FOR,
};
use identity::Identity;

/// The rules of Vision One.
#[derive(Debug, Clone, Copy)]
pub struct TrendVisionOne;

/// The role in every account, the management account included.
pub const ROLE: &str = "VisionOneRole";

/// There is no principal: the roles trust an identity provider in their own account, and let in
/// the one subject that the external id names.
const WORDS: Words = Words {
    title: "Vision One",
    tenant: "the host of a Vision One region's API",
    tenant_parameter: "VisionOneRegion",
    principal: None,
    external_id_parameter: Some("OidcSubject"),
    stores: None,
};

const KEY: KeyParameters = KeyParameters {
    id: None,
    secret: "ApiKey",
};

/// Not documented: chosen with a margin.
const LIMITS: Limits = Limits {
    unlisted_for: SignedDuration::from_secs(45),
    list_lag: SignedDuration::from_mins(1),
    unlisted_looks: 0,
    // IAM takes seconds, rarely minutes, to propagate a new role.
    unusable_for: SignedDuration::from_mins(30),
    numbers_registrations: false,
    // A row has no switch.
    pauses: false,
    token_lifetime: KEY_COUNTS_FOR,
};

impl Provider for TrendVisionOne {
    fn id(&self) -> &'static str {
        "trend-vision-one"
    }

    fn words(&self) -> &'static Words {
        &WORDS
    }

    fn limits(&self) -> &'static Limits {
        &LIMITS
    }

    fn credential(&self) -> Credential {
        Credential::Verified(KEY)
    }

    fn url(&self, named: &str) -> Option<Url> {
        host_name::origin(named)
    }

    fn principal(&self, _named: &str) -> Option<Arn> {
        None
    }

    /// An [`Identity`] as text.
    fn external_id(&self, given: &str) -> Option<ExternalId> {
        Identity::parse(given).map(|_| given.to_owned().into())
    }

    fn tenant_in(&self, url: &Url) -> Option<String> {
        Some(host_name::in_names(url))
    }

    fn resources(&self, Names { resource, prefix }: &Names) -> ResourceNames {
        ResourceNames {
            feed: None,
            member_stack_set: format!("{}Member-{resource}", prefix.as_str()),
            member_role: ROLE.to_owned(),
        }
    }

    fn wanted(&self, policy: &Policy, account: &AccountId) -> Option<RegistrationSpec> {
        Some(marked(policy, account, ROLE))
    }

    /// The mark decides: it ends with what no other deployment has. A mark that was copied to
    /// another account's row is worth nothing.
    fn subject(&self, policy: &Policy, names: &Names, seen: &Registration) -> Subject {
        let Ok(account) = seen.guid.parse() else {
            return Subject::Unknown;
        };
        if account_in(&seen.name, names, &policy.external_id_suffix) == Some(account) {
            Subject::Ours(account)
        } else {
            Subject::Foreign(account)
        }
    }

    /// One made by hand, by Terraform, or by the vendor's stack; never another deployment's.
    fn takes_over(&self, seen: &Registration, wanted: &RegistrationSpec) -> bool {
        is_open_to_takeover(seen, wanted)
    }

    fn shared_names(&self, policy: &Policy) -> Vec<String> {
        let external_id = policy.external_id.as_ref();
        let identity = external_id.and_then(|id| Identity::parse(id.as_str()));
        let host = identity.map(|identity| identity.host);
        host.into_iter().chain([ROLE]).map(str::to_owned).collect()
    }

    fn retains(&self) -> bool {
        true
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

    /// The words are not documented. A role that cannot be assumed has lost its trust or its
    /// identity provider, and both come with the same stack.
    fn blames_role(&self, details: &str) -> bool {
        let details = details.to_lowercase();
        ["role", "assum", "identity"]
            .iter()
            .any(|word| details.contains(word))
    }
}

#[cfg(test)]
mod tests {
    use towerhook_core::{
        model::Health,
        policy::testing::{deployment, policy},
    };

    use super::*;

    const MEMBER: &str = "111122223333";
    const SUBJECT: &str =
        "cloudaccounts-eu.xdr.trendmicro.com/urn:visionone:identity:eu:b:account/b";

    fn account() -> AccountId {
        MEMBER.parse().unwrap()
    }

    fn seen(name: &str, role: &str) -> Registration {
        let wanted = TrendVisionOne.wanted(&policy(), &account()).unwrap();
        Registration {
            name: name.into(),
            role_arn: format!("arn:aws:iam::{MEMBER}:role/{role}"),
            external_id: String::new(),
            health: Health::Unknown,
            ..Registration::made(&wanted, MEMBER.into())
        }
    }

    #[test]
    fn a_region_is_named_by_its_host_which_names_hold() {
        for named in [
            "api.eu.xdr.trendmicro.com",
            "https://api.eu.xdr.trendmicro.com/v3.0",
        ] {
            let url = TrendVisionOne.url(named).unwrap();
            assert_eq!(url.as_str(), "https://api.eu.xdr.trendmicro.com/");
            let tenant = TrendVisionOne.tenant_in(&url);
            assert_eq!(tenant.as_deref(), Some("api-eu-xdr-trendmicro-com"));
        }
    }

    #[test]
    fn an_external_id_is_an_identity_and_nothing_else() {
        let id = |text: &str| TrendVisionOne.external_id(text);
        assert_eq!(id(SUBJECT).unwrap().as_str(), SUBJECT);
        assert_eq!(id("urn:visionone:identity:eu:b:account/b"), None);
        assert_eq!(TrendVisionOne.principal("arn:aws:iam::1:root"), None);
    }

    #[test]
    fn a_row_is_ours_by_its_mark_alone_and_only_on_its_own_account() {
        let policy = policy();
        let subject = |seen: &Registration| TrendVisionOne.subject(&policy, &policy.names, seen);
        let wanted = TrendVisionOne.wanted(&policy, &account()).unwrap();
        assert_eq!(wanted.name, "Plain-111122223333-ABCDEFGHIJ");
        let ours = Subject::Ours(account());
        assert_eq!(subject(&seen(&wanted.name, ROLE)), ours);
        assert_eq!(subject(&seen(&wanted.name, "another")), ours);
        for other in [
            "production",
            "Plain-111122223333-0123456789",
            "Other-111122223333-ABCDEFGHIJ",
            "Plain-444455556666-ABCDEFGHIJ",
            "",
        ] {
            let subject = subject(&seen(other, ROLE));
            assert_eq!(subject, Subject::Foreign(account()), "{other:?}");
        }
    }

    #[test]
    fn a_row_made_otherwise_is_taken_over_if_it_uses_the_role() {
        let wanted = TrendVisionOne.wanted(&policy(), &account()).unwrap();
        let by_hand = seen("production", ROLE);
        assert!(TrendVisionOne.takes_over(&by_hand, &wanted));
        let of_another_role = seen("production", "AnotherRole");
        assert!(!TrendVisionOne.takes_over(&of_another_role, &wanted));
    }

    #[test]
    fn the_members_stack_set_is_told_both_parts_of_the_identity() {
        let mut asked = deployment(Policy {
            external_id: Some(SUBJECT.to_owned().into()),
            ..policy()
        });
        asked.site.permissions_boundary = Some("boundary".into());
        let templates = Templates {
            feed: None,
            member: "template",
        };
        let roles = StackSetRoles {
            administration: "arn:aws:iam::000000000001:role/a".parse().unwrap(),
            execution: "e".into(),
        };
        let made = TrendVisionOne.footprint(asked, &templates, &roles);
        let member = made.member.unwrap();
        for (name, value) in [
            ("RoleName", ROLE),
            ("OidcHost", "cloudaccounts-eu.xdr.trendmicro.com"),
            ("OidcSubject", "urn:visionone:identity:eu:b:account/b"),
            ("TenantName", "acme"),
            ("RowSuffix", "ABCDEFGHIJ"),
            ("PermissionsBoundaryName", "boundary"),
        ] {
            assert_eq!(member.parameters[name], value);
        }
        assert_eq!(member.parameters.len(), 6);
    }
}
