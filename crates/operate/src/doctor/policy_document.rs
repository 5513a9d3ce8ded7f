//! IAM's policy language, as far as the checks need it. What is not understood is "perhaps".
//!
//! Source: docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements.html

use serde_json::Value;
use towerhook_core::foundation::one_or_many;

/// A request that a policy may decide on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Request<'a> {
    /// The ARN of the role that makes it.
    pub(super) principal: &'a str,
    /// The action, such as `kms:Decrypt`.
    pub(super) action: &'a str,
    /// The ARN of the resource.
    pub(super) resource: &'a str,
    /// The Region of the request.
    pub(super) region: &'a str,
}

/// Whether a policy does something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Holds {
    /// It does not.
    No,
    /// That depends on what is not known here.
    Perhaps,
    /// It does.
    Yes,
}

/// A policy's statements.
#[derive(Debug)]
pub(super) struct Document(Vec<Value>);

impl Document {
    /// The policy in a text of JSON; `None` if it is none.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let policy: Value = serde_json::from_str(text).ok()?;
        Some(Self(one_or_many(&policy["Statement"]).cloned().collect()))
    }

    /// Whether it allows the request.
    pub(super) fn allows(&self, request: Request<'_>) -> Holds {
        let allowing = self.0.iter().filter(|one| one["Effect"] == "Allow");
        let holds = allowing.map(|one| decides(one, request));
        holds.max().unwrap_or(Holds::No)
    }

    /// The name of the statement that most certainly denies the request, and whether it does.
    pub(super) fn denial(&self, request: Request<'_>) -> Option<(&str, Holds)> {
        let denying = self.0.iter().filter(|one| one["Effect"] == "Deny");
        let named = denying.map(|one| {
            let name = one["Sid"].as_str().unwrap_or("without a Sid");
            (name, decides(one, request))
        });
        named
            .filter(|(_, holds)| *holds > Holds::No)
            .max_by_key(|(_, holds)| *holds)
    }
}

fn decides(statement: &Value, request: Request<'_>) -> Holds {
    let covers = names(statement, "Action", request.action, true)
        && names(statement, "Resource", request.resource, false)
        && names_principal(statement, request.principal);
    if covers {
        holds(&statement["Condition"], request)
    } else {
        Holds::No
    }
}

/// Whether an element, or its negation, covers a value. A statement without it covers all.
fn names(statement: &Value, element: &str, value: &str, ignores_case: bool) -> bool {
    let covers = |patterns: &Value| {
        let mut patterns = one_or_many(patterns).filter_map(Value::as_str);
        patterns.any(|pattern| match ignores_case {
            true => is_like(&pattern.to_lowercase(), &value.to_lowercase()),
            false => is_like(pattern, value),
        })
    };
    match (&statement[element], &statement[format!("Not{element}")]) {
        (Value::Null, Value::Null) => true,
        (Value::Null, not) => !covers(not),
        (patterns, _) => covers(patterns),
    }
}

/// A service control policy names no principal: it covers all of the account.
fn names_principal(statement: &Value, role: &str) -> bool {
    let account = role.split(':').nth(4).unwrap_or_default();
    let covers = |principals: &Value| {
        let mut named = match principals {
            Value::Object(_) => one_or_many(&principals["AWS"]),
            all => one_or_many(all),
        }
        .filter_map(Value::as_str);
        named.any(|named| {
            let is_root = named.ends_with(&format!("::{account}:root"));
            named == "*" || named == role || named == account || is_root
        })
    };
    match (&statement["Principal"], &statement["NotPrincipal"]) {
        (Value::Null, Value::Null) => true,
        (Value::Null, not) => !covers(not),
        (principals, _) => covers(principals),
    }
}

fn holds(conditions: &Value, request: Request<'_>) -> Holds {
    let Some(operators) = conditions.as_object() else {
        return Holds::Yes;
    };
    let keys = operators.iter().flat_map(|(operator, keys)| {
        let keys = keys.as_object().into_iter().flatten();
        keys.map(move |(key, values)| one_holds(operator, key, values, request))
    });
    // All of them must hold.
    keys.min().unwrap_or(Holds::Yes)
}

fn one_holds(operator: &str, key: &str, values: &Value, request: Request<'_>) -> Holds {
    let account = request.principal.split(':').nth(4).unwrap_or_default();
    let known = match key.to_lowercase().as_str() {
        "aws:principalarn" => request.principal,
        "aws:principalaccount" => account,
        "aws:requestedregion" => request.region,
        "aws:securetransport" => "true",
        _ => return Holds::Perhaps,
    };
    let mut values = one_or_many(values).map(|value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    });
    let is_among = values.any(|value| is_like(&value, known));
    let wants = match operator.strip_suffix("IfExists").unwrap_or(operator) {
        "StringEquals" | "StringLike" | "ArnEquals" | "ArnLike" | "Bool" => true,
        "StringNotEquals" | "StringNotLike" | "ArnNotEquals" | "ArnNotLike" => false,
        _ => return Holds::Perhaps,
    };
    if is_among == wants {
        Holds::Yes
    } else {
        Holds::No
    }
}

