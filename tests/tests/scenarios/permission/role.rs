//! A deployed function's role, and its statements, one of which can be removed.

use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;
use serde_json::{Value, json};
use towerhook_sandbox::aws_client::{AwsClient, Element, Method};

const VERSION: &str = "2010-05-08";

/// Where a shared policy's other statements are kept while one of them is removed.
const STAND_IN: &str = "StandIn";

/// A role's policy, with its document.
struct Policy {
    /// The ARN of a managed policy, which other roles use, too.
    arn: Option<String>,
    name: String,
    document: Value,
}

/// A function's role.
pub(crate) struct Role {
    iam: AwsClient,
    name: String,
    policies: Vec<Policy>,
}

impl Role {
    /// The role of the function with this name.
    pub(crate) async fn of(inside: &AwsClient, function: &str) -> Self {
        let path = format!("/2015-03-31/functions/{function}/configuration");
        let answer = inside
            .rest("lambda", Method::GET, &path, "application/json", Vec::new())
            .await
            .unwrap();
        let configuration: Value = serde_json::from_slice(&answer).unwrap();
        let arn = configuration["Role"].as_str().unwrap();
        let mut role = Self {
            iam: inside.clone(),
            name: arn.rsplit('/').next().unwrap().to_owned(),
            policies: Vec::new(),
        };
        role.policies = role.read().await;
        role
    }

    /// The `Sid` of every statement.
    pub(crate) fn statements(&self) -> Vec<String> {
        let statements = self
            .policies
            .iter()
            .flat_map(|policy| statements(&policy.document));
        statements
            .map(|statement| statement["Sid"].as_str().unwrap().to_owned())
            .collect()
    }

    /// Removes one statement.
    pub(crate) async fn without(&self, sid: &str) {
        for policy in &self.policies {
            let mut document = policy.document.clone();
            let left = document["Statement"].as_array_mut().unwrap();
            let before = left.len();
            left.retain(|statement| statement["Sid"] != sid);
            if left.len() == before {
                continue;
            }
            let is_empty = left.is_empty();
            match &policy.arn {
                None if is_empty => {
                    let policy = [("PolicyName", policy.name.as_str())];
                    self.act("DeleteRolePolicy", &policy).await;
                }
                None => self.put(&policy.name, &document).await,
                Some(arn) => {
                    self.put(STAND_IN, &document).await;
                    self.act("DetachRolePolicy", &[("PolicyArn", arn)]).await;
                }
            }
        }
    }

    /// Restores all statements.
    pub(crate) async fn restore(&self) {
        for policy in &self.policies {
            match &policy.arn {
                None => self.put(&policy.name, &policy.document).await,
                Some(arn) => {
                    self.act("AttachRolePolicy", &[("PolicyArn", arn)]).await;
                    let stand_in = [("RoleName", self.name.as_str()), ("PolicyName", STAND_IN)];
                    let gone = self
                        .iam
                        .query("iam", "DeleteRolePolicy", VERSION, &stand_in)
                        .await;
                    assert!(gone.is_ok() || gone.unwrap_err().is("NoSuchEntity"));
                }
            }
        }
    }

    async fn read(&self) -> Vec<Policy> {
        let mut policies = Vec::new();
        let own = self.act("ListRolePolicies", &[]).await;
        for name in own.members("ListRolePoliciesResult/PolicyNames") {
            let policy = self
                .act("GetRolePolicy", &[("PolicyName", &name.text)])
                .await;
            policies.push(Policy {
                arn: None,
                name: name.text.clone(),
                document: document(&policy, "GetRolePolicyResult/PolicyDocument"),
            });
        }
        let attached = self.act("ListAttachedRolePolicies", &[]).await;
        for policy in attached.members("ListAttachedRolePoliciesResult/AttachedPolicies") {
            let arn = policy.text_at("PolicyArn").unwrap();
            let found = self.act("GetPolicy", &[("PolicyArn", arn)]).await;
            let version = found
                .text_at("GetPolicyResult/Policy/DefaultVersionId")
                .unwrap();
            let of_version = [("PolicyArn", arn), ("VersionId", version)];
            let found = self.act("GetPolicyVersion", &of_version).await;
            policies.push(Policy {
                arn: Some(arn.to_owned()),
                name: policy.text_at("PolicyName").unwrap().to_owned(),
                document: document(&found, "GetPolicyVersionResult/PolicyVersion/Document"),
            });
        }
        policies
    }

    async fn put(&self, name: &str, document: &Value) {
        let document = document.to_string();
        let policy = [("PolicyName", name), ("PolicyDocument", document.as_str())];
        self.act("PutRolePolicy", &policy).await;
    }

    async fn act(&self, action: &str, params: &[(&str, &str)]) -> Element {
        let mut form = BTreeMap::from([("RoleName", self.name.as_str())]);
        form.extend(params.iter().copied());
        let form: Vec<_> = form.into_iter().collect();
        self.iam.query("iam", action, VERSION, &form).await.unwrap()
    }
}

fn document(answer: &Element, path: &str) -> Value {
    let text = percent_decode_str(answer.text_at(path).unwrap())
        .decode_utf8()
        .unwrap();
    let mut document: Value = serde_json::from_str(&text).unwrap();
    if document["Statement"].is_object() {
        document["Statement"] = json!([document["Statement"]]);
    }
    document
}

fn statements(document: &Value) -> impl Iterator<Item = &Value> {
    document["Statement"].as_array().into_iter().flatten()
}
