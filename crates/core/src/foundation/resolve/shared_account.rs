//! Log Archive and Audit: Control Tower's answer, checked against the parameters.

use super::{Facts, Properties, Refusal, no_pattern};
use crate::{
    landing_zone::{AccountState, LandingZone},
    model::AccountId,
    policy::Policy,
};

/// One of the landing zone's two shared accounts.
pub(super) struct SharedAccount {
    title: &'static str,
    parameter: &'static str,
    default_name: &'static str,
    given: fn(&Properties) -> Option<&String>,
    found: fn(&LandingZone) -> Option<AccountId>,
    recorded: fn(&Policy) -> Option<AccountId>,
}

impl SharedAccount {
    /// The parameter that names it.
    pub(super) fn parameter(&self) -> &'static str {
        self.parameter
    }

    /// The recorded account.
    pub(super) fn recorded(&self, policy: &Policy) -> Option<AccountId> {
        (self.recorded)(policy)
    }
}

pub(super) const LOG_ARCHIVE: SharedAccount = SharedAccount {
    title: "Log Archive",
    parameter: "LogAccountName",
    default_name: "Log Archive",
    given: |properties| properties.log_account_name.as_ref(),
    found: |landing_zone| landing_zone.log_archive,
    recorded: |policy| policy.log_archive,
};

pub(super) const AUDIT: SharedAccount = SharedAccount {
    title: "Audit",
    parameter: "AuditAccountName",
    default_name: "Audit",
    given: |properties| properties.audit_account_name.as_ref(),
    found: |landing_zone| landing_zone.audit,
    recorded: |policy| policy.audit,
};

/// The account from Control Tower; without a landing zone it is found by its name.
pub(super) fn shared_account(
    which: &SharedAccount,
    properties: &Properties,
    facts: &Facts,
    landing_zone: Option<&LandingZone>,
    needed: bool,
) -> Result<Option<AccountId>, Refusal> {
    let SharedAccount {
        title, parameter, ..
    } = which;
    let given = (which.given)(properties);
    let account = match landing_zone {
        Some(landing_zone) => match (which.found)(landing_zone) {
            Some(id) => facts.accounts.iter().find(|account| account.id == id),
            None => None,
        },
        None => {
            let name = given.map_or(which.default_name, String::as_str);
            let mut named = facts.accounts.iter().filter(|account| account.name == name);
            match (named.next(), named.next()) {
                (Some(_), Some(_)) if needed => {
                    return Err(Refusal::new(format!(
                        "{parameter}: the organization has more than one account named {name:?}."
                    )));
                }
                (account, _) => account,
            }
        }
    };
    let Some(account) = account else {
        return if needed {
            Err(no_shared_account(which, given, landing_zone))
        } else {
            Ok(None)
        };
    };
    if let Some(given) = given.filter(|given| **given != account.name) {
        return Err(Refusal::new(format!(
            "{parameter} is {given:?}, and the landing zone's {title} account is {:?} ({}){}. \
             Leave {parameter} blank or correct it.",
            account.name,
            account.id,
            no_pattern(given)
        )));
    }
    if needed && account.state != AccountState::Active {
        return Err(Refusal::new(format!(
            "{parameter}: the {title} account {:?} ({}) is {}; it must be active.",
            account.name,
            account.id,
            in_words(account.state)
        )));
    }
    Ok(Some(account.id))
}

/// The account that holds the trail's log files.
///
/// # Errors
///
/// The landing zone has none.
pub fn log_archive(landing_zone: &LandingZone) -> Result<AccountId, Refusal> {
    let found = (LOG_ARCHIVE.found)(landing_zone);
    found.ok_or_else(|| no_shared_account(&LOG_ARCHIVE, None, Some(landing_zone)))
}

pub(super) fn no_shared_account(
    which: &SharedAccount,
    given: Option<&String>,
    landing_zone: Option<&LandingZone>,
) -> Refusal {
    let SharedAccount {
        title,
        parameter,
        default_name,
        ..
    } = which;
    let found = match landing_zone {
        Some(_) => format!("the landing zone has no {title} account. Let Control Tower set one up"),
        None => format!(
            "there is no landing zone, and no account of the organization is named {:?}. \
             Correct the name",
            given.map_or(*default_name, String::as_str)
        ),
    };
    Refusal::new(format!(
        "{parameter}: {found}, or choose CapabilityType Config, which needs none."
    ))
}

fn in_words(state: AccountState) -> &'static str {
    match state {
        AccountState::PendingActivation => "not activated yet",
        AccountState::Active => "active",
        AccountState::Suspended => "suspended",
        AccountState::PendingClosure => "being closed",
        AccountState::Closed => "closed",
    }
}
