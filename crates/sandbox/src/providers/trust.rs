//! Whether a role's trust policy lets the vendor in, and only with the external id.

use serde_json::{Map, Value};

/// Judges `AssumeRolePolicyDocument` for `sts:AssumeRole` by `principal` with `external_id`.
///
/// As in IAM a denial wins over every permission. Unlike IAM, a permission counts only when it
/// demands the external id, as the vendor's own templates do; and a condition that is not
/// understood counts against the role, so that nothing passes by accident.
///
/// # Errors
/// One sentence that says what is missing.
pub(super) fn judge(document: &Value, principal: &str, external_id: &str) -> Result<(), String> {
    let statements = statements(document)?;
    let about_us = |effect: &str| {
        statements
            .iter()
            .copied()
            .filter(|statement| statement.get("Effect").and_then(Value::as_str) == Some(effect))
            .filter(|statement| allows_assume_role(statement))
            .filter(|statement| names_principal(statement, principal))
            .collect::<Vec<_>>()
    };
    for denial in about_us("Deny") {
        if !matches!(conditions(denial, external_id), Conditions::NotMet(_)) {
            return Err(format!("the trust policy denies {principal}"));
        }
    }
    let permissions = about_us("Allow");
    if permissions.is_empty() {
        return Err(format!(
            "the trust policy does not allow sts:AssumeRole to {principal}"
        ));
    }
    let mut reason = String::new();
    for permission in permissions {
        match conditions(permission, external_id) {
            Conditions::MetWithExternalId => return Ok(()),
            Conditions::Met => {
                "the trust policy does not demand an external id".clone_into(&mut reason)
            }
            Conditions::NotMet(why) | Conditions::NotUnderstood(why) => reason = why,
        }
    }
    Err(reason)
}

/// The statements of a policy, of which there is at least one.
///
/// # Errors
/// One sentence that says that there is none.
pub(super) fn statements(document: &Value) -> Result<Vec<&Value>, String> {
    match document.get("Statement") {
        Some(Value::Array(list)) if !list.is_empty() => Ok(list.iter().collect()),
        Some(one @ Value::Object(_)) => Ok(vec![one]),
        _ => Err("the trust policy has no statement".to_owned()),
    }
}

enum Conditions {
    MetWithExternalId,
    Met,
    NotMet(String),
    NotUnderstood(String),
}

fn conditions(statement: &Value, external_id: &str) -> Conditions {
    let empty = Map::new();
    let operators = match statement.get("Condition") {
        None => &empty,
        Some(Value::Object(operators)) => operators,
        Some(_) => {
            return Conditions::NotUnderstood(
                "the trust policy's condition is malformed".to_owned(),
            );
        }
    };
    let mut demanded = false;
    for (operator, keys) in operators {
        for (key, values) in keys.as_object().unwrap_or(&empty) {
            if !key.eq_ignore_ascii_case("sts:ExternalId") {
                return Conditions::NotUnderstood(format!(
                    "the trust policy has a condition on {key}"
                ));
            }
            let equal = texts(values).contains(&external_id);
            match operator.as_str() {
                "StringEquals" if equal => demanded = true,
                "StringNotEquals" if !equal => {}
                "StringEquals" | "StringNotEquals" => {
                    return Conditions::NotMet(
                        "the trust policy demands another external id".to_owned(),
                    );
                }
                _ => {
                    return Conditions::NotUnderstood(format!(
                        "the trust policy compares the external id with {operator}"
                    ));
                }
            }
        }
    }
    if demanded {
        Conditions::MetWithExternalId
    } else {
        Conditions::Met
    }
}

fn allows_assume_role(statement: &Value) -> bool {
    statement.get("Action").is_some_and(|action| {
        texts(action).iter().any(|action| {
            ["sts:assumerole", "sts:*", "*"].contains(&action.to_ascii_lowercase().as_str())
        })
    })
}

