//! Bad input gets a Reason that names the parameter and what was found, and leaves nothing.

use std::fmt::Write as _;

use towerhook_sandbox::inventory::Inventory;
use towerhook_tests::{refusal, sandbox};

use super::vision_one;

#[tokio::test]
async fn a_parameter_that_does_not_fit_is_named_and_nothing_is_left() {
    let sandbox = sandbox(vision_one()).await;
    let before = Inventory::take(&sandbox).await.unwrap();
    let port = sandbox.simulator.url().port().unwrap().to_string();
    let mut reasons = String::new();
    for (row, parameters) in [
        ("wrong key", [("ApiKey", "eyJhbGciOiJSUzI1NiJ9.canary.x")]),
        (
            "nobody answers",
            [("VisionOneRegion", "http://127.0.0.1:1")],
        ),
        (
            "not https",
            [("VisionOneRegion", "http://api.xdr.trendmicro.com")],
        ),
    ] {
        let reason = refusal(&sandbox, &parameters).await;
        assert!(!reason.contains("canary"), "{reason}");
        writeln!(reasons, "{row}\n  {}", reason.replace(&port, "<port>")).unwrap();
    }
    let difference = before.difference(&Inventory::take(&sandbox).await.unwrap());
    assert!(difference.is_empty(), "{difference}");
    insta::assert_snapshot!(reasons, @r#"
    wrong key
      http://127.0.0.1:<port> refuses the API key; check ApiKey.
    nobody answers
      VisionOneRegion: http://127.0.0.1:1 does not answer like a Vision One API: Connection refused (os error 111).
    not https
      VisionOneRegion must be an https URL; found "http://api.xdr.trendmicro.com".
    "#);
    sandbox.shutdown().await.unwrap();
}
