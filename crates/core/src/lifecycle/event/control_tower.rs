use serde_json::Value;

use super::{Malformed, Target, Trigger, is_success, text};
use crate::{lifecycle::Scope, model::AccountId};

/// The detail-type of Control Tower's events that do not come through CloudTrail.
const DRIFT: &str = "Drift Detected";

/// Control Tower's events: its 17 lifecycle events and, since landing zone 4.0, drift. The shapes
/// differ by event and by landing zone, so only the fields that we need are looked up.
///
/// Sources: docs.aws.amazon.com/controltower/latest/userguide/lifecycle-events.html,
/// docs.aws.amazon.com/eventbridge/latest/ref/events-ref-controltower.html
pub(super) fn parse(record: &Value) -> Result<Trigger, Malformed> {
    let kind = text(record, "/detail-type").unwrap_or("aws.controltower");
    let detail = &record["detail"];
    if kind == DRIFT {
        return Ok(drift(detail));
    }
    let Some(name) = text(detail, "/eventName") else {
        return Ok(Trigger::ignored(kind));
    };
    match name {
        "CreateManagedAccount" | "UpdateManagedAccount" => managed_account(name, detail),
        "EnableBaseline" | "ResetEnabledBaseline" | "UpdateEnabledBaseline" | "DisableBaseline" => {
            baseline(name, detail)
        }
        "EnableControl" | "ResetEnabledControl" | "UpdateEnabledControl" | "DisableControl" => {
            control(name, detail)
        }
        "EnableGuardrail" | "DisableGuardrail" => guardrail(name, detail),
        "RegisterOrganizationalUnit" | "DeregisterOrganizationalUnit" => {
            organizational_unit(name, detail)
        }
        "SetupLandingZone" | "UpdateLandingZone" => {
            // The whole organization is compared even if the details are unreadable.
            match status(name, detail).ok().and_then(failure) {
                Some(message) => Ok(failed(name, None, message)),
                None => Ok(Trigger::look(name, Scope::all())),
            }
        }
        // Sent only if an OU cannot be registered.
        "PrecheckOrganizationalUnit" => {
            let message = status(name, detail)
                .ok()
                .and_then(|it| text(it, "/message"));
            Ok(failed(name, None, message))
        }
        other => Ok(Trigger::ignored(other)),
    }
}

/// The only object in `serviceEventDetails`, whatever its key.
fn status<'a>(name: &str, detail: &'a Value) -> Result<&'a Value, Malformed> {
    detail["serviceEventDetails"]
        .as_object()
        .and_then(|all| all.values().find(|value| value.is_object()))
        .ok_or_else(|| Malformed::incomplete(name, "serviceEventDetails"))
}

