//! Trend Micro Cloud One Workload Security, and Deep Security: a role in every account, and a
//! connector for each ([`api`], a feature).
//!
//! Source of the names: the vendor's own lifecycle hook for Control Tower,
//! `cloudone-workload-controltower-lifecycle`.

#[cfg(feature = "api")]
pub mod api;
mod footprint;

use jiff::SignedDuration;
use towerhook_core::{
    model::{AccountId, Arn, Names, Registration, RegistrationSpec, account_of_role},
    policy::{Deployment, Policy},
    provider::{
        Credential, Footprint, KeyParameters, Limits, PrincipalWords, Provider, ResourceNames,
        Subject, Traces, Words,
    },
    stack_sets::{StackSet, StackSetRoles, Templates},
};
use url::Url;

use crate::{
    host_name,
    mark::{account_in, is_open_to_takeover, marked},
    verified_key::KEY_COUNTS_FOR,
};

/// The rules of Workload Security.
#[derive(Debug, Clone, Copy)]
pub struct TrendWorkloadSecurity;

/// The role in every account, the management account included.
pub const ROLE: &str = "CloudOneWorkloadConnectorRole";

const WORDS: Words = Words {
    title: "Workload Security",
    tenant: "the host of Workload Security or of a Deep Security manager",
    tenant_parameter: "ApiEndpoint",
    principal: Some(PrincipalWords {
        parameter: "DeepSecurityManagerAccount",
        principal: "the 12 digits of an AWS account",
    }),
    external_id_parameter: Some("ExternalId"),
    stores: None,
};

const KEY: KeyParameters = KeyParameters {
    id: None,
    secret: "ApiKey",
};

/// Not documented, but for the rate limit: chosen with a margin.
const LIMITS: Limits = Limits {
    unlisted_for: SignedDuration::from_secs(45),
    list_lag: SignedDuration::from_mins(1),
    unlisted_looks: 0,
    // IAM takes seconds, rarely minutes, to propagate a new role.
    unusable_for: SignedDuration::from_mins(30),
    numbers_registrations: true,
    // A connector has no switch.
    pauses: false,
    token_lifetime: KEY_COUNTS_FOR,
};

impl Provider for TrendWorkloadSecurity {
    fn id(&self) -> &'static str {
        "trend-workload-security"
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

    /// An account stands for its root: any identity in it that may assume roles.
    fn principal(&self, named: &str) -> Option<Arn> {
        let account: AccountId = named.parse().ok()?;
        let root = format!("arn:{}:iam::{account}:root", self.partition());
        root.parse().ok()
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

    /// The name decides: it ends with what no other deployment has.
    fn subject(&self, policy: &Policy, names: &Names, seen: &Registration) -> Subject {
        let of_role = account_of_role(&seen.role_arn);
        match account_in(&seen.name, names, &policy.external_id_suffix) {
            // A mark that was copied to another account's connector is worth nothing.
            Some(account) if of_role.is_none_or(|of_role| of_role == account) => {
                Subject::Ours(account)
            }
            _ => of_role.map_or(Subject::Unknown, Subject::Foreign),
        }
    }

    /// The lifecycle hook's, or one made by hand; never another deployment's.
    fn takes_over(&self, seen: &Registration, wanted: &RegistrationSpec) -> bool {
        is_open_to_takeover(seen, wanted)
    }

    fn shared_names(&self, _policy: &Policy) -> Vec<String> {
        vec![ROLE.to_owned()]
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

    /// The words are not documented. What is refused when a connector is made is its role, in
    /// almost all cases.
    fn blames_role(&self, details: &str) -> bool {
        let details = details.to_lowercase();
        ["role", "assum", "credential"]
            .iter()
            .any(|word| details.contains(word))
    }
}

#[cfg(test)]
mod tests {
    use towerhook_core::{model::Health, policy::testing::policy};

    use super::*;

    const MEMBER: &str = "111122223333";

    fn account() -> AccountId {
        MEMBER.parse().unwrap()
    }

    fn seen(name: &str, role: &str) -> Registration {
        let wanted = TrendWorkloadSecurity.wanted(&policy(), &account()).unwrap();
        Registration {
            name: name.into(),
            role_arn: format!("arn:aws:iam::{MEMBER}:role/{role}"),
            external_id: String::new(),
            health: Health::Unknown,
            ..Registration::made(&wanted, "7".into())
        }
    }

    #[test]
    fn a_managers_account_is_its_twelve_digits() {
        let principal = |named| TrendWorkloadSecurity.principal(named);
        assert_eq!(
            principal("147995105371").unwrap().as_str(),
            "arn:aws:iam::147995105371:root"
        );
        for odd in ["", "14799510537", "arn:aws:iam::147995105371:root", "all"] {
            assert_eq!(principal(odd), None, "{odd:?}");
        }
    }

    #[test]
    fn a_connector_is_ours_by_its_name_alone_and_names_its_account() {
        let policy = policy();
        let subject =
            |seen: &Registration| TrendWorkloadSecurity.subject(&policy, &policy.names, seen);
        let wanted = TrendWorkloadSecurity.wanted(&policy, &account()).unwrap();
        assert_eq!(wanted.name, "Plain-111122223333-ABCDEFGHIJ");
        let ours = Subject::Ours(account());
        assert_eq!(subject(&seen(&wanted.name, ROLE)), ours);
        assert_eq!(subject(&seen(&wanted.name, "another")), ours);
        let copied = Registration {
            role_arn: format!("arn:aws:iam::444455556666:role/{ROLE}"),
            ..seen(&wanted.name, ROLE)
        };
        let other = Subject::Foreign("444455556666".parse().unwrap());
        assert_eq!(subject(&copied), other);
        for other in [
            "ControlTower - Blue - 111122223333",
            "Plain-111122223333-0123456789",
            "Plain-111122223333ABCDEFGHIJ",
            "Other-111122223333-ABCDEFGHIJ",
            "Plain-ABCDEFGHIJ",
            "",
        ] {
            let subject = subject(&seen(other, ROLE));
            assert_eq!(subject, Subject::Foreign(account()), "{other:?}");
        }
    }

    #[test]
    fn a_connector_of_the_vendors_own_hook_is_taken_over_if_it_uses_the_role() {
        let wanted = TrendWorkloadSecurity.wanted(&policy(), &account()).unwrap();
        let hooks = seen("ControlTower - Blue - 111122223333", ROLE);
        assert!(TrendWorkloadSecurity.takes_over(&hooks, &wanted));
        let by_hand = seen("by hand", "AnotherRole");
        assert!(!TrendWorkloadSecurity.takes_over(&by_hand, &wanted));
        let anothers = seen("Other-111122223333-0123456789", ROLE);
        assert!(!TrendWorkloadSecurity.takes_over(&anothers, &wanted));
    }
}
