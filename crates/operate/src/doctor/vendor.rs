//! The vendor's API: whether it can be reached, and what the stored key may do.

use towerhook_core::{Read, provider::Credential};

use super::{Facts, Finding, VendorFacts};

const REACHED: &str = "vendor-reachable";
const RIGHTS: &str = "vendor-access";

pub(super) fn check(facts: &Facts) -> Vec<Finding> {
    let Some(vendor) = &facts.vendor else {
        return Vec::new();
    };
    let mut findings = vec![reachable(facts, vendor)];
    if let Some(rights) = &vendor.rights {
        findings.push(access(facts, rights));
    }
    findings
}

fn reachable(facts: &Facts, vendor: &VendorFacts) -> Finding {
    let url = match &vendor.url {
        Read::Unknown(why) => return Finding::skip(REACHED, why.clone()),
        Read::Ok(url) => url.as_str().trim_end_matches('/'),
    };
    let why = match &vendor.reached {
        Read::Ok(status) if *status < 500 => {
            return Finding::pass(REACHED, format!("{url} answers (HTTP {status})."));
        }
        Read::Ok(status) => {
            let title = facts.provider.words().title;
            let says = format!("{url} answers with HTTP {status}.");
            return Finding::warn(REACHED, says)
                .mend(format!("Look at {title}'s status page, and try again"), "");
        }
        Read::Unknown(why) => why,
    };
    let failed = Finding::fail(
        REACHED,
        format!("{url} cannot be reached from here: {why}."),
    );
    let command = format!("curl --verbose --head {url}");
    if is_about_certificates(why) {
        return failed.mend(
            "Its certificate is of no public authority: leave TLS to it uninspected, or give a private \
             authority's certificate in CaBundle, where the template has that",
            command,
        );
    }
    if vendor.has_proxy {
        return failed.mend(
            "Towerhook uses no proxy, which this machine may need: try from a network without. The \
             functions have a way of their own",
            command,
        );
    }
    let parameter = facts.provider.words().tenant_parameter;
    failed.mend(
        format!("Correct {parameter}, or let this network reach it"),
        command,
    )
}

fn is_about_certificates(why: &str) -> bool {
    let why = why.to_lowercase();
    ["certificate", "unknownissuer"]
        .iter()
        .any(|word| why.contains(word))
}

fn access(facts: &Facts, rights: &Read<()>) -> Finding {
    let title = facts.provider.words().title;
    let stored = match facts.provider.credential() {
        Credential::Verified(_) => "key",
        Credential::Exchanged(_) | Credential::None => "token",
    };
    match rights {
        Read::Ok(()) => Finding::pass(
            RIGHTS,
            format!("The stored {stored} may read {title}'s profile and registrations."),
        ),
        Read::Unknown(why) => {
            let failed = Finding::fail(RIGHTS, format!("{title} refuses to be read: {why}."));
            let parameters = facts.provider.credential().key();
            let parameters = parameters.map(|key| {
                let id = key.id.into_iter();
                id.chain([key.secret]).collect::<Vec<_>>().join(" and ")
            });
            failed.mend(
                format!(
                    "Give the key's user in {title} an administrator's rights, or update the stack with \
                     another key in {}",
                    parameters.unwrap_or_default()
                ),
                format!("aws logs tail /aws/lambda/{}-auth --since 1d", facts.stack_name),
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::{
        Verdict,
        testing::{facts, finding},
    };

    fn with(change: impl FnOnce(&mut VendorFacts)) -> Facts {
        let mut changed = facts();
        change(changed.vendor.as_mut().unwrap());
        changed
    }

    #[test]
    fn any_answer_of_the_vendor_is_a_way_to_it() {
        for (status, verdict) in [
            (200, Verdict::Pass),
            (401, Verdict::Pass),
            (503, Verdict::Warn),
        ] {
            let answered = with(|vendor| vendor.reached = Read::Ok(status));
            assert_eq!(finding(&answered, REACHED).verdict, verdict, "{status}");
        }
    }

    #[test]
    fn a_host_out_of_reach_fails_with_a_hint_that_fits() {
        let hint = |why: &str, has_proxy| {
            let facts = with(|vendor| {
                vendor.reached = Read::Unknown(why.to_owned());
                vendor.has_proxy = has_proxy;
            });
            let found = finding(&facts, REACHED);
            assert_eq!(found.verdict, Verdict::Fail);
            found.mend[0].what.clone()
        };
        assert!(hint("invalid peer certificate: UnknownIssuer", true).contains("CaBundle"));
        assert!(hint("timed out", true).contains("no proxy"));
        assert!(hint("dns error", false).contains("ProviderUrl"));
    }

    #[test]
    fn a_key_that_may_not_read_fails_by_the_names_of_its_parameters() {
        let refused = with(|vendor| vendor.rights = Some(Read::Unknown("403".into())));
        let found = finding(&refused, RIGHTS);
        assert_eq!(found.verdict, Verdict::Fail);
        assert!(found.mend[0].what.contains("ApiKeyId and ApiKeySecret"));
        let before = with(|vendor| vendor.rights = None);
        assert!(check(&before).iter().all(|one| one.check != RIGHTS));
    }
}