/// Control Tower's message, if the `state` is not a success.
fn failure(status: &Value) -> Option<Option<&str>> {
    let state = text(status, "/state")?;
    (!is_success(state)).then(|| text(status, "/message"))
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

/// The retry of a failed creation is an `UpdateManagedAccount`, so both count as arrivals.
fn managed_account(name: &str, detail: &Value) -> Result<Trigger, Malformed> {
    let status = status(name, detail)?;
    let account = text(status, "/account/accountId").and_then(|id| id.parse().ok());
    if text(status, "/state").is_none() {
        return Err(Malformed::incomplete(name, "state"));
    }
    if let Some(message) = failure(status) {
        return Ok(failed(name, account, message));
    }
    let account = account.ok_or_else(|| Malformed::incomplete(name, "account.accountId"))?;
    Ok(Trigger::look(name, Scope::arrival(account)))
}

fn baseline(name: &str, detail: &Value) -> Result<Trigger, Malformed> {
    let status = status(name, detail)?;
    let baseline = status
        .get("enabledBaselineDetails")
        .or_else(|| status.get("baselineDetails"))
        .ok_or_else(|| Malformed::incomplete(name, "enabledBaselineDetails"))?;
    let target = target(name, baseline)?;
    match text(baseline, "/statusSummary/status") {
        Some(status) if !is_success(status) => Ok(failed(name, target.account(), None)),
        _ => Ok(Trigger::look(
            name,
            match target {
                Target::Account(id) if name == "EnableBaseline" => Scope::arrival(id),
                target => target.scope(),
            },
        )),
    }
}

fn control(name: &str, detail: &Value) -> Result<Trigger, Malformed> {
    let status = status(name, detail)?;
    let target = target(name, status)?;
    match failure(status) {
        Some(message) => Ok(failed(name, target.account(), message)),
        None => Ok(Trigger::look(name, target.scope())),
    }
}

fn target(name: &str, value: &Value) -> Result<Target, Malformed> {
    text(value, "/targetIdentifier")
        .and_then(Target::parse)
        .ok_or_else(|| Malformed::incomplete(name, "targetIdentifier"))
}

/// The older names of the control events, which list OUs.
fn guardrail(name: &str, detail: &Value) -> Result<Trigger, Malformed> {
    let status = status(name, detail)?;
    if let Some(message) = failure(status) {
        return Ok(failed(name, None, message));
    }
    let scope = status["organizationalUnits"]
        .as_array()
        .into_iter()
        .flatten()
        .chain(status.get("organizationalUnit"))
        .filter_map(|unit| text(unit, "/organizationalUnitId")?.parse().ok())
        .map(Scope::ou)
        .fold(Scope::default(), Scope::merge);
    if scope.is_empty() {
        return Err(Malformed::incomplete(name, "organizationalUnits"));
    }
    Ok(Trigger::look(name, scope))
}

fn organizational_unit(name: &str, detail: &Value) -> Result<Trigger, Malformed> {
    let status = status(name, detail)?;
    if let Some(message) = failure(status) {
        return Ok(failed(name, None, message));
    }
    let ou = text(status, "/organizationalUnit/organizationalUnitId")
        .and_then(|id| id.parse().ok())
        .ok_or_else(|| Malformed::incomplete(name, "organizationalUnit.organizationalUnitId"))?;
    Ok(Trigger::look(name, Scope::ou(ou)))
}

/// Drift of an account is of interest. Drift of policies, OUs and controls changes no account.
///
/// Before landing zone 4.0, a topic received the same fields, with capitalized names.
fn drift(detail: &Value) -> Trigger {
    let field = |name: &str, capital: &str| {
        let value = detail.get(name).or_else(|| detail.get(capital));
        value.and_then(Value::as_str)
    };
    let about_account =
        field("driftType", "DriftType").is_some_and(|drift| drift.starts_with("ACCOUNT_"));
    match field("accountId", "AccountId").and_then(|id| id.parse().ok()) {
        Some(account) => Trigger::look(DRIFT, Scope::account(account)),
        None if about_account => Trigger::look(DRIFT, Scope::all()),
        None => Trigger::ignored(DRIFT),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::tests::{id, is_ignored, scope};
    use super::*;

    fn lifecycle(name: &str, details: Value) -> Value {
        json!({"source": "aws.controltower", "detail-type": "AWS Service Event via CloudTrail",
               "detail": {"eventName": name, "serviceEventDetails": details}})
    }

    fn is_failure(body: &Value) -> bool {
        matches!(
            Trigger::parse(&body.to_string()),
            Ok(Trigger::Failed { .. })
        )
    }

    #[test]
    fn created_and_updated_accounts_are_arrivals_under_either_key() {
        for (name, key) in [
            ("CreateManagedAccount", "createManagedAccountStatus"),
            ("UpdateManagedAccount", "updateManagedAccountStatus"),
            ("UpdateManagedAccount", "createManagedAccountStatus"),
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
            Trigger::parse(&body.to_string()).unwrap(),
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
    fn whatever_failed_is_no_news() {
        let state = json!({"state": "FAILED", "message": "no",
            "targetIdentifier": "arn:aws:organizations::999999999999:account/o-a/111122223333"});
        for name in [
            "EnableControl",
            "DisableControl",
            "EnableGuardrail",
            "RegisterOrganizationalUnit",
            "DeregisterOrganizationalUnit",
            "SetupLandingZone",
            "UpdateLandingZone",
            "PrecheckOrganizationalUnit",
        ] {
            assert!(
                is_failure(&lifecycle(name, json!({"status": state}))),
                "{name}"
            );
        }
    }

    #[test]
    fn a_known_event_without_its_subject_fails_loudly() {
        let odd = json!({"enableControlStatus": {"targetIdentifier": "x"}});
        let units = json!({"status": {"organizationalUnits": [{"organizationalUnitId": "Root"}]}});
        for body in [
            lifecycle(
                "CreateManagedAccount",
                json!({"createManagedAccountStatus": {"state": "SUCCEEDED"}}),
            ),
            lifecycle("CreateManagedAccount", json!({"status": {}})),
            lifecycle("RegisterOrganizationalUnit", json!({})),
            lifecycle("EnableBaseline", json!(null)),
            lifecycle("EnableControl", odd),
            lifecycle("DisableGuardrail", units),
        ] {
            assert!(Trigger::parse(&body.to_string()).is_err(), "{body}");
        }
    }

    #[test]
    fn a_landing_zone_that_changed_is_looked_at_whatever_else_the_event_says() {
        for details in [
            json!({}),
            json!(null),
            json!({"updateLandingZoneStatus": 1}),
        ] {
            assert_eq!(
                scope(&lifecycle("UpdateLandingZone", details)),
                Scope::all()
            );
        }
    }

    #[test]
    fn drift_of_an_account_is_news_in_both_spellings() {
        let event = |detail: Value| json!({"source": "aws.controltower", "detail-type": DRIFT, "detail": detail});
        let moved = "ACCOUNT_MOVED_BETWEEN_OUS";
        for detail in [
            json!({"driftType": moved, "accountId": "111122223333"}),
            json!({"DriftType": moved, "AccountId": "111122223333"}),
        ] {
            assert_eq!(scope(&event(detail)), Scope::account(id()));
        }
        for detail in [
            json!({"driftType": "ACCOUNT_REMOVED_FROM_ORGANIZATION"}),
            json!({"DriftType": moved, "AccountId": "XXXXXXXXXXXX"}),
        ] {
            assert_eq!(scope(&event(detail)), Scope::all());
        }
        for detail in [
            json!({"driftType": "SCP_UPDATED", "policyId": "p-abcd1234"}),
            json!({"driftType": "ORGANIZATIONAL_UNIT_DELETED"}),
            json!(null),
        ] {
            assert!(is_ignored(&event(detail)));
        }
    }

    #[test]
    fn what_does_not_concern_us_is_ignored() {
        assert!(is_ignored(&lifecycle("SomethingNew", json!({}))));
        let other = json!({"source": "aws.controltower", "detail-type": "Something Else"});
        assert!(is_ignored(&other));
    }
}
