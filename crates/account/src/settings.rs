use towerhook_core::model::host;
use towerhook_runtime::{
    aws::{
        AccountSettings, DeadLetterQueue, EvidenceBucket, FunctionNames, Home, LedgerTable,
        TokenSecret, WorkQueue,
    },
    environment::{self, WrongEnvironment},
    providers::{Tenant, Vendor},
};

/// The function's settings.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `STACK_NAME`.
    pub stack_name: String,
    /// `PROVIDER`: the SaaS.
    pub vendor: Vendor,
    /// `PROVIDER_URL`, `PROVIDER_FEATURES` (separated by commas) and
    /// `PROVIDER_WORKLOAD_INSTANCE_ID`, of which a vendor may have the first only.
    pub tenant: Tenant,
    /// `PROVIDER_CA_BUNDLE`: PEM of further authorities for that URL; empty for none.
    pub ca_bundle: String,
    /// What the AWS adapters need: `EVIDENCE_BUCKET` (empty for none), `LEDGER_TABLE_NAME`, `WORK_QUEUE_URL`, `DEAD_LETTER_QUEUE_URL`,
    /// `AUTH_FUNCTION_NAME` and `API_TOKEN_SECRET_ARN` (both for a vendor with a key only), and
    /// Lambda's `AWS_REGION` and `AWS_LAMBDA_FUNCTION_NAME`.
    pub aws: AccountSettings,
}

impl Settings {
    /// Reads the environment.
    ///
    /// # Errors
    ///
    /// All missing or invalid variables, together.
    pub fn read(lookup: &dyn Fn(&str) -> Option<String>) -> Result<Self, WrongEnvironment> {
        environment::read(lookup, |reader| {
            let stack_name: Option<String> = reader.get("STACK_NAME");
            let vendor = reader.one_of("PROVIDER", &Vendor::KNOWN);
            let of_vendor = |named: &str| vendor?.provider().url(named);
            let provider_url = reader.get_by("PROVIDER_URL", "Url", of_vendor);
            let ca_bundle = reader.optional("PROVIDER_CA_BUNDLE");
            let ledger = reader.get("LEDGER_TABLE_NAME");
            let queue = reader.get("WORK_QUEUE_URL");
            let dead_letters = reader.get("DEAD_LETTER_QUEUE_URL");
            let has_key = vendor.is_none_or(Vendor::has_key);
            let auth = reader.get_if(has_key, "AUTH_FUNCTION_NAME");
            let own = reader.get("AWS_LAMBDA_FUNCTION_NAME");
            let token = reader.get_if(has_key, "API_TOKEN_SECRET_ARN");
            let region = reader.get("AWS_REGION");
            let evidence = reader.optional("EVIDENCE_BUCKET");
            let (provider_url, stack_name) = (provider_url?, stack_name?);
            Some(Self {
                vendor: vendor?,
                aws: AccountSettings {
                    home: Home { region: region? },
                    token: TokenSecret {
                        secret: token?,
                        host: host(&provider_url),
                    },
                    ledger: LedgerTable(ledger?),
                    queue: WorkQueue(queue?),
                    dead_letters: DeadLetterQueue(dead_letters?),
                    functions: FunctionNames {
                        own: own?,
                        auth: auth?,
                    },
                    evidence: EvidenceBucket {
                        name: evidence,
                        folder: stack_name.clone(),
                    },
                },
                stack_name,
                tenant: Tenant {
                    url: provider_url,
                    features: reader.list("PROVIDER_FEATURES"),
                    workload_instance: reader.optional("PROVIDER_WORKLOAD_INSTANCE_ID"),
                },
                ca_bundle: ca_bundle.unwrap_or_default(),
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
            "STACK_NAME",
            "PROVIDER",
            "PROVIDER_URL",
            "LEDGER_TABLE_NAME",
            "WORK_QUEUE_URL",
            "DEAD_LETTER_QUEUE_URL",
            "AWS_REGION",
        ] {
            assert!(wrong.contains(&format!("{name} is not set")), "{wrong}");
        }
    }
}