/// The principal itself, its account, or everyone.
fn names_principal(statement: &Value, principal: &str) -> bool {
    let account = principal.split(':').nth(4).unwrap_or_default();
    let in_account = principal.rsplit_once(':').map_or("", |(prefix, _)| prefix);
    let root = format!("{in_account}:root");
    let accepted = ["*", principal, account, &root];
    let named = match statement.get("Principal") {
        Some(Value::Object(kinds)) => kinds.get("AWS").map(texts).unwrap_or_default(),
        Some(all) => texts(all),
        None => Vec::new(),
    };
    named.iter().any(|name| accepted.contains(name))
}

/// A text, or the texts of a list: IAM takes either wherever it takes a list.
pub(super) fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(list) => list.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const VENDOR: &str = "arn:aws:iam::434813966438:role/lacework-platform";

    fn statement(effect: &str, principal: &Value, condition: &Value) -> Value {
        json!({"Effect": effect, "Action": "sts:AssumeRole", "Principal": principal, "Condition": condition})
    }

    fn policy(statements: &[Value]) -> Value {
        json!({"Version": "2012-10-17", "Statement": statements})
    }

    fn allow(principal: &Value, condition: &Value) -> Value {
        policy(&[statement("Allow", principal, condition)])
    }

    #[test]
    fn the_vendor_with_the_right_external_id_is_let_in() {
        let right = json!({"StringEquals": {"sts:ExternalId": "e"}});
        for principal in [
            json!({"AWS": VENDOR}),
            json!({"AWS": ["arn:aws:iam::999999999999:root", VENDOR]}),
            json!({"AWS": "arn:aws:iam::434813966438:root"}),
            json!({"AWS": "434813966438"}),
        ] {
            assert_eq!(
                judge(&allow(&principal, &right), VENDOR, "e"),
                Ok(()),
                "{principal}"
            );
        }
        let either = json!({"StringEquals": {"sts:externalid": ["d", "e"]}});
        assert_eq!(
            judge(&allow(&json!({"AWS": VENDOR}), &either), VENDOR, "e"),
            Ok(())
        );
        let single = json!({"Statement": statement("Allow", &json!({"AWS": VENDOR}), &right)});
        assert_eq!(judge(&single, VENDOR, "e"), Ok(()));
    }

    #[test]
    fn everything_else_is_refused_with_its_reason() {
        let us = json!({"AWS": VENDOR});
        let right = json!({"StringEquals": {"sts:ExternalId": "e"}});
        let cases = [
            (
                allow(&json!({"AWS": "arn:aws:iam::999999999999:root"}), &right),
                "does not allow sts:AssumeRole",
            ),
            (
                allow(&json!({"Service": "ec2.amazonaws.com"}), &right),
                "does not allow sts:AssumeRole",
            ),
            (
                allow(&us, &json!({"StringEquals": {"sts:ExternalId": "other"}})),
                "demands another external id",
            ),
            (allow(&us, &json!({})), "does not demand an external id"),
            (
                allow(&us, &json!({"StringLike": {"sts:ExternalId": "*"}})),
                "with StringLike",
            ),
            (
                allow(
                    &us,
                    &json!({"StringEquals": {"sts:ExternalId": "e", "aws:PrincipalOrgID": "o-1"}}),
                ),
                "condition on aws:PrincipalOrgID",
            ),
            (
                policy(&[
                    statement("Allow", &us, &right),
                    statement("Deny", &json!("*"), &json!({})),
                ]),
                "denies",
            ),
            (json!({}), "has no statement"),
        ];
        for (document, reason) in cases {
            let refused = judge(&document, VENDOR, "e").unwrap_err();
            assert!(refused.contains(reason), "{refused} does not say {reason}");
        }
    }

    #[test]
    fn a_denial_of_other_external_ids_lets_ours_in() {
        let document = policy(&[
            statement(
                "Allow",
                &json!({"AWS": VENDOR}),
                &json!({"StringEquals": {"sts:ExternalId": "e"}}),
            ),
            statement(
                "Deny",
                &json!("*"),
                &json!({"StringNotEquals": {"sts:ExternalId": "e"}}),
            ),
        ]);
        assert_eq!(judge(&document, VENDOR, "e"), Ok(()));
        assert!(judge(&document, VENDOR, "other").is_err());
    }
}
