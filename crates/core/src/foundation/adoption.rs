//! Taking over a deployment that Lacework's own Control Tower integration made, or that a former
//! stack of ours left behind.

use std::collections::BTreeMap;

use super::{Foundation, Refusal, STACK_ID_TAG, StackSetSpec};
use crate::{
    enrollment::Adoption,
    landing_zone::StackInstance,
    model::{AccountId, ExternalId},
    ports::{Integration, IntegrationKind, StackSet},
};

/// What was found under our names.
#[derive(Debug, Clone, Default)]
pub struct Found {
    /// The StackSets, with the instances of those for Log Archive and Audit.
    pub stack_sets: BTreeMap<String, (StackSet, Vec<StackInstance>)>,
    /// The trail integrations in the store where the trail's belongs.
    pub integrations: Vec<Integration>,
}

/// Whether a StackSet may be taken over by this stack: it is nobody's of ours, or was made by a
/// stack that had this one's name and so is gone.
pub(super) fn is_adoptable(tags: &BTreeMap<String, String>, stack_id: &str) -> bool {
    // arn:<partition>:cloudformation:<region>:<account>:stack/<name>/<id of its own>
    let name = |id: &str| id.rsplit_once('/').map(|(name, _)| name.to_owned());
    tags.get(STACK_ID_TAG)
        .is_none_or(|owner| name(owner).is_some() && name(owner) == name(stack_id))
}

/// What has to be kept so that the roles and integrations that are there go on working; nothing
/// where nothing is there to be taken over. Nothing is changed by this.
///
/// `foundation` is what would be made if nothing were there.
///
/// # Errors
///
/// What was found cannot be taken over as it is.
pub fn adopt(foundation: &Foundation, found: &Found) -> Result<Option<Adoption>, Refusal> {
    let policy = &foundation.deployment.policy;
    let mut adoption = Adoption::default();
    let mut any = false;
    if let Some(trail) = &foundation.trail {
        let (log, log_account) = &trail.log;
        let (audit, audit_account) = &trail.audit;
        if let Some(set) = adoptable(foundation, found, log, Some(log_account))? {
            any = true;
            let suffix = trail_suffix(set, &policy.tenant, log_account)?;
            let id = ExternalId::new(&policy.tenant, log_account, &suffix);
            let name = &trail.integration.name;
            let other = found.integrations.iter().find(|one| {
                one.kind == IntegrationKind::CloudTrail
                    && one.name == *name
                    && !id.is_shown_as(&one.external_id)
            });
            if let Some(other) = other {
                return Err(not(
                    &set.name,
                    &format!(
                        "the integration {name} has the external id {} and the role demands {}",
                        other.external_id,
                        id.as_str()
                    ),
                ));
            }
            adoption.trail_suffix = Some(suffix);
        }
        any |= adoptable(foundation, found, audit, Some(audit_account))?.is_some();
    }
    if let Some(member) = &foundation.member
        && let Some(set) = adoptable(foundation, found, member, None)?
    {
        any = true;
        adoption.member_suffix = Some(member_suffix(set, &policy.tenant)?);
        adoption.vendor_policy_names = set
            .parameters
            .get("ManagedPolicyNames")
            .is_none_or(|names| names == "Vendor");
    }
    Ok(any.then_some(adoption))
}

fn not(name: &str, why: &str) -> Refusal {
    Refusal::new(format!(
        "AdoptExistingDeployment: the StackSet {name} cannot be taken over, since {why}."
    ))
}

/// The StackSet that is there, if it is one that may be taken over.
fn adoptable<'a>(
    foundation: &Foundation,
    found: &'a Found,
    spec: &StackSetSpec,
    account: Option<&AccountId>,
) -> Result<Option<&'a StackSet>, Refusal> {
    let Some((set, instances)) = found.stack_sets.get(&spec.name) else {
        return Ok(None);
    };
    let names = &foundation.deployment.policy.names;
    if !is_adoptable(&set.tags, &spec.stack_id) {
        let owner = set.tags.get(STACK_ID_TAG).map_or("", String::as_str);
        return Err(not(&set.name, &format!("it belongs to the stack {owner}")));
    }
    let prefix = parameter(set, "ResourceNamePrefix")?;
    if *prefix != names.resource {
        let why = format!(
            "its ResourceNamePrefix is {prefix:?} and not {:?}",
            names.resource
        );
        return Err(not(&set.name, &why));
    }
    if let Some(account) = account
        && let Some(other) = instances.iter().find(|one| one.account != *account)
    {
        let why = format!(
            "it has an instance in {} and not only in {account}",
            other.account
        );
        return Err(not(&set.name, &why));
    }
    Ok(Some(set))
}

