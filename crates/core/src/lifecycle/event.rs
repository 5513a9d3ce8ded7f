use serde_json::Value;

use super::{Message, Scope};
use crate::model::{AccountId, Arn, OuId};

/// What a record from the queue means: never an action, only where to look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trigger {
    /// Something about these accounts may have changed.
    Look {
        /// What kind of record it was, for the count.
        kind: String,
        /// Where to look.
        scope: Scope,
    },
    /// Control Tower could not do something; the schedule looks at it again.
    Failed {
        /// The event's name.
        kind: String,
        /// The account, where the event names one.
        account: Option<AccountId>,
        /// Control Tower's own message.
        message: String,
    },
    /// Nothing that concerns us.
    Ignored {
        /// What kind of record it was, for the count.
        kind: String,
    },
}

/// A record that should concern us and cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// The record is no JSON object.
    #[error("the record is not a JSON object")]
    NotAnObject,
    /// Our own message in a form that this release does not know.
    #[error("the message's towerhook object cannot be understood")]
    Message,
    /// A known event lacks what it is about.
    #[error("{event} has no {missing}")]
    Incomplete {
        /// The event's name.
        event: String,
        /// The field that is absent or not what it should be.
        missing: &'static str,
    },
}

impl Trigger {
    /// Reads one record of the work queue: an EventBridge event, a fan-out message, a schedule's
    /// constant or a revisit.
    pub fn parse(body: &str) -> Result<Self, Malformed> {
        let Ok(Value::Object(mut record)) = serde_json::from_str(body) else {
            return Err(Malformed::NotAnObject);
        };
        if let Some(own) = record.remove("towerhook") {
            let message = Message::from_value(own).map_err(|_| Malformed::Message)?;
            return Ok(Self::Look {
                kind: "message".into(),
                scope: message.into_scope(),
            });
        }
        let record = Value::Object(record);
        match text(&record, "/source") {
            Some("aws.controltower") => control_tower(&record),
            Some("aws.cloudformation") => cloud_formation(&record),
            source => Ok(Self::ignored(source.unwrap_or("unknown"))),
        }
    }

    fn ignored(kind: &str) -> Self {
        // Bounded, since it becomes part of a log line.
        Self::Ignored {
            kind: kind.chars().take(64).collect(),
        }
    }
}

fn text<'a>(value: &'a Value, pointer: &str) -> Option<&'a str> {
    value.pointer(pointer)?.as_str()
}

