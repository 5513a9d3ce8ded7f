mod cloud_formation;
mod control_tower;
mod organizations;

use serde_json::Value;

use super::{Message, Scope, scope::ACCOUNTS_PER_MESSAGE};
use crate::model::{AccountId, Arn, OuId};

/// The meaning of a record from the queue: never an action, only a scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trigger {
    /// Something about these accounts may have changed.
    Look {
        /// The kind of record, for metrics.
        kind: String,
        /// The scope of the pass.
        scope: Scope,
    },
    /// Control Tower reported a failure; the schedule reconciles it.
    Failed {
        /// The event's name.
        kind: String,
        /// The account, if the event names one.
        account: Option<AccountId>,
        /// Control Tower's own message.
        message: String,
    },
    /// An irrelevant record.
    Ignored {
        /// The kind of record, for metrics.
        kind: String,
    },
}

/// A relevant record that is malformed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// The record is not a JSON object.
    #[error("the record is not a JSON object")]
    NotAnObject,
    /// A message of ours in a format that this release does not know.
    #[error("the message's towerhook object is malformed")]
    Message,
    /// More accounts than a message of ours may name.
    #[error("the record names {0} accounts, but at most {ACCOUNTS_PER_MESSAGE} are accepted")]
    TooMany(usize),
    /// A known event lacks a field.
    #[error("{event} has no {missing}")]
    Incomplete {
        /// The event's name.
        event: String,
        /// The missing or invalid field.
        missing: &'static str,
    },
}

impl Malformed {
    fn incomplete(event: &str, missing: &'static str) -> Self {
        Self::Incomplete {
            event: event.to_owned(),
            missing,
        }
    }
}

impl Trigger {
    /// Parses one record of the work queue: an EventBridge event, a fan-out message, a schedule's
    /// constant or a revisit.
    pub fn parse(body: &str) -> Result<Self, Malformed> {
        let Ok(Value::Object(mut record)) = serde_json::from_str(body) else {
            return Err(Malformed::NotAnObject);
        };
        if let Some(own) = record.remove("towerhook") {
            let message = Message::from_value(own).map_err(|_| Malformed::Message)?;
            let scope = Scope::from(message);
            return match scope.named() {
                0..=ACCOUNTS_PER_MESSAGE => Ok(Self::look("message", scope)),
                accounts => Err(Malformed::TooMany(accounts)),
            };
        }
        let record = Value::Object(record);
        match text(&record, "/source") {
            Some("aws.controltower") => control_tower::parse(&record),
            Some("aws.organizations") => Ok(organizations::parse(&record)),
            Some("aws.cloudformation") => cloud_formation::parse(&record),
            source => Ok(Self::ignored(source.unwrap_or("unknown"))),
        }
    }

    fn look(kind: &str, scope: Scope) -> Self {
        Self::Look {
            kind: kind.to_owned(),
            scope,
        }
    }

    fn ignored(kind: &str) -> Self {
        // Bounded, because it is logged.
        Self::Ignored {
            kind: kind.chars().take(64).collect(),
        }
    }
}

/// The string at a JSON pointer.
fn text<'a>(value: &'a Value, pointer: &str) -> Option<&'a str> {
    value.pointer(pointer)?.as_str()
}

fn is_success(state: &str) -> bool {
    state.eq_ignore_ascii_case("SUCCEEDED")
}

/// The target of an ARN of Organizations: `arn:...:account/o-.../111122223333` or
/// `arn:...:ou/o-.../ou-...`.
enum Target {
    Account(AccountId),
    Ou(OuId),
}

impl Target {
    fn parse(identifier: &str) -> Option<Self> {
        let arn: Arn = identifier.parse().ok()?;
        let mut parts = arn.resource().split('/');
        let kind = parts.next()?;
        let last = parts.next_back()?;
        match kind {
            "account" => last.parse().ok().map(Self::Account),
            "ou" => last.parse().ok().map(Self::Ou),
            _ => None,
        }
    }

    fn account(&self) -> Option<AccountId> {
        match self {
            Self::Account(id) => Some(*id),
            Self::Ou(_) => None,
        }
    }

    fn scope(self) -> Scope {
        match self {
            Self::Account(id) => Scope::account(id),
            Self::Ou(id) => Scope::ou(id),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    pub(super) fn scope(body: &Value) -> Scope {
        match Trigger::parse(&body.to_string()).unwrap() {
            Trigger::Look { scope, .. } => scope,
            other => panic!("{other:?}"),
        }
    }

    pub(super) fn id() -> AccountId {
        "111122223333".parse().unwrap()
    }

    pub(super) fn is_ignored(body: &Value) -> bool {
        matches!(
            Trigger::parse(&body.to_string()),
            Ok(Trigger::Ignored { .. })
        )
    }

    #[test]
    fn what_is_no_record_of_ours_or_of_eventbridges_fails_loudly() {
        for body in [
            "[]",
            "not json",
            "",
            r#"{"towerhook":{"scope":"everything"}}"#,
        ] {
            assert!(Trigger::parse(body).is_err(), "{body}");
        }
    }

    #[test]
    fn other_sources_are_ignored_under_a_bounded_name() {
        assert!(is_ignored(&json!({})));
        assert!(is_ignored(&json!({"source": 7})));
        let long = "ä".repeat(1000);
        let Ok(Trigger::Ignored { kind }) = Trigger::parse(&json!({ "source": long }).to_string())
        else {
            panic!("not ignored");
        };
        assert_eq!(kind.chars().count(), 64);
    }
}
