//! The mark of a deployment on an account's registration: its prefix, the account, and a suffix that
//! no other deployment has.

use towerhook_core::model::{AccountId, Names};

/// `<prefix><account>-<suffix>`.
pub(crate) fn mark(names: &Names, account: &AccountId, suffix: &str) -> String {
    format!("{}{account}-{suffix}", names.prefix.as_str())
}

/// The account in a mark of this deployment.
pub(crate) fn account_in(mark: &str, names: &Names, suffix: &str) -> Option<AccountId> {
    let rest = mark.strip_prefix(names.prefix.as_str())?;
    let account = rest.strip_suffix(suffix)?.strip_suffix('-')?;
    account.parse().ok()
}
