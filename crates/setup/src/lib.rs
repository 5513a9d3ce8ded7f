//! The custom resource: creates, changes and removes the foundation of the accounts' enrollment,
//! and always answers.
//!
//! The meaning of a request is core's ([`towerhook_core::foundation`]); this crate has settings,
//! clients and the deadline.

mod presigned;
mod settings;
mod templates;

use lambda_runtime::{Error, LambdaEvent};
use serde_json::Value;
use towerhook_core::{
    Refusal,
    foundation::{self, Fresh, Own},
    metrics::Metric,
};
use towerhook_runtime::{
    aws::{self, Aws, SetupSettings},
    clock::{self, SystemClock},
    metrics::Metrics,
    providers::{self, Api, Issuer, Vendor},
    random,
    tokens::IssuedTokens,
};

use crate::presigned::PresignedUrls;
pub use crate::settings::Settings;

/// The vendor's client, for a function that holds the key.
type WithKey = Api<IssuedTokens<Aws<SetupSettings>, Issuer>>;

/// The function with its clients.
#[derive(Debug)]
pub struct Setup {
    own: Own,
    vendor: Vendor,
    aws: Aws<SetupSettings>,
    registry: WithKey,
    answers: PresignedUrls,
    metrics: Metrics,
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
        let http = providers::http_client()?;
        let mut own = settings.own;
        // Whatever is wrong with the parameter, CloudFormation has to be answered.
        let trusting = providers::http_client_trusting(&settings.ca_bundle);
        let vendors = trusting.unwrap_or_else(|error| {
            own.wrong_setting = Some(Refusal::new(format!("CaBundle: {error}.")));
            http.clone()
        });
        let (vendor, tenant) = (settings.vendor, settings.tenant);
        let tokens = IssuedTokens {
            secrets: aws.clone(),
            issuer: Issuer::new(vendor, vendors.clone(), tenant.url.clone()),
        };
        let registry = Api::new(vendor, vendors, tenant, tokens);
        let metrics = Metrics::new(own.stack_name().to_owned(), vendor);
        Ok(Self {
            own,
            vendor,
            aws,
            registry,
            answers: PresignedUrls(http),
            metrics,
        })
    }

    /// Carries out a request and answers it.
    ///
    /// # Errors
    ///
    /// The event is not a request, or neither a response nor a hand-over could be sent: Lambda
    /// invokes the function again with the same event.
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
        setup.serve(payload, time_left, fresh).await?;
        let mut asked = vec![Metric::OrganizationCompared.count(1)];
        if self.vendor.has_key() {
            // The request used the key, and auth's schedule has only begun.
            asked.push(Metric::TokensIssued.count(0));
        }
        self.metrics.emit(clock::now(), asked);
        Ok(())
    }
}
