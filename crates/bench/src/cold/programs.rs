//! The programs that are started: their settings, an event on which each calls AWS first, and AWS's
//! answers.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use towerhook_world::{STACK_ID, Vendor};

use crate::binaries::{BARE, BARE_CALL};
use crate::endpoint::{Call, Reply};
use crate::functions;
use crate::lambda::Settings;

/// A SaaS that is never called.
const LACEWORK: &str = "https://acme.lacework.net";

/// A program with its settings and its event.
pub(super) struct Program {
    pub(super) name: &'static str,
    pub(super) settings: fn() -> Settings,
    /// The event, given the ResponseURL of a custom resource.
    pub(super) event: fn(&str) -> Value,
}

/// In the order in which they are started.
pub(super) const PROGRAMS: [Program; 5] = [
    Program {
        name: BARE,
        settings: Settings::new,
        event: |_| json!({}),
    },
    Program {
        name: BARE_CALL,
        settings: || functions::with_token(LACEWORK),
        event: |_| json!({}),
    },
    Program {
        name: "setup",
        settings: || functions::setup(LACEWORK),
        event: create,
    },
    Program {
        name: "account",
        settings: || functions::account(LACEWORK),
        event: |_| functions::schedule(),
    },
    Program {
        name: "auth",
        settings: || functions::auth(LACEWORK),
        event: |_| json!({"towerhook": {"refresh": "schedule"}}),
    },
];

/// Secrets have values, and nothing needs a refresh. The ledger refuses the call, which ends setup and
/// account at their first call.
pub(super) fn answer(call: &Call) -> Reply {
    match call.name.as_str() {
        "secretsmanager:GetSecretValue" if call.text("SecretId").is_some_and(is_token) => {
            let token = json!({
                "token": "_example", "expiresAt": Timestamp::now() + SignedDuration::from_hours(20),
                "keyVersion": "v1", "host": "acme.lacework.net",
            });
            secret(&token)
        }
        "secretsmanager:GetSecretValue" => secret(&json!({"keyId": "KEY", "secretKey": "example"})),
        _ => Reply::unforeseen(),
    }
}

fn is_token(secret: &str) -> bool {
    secret.contains("towerhook-token")
}

fn secret(value: &Value) -> Reply {
    Reply::json(&json!({"SecretString": value.to_string(), "VersionId": "v1"}))
}

/// A valid Create request.
fn create(response_url: &str) -> Value {
    json!({
        "RequestType": "Create",
        "ResponseURL": response_url,
        "StackId": STACK_ID,
        "RequestId": "00000000-0000-4000-8000-000000000000",
        "LogicalResourceId": "Setup",
        "ResourceType": "Custom::TowerhookSetup",
        "ResourceProperties": {
            "LaceworkUrl": LACEWORK,
            "CapabilityType": "CloudTrail+Config",
            "MonitorExistingAccounts": "Yes",
            "ExistingCloudTrailName": "aws-controltower-BaselineCloudTrail",
            "IntegrationNamePrefix": "Lacework-Control-Tower-",
            "LaceworkPrincipalArn": Vendor::Lacework.principal(),
            "EnrollManagementAccount": "No",
            "OffboardLimitPercent": "10",
            "OffboardUnenrolled": "No",
        },
    })
}
