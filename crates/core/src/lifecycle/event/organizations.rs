use std::collections::BTreeSet;

use serde_json::Value;

use super::{Target, Trigger, is_success, text};
use crate::{lifecycle::Scope, model::AccountId};

/// An event with more accounts than this names others than those that it is about.
const MOST_ACCOUNTS: usize = 20;

/// A change of the organization itself, which Control Tower may not know of. Such events exist in
/// only one Region of each partition; `organizations-events.template.yml` forwards them to the
/// others.
///
/// Some of these events have no public sample, so the account is searched for anywhere in the
/// event. An event that names none leads to a comparison of the whole organization.
///
/// Source: docs.aws.amazon.com/organizations/latest/userguide/orgs_cloudtrail-integration.html
pub(super) fn parse(record: &Value) -> Trigger {
    let detail = &record["detail"];
    let Some(name) = text(detail, "/eventName") else {
        return Trigger::ignored(text(record, "/detail-type").unwrap_or("aws.organizations"));
    };
    let is_known = matches!(
        name,
        "AcceptHandshake"
            | "AccountDepartedOrganization"
            | "AccountJoinedOrganization"
            | "CloseAccount"
            | "CloseAccountResult"
            | "CreateAccountResult"
            | "LeaveOrganization"
            | "MoveAccount"
            | "RemoveAccountFromOrganization"
    );
    // A refused call changed nothing.
    if !is_known || detail.get("errorCode").is_some_and(|code| !code.is_null()) {
        return Trigger::ignored(name);
    }
    let mut accounts = BTreeSet::new();
    for part in [
        "requestParameters",
        "serviceEventDetails",
        "responseElements",
    ] {
        find_accounts(&detail[part], &mut accounts);
    }
    // Only the account itself can make these two calls.
    if accounts.is_empty() && matches!(name, "AcceptHandshake" | "LeaveOrganization") {
        accounts.extend(account(&detail["userIdentity"]["accountId"]));
    }
    if accounts.is_empty() && name == "CreateAccountResult" && !has_succeeded(detail) {
        return Trigger::ignored(name);
    }
    if accounts.is_empty() || accounts.len() > MOST_ACCOUNTS {
        return Trigger::look(name, Scope::all());
    }
    let scope = accounts
        .into_iter()
        .map(Scope::account)
        .fold(Scope::default(), Scope::merge);
    Trigger::look(name, scope)
}

/// Whether the only status in `serviceEventDetails` is a success, or absent.
fn has_succeeded(detail: &Value) -> bool {
    detail["serviceEventDetails"]
        .as_object()
        .into_iter()
        .flat_map(|all| all.values())
        .find_map(|status| text(status, "/state"))
        .is_none_or(is_success)
}

fn account(value: &Value) -> Option<AccountId> {
    value.as_str()?.parse().ok()
}

