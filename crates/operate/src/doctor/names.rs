//! The lengths of the names that a deployment derives.

use towerhook_core::{Read, provider::ResourceNames};

use super::{Facts, Finding};

const CHECK: &str = "names";

/// AWS's limits of the lengths of names.
///
/// Source: the quotas of IAM, CloudFormation, SQS and SNS.
const STACK: usize = 128;
const STACK_SET: usize = 128;
const ROLE: usize = 64;
const QUEUE: usize = 80;
const TOPIC: usize = 256;

pub(super) fn check(facts: &Facts) -> Vec<Finding> {
    let name = &facts.stack_name;
    let is_a_name = name.len() <= STACK
        && name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name
            .bytes()
            .all(|one| one.is_ascii_alphanumeric() || one == b'-');
    if !is_a_name {
        let says = format!(
            "CloudFormation takes no stack {name:?}: a name begins with a letter and holds up to {STACK} \
             letters, digits and hyphens."
        );
        return vec![Finding::fail(CHECK, says).mend("Choose another name", "")];
    }
    let names = match &facts.names {
        Read::Unknown(why) => return vec![Finding::skip(CHECK, why.clone())],
        Read::Ok(names) => facts.provider.resources(names),
    };
    vec![judged(facts, &names)]
}

fn judged(facts: &Facts, names: &ResourceNames) -> Finding {
    let all = limited(names);
    let too_long: Vec<_> = all
        .iter()
        .filter(|(_, name, most)| name.chars().count() > *most)
        .map(|(what, name, most)| {
            format!(
                "The {what}'s name {name} has {} characters of at most {most}.",
                name.chars().count()
            )
        })
        .collect();
    if !too_long.is_empty() {
        let stores = facts.provider.words().stores.as_ref();
        let mend = match stores {
            Some(stores) => format!(
                "Shorten {} or IntegrationNamePrefix, from which the names are made",
                stores.single_parameter
            ),
            None => "Shorten IntegrationNamePrefix, from which the names are made".to_owned(),
        };
        return Finding::fail(CHECK, too_long.join(" ")).mend(mend, "");
    }
    let tightest = all
        .iter()
        .min_by_key(|(_, name, most)| most - name.chars().count());
    Finding::pass(
        CHECK,
        tightest.map_or_else(String::new, |(what, name, most)| {
            format!(
                "All fit; the {what}'s name has {} characters of at most {most}.",
                name.chars().count()
            )
        }),
    )
}

/// Every name, with what has it and its limit.
fn limited(names: &ResourceNames) -> Vec<(&'static str, &str, usize)> {
    let sets = names.stack_sets();
    let mut all: Vec<_> = sets
        .map(|set| ("StackSet", set.as_str(), STACK_SET))
        .collect();
    all.push(("member role", &names.member_role, ROLE));
    if let Some(feed) = &names.feed {
        all.extend([
            ("Log Archive role", feed.log_role.as_str(), ROLE),
            ("queue", &feed.queue, QUEUE),
            ("topic", &feed.trail_topic, TOPIC),
        ]);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::{
        Verdict,
        testing::{facts, finding, unread},
    };

    fn with_resource(resource: String) -> Finding {
        let mut changed = facts();
        if let Read::Ok(names) = &mut changed.names {
            names.resource = resource;
        }
        finding(&changed, CHECK)
    }

    #[test]
    fn a_role_whose_name_would_be_too_long_is_named_with_its_length() {
        // "-log-reader" follows it.
        assert_eq!(with_resource("x".repeat(53)).verdict, Verdict::Pass);
        let found = with_resource("x".repeat(54));
        assert_eq!(found.verdict, Verdict::Fail);
        assert!(
            found.says.contains("65 characters of at most 64"),
            "{}",
            found.says
        );
        assert!(found.mend[0].what.contains("StoreName"));
    }

    #[test]
    fn a_stack_name_is_one_that_cloudformation_takes() {
        let mut named = facts();
        for (name, verdict) in [
            ("towerhook-2", Verdict::Pass),
            ("2towers", Verdict::Fail),
            ("tower_hook", Verdict::Fail),
            (&"t".repeat(129), Verdict::Fail),
        ] {
            named.stack_name = name.to_owned();
            assert_eq!(finding(&named, CHECK).verdict, verdict, "{name}");
        }
        named.stack_name = "towerhook".into();
        named.names = unread();
        assert_eq!(finding(&named, CHECK).verdict, Verdict::Skip);
    }
}