/// `AWS Service Event via CloudTrail` of Control Tower. Its shapes differ by event and by landing
/// zone, so only what we need is looked up.
///
/// Source: docs.aws.amazon.com/controltower/latest/userguide/lifecycle-events.html
fn control_tower(record: &Value) -> Result<Trigger, Malformed> {
    let Some(name) = text(record, "/detail/eventName") else {
        return Ok(Trigger::ignored(
            text(record, "/detail-type").unwrap_or("aws.controltower"),
        ));
    };
    let incomplete = |missing| Malformed::Incomplete {
        event: name.to_owned(),
        missing,
    };
    // The one object in serviceEventDetails, whatever its key.
    let details = || {
        record
            .pointer("/detail/serviceEventDetails")
            .and_then(Value::as_object)
            .and_then(|all| all.values().next())
            .filter(|details| details.is_object())
            .ok_or_else(|| incomplete("serviceEventDetails"))
    };
    let look = |scope| Trigger::Look {
        kind: name.to_owned(),
        scope,
    };
    match name {
        "CreateManagedAccount" | "UpdateManagedAccount" => {
            let details = details()?;
            let account = text(details, "/account/accountId").and_then(|id| id.parse().ok());
            if !is_success(text(details, "/state").ok_or_else(|| incomplete("state"))?) {
                return Ok(failed(name, account, text(details, "/message")));
            }
            Ok(look(Scope::arrival(
                account.ok_or_else(|| incomplete("account.accountId"))?,
            )))
        }
        "EnableBaseline" | "ResetEnabledBaseline" | "UpdateEnabledBaseline" | "DisableBaseline" => {
            let details = details()?;
            let baseline = details
                .get("enabledBaselineDetails")
                .or_else(|| details.get("baselineDetails"))
                .ok_or_else(|| incomplete("enabledBaselineDetails"))?;
            let target = text(baseline, "/targetIdentifier")
                .and_then(Target::parse)
                .ok_or_else(|| incomplete("targetIdentifier"))?;
            match text(baseline, "/statusSummary/status") {
                Some(status) if !is_success(status) => Ok(failed(name, target.account(), None)),
                _ => Ok(look(match target {
                    Target::Account(id) if name == "EnableBaseline" => Scope::arrival(id),
                    target => target.scope(),
                })),
            }
        }
        "EnableControl" | "ResetEnabledControl" | "UpdateEnabledControl" | "DisableControl" => {
            let target = text(details()?, "/targetIdentifier")
                .and_then(Target::parse)
                .ok_or_else(|| incomplete("targetIdentifier"))?;
            Ok(look(target.scope()))
        }
        "RegisterOrganizationalUnit" | "DeregisterOrganizationalUnit" => {
            let ou = text(details()?, "/organizationalUnit/organizationalUnitId")
                .and_then(|id| id.parse().ok())
                .ok_or_else(|| incomplete("organizationalUnit.organizationalUnitId"))?;
            Ok(look(Scope::ou(ou)))
        }
        "SetupLandingZone" | "UpdateLandingZone" => Ok(look(Scope::all())),
        other => Ok(Trigger::ignored(other)),
    }
}

fn is_success(state: &str) -> bool {
    state.eq_ignore_ascii_case("SUCCEEDED")
}

fn failed(name: &str, account: Option<AccountId>, message: Option<&str>) -> Trigger {
    let message = message
        .unwrap_or("Control Tower gives no reason")
        .chars()
        .take(500)
        .collect();
    Trigger::Failed {
        kind: name.to_owned(),
        account,
        message,
    }
}

/// What a `targetIdentifier` names: `arn:...:account/o-.../111122223333` or `arn:...:ou/o-.../ou-...`.
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

