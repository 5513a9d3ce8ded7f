//! Bad input gets a Reason that names the parameter and what was found, and leaves nothing.

use std::fmt::Write as _;

use towerhook_sandbox::inventory::Inventory;
use towerhook_tests::{refusal, sandbox};

use super::workload_security;

/// What differs from run to run.
fn steady(reason: &str, port: u16) -> String {
    reason.replace(&port.to_string(), "<port>")
}

#[tokio::test]
async fn a_parameter_that_does_not_fit_is_named_and_nothing_is_left() {
    let sandbox = sandbox(workload_security()).await;
    let before = Inventory::take(&sandbox).await.unwrap();
    let port = sandbox.simulator.url().port().unwrap();
    let simulator = sandbox.trend_workload_security().unwrap();
    let certificate =
        "-----BEGIN CERTIFICATE-----bm90IGEgY2VydGlmaWNhdGU=-----END CERTIFICATE-----";
    let mut reasons = String::new();
    for (row, parameters) in [
        ("wrong key", [("ApiKey", "3:canary=")]),
        (
            "wrong kind of key",
            [("ApiKey", "eyJhbGciOiJSUzI1NiJ9.canary.x")],
        ),
        ("nobody answers", [("ApiEndpoint", "http://127.0.0.1:1")]),
        (
            "not https",
            [("ApiEndpoint", "http://dsm.example.com:4119")],
        ),
        ("no certificate", [("CaBundle", certificate)]),
    ] {
        let reason = refusal(&sandbox, &parameters).await;
        assert!(!reason.contains("canary"), "{reason}");
        writeln!(reasons, "{row}\n  {}", steady(&reason, port)).unwrap();
    }
    simulator.controls().set_hides_external_id(true);
    let reason = refusal(&sandbox, &[]).await;
    writeln!(reasons, "no external id\n  {}", steady(&reason, port)).unwrap();
    let difference = before.difference(&Inventory::take(&sandbox).await.unwrap());
    assert!(difference.is_empty(), "{difference}");
    insta::assert_snapshot!(reasons, @r#"
    wrong key
      http://127.0.0.1:<port> refuses the API key; check ApiKey.
    wrong kind of key
      http://127.0.0.1:<port> refuses the API key; check ApiKey.
    nobody answers
      ApiEndpoint: http://127.0.0.1:1 does not answer like a Workload Security API: Connection refused (os error 111).
    not https
      ApiEndpoint must be an https URL; found "http://dsm.example.com:4119".
    no certificate
      CaBundle: the text is not certificates of authorities alone.
    no external id
      ExternalId is blank and Workload Security does not tell the external id. Set ExternalId to the one that Workload Security shows.
    "#);
    sandbox.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_managers_account_that_is_none_is_refused_before_anything_is_made() {
    let sandbox = sandbox(workload_security()).await;
    let wrong = [("DeepSecurityManagerAccount", "all")];
    let refused = sandbox.launch(&wrong).await.unwrap_err();
    let refused = format!("{refused:#}");
    assert!(refused.contains("DeepSecurityManagerAccount"), "{refused}");
    sandbox.shutdown().await.unwrap();
}
