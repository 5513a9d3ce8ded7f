//! Finds existing deployments by their StackSets' names. They matter because IAM treats role names
//! that differ only in letter case as equal, and role names carry the same resource part.

use std::collections::BTreeMap;

use towerhook_core::{Refusal, policy::Policy, provider::Theirs};

use crate::lacework::{
    names,
    stack_set_name::{Part, StackSetName},
};

/// How many deployments one sentence names.
const NAMED: usize = 3;

/// Finds the deployment to take over. `all` are the names of all StackSets, and `policy` follows
/// from the parameters alone.
///
/// # Errors
///
/// There is none, or it cannot be taken over.
pub(super) fn to_take_over(all: &[String], policy: &Policy) -> Result<Theirs, Refusal> {
    let all = parsed(all);
    refuse_newer(&all, policy)?;
    let here = |one: &&StackSetName<'_>| {
        one.prefix == policy.names.prefix.as_str() && is_alike(one, policy)
    };
    let mut theirs = all.iter().filter(here);
    let is_useful = |one: &StackSetName<'_>| match one.part {
        Part::Members => policy.capability.config(),
        Part::Trail | Part::NewerTrail => policy.capability.cloud_trail(),
    };
    let Some(first) = theirs.clone().find(|one| is_useful(one)) else {
        return Err(nothing(&all, policy));
    };
    if let Some(other) = theirs.find(|one| one.resource != first.resource) {
        return Err(Refusal::new(format!(
            "AdoptExistingDeployment: the StackSets {} and {} differ in letter case, so they belong to two \
             deployments whose roles share a name. Remove the one that is not in use.",
            first.name, other.name
        )));
    }
    Ok(Theirs {
        resource: first.resource.to_owned(),
        stack_sets: all
            .iter()
            .filter(here)
            .map(|one| one.name.to_owned())
            .collect(),
    })
}

/// Warnings about other deployments that exist beside a new one.
///
/// # Errors
///
/// A deployment's roles have the same names as the new one's.
pub(super) fn beside(all: &[String], policy: &Policy) -> Result<Option<String>, Refusal> {
    let all = parsed(all);
    refuse_newer(&all, policy)?;
    let names = &policy.names;
    // StackSets with exactly our names are refused by their owner tag.
    let other = |one: &&StackSetName<'_>| {
        (one.prefix, one.resource) != (names.prefix.as_str(), names.resource.as_str())
    };
    let mut others = all.iter().filter(other);
    if let Some(same) = others.clone().find(|one| is_alike(one, policy)) {
        let also = match change(same, policy) {
            Some(change) => format!(" and {change}"),
            None => String::new(),
        };
        return Err(Refusal::new(format!(
            "The StackSet {} belongs to a deployment whose roles have the same names as this one's. Launch with \
             AdoptExistingDeployment=Yes{also} to take it over, or remove it.",
            same.name
        )));
    }
    Ok(others.next().map(|one| {
        format!(
            "The StackSet {} belongs to another deployment; accounts that both watch are watched twice.",
            one.name
        )
    }))
}

fn parsed(all: &[String]) -> Vec<StackSetName<'_>> {
    all.iter()
        .filter_map(|name| StackSetName::parse(name))
        .collect()
}

fn is_alike(one: &StackSetName<'_>, policy: &Policy) -> bool {
    one.resource.eq_ignore_ascii_case(&policy.names.resource)
}