fn parameter<'a>(set: &'a StackSet, name: &str) -> Result<&'a String, Refusal> {
    let value = set.parameters.get(name);
    value.ok_or_else(|| not(&set.name, &format!("it has no parameter {name}")))
}

/// The end of all members' external ids: the vendor's parameter `ExternalSuffix`, or ours.
fn member_suffix(set: &StackSet, tenant: &str) -> Result<String, Refusal> {
    let (account, suffix) = if set.parameters.contains_key("ExternalIdSuffix") {
        ("LaceworkAccount", "ExternalIdSuffix")
    } else {
        ("LaceworkAccountName", "ExternalSuffix")
    };
    let (found, suffix) = (parameter(set, account)?, parameter(set, suffix)?);
    if found != tenant {
        let why = format!("its {account} is {found:?} and not {tenant:?}");
        return Err(not(&set.name, &why));
    }
    checked(set, suffix)
}

/// The end of the trail's external id, which the vendor made by itself: `ExternalID`, or ours.
fn trail_suffix(set: &StackSet, tenant: &str, account: &AccountId) -> Result<String, Refusal> {
    if let Some(suffix) = set.parameters.get("ExternalIdSuffix") {
        return checked(set, suffix);
    }
    let id = parameter(set, "ExternalID")?;
    let start = ExternalId::new(tenant, account, "");
    match id.strip_prefix(start.as_str()) {
        Some(suffix) => checked(set, suffix),
        None => {
            let why = format!(
                "its ExternalID does not begin with {}, as that of this trail would",
                start.as_str()
            );
            Err(not(&set.name, &why))
        }
    }
}

