use std::time::Duration;

use towerhook_core::{
    foundation::{Own, Properties},
    model::{AccountId, host},
    stack_sets::StackSetRoles,
};
use towerhook_runtime::{
    aws::{
        FanOutTopic, FunctionNames, Home, KeySecret, LedgerTable, ManagementStackRole,
        SetupSettings, TokenSecret,
    },
    environment::{self, WrongEnvironment},
    providers::{Tenant, Vendor},
};
use url::Url;

use crate::templates::templates;

/// The function's settings.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `PROVIDER`: the SaaS.
    pub vendor: Vendor,
    /// `STACK_ID`, `PARTITION`, `URL_SUFFIX` (such as `amazonaws.com`), `MANAGEMENT_ACCOUNT_ID`,
    /// `SERVICE_TIMEOUT_SECONDS` (how long CloudFormation waits for a response), Lambda's
    /// `AWS_REGION`, and `PROVIDER_URL` as text. `PROVIDER_PRINCIPAL_ARN` may assume the roles.
    /// `STACK_SET_ADMINISTRATION_ROLE_ARN` and `STACK_SET_EXECUTION_ROLE_NAME` run the StackSets.
    /// `MANAGEMENT_BOUNDARY_NAME` (empty if the management account is not enrolled) is the
    /// permissions boundary of its role. `FUNCTION_ROLE_ARNS`, separated by a comma, are trusted by the
    /// role that keeps a bucket's notification, where there is one. `TOWERHOOK_SANDBOX` is `true` in
    /// a sandbox, where CloudFormation runs on this machine.
    pub own: Own,
    /// `PROVIDER_URL`, `PROVIDER_FEATURES` (separated by commas) and
    /// `PROVIDER_WORKLOAD_INSTANCE_ID`, of which a vendor may have the first only. An invalid URL is
    /// refused as a parameter, before anything is sent to it.
    pub tenant: Tenant,
    /// `PROVIDER_CA_BUNDLE`: PEM of further authorities for that URL; empty for none.
    pub ca_bundle: String,
    /// What the AWS adapters need: `API_TOKEN_SECRET_ARN` and `API_CREDENTIALS_SECRET_ARN` (both for
    /// a vendor with a key only), `LEDGER_TABLE_NAME`, `FANOUT_TOPIC_ARN`,
    /// `MANAGEMENT_STACK_ROLE_ARN` (empty if the management account is not enrolled), and Lambda's
    /// `AWS_REGION` and `AWS_LAMBDA_FUNCTION_NAME`.
    pub aws: SetupSettings,
}

impl Settings {
    /// Reads the environment.
    ///
    /// # Errors
    ///
    /// All missing or invalid variables, together.
    pub fn read(lookup: &dyn Fn(&str) -> Option<String>) -> Result<Self, WrongEnvironment> {
        environment::read(lookup, |reader| {
            let vendor = reader.one_of("PROVIDER", &Vendor::KNOWN);
            let provider_url: Option<String> = reader.get("PROVIDER_URL");
            let words = vendor.map(|vendor| vendor.provider().words());
            let has_principal = words.is_none_or(|words| words.principal.is_some());
            let principal = reader.get_if(has_principal, "PROVIDER_PRINCIPAL_ARN");
            let external_id = reader.optional("PROVIDER_EXTERNAL_ID");
            let stack_id = reader.get("STACK_ID");
            let url_suffix = reader.get("URL_SUFFIX");
            let management_account = reader.get::<AccountId>("MANAGEMENT_ACCOUNT_ID");
            let partition = reader.get("PARTITION");
            let service_timeout = reader.get::<u64>("SERVICE_TIMEOUT_SECONDS");
            let has_key = vendor.is_none_or(Vendor::has_key);
            let token = reader.get_if(has_key, "API_TOKEN_SECRET_ARN");
            let key = reader.get_if(has_key, "API_CREDENTIALS_SECRET_ARN");
            let ledger = reader.get("LEDGER_TABLE_NAME");
            let topic = reader.get("FANOUT_TOPIC_ARN");
            let administration_role = reader.get("STACK_SET_ADMINISTRATION_ROLE_ARN");
            let execution_role = reader.get("STACK_SET_EXECUTION_ROLE_NAME");
            let region: Option<String> = reader.get("AWS_REGION");
            let own = reader.get("AWS_LAMBDA_FUNCTION_NAME");
            let management_boundary = reader.optional("MANAGEMENT_BOUNDARY_NAME");
            let function_roles = reader.optional("FUNCTION_ROLE_ARNS");
            let ca_bundle: Option<String> = reader.optional("PROVIDER_CA_BUNDLE");
            let sandboxed = reader.optional("TOWERHOOK_SANDBOX");
            let management_stack_role = reader.optional("MANAGEMENT_STACK_ROLE_ARN");
            let (vendor, provider_url, region) = (vendor?, provider_url?, region?);
            let url = url_or_none(vendor, &provider_url);
            Some(Self {
                vendor,
                own: Own {
                    provider: vendor.provider(),
                    stack_id: stack_id?,
                    url_suffix: url_suffix?,
                    partition: partition?,
                    region: region.clone(),
                    service_timeout: Duration::from_secs(service_timeout?),
                    management_account: management_account?,
                    provider_url,
                    principal: principal?,
                    external_id,
                    management_boundary,
                    function_roles,
                    wrong_setting: None,
                    answers_on_loopback: sandboxed.unwrap_or_default(),
                    stack_set_roles: StackSetRoles {
                        administration: administration_role?,
                        execution: execution_role?,
                    },
                    templates: templates(vendor),
                },
                aws: SetupSettings {
                    home: Home { region },
                    key: KeySecret(key?),
                    token: TokenSecret {
                        secret: token?,
                        host: host(&url),
                    },
                    ledger: LedgerTable(ledger?),
                    topic: FanOutTopic(topic?),
                    functions: FunctionNames {
                        own: own?,
                        auth: None,
                    },
                    management_stack_role: ManagementStackRole(management_stack_role),
                },
                tenant: Tenant {
                    url,
                    features: reader.list("PROVIDER_FEATURES"),
                    workload_instance: reader.optional("PROVIDER_WORKLOAD_INSTANCE_ID"),
                },
                ca_bundle: ca_bundle.unwrap_or_default(),
            })
        })
    }
}

/// The URL, or a placeholder that no server answers at: core refuses the request because of its
/// parameter.
#[expect(clippy::expect_used, reason = "a constant is a URL")]
fn url_or_none(vendor: Vendor, url: &str) -> Url {
    Properties::url(vendor.provider(), url)
        .unwrap_or_else(|_| Url::parse("https://provider.invalid").expect("a constant is a URL"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_environment_is_reported_as_a_whole() {
        let wrong = Settings::read(&|_| None).unwrap_err().to_string();
        for name in [
            "PROVIDER",
            "PROVIDER_URL",
            "PROVIDER_PRINCIPAL_ARN",
            "STACK_ID",
            "LEDGER_TABLE_NAME",
            "FANOUT_TOPIC_ARN",
            "STACK_SET_ADMINISTRATION_ROLE_ARN",
            "STACK_SET_EXECUTION_ROLE_NAME",
            "PARTITION",
            "SERVICE_TIMEOUT_SECONDS",
        ] {
            assert!(wrong.contains(&format!("{name} is not set")), "{wrong}");
        }
    }
}
