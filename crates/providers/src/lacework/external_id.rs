//! `lweid:aws:v2:<lacework account>:<aws account>:<suffix>`. The suffix may hold colons.
//!
//! Source: docs.lacework.net/onboarding/aws-cross-account-eid.

use towerhook_core::model::{AccountId, ExternalId};

const BEGINNING: &str = "lweid:aws:v2:";

/// The external id of one account.
pub fn external_id(tenant: &str, account: &AccountId, suffix: &str) -> ExternalId {
    ExternalId::from(format!("{BEGINNING}{tenant}:{account}:{suffix}"))
}

/// The tenant, the account and the suffix of a text in the form of an external id.
pub(super) fn parts(shown: &str) -> Option<(&str, &str, &str)> {
    let (tenant, rest) = shown.strip_prefix(BEGINNING)?.split_once(':')?;
    let (account, suffix) = rest.split_once(':')?;
    Some((tenant, account, suffix))
}

/// The account in an id of this tenant with this suffix; `None` for any other id.
pub(super) fn account_in(shown: &str, tenant: &str, suffix: &str) -> Option<AccountId> {
    let (owner, account, end) = parts(shown)?;
    let is_it = owner == tenant && end == suffix;
    is_it.then(|| account.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_read_back_with_a_suffix_that_holds_colons() {
        let account: AccountId = "111122223333".parse().unwrap();
        let id = external_id("acme", &account, "AB:CD12345");
        assert_eq!(id.as_str(), "lweid:aws:v2:acme:111122223333:AB:CD12345");
        let in_it = |suffix| account_in(id.as_str(), "acme", suffix);
        assert_eq!(in_it("AB:CD12345"), Some(account));
        assert_eq!(in_it("CD12345"), None);
        assert_eq!(in_it("other"), None);
    }
}
