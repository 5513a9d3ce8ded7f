//! The custom resource: makes, changes and removes what the accounts' enrollment stands on, and
//! always answers.
//!
//! What a request means is the core's ([`towerhook_core::foundation`]); here are its settings, its
//! clients and its deadline.

mod settings;
mod templates;

use lambda_runtime::{Error, LambdaEvent};
use serde_json::Value;
use towerhook_core::foundation::{self, Fresh, Own};
use towerhook_runtime::{
    aws::{self, Aws, SetupSettings},
    clock::{self, SystemClock},
    random,
    saas::{
        self, Provider,
        lacework::{Lacework, LaceworkTokens},
        presigned::PresignedUrls,
    },
    tokens::IssuedTokens,
};

pub use crate::{settings::Settings, templates::TEMPLATES};

/// Lacework, for a function that holds the key.
type WithKey = Lacework<IssuedTokens<Aws<SetupSettings>, LaceworkTokens>>;

/// The function with its clients.
#[derive(Debug)]
pub struct Setup {
    own: Own,
    aws: Aws<SetupSettings>,
    registry: WithKey,
    answers: PresignedUrls,
}

impl Setup {
    /// Reads the environment and makes the clients.
    ///
    /// # Errors
    ///
    /// Every wrong setting, or an HTTP client that cannot be made.
    pub async fn connect(lookup: &dyn Fn(&str) -> Option<String>) -> Result<Self, Error> {
        let settings = Settings::read(lookup)?;
        let aws = Aws::new(&aws::connect()?, settings.aws);
        let http = saas::http_client()?;
        let url = settings.provider_url;
        let registry = match settings.provider {
            Provider::Lacework => {
                let tokens = IssuedTokens {
                    secrets: aws.clone(),
                    issuer: LaceworkTokens::new(http.clone(), url.clone()),
                };
                Lacework::new(http.clone(), url, tokens)
            }
        };
        Ok(Self {
            own: settings.own,
            aws,
            registry,
            answers: PresignedUrls(http),
        })
    }

    /// Carries out a request and answers it.
    ///
    /// # Errors
    ///
    /// The event is no request, or neither an answer nor a hand-over could be sent: Lambda invokes
    /// the function again with the same event.
    pub async fn handle(&self, event: LambdaEvent<Value>) -> Result<(), Error> {
        let LambdaEvent { payload, context } = event;
        let setup = foundation::Setup {
            aws: &self.aws,
            registry: &self.registry,
            clock: &SystemClock,
            answers: &self.answers,
            own: &self.own,
        };
        let fresh = Fresh {
            external_id_suffix: random::external_id_suffix()?,
            invocation: random::invocation()?,
        };
        let time_left = clock::time_left(&context);
        // In one future with the runtime's, it nests deeper than the compiler follows.
        Ok(Box::pin(setup.serve(payload, time_left, fresh)).await?)
    }
}
