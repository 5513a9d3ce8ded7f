//! What others are told of on the default event bus, so that a ticket or a chat needs no code of ours.
//!
//! The names and the forms are public: `docs/events.schema.json` describes them, and a test holds them
//! to it.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::model::AccountId;

/// The source of every event.
pub const SOURCE: &str = "towerhook";

/// The version of the events' forms. A new field keeps it; a changed or removed one does not.
pub const VERSION: &str = "1";

/// Something that others may act on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Happening {
    /// An account is watched from now on.
    Enrolled(Named),
    /// An account is no longer watched, as it should be.
    Offboarded(Named),
    /// An account needs an administrator, for a reason that the ledger did not have before.
    Blocked {
        /// The account.
        account: Named,
        /// The code of the reason, as metrics have it.
        code: String,
        /// The reason, for an administrator.
        reason: String,
    },
    /// The whole organization was compared.
    Compared {
        /// How many accounts that should be watched are.
        watched: usize,
        /// How many of them are not, by the code of the reason.
        unwatched: BTreeMap<String, usize>,
    },
}

/// An event for the bus.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its `detail-type`.
    pub detail_type: &'static str,
    /// Its `detail`.
    pub detail: Value,
}

/// An account with its name, which is empty if it could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// The account.
    pub id: AccountId,
    /// Its name.
    pub name: String,
}

impl Happening {
    /// The event, from the stack of this name for the vendor with this id.
    pub fn event(&self, stack: &str, provider: &str) -> Event {
        Event {
            detail_type: self.detail_type(),
            detail: self.detail(stack, provider),
        }
    }

    fn detail_type(&self) -> &'static str {
        match self {
            Self::Enrolled(_) => "Account Enrolled",
            Self::Offboarded(_) => "Account Offboarded",
            Self::Blocked { .. } => "Account Blocked",
            Self::Compared { .. } => "Coverage Compared",
        }
    }

    fn detail(&self, stack: &str, provider: &str) -> Value {
        let named = |Named { id, name }: &Named| json!({"id": id, "name": name});
        let mut detail = match self {
            Self::Enrolled(account) | Self::Offboarded(account) => {
                json!({"account": named(account)})
            }
            Self::Blocked {
                account,
                code,
                reason,
            } => {
                json!({"account": named(account), "reason": {"code": code, "text": reason}})
            }
            Self::Compared { watched, unwatched } => {
                let count: usize = unwatched.values().sum();
                json!({
                    "accountsInScope": watched + count,
                    "accountsWatched": watched,
                    "accountsUnwatched": count,
                    "unwatchedByReason": unwatched,
                })
            }
        };
        detail["version"] = VERSION.into();
        detail["stack"] = stack.into();
        detail["provider"] = provider.into();
        detail
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comparison_tells_the_counts_of_the_gauges() {
        let compared = Happening::Compared {
            watched: 3,
            unwatched: BTreeMap::from([("stack-fails".to_owned(), 2)]),
        };
        let event = compared.event("towerhook", "plain");
        assert_eq!(
            event.detail,
            json!({
                "version": "1", "stack": "towerhook", "provider": "plain",
                "accountsInScope": 5, "accountsWatched": 3, "accountsUnwatched": 2,
                "unwatchedByReason": {"stack-fails": 2},
            })
        );
    }

    #[test]
    fn a_blocked_account_comes_with_its_name_and_its_reason() {
        let blocked = Happening::Blocked {
            account: Named {
                id: "111111111111".parse().unwrap(),
                name: "sales".into(),
            },
            code: "stack-fails".into(),
            reason: "its member stack cannot be made: no role".into(),
        };
        let Event {
            detail_type,
            detail,
        } = blocked.event("towerhook", "plain");
        assert_eq!(detail_type, "Account Blocked");
        assert_eq!(
            detail["account"],
            json!({"id": "111111111111", "name": "sales"})
        );
        assert_eq!(detail["reason"]["code"], "stack-fails");
    }
}
