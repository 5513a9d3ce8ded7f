//! Keeps the access token fresh: on a schedule, and at once when the account function's token was
//! refused.

use jiff::SignedDuration;
use lambda_runtime::{Error, LambdaEvent};
use serde::Deserialize;
use towerhook_core::{
    metrics::Metric,
    model::host,
    provider::Credential,
    token::{self, Checked, Occasion},
};
use towerhook_runtime::{
    aws::{self, AuthSettings, Aws, KeySecret, TokenSecret},
    clock,
    environment::{self, WrongEnvironment},
    metrics::Metrics,
    providers::{self, Issuer, Vendor},
};
use url::Url;

/// The function with its clients.
#[derive(Debug)]
pub struct Auth {
    credential: Credential,
    token_lifetime: SignedDuration,
    aws: Aws<AuthSettings>,
    issuer: Issuer,
    metrics: Metrics,
}

struct Settings {
    stack_name: String,
    vendor: Vendor,
    provider_url: Url,
    ca_bundle: String,
    aws: AuthSettings,
}

impl Settings {
    fn read(
        lookup: &dyn Fn(&str) -> Option<String>,
    ) -> std::result::Result<Self, WrongEnvironment> {
        environment::read(lookup, |reader| {
            let stack_name = reader.get("STACK_NAME");
            let vendor = reader.one_of("PROVIDER", &Vendor::KNOWN);
            let of_vendor = |named: &str| vendor?.provider().url(named);
            let provider_url = reader.get_by("PROVIDER_URL", "Url", of_vendor);
            let ca_bundle = reader.optional("PROVIDER_CA_BUNDLE");
            let token = reader.get("API_TOKEN_SECRET_ARN");
            let key = reader.get("API_CREDENTIALS_SECRET_ARN");
            let provider_url = provider_url?;
            Some(Self {
                stack_name: stack_name?,
                vendor: vendor?,
                aws: AuthSettings {
                    key: KeySecret(Some(key?)),
                    token: TokenSecret {
                        secret: Some(token?),
                        host: host(&provider_url),
                    },
                },
                provider_url,
                ca_bundle: ca_bundle.unwrap_or_default(),
            })
        })
    }
}

/// The schedule's constant input, or the account function's request: `{"towerhook":{"refresh":...}}`.
#[derive(Debug, Deserialize)]
pub struct Request {
    towerhook: Refresh,
}

#[derive(Debug, Deserialize)]
struct Refresh {
    refresh: Occasion,
}

impl Auth {
    /// Reads the environment and makes the clients.
    ///
    /// # Errors
    ///
    /// Every wrong setting, or an HTTP client that cannot be made.
    pub async fn connect(
        lookup: &dyn Fn(&str) -> Option<String>,
    ) -> std::result::Result<Self, Error> {
        let settings = Settings::read(lookup)?;
        let vendor = settings.vendor;
        if !vendor.has_key() {
            return Err("this vendor has no key, so there is no token to renew".into());
        }
        let http = providers::http_client_trusting(&settings.ca_bundle)?;
        let issuer = Issuer::new(vendor, http, settings.provider_url);
        Ok(Self {
            credential: vendor.provider().credential(),
            token_lifetime: vendor.provider().limits().token_lifetime,
            aws: Aws::new(&aws::connect()?, settings.aws),
            issuer,
            metrics: Metrics::new(settings.stack_name, vendor),
        })
    }

    /// Renews the token if it is due.
    ///
    /// # Errors
    ///
    /// A secret could not be read or written, or the SaaS issued no token.
    pub async fn handle(&self, event: LambdaEvent<Request>) -> std::result::Result<(), Error> {
        let occasion = event.payload.towerhook.refresh;
        let (lifetime, now) = (self.token_lifetime, clock::now());
        let credential = self.credential;
        let renewed = token::renew(&self.aws, &self.issuer, credential, occasion, lifetime, now);
        let outcome = renewed.await;
        match &outcome {
            Ok(Checked {
                renewed,
                expires_at,
            }) => {
                tracing::info!(?occasion, renewed, %expires_at, "token checked");
                let left = expires_at.duration_since(now).as_secs();
                let measurements = vec![
                    Metric::TokensIssued.count((*renewed).into()),
                    Metric::TokenSecondsLeft.of(vec![u64::try_from(left).unwrap_or_default()]),
                ];
                self.metrics.emit(clock::now(), measurements);
            }
            Err(error) => {
                tracing::error!(?occasion, error = error.chain(), "no token issued");
                let failed = Metric::TokenFailures.count(1);
                self.metrics.emit(clock::now(), vec![failed]);
            }
        }
        outcome?;
        Ok(())
    }
}
