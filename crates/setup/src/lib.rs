//! The custom resource: makes, changes and removes what the accounts' enrollment stands on, and
//! always answers.
//!
//! It is the one function that waits, since CloudFormation waits for it. Before its deadline it
//! hands the request to a fresh invocation of itself; before CloudFormation's it answers FAILED,
//! and the next try goes on from there. Every write can be repeated, so it may be cut anywhere.

mod adoption;
mod error;
mod guard;
mod request;
mod settings;
mod templates;

use std::time::Duration;

use jiff::Timestamp;
use lambda_runtime::{Context, Error, LambdaEvent};
use serde_json::{Value, json};
use towerhook_core::{
    Disposition,
    custom_resource::{Outcome, Request, RequestType, Response, made_nothing},
    foundation::{Progress, Removal},
    model::SecretText,
    ports::Functions,
};
use towerhook_runtime::{
    aws::{self, Aws, SetupSettings},
    clock,
    saas::{self, presigned},
};

use crate::{
    error::SetupError,
    guard::{Ended, guard},
    request::Answer,
};
pub use crate::{settings::Settings, templates::TEMPLATES};

/// So long before its own deadline, an invocation hands over to a fresh one.
const HAND_OVER: Duration = Duration::from_secs(60);
/// So long before CloudFormation gives up, it gets an answer.
const ANSWER: Duration = Duration::from_secs(120);
/// Of a short time, at most this part is left unused.
const PART: u32 = 4;

/// The function with its clients.
#[derive(Debug)]
pub struct Setup {
    settings: Settings,
    aws: Aws<SetupSettings>,
    http: saas::HttpClient,
}

impl Setup {
    /// Reads the environment and makes the clients.
    ///
    /// # Errors
    ///
    /// Every wrong setting, or an HTTP client that cannot be made.
    pub async fn connect(lookup: &dyn Fn(&str) -> Option<String>) -> Result<Self, Error> {
        let settings = Settings::read(lookup)?;
        let aws = Aws::new(&aws::connect()?, settings.aws.clone());
        Ok(Self {
            aws,
            http: saas::http_client()?,
            settings,
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
        let request = Request::parse(&payload)
            .inspect_err(|error| tracing::error!(%error, "cannot be answered"))?;
        let first_seen = first_seen(&payload).unwrap_or_else(clock::now);
        let used = Duration::try_from(clock::now().duration_since(first_seen)).unwrap_or_default();
        let left = usable(self.settings.service_timeout, ANSWER).saturating_sub(used);
        let own = usable(clock::time_left(&context), HAND_OVER);

        // An earlier invocation of this request may have made something.
        let progress = resumed(&payload).map_or_else(Progress::default, Progress::resumed);
        let work = Box::pin(self.work(&request, &context, &progress));
        let answer = match guard(work, own.min(left)).await {
            Ended::Done(answer) => answer,
            Ended::Panicked => {
                self.release_lease().await;
                let reason = "Towerhook failed unexpectedly; its log says where.";
                Answer::failed(&request, &progress, reason.into())
            }
            Ended::OutOfTime if own < left => {
                tracing::info!(progress = progress.last(), "handing over");
                let continuation = continuation(payload, first_seen, progress.removal());
                match self.aws.continue_with(&continuation).await {
                    Ok(()) => return Ok(()),
                    // Lambda's own tries would meet the same, and CloudFormation would wait an hour.
                    Err(error) if error.disposition() == Disposition::Permanent => {
                        self.release_lease().await;
                        Answer::failed(&request, &progress, SetupError::from(error).reason())
                    }
                    Err(error) => return Err(error.into()),
                }
            }
            Ended::OutOfTime => {
                self.release_lease().await;
                let reason = format!(
                    "CloudFormation's time is nearly over, and setup came as far as: {}. \
                     The next try goes on from there.",
                    progress.summary()
                );
                Answer::failed(&request, &progress, reason)
            }
        };
        self.answer(&request, answer).await
    }

    async fn work(&self, request: &Request, context: &Context, progress: &Progress) -> Answer {
        tracing::info!(request = ?request.request_type, request_id = request.request_id, "setup");
        if request.request_type == RequestType::Delete
            && made_nothing(request.physical_resource_id.as_deref())
        {
            return Answer::success(request, progress);
        }
        let result = match request.request_type {
            RequestType::Create | RequestType::Update => {
                self.create_or_update(request, progress).await
            }
            RequestType::Delete => self.delete(request, progress).await,
        };
        match result {
            Ok(()) => Answer::success(request, progress),
            Err(error) => {
                let reason = error.reason();
                tracing::error!(reason, aws_request_id = context.request_id, "setup failed");
                Answer::failed(request, progress, reason)
            }
        }
    }

    async fn answer(&self, request: &Request, answer: Answer) -> Result<(), Error> {
        let Answer {
            physical_id,
            outcome,
        } = answer;
        let success = matches!(outcome, Outcome::Success { .. });
        let body = Response::new(request, physical_id, outcome).to_body();
        presigned::put(&self.http, &request.response_url, body)
            .await
            .inspect_err(|error| {
                tracing::error!(error = error.chain(), "the answer could not be sent");
            })?;
        tracing::info!(success, "answered");
        Ok(())
    }
}

/// What can be used of a time if so much is to be left at its end.
fn usable(time: Duration, rest: Duration) -> Duration {
    time.saturating_sub(rest.min(time / PART))
}

/// When the first of a request's invocations began; it travels with the request.
fn first_seen(payload: &Value) -> Option<Timestamp> {
    payload
        .pointer("/towerhook/firstSeen")?
        .as_str()?
        .parse()
        .ok()
}

/// How far the invocations before this one came, if there were any.
fn resumed(payload: &Value) -> Option<Removal> {
    let removal = payload.get("towerhook")?.get("removal").cloned();
    Some(
        removal
            .and_then(|removal| serde_json::from_value(removal).ok())
            .unwrap_or_default(),
    )
}

fn continuation(mut payload: Value, first_seen: Timestamp, removal: Removal) -> SecretText {
    payload["towerhook"] = json!({ "firstSeen": first_seen, "removal": removal });
    SecretText::from(payload.to_string())
}

#[cfg(test)]
mod tests {
    use towerhook_core::foundation::Tally;

    use super::*;

    #[test]
    fn a_continuation_keeps_the_request_and_the_time_it_was_first_seen() {
        let seen: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let payload = json!({"RequestType": "Delete", "ResponseURL": "https://example.com"});
        assert_eq!(resumed(&payload), None);
        let removal = Removal {
            integrations: Tally {
                removed: 3,
                left: 4,
            },
            stacks: Tally::default(),
        };
        let text = continuation(payload, seen, removal);
        let payload: Value = serde_json::from_str(text.expose()).unwrap();
        assert_eq!(first_seen(&payload), Some(seen));
        assert_eq!(resumed(&payload), Some(removal));
        assert_eq!(payload["RequestType"], "Delete");
    }
}
