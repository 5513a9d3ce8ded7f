//! Taking over a deployment of Lacework's own Control Tower integration, or one that a former stack
//! of ours left behind.

mod lookalikes;
mod registrations;

use towerhook_core::{
    Refusal,
    landing_zone::Account,
    model::AccountId,
    policy::{Adoption, Policy, PolicyNames},
    provider::{Adopted, Footprint, Found, OwnIntegration, Theirs},
    stack_sets::{POLICY_NAMES, STACK_ID_TAG, StackSet, StackSetSpec, may_be_taken_over},
};

use super::{
    external_id::{external_id, parts},
    footprint::{EXTERNAL_ID_SUFFIX, RESOURCE, TENANT},
};

/// Lacework's own integration with Control Tower.
#[derive(Debug)]
pub(super) struct ControlTowerIntegration;

impl OwnIntegration for ControlTowerIntegration {
    fn rule(&self) -> &'static str {
        "LaceworkControlTowerEvents"
    }

    fn secret(&self) -> &'static str {
        "LaceworkApiCredentials"
    }

    fn to_take_over(&self, all: &[String], policy: &Policy) -> Result<Theirs, Refusal> {
        lookalikes::to_take_over(all, policy)
    }

    fn beside(&self, all: &[String], policy: &Policy) -> Result<Option<String>, Refusal> {
        lookalikes::beside(all, policy)
    }

    fn adopt(
        &self,
        footprint: &Footprint,
        found: &Found,
        accounts: &[Account],
    ) -> Result<Option<Adopted>, Refusal> {
        adopt(footprint, found, accounts)
    }
}

fn adopt(
    footprint: &Footprint,
    found: &Found,
    accounts: &[Account],
) -> Result<Option<Adopted>, Refusal> {
    let policy = &footprint.deployment.policy;
    let mut adoption = Adoption {
        resource: Some(policy.names.resource.clone()),
        ..Adoption::default()
    };
    let mut any = false;
    if let Some(trail) = &footprint.trail {
        let (log, log_account) = &trail.log;
        if let Some(set) = adoptable(footprint, found, log, Some(log_account))? {
            any = true;
            let (tenant, suffix) = trail_id(set, &policy.tenant, log_account)?;
            adoption.tenant = Some(tenant);
            adoption.trail_suffix = Some(suffix);
        }
        if let Some((audit, audit_account)) = &trail.audit {
            any |= adoptable(footprint, found, audit, Some(audit_account))?.is_some();
        }
    }
    if let Some(member) = &footprint.member
        && let Some(set) = adoptable(footprint, found, member, None)?
    {
        any = true;
        let (tenant, suffix) = member_id(set, &policy.tenant)?;
        if let Some(other) = adoption.tenant.filter(|other| *other != tenant) {
            let why = format!("its external ids name {tenant} and the trail's {other}");
            return Err(not(&set.name, &why));
        }
        adoption.tenant = Some(tenant);
        adoption.member_suffix = Some(suffix);
        adoption.policy_names = policy_names(set);
    }
    if !any {
        return Ok(None);
    }
    let unwatched = registrations::settle(footprint, &adoption, &found.registrations, accounts)?;
    Ok(Some(Adopted {
        adoption,
        unwatched,
    }))
}

fn not(name: &str, why: &str) -> Refusal {
    Refusal::new(format!(
        "AdoptExistingDeployment: the StackSet {name} cannot be taken over, since {why}."
    ))
}

/// The existing StackSet, if it may be taken over.
fn adoptable<'a>(
    footprint: &Footprint,
    found: &'a Found,
    spec: &StackSetSpec,
    account: Option<&AccountId>,
) -> Result<Option<&'a StackSet>, Refusal> {
    let Some((set, instances)) = found.stack_sets.get(&spec.name) else {
        return Ok(None);
    };
    let names = &footprint.deployment.policy.names;
    if !may_be_taken_over(&set.tags, &spec.stack_id) {
        let owner = set.tags.get(STACK_ID_TAG).map_or("", String::as_str);
        return Err(not(&set.name, &format!("it belongs to the stack {owner}")));
    }
    let prefix = parameter(set, RESOURCE)?;
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

/// The first version whose external ids can be kept.
const OLDEST: &str = "3.3.2";

/// The Lacework account and the suffix of all members' external ids.
fn member_id(set: &StackSet, tenant: &str) -> Result<(String, String), Refusal> {
    let is_ours = set.parameters.contains_key(EXTERNAL_ID_SUFFIX);
    let (account, suffix) = if is_ours {
        (TENANT, EXTERNAL_ID_SUFFIX)
    } else {
        ("LaceworkAccountName", "ExternalSuffix")
    };
    let given = |name: &str| {
        let value = set.parameters.get(name);
        value.ok_or_else(|| {
            // Earlier versions give each instance a suffix of its own.
            let why = format!(
                "it has no parameter {name}, as in versions of Lacework's integration before {OLDEST}, \
                 whose external ids end differently in each account. Uninstall it, and launch with No"
            );
            not(&set.name, &why)
        })
    };
    let (found, suffix) = (given(account)?, given(suffix)?);
    if !found.eq_ignore_ascii_case(tenant) {
        let why = format!("its {account} is {found:?} and not {tenant:?}");
        return Err(not(&set.name, &why));
    }
    Ok((found.clone(), checked(set, suffix)?))
}

/// The Lacework account and the suffix of the trail's external id: from the vendor's own parameter
/// `ExternalID`, or from ours.
fn trail_id(
    set: &StackSet,
    tenant: &str,
    account: &AccountId,
) -> Result<(String, String), Refusal> {
    if let Some(suffix) = set.parameters.get(EXTERNAL_ID_SUFFIX) {
        let tenant = parameter(set, TENANT)?;
        return Ok((tenant.clone(), checked(set, suffix)?));
    }
    let id = parameter(set, "ExternalID")?;
    let parts = parts(id)
        .filter(|(name, owner, _)| name.eq_ignore_ascii_case(tenant) && *owner == account.as_str());
    let Some((name, _, suffix)) = parts else {
        let start = external_id(tenant, account, "");
        let why = format!(
            "its ExternalID does not begin with {}, as that of this trail would",
            start.as_str()
        );
        return Err(not(&set.name, &why));
    };
    Ok((name.to_owned(), checked(set, suffix)?))
}

/// The text that may follow the name of a managed policy in a template.
const AFTER_A_NAME: [&str; 6] = [
    "PolicyDocument",
    "Roles",
    "Path",
    "Users",
    "Groups",
    "Description",
];

/// The naming of a member template's managed policies: from its parameter if the template is ours,
/// else from its text.
fn policy_names(set: &StackSet) -> PolicyNames {
    if let Some(names) = set.parameters.get(POLICY_NAMES) {
        return PolicyNames::from_parameter(names).unwrap_or_default();
    }
    let name = set.template.split("ManagedPolicyName").nth(1).map(|rest| {
        let ends = AFTER_A_NAME.iter().filter_map(|next| rest.find(next)).min();
        &rest[..ends.unwrap_or(rest.len())]
    });
    match name {
        // Without named managed policies, the role's policies were inline.
        None => PolicyNames::Generated,
        Some(name) if name.contains("AWS::AccountId") => PolicyNames::Vendor,
        Some(_) => PolicyNames::VendorWithoutAccount,
    }
}

/// The suffix, checked against our templates' pattern.
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
mod tests;