/// A change of one of our StackSets. Only an instance that is ready is news; what an operation as a
/// whole does, its instances tell.
///
/// Source: docs.aws.amazon.com/eventbridge/latest/ref/events-ref-cloudformation.html
fn cloud_formation(record: &Value) -> Result<Trigger, Malformed> {
    let kind = text(record, "/detail-type").unwrap_or("aws.cloudformation");
    if kind != "CloudFormation StackSet StackInstance Status Change" {
        return Ok(Trigger::ignored(kind));
    }
    // What failed is tried again by its revisit, at the pace of its attempts.
    let detailed = text(record, "/detail/status-details/detailed-status");
    if detailed.is_some_and(|detailed| detailed != "SUCCEEDED") {
        return Ok(Trigger::ignored(kind));
    }
    // A stack that never came into being has no id; the revisit finds its instance.
    match text(record, "/detail/stack-id").filter(|id| !id.is_empty()) {
        None => Ok(Trigger::ignored(kind)),
        Some(id) => {
            let account = id.parse::<Arn>().ok().and_then(|arn| arn.account()).ok_or(
                Malformed::Incomplete {
                    event: kind.to_owned(),
                    missing: "stack-id",
                },
            )?;
            Ok(Trigger::Look {
                kind: kind.to_owned(),
                scope: Scope::account(account),
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn lifecycle(name: &str, details: Value) -> String {
        json!({"source": "aws.controltower", "detail-type": "AWS Service Event via CloudTrail",
               "detail": {"eventName": name, "serviceEventDetails": details}})
        .to_string()
    }

    fn scope(body: &str) -> Scope {
        match Trigger::parse(body).unwrap() {
            Trigger::Look { scope, .. } => scope,
            other => panic!("{other:?}"),
        }
    }

    fn id() -> AccountId {
        "111122223333".parse().unwrap()
    }

    #[test]
    fn created_and_updated_accounts_are_arrivals_under_either_key() {
        for (name, key) in [
            ("CreateManagedAccount", "createManagedAccountStatus"),
            ("UpdateManagedAccount", "updateManagedAccountStatus"),
        ] {
            let status = json!({"account": {"accountName": "a", "accountId": "111122223333"},
                                "state": "SUCCEEDED"});
            assert_eq!(
                scope(&lifecycle(name, json!({key: status}))),
                Scope::arrival(id())
            );
        }
    }

    #[test]
    fn a_failed_creation_may_lack_the_account() {
        let body = lifecycle(
            "CreateManagedAccount",
            json!({"createManagedAccountStatus": {"state": "FAILED", "message": "no"}}),
        );
        assert_eq!(
            Trigger::parse(&body).unwrap(),
            Trigger::Failed {
                kind: "CreateManagedAccount".into(),
                account: None,
                message: "no".into()
            }
        );
    }

    #[test]
    fn a_baseline_names_its_target_by_arn() {
        let details = |target: &str| {
            json!({"enableBaselineStatus": {"enabledBaselineDetails": {
                "targetIdentifier": target, "statusSummary": {"status": "SUCCEEDED"}}}})
        };
        let account = "arn:aws:organizations::999999999999:account/o-ern76xmzvf/111122223333";
        assert_eq!(
            scope(&lifecycle("EnableBaseline", details(account))),
            Scope::arrival(id())
        );
        assert_eq!(
            scope(&lifecycle("DisableBaseline", details(account))),
            Scope::account(id())
        );
        let ou = "arn:aws:organizations::999999999999:ou/o-ern76xmzvf/ou-ab12-11112222";
        let expected = Scope::ou("ou-ab12-11112222".parse().unwrap());
        assert_eq!(
            scope(&lifecycle("UpdateEnabledBaseline", details(ou))),
            expected
        );
    }

    #[test]
    fn a_known_event_without_its_subject_fails_loudly() {
        let cases = [
            lifecycle(
                "CreateManagedAccount",
                json!({"createManagedAccountStatus": {"state": "SUCCEEDED"}}),
            ),
            lifecycle("RegisterOrganizationalUnit", json!({})),
            lifecycle(
                "EnableControl",
                json!({"enableControlStatus": {"targetIdentifier": "x"}}),
            ),
            "[]".to_owned(),
            "not json".to_owned(),
            r#"{"towerhook":{"scope":"everything"}}"#.to_owned(),
        ];
        for body in cases {
            assert!(Trigger::parse(&body).is_err(), "{body}");
        }
    }

    #[test]
    fn what_does_not_concern_us_is_ignored() {
        for body in [
            lifecycle("PrecheckOrganizationalUnit", json!({})),
            lifecycle("SomethingNew", json!({})),
            json!({"source": "aws.s3"}).to_string(),
            json!({}).to_string(),
        ] {
            assert!(
                matches!(Trigger::parse(&body), Ok(Trigger::Ignored { .. })),
                "{body}"
            );
        }
    }

    #[test]
    fn only_an_instance_that_is_ready_is_news() {
        let event = |detailed: &str, stack: &str| {
            json!({"source": "aws.cloudformation",
                   "detail-type": "CloudFormation StackSet StackInstance Status Change",
                   "detail": {"stack-id": stack, "status-details": {"detailed-status": detailed}}})
            .to_string()
        };
        let stack = "arn:aws:cloudformation:us-east-1:111122223333:stack/StackSet-x/1";
        assert_eq!(scope(&event("SUCCEEDED", stack)), Scope::account(id()));
        for body in [
            event("RUNNING", stack),
            event("FAILED", stack),
            event("SUCCEEDED", ""),
        ] {
            assert!(
                matches!(Trigger::parse(&body), Ok(Trigger::Ignored { .. })),
                "{body}"
            );
        }
    }
}