/// As our templates take it.
fn checked(set: &StackSet, suffix: &str) -> Result<String, Refusal> {
    let valid = suffix.len() == 10
        && suffix
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"=,.@:/-".contains(&b));
    if valid {
        Ok(suffix.to_owned())
    } else {
        let why = "its external ids do not end in 10 characters out of letters, digits and =,.@:/-";
        Err(not(&set.name, why))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        enrollment::{
            Policy,
            testing::{deployment, policy},
        },
        foundation::TrailFoundation,
        landing_zone::InstanceState,
        model::Names,
        ports::{Health, IntegrationSpec},
    };

    const STACK_ID: &str = "arn:aws:cloudformation:us-east-1:000000000099:stack/towerhook/2";
    const LOG: &str = "000000000001";
    const AUDIT: &str = "000000000002";

    fn foundation() -> Foundation {
        let policy = Policy {
            stack_id: STACK_ID.into(),
            external_id_suffix: "FRESHFRESH".into(),
            ..policy()
        };
        let spec = |name: String| StackSetSpec {
            name,
            template: "",
            parameters: BTreeMap::new(),
            stack_id: STACK_ID.into(),
            tags: BTreeMap::new(),
            roles: None,
        };
        let log: AccountId = LOG.parse().unwrap();
        let names = policy.names.clone();
        Foundation {
            trail: Some(TrailFoundation {
                topic: None,
                log: (spec(names.log_stack_set()), log),
                audit: (spec(names.audit_stack_set()), AUDIT.parse().unwrap()),
                integration: IntegrationSpec {
                    name: names.log_stack_set(),
                    kind: IntegrationKind::CloudTrail,
                    account: log,
                    role_arn: Names::role_arn("aws", &log, &names.log_role()),
                    external_id: policy.trail_external_id(&log),
                    queue_url: None,
                    account_mapping: None,
                },
            }),
            member: Some(spec(names.member_stack_set())),
            deployment: deployment(policy),
        }
    }

    fn set(found: &mut Found, name: &str, accounts: &[&str], parameters: &[(&str, &str)]) {
        let owned = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        let set = StackSet {
            name: name.into(),
            description: "Lacework's".into(),
            template: "Lacework's template".into(),
            parameters: parameters.iter().map(owned).collect(),
            tags: [("team".to_owned(), "security".to_owned())].into(),
        };
        let instances = accounts.iter().map(|account| StackInstance {
            account: account.parse().unwrap(),
            state: InstanceState::Current,
            reason: None,
        });
        found
            .stack_sets
            .insert(name.into(), (set, instances.collect()));
    }

    /// As the vendor makes them.
    fn vendors() -> Found {
        let names = foundation().deployment.policy.names;
        let mut found = Found::default();
        let prefix = ("ResourceNamePrefix", "acme");
        let external_id = ("ExternalID", "lweid:aws:v2:acme:000000000001:K3J9A0ZZ1Q");
        set(
            &mut found,
            &names.log_stack_set(),
            &[LOG],
            &[prefix, external_id],
        );
        set(&mut found, &names.audit_stack_set(), &[AUDIT], &[prefix]);
        let member = [
            prefix,
            ("LaceworkAccountName", "acme"),
            ("ExternalSuffix", "lw1a2b3c4d"),
        ];
        set(&mut found, &names.member_stack_set(), &[], &member);
        found
    }

    fn parameters<'a>(found: &'a mut Found, which: &str) -> &'a mut BTreeMap<String, String> {
        let mut sets = found.stack_sets.iter_mut();
        let (_, (set, _)) = sets.find(|(name, _)| name.contains(which)).unwrap();
        &mut set.parameters
    }

    fn refusal(found: &Found) -> String {
        adopt(&foundation(), found).unwrap_err().to_string()
    }

    #[test]
    fn the_vendors_external_ids_are_kept() {
        let adoption = adopt(&foundation(), &vendors()).unwrap().unwrap();
        assert_eq!(
            adoption,
            Adoption {
                member_suffix: Some("lw1a2b3c4d".into()),
                trail_suffix: Some("K3J9A0ZZ1Q".into()),
                vendor_policy_names: true,
            }
        );
        assert_eq!(adopt(&foundation(), &Found::default()).unwrap(), None);
    }

    #[test]
    fn what_a_former_stack_of_the_same_name_left_is_taken_over_and_no_other_stacks() {
        let mut found = vendors();
        let owner =
            |name: &str| format!("arn:aws:cloudformation:us-east-1:000000000099:stack/{name}/1");
        for (set, _) in found.stack_sets.values_mut() {
            set.tags = [(STACK_ID_TAG.to_owned(), owner("towerhook"))].into();
        }
        let ours = |suffix: &str| {
            [
                ("ResourceNamePrefix", "acme"),
                ("LaceworkAccount", "acme"),
                ("ExternalIdSuffix", suffix),
                ("ManagedPolicyNames", "Generated"),
            ]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into()
        };
        *parameters(&mut found, "Log") = ours("LLLLLLLLLL");
        *parameters(&mut found, "Member") = ours("MMMMMMMMMM");
        let adoption = adopt(&foundation(), &found).unwrap().unwrap();
        assert_eq!(adoption.trail_suffix.as_deref(), Some("LLLLLLLLLL"));
        assert_eq!(adoption.member_suffix.as_deref(), Some("MMMMMMMMMM"));
        assert!(!adoption.vendor_policy_names);
        for (set, _) in found.stack_sets.values_mut() {
            set.tags = [(STACK_ID_TAG.to_owned(), owner("another"))].into();
        }
        assert!(refusal(&found).contains("belongs to the stack arn:aws"));
    }

    #[test]
    fn what_does_not_fit_is_refused_with_the_reason() {
        let bent: [(&str, &str, &str, &str); 6] = [
            ("Member", "LaceworkAccountName", "Acme", "\"Acme\""),
            ("Member", "ExternalSuffix", "short", "10 characters"),
            ("Member", "ResourceNamePrefix", "emea", "\"emea\""),
            ("Log", "ExternalID", "4CEBE3B", "does not begin with"),
            (
                "Log",
                "ExternalID",
                "lweid:aws:v2:acme:000000000009:K3J9A0ZZ1Q",
                "does not begin with",
            ),
            ("Audit", "ResourceNamePrefix", "x", "\"x\""),
        ];
        for (which, name, value, reason) in bent {
            let mut found = vendors();
            parameters(&mut found, which).insert(name.into(), value.into());
            let refused = refusal(&found);
            assert!(
                refused.contains(which) && refused.contains(reason),
                "{refused}"
            );
        }
        for (which, name) in [("Member", "ExternalSuffix"), ("Log", "ExternalID")] {
            let mut found = vendors();
            parameters(&mut found, which).remove(name);
            assert!(refusal(&found).contains(name));
        }
        let mut found = vendors();
        let (_, instances) = found
            .stack_sets
            .get_mut("Lacework-Control-Tower-CloudTrail-Log-Account-acme")
            .unwrap();
        instances[0].account = AUDIT.parse().unwrap();
        assert!(refusal(&found).contains("an instance in 000000000002"));
    }

    #[test]
    fn an_integration_that_does_not_fit_its_role_is_refused() {
        let mut found = vendors();
        let spec = foundation().trail.unwrap().integration;
        found.integrations.push(Integration {
            guid: "ACME_1".into(),
            sub_account: None,
            organization: false,
            name: spec.name,
            kind: IntegrationKind::CloudTrail,
            enabled: true,
            role_arn: spec.role_arn,
            external_id: "lweid:aws:v2:acme:000000000001:0123456789".into(),
            queue_url: None,
            account_mapping: None,
            health: Health::Unknown,
        });
        assert!(refusal(&found).contains("0123456789"));
        for shown in ["lweid:aws:v2:acme:000000000001:K3J9A0ZZ1Q", "*****"] {
            found.integrations[0].external_id = shown.into();
            assert!(adopt(&foundation(), &found).unwrap().is_some(), "{shown}");
        }
    }
}