/// The accounts that a part of an event names: as `accountId`, by ARN, or as a party of a handshake
/// (`{"type": "ACCOUNT", "id": "..."}`) or its resource (`"value"` instead of `"id"`).
fn find_accounts(value: &Value, found: &mut BTreeSet<AccountId>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| find_accounts(item, found)),
        Value::Object(fields) => {
            if fields.get("type").is_some_and(|kind| kind == "ACCOUNT") {
                let named = fields.get("id").or_else(|| fields.get("value"));
                found.extend(named.and_then(account));
            }
            for (key, value) in fields {
                if key.eq_ignore_ascii_case("accountId") {
                    found.extend(account(value));
                } else if key.to_ascii_lowercase().ends_with("arn") {
                    let target = value.as_str().and_then(Target::parse);
                    found.extend(target.and_then(|target| target.account()));
                }
                find_accounts(value, found);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::tests::{id, is_ignored, scope};
    use super::*;

    fn event(kind: &str, name: &str, detail: Value) -> Value {
        let mut event = json!({"source": "aws.organizations", "detail-type": kind,
                               "account": "999999999999", "detail": detail});
        event["detail"]["eventName"] = json!(name);
        event
    }

    fn call(name: &str, detail: Value) -> Value {
        event("AWS API Call via CloudTrail", name, detail)
    }

    fn service(name: &str, detail: Value) -> Value {
        event("AWS Service Event via CloudTrail", name, detail)
    }

    #[test]
    fn a_call_names_the_account_in_its_request() {
        for name in [
            "MoveAccount",
            "CloseAccount",
            "RemoveAccountFromOrganization",
        ] {
            let detail = json!({"requestParameters": {"accountId": "111122223333"},
                                "responseElements": null});
            assert_eq!(scope(&call(name, detail)), Scope::account(id()), "{name}");
        }
    }

    #[test]
    fn the_account_is_found_wherever_it_may_be() {
        let arn = "arn:aws:organizations::999999999999:account/o-ern76xmzvf/111122223333";
        for name in ["AccountJoinedOrganization", "AccountDepartedOrganization"] {
            for detail in [
                json!({"serviceEventDetails": {"accountId": "111122223333"}}),
                json!({"serviceEventDetails": {"status": {"AccountId": "111122223333"}}}),
                json!({"serviceEventDetails": {"account": {"arn": arn}}}),
                json!({"responseElements": {"list": [{"accountId": "111122223333"}]}}),
            ] {
                assert_eq!(scope(&service(name, detail.clone())), Scope::account(id()));
                assert_eq!(scope(&call(name, detail)), Scope::account(id()));
            }
        }
    }

    #[test]
    fn a_handshake_names_the_account_as_a_party_or_made_the_call() {
        let parties = json!([{"type": "ORGANIZATION", "id": "o-ern76xmzvf"},
                             {"type": "ACCOUNT", "id": "111122223333"}]);
        let resources = json!([{"type": "ACCOUNT", "value": "111122223333"},
                               {"type": "EMAIL", "value": "a@example.com"}]);
        for handshake in [json!({"parties": parties}), json!({"resources": resources})] {
            let detail = json!({"responseElements": {"handshake": handshake}});
            assert_eq!(
                scope(&call("AcceptHandshake", detail)),
                Scope::account(id())
            );
        }
        for name in ["AcceptHandshake", "LeaveOrganization"] {
            let detail = json!({"userIdentity": {"accountId": "111122223333"}});
            assert_eq!(scope(&call(name, detail)), Scope::account(id()));
        }
    }

    #[test]
    fn without_a_usable_account_everything_is_looked_at() {
        let many: Vec<_> = (0..=MOST_ACCOUNTS)
            .map(|number| json!({"accountId": format!("{number:012}")}))
            .collect();
        for detail in [
            json!({}),
            json!({"requestParameters": {"accountId": "****"}}),
            json!({"requestParameters": {"accountId": 111122223333u64}}),
            json!({"responseElements": many}),
            // The management account is the caller, not the subject.
            json!({"userIdentity": {"accountId": "999999999999"}}),
        ] {
            assert_eq!(scope(&call("MoveAccount", detail)), Scope::all());
        }
    }

    #[test]
    fn a_call_that_was_refused_changed_nothing() {
        let detail = json!({"errorCode": "AccessDenied",
                            "requestParameters": {"accountId": "111122223333"}});
        assert!(is_ignored(&call("CloseAccount", detail)));
        let detail = json!({"errorCode": null,
                            "requestParameters": {"accountId": "111122223333"}});
        assert_eq!(scope(&call("CloseAccount", detail)), Scope::account(id()));
    }

    #[test]
    fn a_closing_that_failed_leaves_an_account_to_look_at_and_a_creation_none() {
        let status = json!({"accountId": "111122223333", "state": "FAILED"});
        let detail = json!({"serviceEventDetails": {"closeAccountStatus": status}});
        assert_eq!(
            scope(&service("CloseAccountResult", detail)),
            Scope::account(id())
        );
        let status = json!({"state": "FAILED", "failureReason": "EMAIL_ALREADY_EXISTS"});
        let detail = json!({"serviceEventDetails": {"createAccountStatus": status}});
        assert!(is_ignored(&service("CreateAccountResult", detail)));
        let status = json!({"state": "SUCCEEDED"});
        let detail = json!({"serviceEventDetails": {"createAccountStatus": status}});
        assert_eq!(scope(&service("CreateAccountResult", detail)), Scope::all());
    }

    /// Only an account that existed at launch waits for its first lifecycle event.
    #[test]
    fn a_new_account_of_the_organization_is_no_arrival() {
        let status = json!({"accountId": "111122223333", "state": "SUCCEEDED"});
        let detail = json!({"serviceEventDetails": {"createAccountStatus": status}});
        assert!(
            scope(&service("CreateAccountResult", detail))
                .arrived
                .is_empty()
        );
    }

    #[test]
    fn what_changes_no_account_is_ignored() {
        assert!(is_ignored(&call("CreatePolicy", json!({}))));
        assert!(is_ignored(&call("SomethingNew", json!({}))));
        assert!(is_ignored(&json!({"source": "aws.organizations"})));
    }
}
