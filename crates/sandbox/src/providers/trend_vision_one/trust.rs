//! Whether a role's trust policy lets the service's web identity in.

use serde_json::{Map, Value};

use crate::providers::trust::{statements, texts};

/// A web identity that asks for a role.
#[derive(Debug, Clone)]
pub(super) struct Asking {
    /// The account's identity provider that speaks for it.
    pub(super) provider_arn: String,
    /// The provider's host, which condition keys begin with.
    pub(super) host: String,
    pub(super) audience: String,
    pub(super) subject: String,
}

/// Judges `AssumeRolePolicyDocument` for `sts:AssumeRoleWithWebIdentity`.
///
/// As in IAM a denial wins over every permission. Unlike IAM, a permission counts only when it
/// demands both audience and subject, as the vendor's own template does: a role that does not would
/// let all tenants in. A condition that is not understood counts against the role, so that nothing
/// passes by accident.
///
/// # Errors
/// One sentence that says what is missing.
pub(super) fn judge(document: &Value, asking: &Asking) -> Result<(), String> {
    let statements = statements(document)?;
    let about_us = |effect: &str| {
        statements
            .iter()
            .copied()
            .filter(|statement| statement.get("Effect").and_then(Value::as_str) == Some(effect))
            .filter(|statement| allows(statement))
            .filter(|statement| names_provider(statement, &asking.provider_arn))
            .collect::<Vec<_>>()
    };
    let provider = &asking.provider_arn;
    for denial in about_us("Deny") {
        if !matches!(conditions(denial, asking), Conditions::NotMet(_)) {
            return Err(format!("the trust policy denies {provider}"));
        }
    }
    let mut reason =
        format!("the trust policy does not allow sts:AssumeRoleWithWebIdentity to {provider}");
    for permission in about_us("Allow") {
        reason = match conditions(permission, asking) {
            Conditions::Met {
                audience: true,
                subject: true,
            } => return Ok(()),
            Conditions::Met { subject: false, .. } => {
                "the trust policy does not demand a subject".to_owned()
            }
            Conditions::Met { .. } => "the trust policy does not demand an audience".to_owned(),
            Conditions::NotMet(why) | Conditions::NotUnderstood(why) => why,
        };
    }
    Err(reason)
}

enum Conditions {
    /// Nothing speaks against it; these are demanded.
    Met {
        audience: bool,
        subject: bool,
    },
    NotMet(String),
    NotUnderstood(String),
}

fn conditions(statement: &Value, asking: &Asking) -> Conditions {
    let empty = Map::new();
    let operators = match statement.get("Condition") {
        None => &empty,
        Some(Value::Object(operators)) => operators,
        Some(_) => {
            let why = "the trust policy's condition is malformed".to_owned();
            return Conditions::NotUnderstood(why);
        }
    };
    let (mut audience, mut subject) = (false, false);
    for (operator, keys) in operators {
        for (key, values) in keys.as_object().unwrap_or(&empty) {
            let claim = key
                .rsplit_once(':')
                .filter(|(host, _)| host.eq_ignore_ascii_case(&asking.host))
                .map(|(_, claim)| claim.to_ascii_lowercase());
            let (ours, demanded) = match claim.as_deref() {
                Some("aud") => (&asking.audience, &mut audience),
                Some("sub") => (&asking.subject, &mut subject),
                _ => {
                    let why = format!("the trust policy has a condition on {key}");
                    return Conditions::NotUnderstood(why);
                }
            };
            let equal = texts(values).contains(&ours.as_str());
            match operator.as_str() {
                "StringEquals" if equal => *demanded = true,
                "StringNotEquals" if !equal => {}
                "StringEquals" | "StringNotEquals" => {
                    let why = format!("the trust policy demands another {key} than {ours}");
                    return Conditions::NotMet(why);
                }
                _ => {
                    let why = format!("the trust policy compares {key} with {operator}");
                    return Conditions::NotUnderstood(why);
                }
            }
        }
    }
    Conditions::Met { audience, subject }
}

fn allows(statement: &Value) -> bool {
    let accepted = ["sts:assumerolewithwebidentity", "sts:*", "*"];
    statement.get("Action").is_some_and(|action| {
        texts(action)
            .iter()
            .any(|action| accepted.contains(&action.to_ascii_lowercase().as_str()))
    })
}

