//! Keeps every account enrolled: reads the work queue, and makes one pass over the accounts in a
//! batch.

mod batch;
mod evidence;
mod outcome;
mod settings;

use std::time::{Duration, Instant};

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use jiff::Timestamp;
use lambda_runtime::{Error, LambdaEvent};
use towerhook_core::{
    Error as CallError,
    enrollment::{Pass, Reply},
    happening::Happening,
    metrics::{Measurement, Metric},
    ports::EventBus,
};
use towerhook_runtime::{
    aws::{self, AccountSettings, Aws},
    clock::{self, SystemClock},
    metrics::Metrics,
    providers::{self, Api, Vendor},
    tokens::StoredTokens,
};

pub use batch::Batch;
pub use settings::Settings;

/// The time that is left to end the invocation after others were told.
const LEFT_OVER: Duration = Duration::from_secs(3);

/// The function with its clients.
#[derive(Debug)]
pub struct Account {
    aws: Aws<AccountSettings>,
    stack_name: String,
    keeps_evidence: bool,
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
        let keeps_evidence = aws.evidence.name.is_some();
        let aws = Aws::new(&aws::connect()?, aws);
        let tokens = StoredTokens(aws.clone());
        let http = providers::http_client_trusting(&ca_bundle)?;
        let registry = Api::new(vendor, http, tenant, tokens);
        let metrics = Metrics::new(stack_name.clone(), vendor);
        Ok(Self {
            aws,
            stack_name,
            keeps_evidence,
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
        let began = Instant::now();
        let batch = Batch::read(&payload);
        let pass = Pass {
            owner: &context.request_id,
            time_left: || clock::time_left(&context),
            clock: &SystemClock,
            provider: self.vendor.provider(),
            keeps_evidence: self.keeps_evidence,
        };
        let mut response = SqsBatchResponse::default();
        response.set_failures(batch.malformed.iter().cloned());
        let mut measurements = batch.measurements();
        let now = clock::now();
        match pass
            .run(&self.aws, &self.registry, batch.scope.clone(), now)
            .await
        {
            Ok(reply) => {
                measurements.extend(reply.measurements());
                outcome::log(&reply, began.elapsed());
                // The pass is closed: what others are told must not bring its work back.
                let left = clock::time_left(&context).saturating_sub(LEFT_OVER);
                match tokio::time::timeout(left, self.tell(reply, now)).await {
                    Ok(failed) => measurements.extend(failed),
                    Err(_) => tracing::error!("no time was left to tell others of the pass"),
                }
            }
            Err(error) => {
                tracing::error!(error = error.chain(), "pass not requeued");
                response.set_failures(batch.all());
                measurements.push(Metric::PassesFailed.count(1));
            }
        }
        self.metrics.emit(clock::now(), measurements);
        Ok(response)
    }

    /// Tells others of a pass: the event bus, and the bucket for evidence. Returns what failed.
    async fn tell(&self, reply: Reply, began: Timestamp) -> Vec<Measurement> {
        let Reply::Done {
            happenings,
            compared,
            ..
        } = reply
        else {
            return Vec::new();
        };
        let mut failed = Vec::new();
        if let Err(error) = self.put_events(&happenings).await {
            tracing::error!(error = error.chain(), "events not put on the bus");
            failed.push(Metric::EventsUnsent.count(1));
        }
        if let Some(compared) = compared {
            let provider = self.vendor.provider();
            let written = evidence::write(&self.aws, provider, *compared, began).await;
            if let Err(error) = &written {
                let error = towerhook_core::chain(error);
                tracing::error!(error, "evidence not written");
            }
            failed.push(Metric::EvidenceUnwritten.count(written.is_err().into()));
        }
        failed
    }

    async fn put_events(&self, happenings: &[Happening]) -> Result<(), CallError> {
        let provider = self.vendor.provider().id();
        let events = happenings.iter();
        let events: Vec<_> = events
            .map(|happening| happening.event(&self.stack_name, provider))
            .collect();
        self.aws.put_events(&events).await
    }
}
