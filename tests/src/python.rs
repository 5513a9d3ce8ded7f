//! AWS's own Python SDK, whose service models validate requests and responses.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use towerhook_package::python::virtual_environment;
use towerhook_package::target_directory;
use towerhook_sandbox::Sandbox;
use towerhook_sandbox::gateway::SentRequest;

/// A Python with the pinned boto3.
///
/// # Panics
/// When it cannot be installed.
pub async fn boto3() -> PathBuf {
    let directory = target_directory().unwrap().join("towerhook/boto3");
    virtual_environment(&directory, include_str!("../boto3.txt"))
        .await
        .unwrap()
}

/// Validates what the functions have sent since
/// [`Gateway::keep_requests`](towerhook_sandbox::gateway::Gateway::keep_requests) against the
/// services' own models.
///
/// # Panics
/// When a request is invalid: the message names it and the reason. Also when none of these
/// operations was sent, because then nothing was validated.
pub async fn assert_requests_fit(sandbox: &Sandbox, operations: &[&str]) {
    let requests = sandbox.gateway.requests().into_iter();
    // An upload to an address is not a call to a service.
    let requests = requests.filter(|request| request.service != "custom-resource");
    let requests: Vec<SentRequest> = requests.collect();
    let fitting = judge(&requests).await.unwrap();
    for operation in operations {
        let was_judged = fitting.split_whitespace().any(|one| one == *operation);
        assert!(was_judged, "{operation} was not sent: {fitting}");
    }
}

/// The operations of the valid requests.
///
/// # Errors
/// The invalid ones, each with what does not fit.
///
/// # Panics
/// When boto3 cannot be installed.
pub async fn judge(requests: &[SentRequest]) -> Result<String, String> {
    let line = |request: &SentRequest| {
        let line = json!({
            "service": request.service,
            "operation": request.operation,
            "method": request.method,
            "path": request.path,
            "body": STANDARD.encode(&request.body),
        });
        format!("{line}\n")
    };
    let lines: String = requests.iter().map(line).collect();
    let python = boto3().await;
    let judged = tokio::task::spawn_blocking(move || run(&python, &lines));
    let Output {
        status,
        stdout,
        stderr,
    } = judged.await.unwrap();
    if status.success() {
        Ok(String::from_utf8_lossy(&stdout).into_owned())
    } else {
        Err(String::from_utf8_lossy(&stderr).into_owned())
    }
}

fn run(python: &PathBuf, lines: &str) -> Output {
    let mut child = Command::new(python)
        .arg(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/python/request_check.py"
        ))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(lines.as_bytes()).unwrap();
    drop(stdin);
    child.wait_with_output().unwrap()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(operation: (&str, &str), path: &str, body: &str) -> SentRequest {
        SentRequest {
            service: operation.0.into(),
            operation: operation.1.into(),
            method: "POST".into(),
            path: path.into(),
            body: body.to_owned().into(),
        }
    }

    #[tokio::test]
    async fn what_does_not_fit_a_model_is_told() {
        let describe = |more: &str| {
            let body = format!("Action=DescribeStackSet&Version=2010-05-15{more}");
            request(("cloudformation", "DescribeStackSet"), "/", &body)
        };
        let create = |more: &str| {
            let body =
                format!("Action=CreateStackSet&Version=2010-05-15&StackSetName=Some-Set{more}");
            request(("cloudformation", "CreateStackSet"), "/", &body)
        };
        let account = |body: &str| request(("organizations", "DescribeAccount"), "/", body);
        let invoke = |path: &str| request(("lambda", "Invoke"), path, "{}");
        let good = [
            describe("&StackSetName=Some-Set"),
            create("&Tags.member.1.Key=a&Tags.member.1.Value=b&ManagedExecution.Active=true"),
            account(r#"{"AccountId": "111111111111"}"#),
            invoke(
                "/2015-03-31/functions/arn%3Aaws%3Alambda%3Aus-east-1%3A111111111111%3Afunction%3Aauth/invocations",
            ),
            request(
                ("controltower", "GetLandingZone"),
                "/get-landingzone",
                r#"{"landingZoneIdentifier": "arn:aws:controltower:us-east-1:111111111111:landingzone/1A2B3C4D5E6F7G8H"}"#,
            ),
        ];
        let fitting = judge(&good).await.unwrap();
        assert!(fitting.starts_with("5 operations fit"), "{fitting}");

        let long = "x".repeat(1025);
        let bad = [
            (describe(""), "missing ['StackSetName']"),
            (
                describe("&StackSetName=Some-Set&StackSetNme=x"),
                "unknown ['StackSetNme']",
            ),
            (
                describe("&StackSetName=Some-Set&CallAs=ROOT"),
                "a word that is none of",
            ),
            (
                create(&format!("&Description={long}")),
                "1025 is more than 1024",
            ),
            (create("&Tags.member.1.Key=a"), "missing ['Value']"),
            (account(r#"{"AccountId": "42"}"#), "not as ^\\d{12}$"),
            (account(r#"{"AccountId": 42}"#), "int and not str"),
            (account("{}"), "missing ['AccountId']"),
            (
                invoke("/2015-03-31/function/auth/invocations"),
                "no such operation",
            ),
        ];
        for (request, why) in bad {
            let told = judge(&[request]).await.unwrap_err();
            assert!(told.contains(why), "{why}: {told}");
        }
    }
}
