use std::time::Duration;

use towerhook_core::model::AccountId;
use towerhook_runtime::{
    aws::{
        FanOutTopic, FunctionNames, Home, KeySecret, LedgerTable, ManagementStackRole,
        SetupSettings, TokenSecret,
    },
    environment::{self, WrongEnvironment},
    saas::Provider,
};

/// The function's settings.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `PROVIDER`: the SaaS.
    pub provider: Provider,
    /// `PROVIDER_URL`, as text: what is wrong with it is the stack's answer, not a failed start.
    pub provider_url: String,
    /// `STACK_ID`.
    pub stack_id: String,
    /// `STACK_NAME`.
    pub stack_name: String,
    /// `URL_SUFFIX`, such as `amazonaws.com`.
    pub url_suffix: String,
    /// `PARTITION`.
    pub partition: String,
    /// `MANAGEMENT_ACCOUNT_ID`.
    pub management_account: AccountId,
    /// `SERVICE_TIMEOUT_SECONDS`: for how long CloudFormation waits for an answer.
    pub service_timeout: Duration,
    /// What the AWS adapters need: `API_TOKEN_SECRET_ARN`, `API_CREDENTIALS_SECRET_ARN`,
    /// `LEDGER_TABLE_NAME`, `FANOUT_TOPIC_ARN`, `STACK_SET_ADMINISTRATION_ROLE_ARN`,
    /// `MANAGEMENT_STACK_ROLE_ARN` (empty where the management account is not enrolled), and
    /// Lambda's `AWS_REGION` and `AWS_LAMBDA_FUNCTION_NAME`.
    pub aws: SetupSettings,
}

impl Settings {
    /// Reads the environment.
    ///
    /// # Errors
    ///
    /// Everything that is missing or wrong, together.
    pub fn read(lookup: &dyn Fn(&str) -> Option<String>) -> Result<Self, WrongEnvironment> {
        environment::read(lookup, |reader| {
            let provider = reader.one_of("PROVIDER", &Provider::KNOWN);
            let provider_url = reader.get("PROVIDER_URL");
            let stack_id = reader.get("STACK_ID");
            let stack_name = reader.get("STACK_NAME");
            let url_suffix = reader.get("URL_SUFFIX");
            let management_account = reader.get::<AccountId>("MANAGEMENT_ACCOUNT_ID");
            let partition = reader.get("PARTITION");
            let service_timeout = reader.get::<u64>("SERVICE_TIMEOUT_SECONDS");
            let token = reader.get("API_TOKEN_SECRET_ARN");
            let key = reader.get("API_CREDENTIALS_SECRET_ARN");
            let ledger = reader.get("LEDGER_TABLE_NAME");
            let topic = reader.get("FANOUT_TOPIC_ARN");
            let administration_role = reader.get("STACK_SET_ADMINISTRATION_ROLE_ARN");
            let region = reader.get("AWS_REGION");
            let own = reader.get("AWS_LAMBDA_FUNCTION_NAME");
            let management_stack_role = reader.optional("MANAGEMENT_STACK_ROLE_ARN");
            Some(Self {
                provider: provider?,
                provider_url: provider_url?,
                stack_id: stack_id?,
                stack_name: stack_name?,
                url_suffix: url_suffix?,
                partition: partition?,
                service_timeout: Duration::from_secs(service_timeout?),
                management_account: management_account?,
                aws: SetupSettings {
                    home: Home {
                        region: region?,
                        administration_role: administration_role?,
                    },
                    key: KeySecret(key?),
                    token: TokenSecret(token?),
                    ledger: LedgerTable(ledger?),
                    topic: FanOutTopic(topic?),
                    functions: FunctionNames {
                        own: own?,
                        auth: None,
                    },
                    management_stack_role: ManagementStackRole(management_stack_role),
                },
            })
        })
    }
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
            "STACK_ID",
            "STACK_NAME",
            "LEDGER_TABLE_NAME",
            "FANOUT_TOPIC_ARN",
            "PARTITION",
            "SERVICE_TIMEOUT_SECONDS",
        ] {
            assert!(wrong.contains(&format!("{name} is not set")), "{wrong}");
        }
    }
}
