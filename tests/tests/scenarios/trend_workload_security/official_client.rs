//! The simulator of Workload Security's API, tested with the vendor's own Python client library.

use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use towerhook_sandbox::providers::Simulator;
use towerhook_sandbox::providers::trend_workload_security::{
    Controls, EXTERNAL_ID, LEGACY_KEY, TrendWorkloadSecurity, TrendWorkloadSecurityConfig,
};

use crate::client_library::ClientLibrary;

const LIBRARY: ClientLibrary = ClientLibrary {
    name: "deepsecurity",
    requirements: include_str!("../../../deepsecurity.txt"),
};

async fn simulator() -> TrendWorkloadSecurity {
    let config = TrendWorkloadSecurityConfig {
        keys: vec![SecretString::from(LEGACY_KEY)],
        external_id: EXTERNAL_ID.to_owned(),
        aws: None,
        chaos: Arc::default(),
    };
    TrendWorkloadSecurity::start(config).await.unwrap()
}

/// Runs one check of the script; `take` handles the check's requests by name.
async fn check(
    simulator: &TrendWorkloadSecurity,
    name: &str,
    mut take: impl FnMut(&str, &Controls),
) {
    let host = simulator.url().join("api").unwrap();
    let variables = [("API_HOST", host.as_str()), ("API_KEY", LEGACY_KEY)];
    let take = |step: &str| take(step, simulator.controls());
    LIBRARY.check(&variables, name, take).await;
}

fn no_step(step: &str, _: &Controls) {
    panic!("unexpected step {step}");
}

#[tokio::test]
async fn connectors_live_from_create_to_delete() {
    let simulator = simulator().await;
    check(&simulator, "lifecycle", no_step).await;
    let left = simulator.registrations();
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].name, "Trend-222233334444");
    assert!(left[0].watches("222233334444"));
    let calls = simulator.calls();
    assert_eq!(calls["GET awsconnectorsettings"], 1);
    assert_eq!(calls["POST awsconnectors"], 3);
    assert_eq!(calls["POST awsconnectors/{ID}"], 1);
    assert_eq!(calls["DELETE awsconnectors/{ID}"], 2);
    Box::new(simulator).shutdown().await.unwrap();
}

#[tokio::test]
async fn searches_go_page_by_page() {
    let simulator = simulator().await;
    check(&simulator, "pages", no_step).await;
    assert_eq!(simulator.registrations().len(), 5);
}

#[tokio::test]
async fn wrong_and_weak_keys_are_refused() {
    check(&simulator().await, "keys", |step, controls| match step {
        "read only" => controls.set_may_write(LEGACY_KEY, false),
        "hide the external id" => controls.set_hides_external_id(true),
        "revoke" => controls.revoke_key(LEGACY_KEY),
        other => panic!("unexpected step {other}"),
    })
    .await;
}

#[tokio::test]
async fn the_rate_limit_is_raised_as_such_and_ends() {
    let simulator = simulator().await;
    check(&simulator, "rate_limit", |step, controls| match step {
        "limit" => controls.set_rate_limit(Some(2)),
        "wait" => controls.advance_clock(Duration::from_secs(60)),
        other => panic!("unexpected step {other}"),
    })
    .await;
    assert_eq!(simulator.calls()["GET awsconnectors"], 2);
}
