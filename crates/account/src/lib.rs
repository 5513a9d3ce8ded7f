//! Keeps every account enrolled: reads the work queue, and makes one pass over the accounts in a
//! batch.

mod batch;
mod settings;

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use lambda_runtime::{Error, LambdaEvent};
use towerhook_core::{enrollment::Pass, metrics::Metric};
use towerhook_runtime::{
    aws::{self, AccountSettings, Aws},
    clock::{self, SystemClock},
    metrics::Metrics,
    providers::{self, Api, Vendor},
    tokens::StoredTokens,
};

pub use batch::Batch;
pub use settings::Settings;

/// The function with its clients.
#[derive(Debug)]
pub struct Account {
    aws: Aws<AccountSettings>,
    vendor: Vendor,
    registry: Api<StoredTokens<Aws<AccountSettings>>>,
    metrics: Metrics,
}

impl Account {
    /// Reads the environment and makes the clients.
    ///
    /// # Errors
    ///
    /// Every wrong setting, or an HTTP client that cannot be made.
    pub async fn connect(lookup: &dyn Fn(&str) -> Option<String>) -> Result<Self, Error> {
        let Settings {
            stack_name,
            vendor,
            tenant,
            ca_bundle,
            aws,
        } = Settings::read(lookup)?;
        let aws = Aws::new(&aws::connect()?, aws);
        let tokens = StoredTokens(aws.clone());
        let http = providers::http_client_trusting(&ca_bundle)?;
        let registry = Api::new(vendor, http, tenant, tokens);
        let metrics = Metrics::new(stack_name, vendor);
        Ok(Self {
            aws,
            vendor,
            registry,
            metrics,
        })
    }

    /// Handles one batch. Malformed records, and records whose work could not be requeued, return
    /// to the queue and end up in the dead-letter queue.
    ///
    /// # Errors
    ///
    /// None: failures are reported per record.
    pub async fn handle(&self, event: LambdaEvent<SqsEvent>) -> Result<SqsBatchResponse, Error> {
        let LambdaEvent { payload, context } = event;
        let batch = Batch::read(&payload);
        let pass = Pass {
            owner: &context.request_id,
            time_left: || clock::time_left(&context),
            clock: &SystemClock,
            provider: self.vendor.provider(),
        };
        let mut response = SqsBatchResponse::default();
        response.set_failures(batch.malformed.iter().cloned());
        let measurements = match pass
            .run(&self.aws, &self.registry, batch.scope.clone(), clock::now())
            .await
        {
            Ok(reply) => reply.measurements(),
            Err(error) => {
                tracing::error!(error = error.chain(), "pass not requeued");
                response.set_failures(batch.all());
                vec![Metric::PassesFailed.count(1)]
            }
        };
        let of_batch = batch.measurements().into_iter();
        let measurements: Vec<_> = of_batch.chain(measurements).collect();
        self.metrics.emit(clock::now(), &measurements);
        Ok(response)
    }
}