/// The provider itself, or everyone.
fn names_provider(statement: &Value, provider_arn: &str) -> bool {
    match statement.get("Principal") {
        Some(Value::Object(kinds)) => kinds
            .get("Federated")
            .is_some_and(|named| texts(named).contains(&provider_arn)),
        Some(all) => texts(all).contains(&"*"),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const HOST: &str = "cloudaccounts-us.xdr.trendmicro.com";

    fn asking() -> Asking {
        Asking {
            provider_arn: format!("arn:aws:iam::111122223333:oidc-provider/{HOST}"),
            host: HOST.to_owned(),
            audience: "arn:aws:iam::111122223333:root".to_owned(),
            subject: "urn:visionone:identity:us:b:account/b".to_owned(),
        }
    }

    fn equals(pairs: &[(&str, Value)]) -> Value {
        let keys: Map<String, Value> = pairs
            .iter()
            .map(|(claim, value)| (format!("{HOST}:{claim}"), value.clone()))
            .collect();
        json!({ "StringEquals": keys })
    }

    fn right() -> Value {
        let subject = json!([asking().subject]);
        equals(&[("aud", json!(asking().audience)), ("sub", subject)])
    }

    fn statement(effect: &str, principal: Value, condition: Value) -> Value {
        let action = ["sts:AssumeRoleWithWebIdentity", "sts:SetSourceIdentity"];
        json!({"Effect": effect, "Action": action, "Principal": principal, "Condition": condition})
    }

    fn policy(statements: &[Value]) -> Value {
        json!({"Version": "2012-10-17", "Statement": statements})
    }

    fn ours() -> Value {
        json!({"Federated": asking().provider_arn})
    }

    #[test]
    fn the_vendors_own_trust_policy_lets_it_in() {
        let one = statement("Allow", ours(), right());
        assert_eq!(
            judge(&policy(std::slice::from_ref(&one)), &asking()),
            Ok(())
        );
        assert_eq!(judge(&json!({ "Statement": one }), &asking()), Ok(()));
        let others = equals(&[("sub", json!("someone else"))]);
        let denial = statement("Deny", json!("*"), others);
        assert_eq!(judge(&policy(&[one, denial]), &asking()), Ok(()));
    }

    #[test]
    fn everything_else_is_refused_with_its_reason() {
        let allow = |principal, condition| policy(&[statement("Allow", principal, condition)]);
        let aud = json!(asking().audience);
        let sub = json!(asking().subject);
        let elsewhere =
            json!({"Federated": format!("arn:aws:iam::999999999999:oidc-provider/{HOST}")});
        let like = json!({"StringLike": {format!("{HOST}:sub"): "*"}});
        let other_host = json!({"StringEquals": {"example.com:sub": sub}});
        let mut assume_role = statement("Allow", ours(), right());
        assume_role["Action"] = json!("sts:AssumeRole");
        let denied = [
            statement("Allow", ours(), right()),
            statement("Deny", json!("*"), json!({})),
        ];
        let wrong_subject = equals(&[("aud", aud.clone()), ("sub", json!("urn:other"))]);
        let wrong_audience = equals(&[("aud", json!("sts.amazonaws.com")), ("sub", sub.clone())]);
        let cases = [
            (allow(elsewhere, right()), "does not allow"),
            (allow(json!({"AWS": "*"}), right()), "does not allow"),
            (policy(&[assume_role]), "does not allow"),
            (allow(ours(), wrong_subject), "demands another"),
            (allow(ours(), wrong_audience), "demands another"),
            (allow(ours(), equals(&[("aud", aud)])), "demand a subject"),
            (allow(ours(), equals(&[("sub", sub)])), "demand an audience"),
            (allow(ours(), like), "with StringLike"),
            (allow(ours(), other_host), "condition on example.com:sub"),
            (allow(ours(), json!("x")), "malformed"),
            (policy(&denied), "denies"),
            (policy(&[]), "has no statement"),
        ];
        for (document, reason) in cases {
            let refused = judge(&document, &asking()).unwrap_err();
            assert!(refused.contains(reason), "{refused} does not say {reason}");
        }
    }
}
