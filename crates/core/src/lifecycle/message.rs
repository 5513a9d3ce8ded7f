use std::{collections::BTreeSet, time::Duration};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    model::{AccountId, OuId},
    stack_sets::Operation,
};

/// The longest delay of an SQS message.
pub(crate) const LONGEST_DELAY: Duration = Duration::from_secs(900);

/// A message of our own on the work queue: `{"towerhook": {...}}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// The scope of the pass.
    pub scope: MessageScope,
    /// The attempts already used up.
    #[serde(default)]
    pub attempt: u32,
    /// The accounts of the scope that a lifecycle event named.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub arrived: BTreeSet<AccountId>,
    /// When the news of these accounts came, for the time that their enrollment takes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// The operation that has to end first.
    #[serde(default, rename = "await", skip_serializing_if = "Option::is_none")]
    pub awaited: Option<Await>,
    /// Further scopes, with other numbers of attempts or other times.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<Message>,
}

/// A StackSet operation that a message waits for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Await {
    /// The operation.
    #[serde(flatten)]
    pub operation: Operation,
    /// How often it was still running.
    #[serde(default)]
    pub looks: u32,
}

/// The part of the organization that a message concerns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MessageScope {
    /// The whole organization.
    All,
    /// All accounts below one OU.
    Ou(OuId),
    /// These accounts.
    Accounts(Vec<AccountId>),
    /// A wake-up for the parked work, due at this time.
    Parked(Timestamp),
}

#[derive(Serialize, Deserialize)]
struct Envelope<T> {
    towerhook: T,
}

impl Message {
    /// A message for `scope`.
    pub fn new(scope: MessageScope, attempt: u32) -> Self {
        Self {
            scope,
            attempt,
            arrived: BTreeSet::new(),
            since: None,
            awaited: None,
            also: Vec::new(),
        }
    }

    /// The wake-up for parked work, due at this time.
    pub fn wake_up(at: Timestamp) -> Self {
        Self::new(MessageScope::Parked(at), 0)
    }

    /// The same messages, bundled into few. Their number stays the same however often they are
    /// requeued together; single messages would be split again by every merge.
    pub(super) fn bundled(messages: Vec<Self>, accounts: usize) -> Vec<Self> {
        let mut bundles: Vec<(usize, Self)> = Vec::new();
        for message in messages {
            let size = match &message.scope {
                MessageScope::Accounts(ids) => ids.len(),
                MessageScope::All | MessageScope::Ou(_) | MessageScope::Parked(_) => 1,
            };
            match bundles.last_mut() {
                Some((filled, first)) if *filled + size <= accounts => {
                    *filled += size;
                    first.also.push(message);
                }
                _ => bundles.push((size, message)),
            }
        }
        bundles.into_iter().map(|(_, message)| message).collect()
    }

    /// The message's body on the queue.
    pub fn to_body(&self) -> String {
        serde_json::to_string(&Envelope { towerhook: self }).unwrap_or_default()
    }

    pub(super) fn from_value(value: serde_json::Value) -> Result<Self, serde_json::Error> {
        serde_json::from_value(value)
    }
}

#[cfg(test)]
mod tests {
    use super::{super::Scope, *};
    use crate::retry::REQUEUE;

    #[test]
    fn the_schedules_constant_input_is_a_message() {
        let body = r#"{"scope":"all","reason":"schedule"}"#;
        let message = Message::from_value(serde_json::from_str(body).unwrap()).unwrap();
        assert_eq!(Scope::from(message), Scope::all());
    }

    #[test]
    fn an_attempt_beyond_the_last_one_is_the_last_one() {
        let body = r#"{"scope":{"accounts":["111111111111"]},"attempt":4294967295}"#;
        let message = Message::from_value(serde_json::from_str(body).unwrap()).unwrap();
        let scope = Scope::from(message);
        let used = scope.attempts(&"111111111111".parse().unwrap());
        assert_eq!(used, REQUEUE.tries);
        let (again, _) = scope.again();
        assert!(again.is_empty());
    }

    #[test]
    fn only_an_account_of_the_scope_has_arrived() {
        let body = r#"{"scope":{"accounts":["111111111111"]},
            "arrived":["111111111111","222222222222"]}"#;
        let message = Message::from_value(serde_json::from_str(body).unwrap()).unwrap();
        let scope = Scope::from(message);
        assert!(scope.arrived.iter().eq(scope.accounts.keys()));
    }
}
