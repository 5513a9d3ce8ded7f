//! The mark of a deployment on an account's registration: its prefix, the account, and a suffix that
//! no other deployment has.

use towerhook_core::model::{AccountId, Names};

/// `<prefix><account>-<suffix>`.
pub(crate) fn mark(names: &Names, account: &AccountId, suffix: &str) -> String {
    format!("{}{account}-{suffix}", names.prefix.as_str())
}

/// The letters of a suffix.
const SUFFIX: usize = 10;

/// Whether it is the mark of any deployment on this account's registration.
pub(crate) fn is_any(mark: &str, account: &AccountId) -> bool {
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
