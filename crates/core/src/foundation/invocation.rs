//! One invocation of setup: it answers the request or hands it over within its deadline, whatever
//! happens to the work.

use std::{cell::RefCell, collections::BTreeSet, time::Duration};

use futures::lock::Mutex;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Own, Progress, Refusal, Removal, reason::SetupError, request::Work, waiting::Guard};
use crate::{
    Error,
    custom_resource::{
        Answer, AnswerAddresses, MalformedRequest, Request, RequestType, Response, made_nothing,
    },
    deadline::{Ended, within},
    ledger::Holder,
    model::SecretText,
    planted::{Fault, planted},
    ports::{Answers, Clock, Registry, SetupPorts, TokenIssuer},
    retry::{Retry, WAIT},
    time::later,
};

/// How long before its own deadline an invocation hands over to a new one.
const HAND_OVER: Duration = Duration::from_secs(60);
/// How long before CloudFormation's timeout the request is answered.
const ANSWER: Duration = Duration::from_secs(120);
/// How long a response URL is valid.
const ADDRESS_WORKS: SignedDuration = SignedDuration::from_hours(2);
/// Of a short time, at most this fraction is reserved.
const PART: u32 = 4;

/// The random texts of one invocation.
#[derive(Debug, Clone)]
pub struct Fresh {
    /// The suffix of the external ids, used if this deployment has none yet.
    pub external_id_suffix: String,
    /// Identifies this invocation.
    pub invocation: String,
}

/// Setup and its ports.
#[derive(Debug)]
pub struct Setup<'a, A, S, C, R> {
    /// AWS.
    pub aws: &'a A,
    /// The SaaS, and the issuer of its tokens.
    pub registry: &'a S,
    /// The clock.
    pub clock: &'a C,
    /// Sends the responses.
    pub answers: &'a R,
    /// The function's own settings.
    pub own: &'a Own,
}

/// Why Lambda has to invoke the function with the same event again.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The event has no usable response URL, so it can never be answered.
    #[error(transparent)]
    Malformed(#[from] MalformedRequest),
    /// The response could not be sent.
    #[error("The answer could not be sent")]
    Answer(#[source] Error),
}

/// The state that is handed over with a request.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct HandedOver {
    /// When the request was first seen.
    admitted: Timestamp,
    /// The progress of a removal.
    #[serde(default)]
    removal: Removal,
    /// Whether the request restores a former success.
    #[serde(default)]
    restores: bool,
    /// Whether everything was read once.
    #[serde(default)]
    looked: bool,
    /// The resources that could not be deleted.
    #[serde(default)]
    left_behind: BTreeSet<String>,
    /// The invocation that held the lease.
    invocation: String,
}

