//! The mark of a deployment on an account's registration: its prefix, the account, and a suffix that
//! no other deployment has.

use towerhook_core::{
    model::{AccountId, ExternalId, Names, Registration, RegistrationKind, RegistrationSpec},
    policy::Policy,
    provider::role_arn,
};

/// The registration of an account under this deployment's mark, with a role of this name. All
/// accounts have the tenant's external id.
pub(crate) fn marked(policy: &Policy, account: &AccountId, role: &str) -> RegistrationSpec {
    let none = || ExternalId::from(String::new());
    RegistrationSpec {
        name: mark(&policy.names, account, &policy.external_id_suffix),
        kind: RegistrationKind::Account,
        account: *account,
        role_arn: role_arn(&policy.partition, account, role),
        external_id: policy.external_id.clone().unwrap_or_else(none),
        queue_url: None,
        account_mapping: None,
    }
}

/// Whether a registration without our mark is taken over: it uses our role and is no other
/// deployment's.
pub(crate) fn is_open_to_takeover(seen: &Registration, wanted: &RegistrationSpec) -> bool {
    seen.role_arn == wanted.role_arn && !is_any(&seen.name, &wanted.account)
}

/// `<prefix><account>-<suffix>`.
fn mark(names: &Names, account: &AccountId, suffix: &str) -> String {
    format!("{}{account}-{suffix}", names.prefix.as_str())
}

/// The letters of a suffix.
const SUFFIX: usize = 10;

/// Whether it is the mark of any deployment on this account's registration.
fn is_any(mark: &str, account: &AccountId) -> bool {
    let ending = mark.rsplit_once('-');
    ending.is_some_and(|(rest, suffix)| {
        let is_letter = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
        suffix.len() == SUFFIX && suffix.bytes().all(is_letter) && rest.ends_with(account.as_str())
    })
}

/// The account in a mark of this deployment.
pub(crate) fn account_in(mark: &str, names: &Names, suffix: &str) -> Option<AccountId> {
    let rest = mark.strip_prefix(names.prefix.as_str())?;
    let account = rest.strip_suffix(suffix)?.strip_suffix('-')?;
    account.parse().ok()
}