/// Whether a text fits a pattern, in which `*` stands for anything and `?` for one character.
fn is_like(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), text.chars().collect());
    let (mut at, mut read) = (0, 0);
    let mut last_star = None;
    while read < text.len() {
        match pattern.get(at) {
            Some('*') => {
                last_star = Some((at, read));
                at += 1;
            }
            Some(one) if *one == '?' || *one == text[read] => {
                at += 1;
                read += 1;
            }
            _ => {
                let Some((star, from)) = last_star else {
                    return false;
                };
                last_star = Some((star, from + 1));
                at = star + 1;
                read = from + 1;
            }
        }
    }
    pattern[at..].iter().all(|rest| *rest == '*')
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ROLE: &str = "arn:aws:iam::111122223333:role/reader";
    const DECRYPT: Request<'_> = Request {
        principal: ROLE,
        action: "kms:Decrypt",
        resource: "arn:aws:kms:us-east-1:999999999999:key/k",
        region: "us-east-1",
    };

    fn document(statement: Value) -> Document {
        Document::parse(&json!({"Statement": statement}).to_string()).unwrap()
    }

    #[test]
    fn patterns_have_stars_and_question_marks() {
        for (pattern, text, fits) in [
            ("*", "", true),
            ("kms:*", "kms:Decrypt", true),
            ("kms:De*t", "kms:Decrypt", true),
            ("*a*b", "xaxxb", true),
            ("*a*b", "xaxx", false),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("abc", "abcd", false),
        ] {
            assert_eq!(is_like(pattern, text), fits, "{pattern} {text}");
        }
    }

    #[test]
    fn who_is_named_decides_whom_a_statement_allows() {
        for (principal, expected) in [
            (json!({"AWS": ROLE}), Holds::Yes),
            (json!({"AWS": "arn:aws:iam::111122223333:root"}), Holds::Yes),
            (json!({"AWS": ["999999999999", "111122223333"]}), Holds::Yes),
            (json!("*"), Holds::Yes),
            (json!({"AWS": "999999999999"}), Holds::No),
            (json!({"Service": "cloudtrail.amazonaws.com"}), Holds::No),
        ] {
            let statement = json!({
                "Effect": "Allow", "Principal": principal, "Action": "kms:*", "Resource": "*",
            });
            assert_eq!(document(statement).allows(DECRYPT), expected, "{principal}");
        }
    }

    #[test]
    fn a_condition_that_is_not_known_here_leaves_it_open() {
        let allows = |condition: Value| {
            document(json!([{
                "Effect": "Allow", "Principal": "*", "Action": ["kms:decrypt"], "Resource": "*",
                "Condition": condition,
            }]))
            .allows(DECRYPT)
        };
        assert_eq!(
            allows(json!({"ArnEquals": {"aws:PrincipalArn": ROLE}})),
            Holds::Yes
        );
        assert_eq!(
            allows(json!({"ArnEquals": {"aws:PrincipalArn": "other"}})),
            Holds::No
        );
        assert_eq!(
            allows(json!({"StringEquals": {"aws:PrincipalOrgID": "o-1"}})),
            Holds::Perhaps
        );
        let both = json!({
            "StringEquals": {"aws:PrincipalOrgID": "o-1"},
            "ArnLike": {"aws:PrincipalArn": "other"},
        });
        assert_eq!(allows(both), Holds::No);
    }

    #[test]
    fn a_denial_spares_whom_and_where_its_conditions_and_negations_say() {
        let denial = |statement: Value| {
            let document = document(statement);
            document
                .denial(DECRYPT)
                .map(|(sid, holds)| (sid.to_owned(), holds))
        };
        let all = json!({"Sid": "All", "Effect": "Deny", "Action": "*", "Resource": "*"});
        assert_eq!(denial(all.clone()), Some(("All".into(), Holds::Yes)));
        let with = |name: &str, value: Value| {
            let mut changed = all.clone();
            changed[name] = value;
            changed
        };
        let spares = json!({"ArnNotLike": {"aws:PrincipalArn": "arn:*:role/reader"}});
        assert_eq!(denial(with("Condition", spares)), None);
        let here = json!({"StringNotEquals": {"aws:RequestedRegion": ["us-east-1"]}});
        assert_eq!(denial(with("Condition", here)), None);
        let elsewhere = json!({"StringNotEquals": {"aws:RequestedRegion": "eu-west-1"}});
        assert!(denial(with("Condition", elsewhere)).is_some());
        let plain = json!({"Bool": {"aws:SecureTransport": "false"}});
        assert_eq!(denial(with("Condition", plain)), None);
        let not = json!({"Effect": "Deny", "NotAction": ["kms:*"], "Resource": "*"});
        assert_eq!(denial(not), None);
        let other = json!({"Effect": "Deny", "Action": "*", "NotResource": "arn:aws:kms:*"});
        assert_eq!(denial(other), None);
    }
}