impl<A, S, C, R> Setup<'_, A, S, C, R>
where
    A: SetupPorts,
    S: Registry + TokenIssuer,
    C: Clock,
    R: Answers,
{
    /// Carries out a request and answers it. `time_left` is the time until this invocation's deadline.
    ///
    /// # Errors
    ///
    /// The event is not a request, or neither a response nor a hand-over could be sent.
    pub async fn serve(
        &self,
        payload: Value,
        time_left: Duration,
        fresh: Fresh,
    ) -> Result<(), ServeError> {
        let request = Request::parse(&payload)
            .inspect_err(|error| tracing::error!(%error, "request without a ResponseURL"))?;
        if !self.is_answerable(&request) {
            let request_id = request.request_id;
            tracing::error!(
                request_id,
                "request refused: its ResponseURL is not CloudFormation's"
            );
            return Ok(());
        }
        let now = self.clock.now();
        let ends = later(now, SignedDuration::try_from(time_left).unwrap_or_default());
        let sent_at = sent_at(&request, now);
        let seen = sent_at.unwrap_or(now);
        let earlier = handed_over(&payload, now);
        // An earlier invocation of this request may have created resources.
        let progress = earlier.as_ref().map_or_else(Progress::default, |earlier| {
            let progress = Progress::resumed(earlier.removal, earlier.left_behind.clone());
            progress.restores(earlier.restores);
            if earlier.looked {
                progress.look();
            }
            progress
        });
        if let Some(outcome) = self.answer_at_once(&request) {
            return self.answer(&request, outcome, &progress, ends).await;
        }
        let (holder, renewed) = (RefCell::new(None), Mutex::new(None));
        let guard = Guard {
            leases: self.aws,
            clock: self.clock,
            progress: &progress,
            began: earlier.as_ref().map_or(seen, |earlier| earlier.admitted),
            holder: &holder,
            renewed: &renewed,
            backoff: WAIT,
        };
        let own = usable(time_left, HAND_OVER);
        let from = earlier.as_ref().map(|earlier| Holder::Setup {
            admitted: earlier.admitted,
            invocation: earlier.invocation.clone(),
        });
        let invocation = match &earlier {
            Some(earlier) if planted(Fault::HandedToEverybody) => earlier.invocation.clone(),
            _ => fresh.invocation.clone(),
        };
        let admitted = match earlier {
            Some(earlier) => Ok(earlier.admitted),
            None => {
                let used = elapsed(self.clock, seen);
                let left = usable(self.own.service_timeout, ANSWER).saturating_sub(used);
                self.admit(&request, seen, &guard, own.min(left)).await
            }
        };
        let outcome = match admitted {
            Ok(admitted) => {
                let used = elapsed(self.clock, admitted);
                let left = usable(self.own.service_timeout, ANSWER).saturating_sub(used);
                let guard = Guard {
                    began: admitted,
                    ..guard.clone()
                };
                let own_holder = Holder::Setup {
                    admitted,
                    invocation: invocation.clone(),
                };
                let work = Work::new(
                    self.aws,
                    self.registry,
                    self.own,
                    &guard,
                    &own_holder,
                    &request,
                );
                let work = Box::pin(work.carry_out(from.as_ref(), ends, &fresh.external_id_suffix));
                let until_hand_over = own.saturating_sub(elapsed(self.clock, now));
                match within(self.clock, until_hand_over.min(left), work).await {
                    Ended::Done(outcome) => outcome,
                    Ended::Panicked => Err(SetupError::Panicked),
                    Ended::OutOfTime if until_hand_over < left => {
                        tracing::info!(progress = progress.last(), "handing over");
                        let continuation = HandedOver {
                            admitted,
                            removal: progress.removal(),
                            restores: progress.is_restoring(),
                            looked: progress.has_looked(),
                            left_behind: progress.left_behind(),
                            invocation,
                        };
                        // Unlike Lambda's own retries, the hand-over carries the progress.
                        match self.hand_over(payload, &continuation, &guard).await {
                            Ok(()) => return Ok(()),
                            Err(error) => Err(error.into()),
                        }
                    }
                    Ended::OutOfTime if planted(Fault::OutOfTimeIsSilent) => return Ok(()),
                    Ended::OutOfTime => Err(SetupError::OutOfTime(progress.summary())),
                }
            }
            // Without the request's time, this could be repeated for ever.
            Err(SetupError::OutOfTime(_))
                if sent_at.is_some()
                    && elapsed(self.clock, seen) < usable(self.own.service_timeout, ANSWER) =>
            {
                tracing::info!(progress = progress.last(), "handing over");
                match self.invoke_next(&payload, &guard).await {
                    Ok(()) => return Ok(()),
                    Err(error) => Err(error.into()),
                }
            }
            // With an unreadable ledger it is unknown whether an earlier attempt created resources.
            Err(error) => {
                progress.begin_making();
                Err(error)
            }
        };
        guard.release().await;
        self.answer(&request, outcome, &progress, ends).await
    }

    /// Whether the response would reach CloudFormation and no other party.
    fn is_answerable(&self, request: &Request) -> bool {
        let addresses = AnswerAddresses {
            region: &self.own.region,
            url_suffix: &self.own.url_suffix,
            loopback: self.own.answers_on_loopback,
        };
        addresses.include(&request.response_url)
    }

    /// The outcome, if the request alone decides it.
    fn answer_at_once(&self, request: &Request) -> Option<Result<(), SetupError>> {
        let Request {
            request_type,
            request_id,
            stack_id,
            physical_resource_id,
            ..
        } = request;
        if *stack_id != self.own.stack_id {
            tracing::error!(
                request_id,
                stack_id,
                "request refused: it belongs to another stack"
            );
            let refusal = Refusal::new(format!(
                "The request is about the stack {stack_id}, and this function belongs to another one."
            ));
            return Some(Err(refusal.into()));
        }
        tracing::info!(?request_type, request_id, "request accepted");
        let deletes = *request_type == RequestType::Delete;
        (deletes && made_nothing(physical_resource_id.as_deref())).then_some(Ok(()))
    }

    /// When the request was first seen, if this or another invocation knows that.
    async fn admit(
        &self,
        request: &Request,
        seen: Timestamp,
        guard: &Guard<'_, A, C>,
        limit: Duration,
    ) -> Result<Timestamp, SetupError> {
        guard.progress.begin(&"reading the ledger");
        let admit = guard.read(async || self.aws.admit(&request.request_id, seen).await);
        match within(self.clock, limit, admit).await {
            Ended::Done(admitted) => Ok(admitted?),
            Ended::Panicked => Err(SetupError::Panicked),
            Ended::OutOfTime => Err(SetupError::OutOfTime(guard.progress.summary())),
        }
    }

    async fn hand_over(
        &self,
        mut payload: Value,
        continuation: &HandedOver,
        guard: &Guard<'_, A, C>,
    ) -> crate::Result<()> {
        payload["towerhook"] = serde_json::to_value(continuation).unwrap_or_default();
        self.invoke_next(&payload, guard).await
    }

    async fn invoke_next(&self, payload: &Value, guard: &Guard<'_, A, C>) -> crate::Result<()> {
        let payload = SecretText::from(payload.to_string());
        let call = async || self.aws.continue_with(&payload).await;
        guard.hasty().read(call).await
    }

    async fn answer(
        &self,
        request: &Request,
        outcome: Result<(), SetupError>,
        progress: &Progress,
        ends: Timestamp,
    ) -> Result<(), ServeError> {
        let Answer {
            physical_id,
            outcome,
        } = answer_to(request, outcome, progress);
        let body = Response::new(request, physical_id, outcome.clone()).to_body();
        let mut failures = 0;
        loop {
            let sent = self.answers.answer(&request.response_url, body.clone());
            let Err(error) = sent.await else { break };
            let until = |delay| self.clock.now().checked_add(delay);
            match WAIT.after(&error, failures) {
                Retry::After { delay, .. } if until(delay).is_ok_and(|at| at < ends) => {
                    tracing::warn!(error = error.chain(), ?delay, "resending the response");
                    self.clock.sleep(delay).await;
                    failures += 1;
                }
                _ => {
                    tracing::error!(error = error.chain(), "response not sent");
                    return Err(ServeError::Answer(error));
                }
            }
        }
        tracing::info!(success = outcome.is_success(), "response sent");
        Ok(())
    }
}

