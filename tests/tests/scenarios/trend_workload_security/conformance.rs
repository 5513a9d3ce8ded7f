//! The adapter keeps what the port of the registry promises.

use std::time::Duration;

use towerhook_core::model::{RegistrationKind, RegistrationSpec, SecretText};
use towerhook_core::provider::{Provider as _, role_arn};
use towerhook_providers::trend_workload_security::TrendWorkloadSecurity;
use towerhook_providers::trend_workload_security::api::WorkloadSecurityApi;
use towerhook_providers::{TokenSource, http_client};
use towerhook_sandbox::providers::trend_workload_security::{
    CLOUD_ONE_KEY, EXTERNAL_ID, LEGACY_KEY, PRINCIPAL_ARN,
};
use towerhook_tests::sandbox;
use towerhook_world::conformance;

use super::takeover::{account, make_role};
use super::{ROLE, workload_security};

/// A key that is known to be good.
struct Key(&'static str);

impl TokenSource for Key {
    async fn token(&self) -> towerhook_core::Result<SecretText> {
        Ok(self.0.into())
    }

    async fn refused(&self) -> towerhook_core::Result<SecretText> {
        self.token().await
    }
}

#[tokio::test]
async fn with_a_key_of_either_kind_the_adapter_keeps_what_the_port_promises() {
    let sandbox = sandbox(workload_security()).await;
    let (id, aws) = account(&sandbox, "production-1");
    make_role(&aws, PRINCIPAL_ARN, EXTERNAL_ID).await;
    let account = id.parse().unwrap();
    let spec = RegistrationSpec {
        name: format!("Trend-Control-Tower-{account}-ABCDEFGHIJ"),
        kind: RegistrationKind::Account,
        account,
        role_arn: role_arn("aws", &account, ROLE),
        external_id: EXTERNAL_ID.to_owned().into(),
        queue_url: None,
        account_mapping: None,
    };
    let limits = TrendWorkloadSecurity.limits();
    let pause = async || tokio::time::sleep(Duration::from_millis(100)).await;
    for key in [LEGACY_KEY, CLOUD_ONE_KEY] {
        let url = sandbox.simulator.url().clone();
        let api = WorkloadSecurityApi::new(http_client().unwrap(), url, Key(key));
        conformance::registry(&api, &spec, None, limits, &pause).await;
    }
    sandbox.shutdown().await.unwrap();
}