/// The log template of the 4.x line contains the policy of Control Tower's own topic, which would
/// be deleted with it. Its roles have our names, so it cannot exist beside ours either.
fn refuse_newer(all: &[StackSetName<'_>], policy: &Policy) -> Result<(), Refusal> {
    let mut newer = all.iter().filter(|one| one.part == Part::NewerTrail);
    match newer.find(|one| is_alike(one, policy)) {
        None => Ok(()),
        Some(one) => Err(Refusal::new(format!(
            "The StackSet {} is of version 4 of Lacework's own integration, which cannot be taken over: \
             that would remove the policy of the trail's topic. Delete its stack, which uninstalls it, and \
             launch with AdoptExistingDeployment=No.",
            one.name
        ))),
    }
}

fn nothing(all: &[StackSetName<'_>], policy: &Policy) -> Refusal {
    let wanted = if policy.capability.config() {
        names::resources(&policy.names).member_stack_set
    } else {
        names::log_stack_set(&policy.names)
    };
    let none = format!("AdoptExistingDeployment is Yes, and there is no StackSet {wanted}.");
    let mut deployments: BTreeMap<(&str, &str), &StackSetName<'_>> = BTreeMap::new();
    for one in all {
        deployments.entry((one.prefix, one.resource)).or_insert(one);
    }
    // The most similar ones come first.
    let mut alike: Vec<_> = deployments.into_values().collect();
    alike.sort_by_key(|one| !is_alike(one, policy));
    let shown: Vec<String> = alike
        .iter()
        .take(NAMED)
        .map(|one| {
            let newer = one.part == Part::NewerTrail;
            let change = match change(one, policy) {
                _ if newer => "its version 4 cannot be taken over".to_owned(),
                Some(change) => change,
                None => "set CapabilityType to what it has".to_owned(),
            };
            format!("{} ({change})", one.name)
        })
        .collect();
    Refusal::new(if shown.is_empty() {
        format!("{none} Set it to No to launch a new deployment.")
    } else {
        format!(
            "{none} There is {}. Correct the parameters, or set AdoptExistingDeployment to No to launch a \
             new deployment.",
            shown.join(", ")
        )
    })
}

/// The parameter changes that would select this deployment.
fn change(one: &StackSetName<'_>, policy: &Policy) -> Option<String> {
    let mut changes = Vec::new();
    if one.prefix != policy.names.prefix.as_str() {
        changes.push(format!("IntegrationNamePrefix={}", one.prefix));
    }
    if one.resource.eq_ignore_ascii_case(&policy.tenant) && !is_alike(one, policy) {
        changes.push("a blank LaceworkSubAccountName".to_owned());
    } else if !is_alike(one, policy) {
        changes.push(format!("LaceworkSubAccountName={}", one.resource));
    }
    (!changes.is_empty()).then(|| changes.join(" and "))
}

#[cfg(test)]
mod tests {
    use towerhook_core::{model::Names, policy::Capability};

    use super::*;
    use crate::lacework::tests::policy;

    const PREFIX: &str = "Lacework-Control-Tower-";

    fn with(resource: &str) -> Policy {
        let policy = policy();
        Policy {
            names: Names {
                resource: resource.into(),
                ..policy.names
            },
            ..policy
        }
    }

    fn sets(names: &[&str]) -> Vec<String> {
        let full = |name: &&str| match name.strip_prefix('/') {
            Some(other) => other.to_owned(),
            None => format!("{PREFIX}{name}"),
        };
        let others = ["AWSControlTowerBP-BASELINE-ROLES", "Customers-own"];
        names
            .iter()
            .map(full)
            .chain(others.map(str::to_owned))
            .collect()
    }

    #[test]
    fn names_are_taken_from_what_is_found() {
        for resource in ["acme", "Acme", "ACME"] {
            let member = format!("Config-Member-{resource}");
            let log = format!("CloudTrail-Log-Account-{resource}");
            let theirs = to_take_over(&sets(&[&member, &log]), &with("acme")).unwrap();
            assert_eq!(theirs.resource, resource);
            assert_eq!(
                theirs.stack_sets,
                sets(&[&member, &log])[..2].iter().cloned().collect()
            );
        }
        let both = sets(&["Config-Member-Acme", "CloudTrail-Log-Account-acme"]);
        let refused = to_take_over(&both, &with("acme")).unwrap_err().to_string();
        assert!(refused.contains("letter case"), "{refused}");
    }

    #[test]
    fn where_nothing_is_found_what_is_alike_is_named_with_the_parameter_to_change() {
        for (found, resource, words) in [
            (
                "/Other-Config-Member-acme",
                "acme",
                "(IntegrationNamePrefix=Other-)",
            ),
            (
                "Config-Member-EMEA",
                "acme",
                "(LaceworkSubAccountName=EMEA)",
            ),
            (
                "Config-Member-Acme",
                "emea",
                "(a blank LaceworkSubAccountName)",
            ),
            (
                "/Other-CloudTrail-Log-Account-EMEA",
                "acme",
                "(IntegrationNamePrefix=Other- and LaceworkSubAccountName=EMEA)",
            ),
            ("CloudTrail-Audit-emea", "acme", "version 4 cannot"),
        ] {
            let refused = to_take_over(&sets(&[found]), &with(resource)).unwrap_err();
            let refused = refused.to_string();
            let name = &sets(&[found])[0];
            assert!(refused.contains(&format!("{name} ")), "{refused}");
            assert!(refused.contains(words), "{refused}");
        }
        let refused = to_take_over(&sets(&[]), &with("acme")).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "AdoptExistingDeployment is Yes, and there is no StackSet \
             Lacework-Control-Tower-Config-Member-acme. Set it to No to launch a new deployment."
        );
    }

    #[test]
    fn what_another_capability_has_is_not_taken_for_what_is_wanted() {
        let trail = sets(&[
            "CloudTrail-Log-Account-acme",
            "CloudTrail-Audit-Account-acme",
        ]);
        let config = Policy {
            capability: Capability::Config,
            ..with("acme")
        };
        let refused = to_take_over(&trail, &config).unwrap_err().to_string();
        assert!(refused.contains("(set CapabilityType to"), "{refused}");
        let all = [trail, sets(&["Config-Member-acme"])].concat();
        let theirs = to_take_over(&all, &config).unwrap();
        assert_eq!(theirs.stack_sets.len(), 3, "the trail's are known, too");
    }

    #[test]
    fn the_newer_line_is_refused_whatever_is_asked_for() {
        for set in ["CloudTrail-Log-Archive-Acme", "/x-CloudTrail-Audit-acme"] {
            let all = sets(&[set, "Config-Member-acme"]);
            let refused = [
                to_take_over(&all, &with("acme")).unwrap_err(),
                beside(&all, &with("acme")).unwrap_err(),
            ];
            for refused in refused {
                let text = refused.to_string();
                assert!(
                    text.contains("version 4") && text.contains("Delete its stack"),
                    "{text}"
                );
            }
        }
    }

    #[test]
    fn beside_another_deployment_a_new_one_is_refused_where_their_roles_would_collide() {
        for (set, also) in [
            ("Config-Member-Acme", "Yes to take it over"),
            (
                "/Other-CloudTrail-Log-Account-acme",
                "Yes and IntegrationNamePrefix=Other- to take it over",
            ),
        ] {
            let refused = beside(&sets(&[set]), &with("acme"))
                .unwrap_err()
                .to_string();
            assert!(refused.contains(also), "{refused}");
        }
        let remark = beside(&sets(&["Config-Member-emea"]), &with("acme")).unwrap();
        assert!(
            remark
                .unwrap()
                .contains("Config-Member-emea belongs to another")
        );
        for own in [&["Config-Member-acme"][..], &[]] {
            assert_eq!(beside(&sets(own), &with("acme")), Ok(None));
        }
    }
}