fn answer_to(request: &Request, outcome: Result<(), SetupError>, progress: &Progress) -> Answer {
    match outcome {
        Ok(()) => {
            let note = progress.note();
            if let Some(note) = &note {
                tracing::warn!(note, "completed with warnings");
            }
            Answer::success(request, note, progress.attributes())
        }
        // A rollback is never refused: otherwise the stack could never be changed again.
        Err(error) if progress.is_restoring() && !matches!(error, SetupError::Panicked) => {
            let reason = error.reason();
            tracing::error!(reason, "rollback incomplete");
            let note = format!("Not everything is restored until the next update: {reason}");
            Answer::success(request, Some(note), progress.attributes())
        }
        Err(error) => {
            let reason = error.reason();
            tracing::error!(reason, "setup failed");
            Answer::failed(request, !progress.made_something(), reason)
        }
    }
}

/// When a request was sent, if that is known and credible.
fn sent_at(request: &Request, now: Timestamp) -> Option<Timestamp> {
    let sent_at = request.sent_at().filter(|at| is_credible(*at, now));
    sent_at.filter(|_| !planted(Fault::LateIsNewer))
}

/// Whether a request can be that old: after two hours its response URL has expired.
fn is_credible(at: Timestamp, now: Timestamp) -> bool {
    let age = now.duration_since(at);
    !age.is_negative() && age <= ADDRESS_WORKS
}

fn elapsed(clock: &impl Clock, since: Timestamp) -> Duration {
    Duration::try_from(clock.now().duration_since(since)).unwrap_or_default()
}

/// The usable part of a time if `rest` is reserved at its end.
fn usable(time: Duration, rest: Duration) -> Duration {
    time.saturating_sub(rest.min(time / PART))
}

/// The state handed over with a request, if it is credible. A request with a future time would
/// supersede all later ones.
fn handed_over(payload: &Value, now: Timestamp) -> Option<HandedOver> {
    let earlier: HandedOver = serde_json::from_value(payload.get("towerhook")?.clone()).ok()?;
    is_credible(earlier.admitted, now).then_some(earlier)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_request_that_was_handed_over_says_since_when_it_is_known() {
        let payload = json!({"RequestType": "Delete", "towerhook": {
            "admitted": "2026-01-01T00:00:00Z",
            "invocation": "one",
            "removal": {"registrations": {"removed": 3, "left": 2}, "stacks": {"removed": 0, "left": 5}},
        }});
        let now = "2026-01-01T00:50:00Z".parse().unwrap();
        let earlier = handed_over(&payload, now).unwrap();
        assert_eq!(earlier.removal.registrations.removed, 3);
        assert_eq!(earlier.invocation, "one");
        assert_eq!(earlier.admitted.to_string(), "2026-01-01T00:00:00Z");
        for payload in [
            json!({}),
            json!({"towerhook": 1}),
            json!({"towerhook": {"admitted": 1}}),
        ] {
            assert!(handed_over(&payload, now).is_none(), "{payload}");
        }
    }

    #[test]
    fn no_request_was_handed_over_that_is_newer_than_now_or_too_old_to_be_answered() {
        let now = "2026-01-01T03:00:00Z".parse().unwrap();
        for (admitted, is_believed) in [
            ("-009999-01-02T01:59:59Z", false),
            ("2026-01-01T00:59:59Z", false),
            ("2026-01-01T01:00:00Z", true),
            ("2026-01-01T03:00:00Z", true),
            ("2026-01-01T03:00:01Z", false),
            ("9999-12-30T22:00:00Z", false),
        ] {
            let payload = json!({"towerhook": {"admitted": admitted, "invocation": "one"}});
            let earlier = handed_over(&payload, now);
            assert_eq!(earlier.is_some(), is_believed, "{admitted}");
        }
    }

    #[test]
    fn of_a_short_time_a_quarter_is_kept() {
        let seconds = Duration::from_secs;
        assert_eq!(usable(seconds(900), HAND_OVER), seconds(840));
        assert_eq!(usable(seconds(40), HAND_OVER), seconds(30));
    }
}
