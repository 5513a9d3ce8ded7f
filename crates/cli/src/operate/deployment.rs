//! Finds what a stack deployed, and reads its ports with the operator's credentials.

use towerhook_account::Settings;
use towerhook_core::{Error, ErrorKind, Result, model::SecretText, ports::TokenReads};
use towerhook_runtime::{
    aws::{AccountSettings, Aws, SdkConfig, account_function_settings},
    providers::{self, Api, HttpClient, TokenSource, Vendor},
};
use url::Url;

use crate::operator::unread;

/// What a stack deployed.
pub(crate) struct Deployment {
    pub(crate) vendor: Vendor,
    pub(crate) aws: Aws<AccountSettings>,
    pub(crate) registry: Api<ReadTokens<Aws<AccountSettings>>>,
    /// The client of that API, with the authorities that the stack trusts.
    pub(crate) http: HttpClient,
    /// The tenant's URL.
    pub(crate) url: Url,
}

impl Deployment {
    /// Reads the settings that the stack gave its account function, so that both look at the same
    /// ledger and the same tenant.
    pub(crate) async fn find(config: &SdkConfig, stack: &str) -> anyhow::Result<Self> {
        let variables = match account_function_settings(config, stack).await {
            Ok(variables) => variables,
            Err(error) => return Err(unread(config, stack, error).await),
        };
        let settings = Settings::read(&|name| variables.get(name).cloned())?;
        let aws = Aws::new(config, settings.aws);
        let http = providers::http_client_trusting(&settings.ca_bundle)?;
        let tokens = ReadTokens(aws.clone());
        let url = settings.tenant.url.clone();
        Ok(Self {
            vendor: settings.vendor,
            registry: Api::new(settings.vendor, http.clone(), settings.tenant, tokens),
            http,
            url,
            aws,
        })
    }
}

/// The token that the auth function stored. It is never replaced: that is a write.
#[derive(Debug)]
pub(crate) struct ReadTokens<A>(A);

impl<A: TokenReads> TokenSource for ReadTokens<A> {
    async fn token(&self) -> Result<SecretText> {
        let token = self.0.token().await?;
        token
            .map(|token| token.token)
            .ok_or_else(|| unauthorized("no access token is stored"))
    }

    async fn refused(&self) -> Result<SecretText> {
        Err(unauthorized(
            "the stored access token is refused; the auth function stores another one soon",
        ))
    }
}

fn unauthorized(why: &'static str) -> Error {
    Error::new("registry:Token", ErrorKind::Unauthorized, why).of_registry()
}
