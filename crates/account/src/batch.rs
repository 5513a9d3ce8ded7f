use aws_lambda_events::sqs::{SqsEvent, SqsMessage};
use jiff::Timestamp;
use towerhook_core::{
    lifecycle::{Scope, Trigger},
    metrics::{Measurement, Metric},
};

/// A batch of the work queue, merged into one scope.
#[derive(Debug, Default)]
pub struct Batch {
    /// The merged scope.
    pub scope: Scope,
    /// The ids of malformed records.
    pub malformed: Vec<String>,
    understood: Vec<String>,
    ignored: usize,
    failed: usize,
}

impl Batch {
    /// Reads every record. Logs only an event's kind and why it is ignored, never the event itself.
    pub fn read(event: &SqsEvent) -> Self {
        event
            .records
            .iter()
            .fold(Self::default(), |mut batch, record| {
                let id = record.message_id.clone().unwrap_or_default();
                match Trigger::parse(record.body.as_deref().unwrap_or_default()) {
                    Ok(trigger) => {
                        batch.understood.push(id);
                        batch.add(trigger, sent_at(record));
                    }
                    Err(malformed) => {
                        tracing::error!(message_id = id, %malformed, "malformed record");
                        batch.malformed.push(id);
                    }
                }
                batch
            })
    }

    fn add(&mut self, trigger: Trigger, sent_at: Option<Timestamp>) {
        match trigger {
            Trigger::Look { kind, scope } => {
                tracing::info!(
                    kind,
                    accounts = scope.named(),
                    all = scope.all,
                    "event accepted"
                );
                let scope = match sent_at {
                    Some(at) => scope.come_at(at),
                    None => scope,
                };
                self.scope = std::mem::take(&mut self.scope).merge(scope);
            }
            Trigger::Failed {
                kind,
                account,
                message,
            } => {
                let account = account.map(|id| id.to_string());
                tracing::warn!(
                    kind,
                    account,
                    why = message,
                    "Control Tower operation failed"
                );
                self.failed += 1;
            }
            Trigger::Ignored { kind } => {
                tracing::info!(kind, "event ignored");
                self.ignored += 1;
            }
        }
    }

    /// All record ids, for when the work could not be requeued.
    pub fn all(&self) -> impl Iterator<Item = String> {
        self.malformed.iter().chain(&self.understood).cloned()
    }

    /// The batch's metrics.
    pub fn measurements(&self) -> Vec<Measurement> {
        vec![
            Metric::RecordsMalformed.count(self.malformed.len()),
            Metric::EventsIgnored.count(self.ignored),
            Metric::ControlTowerFailures.count(self.failed),
        ]
    }
}

/// When a record came into the queue.
///
/// Source: docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html.
fn sent_at(record: &SqsMessage) -> Option<Timestamp> {
    let sent = record.attributes.get("SentTimestamp")?;
    Timestamp::from_millisecond(sent.parse().ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(id: &str, body: &str) -> SqsMessage {
        let mut record = SqsMessage::default();
        record.message_id = Some(id.into());
        record.body = Some(body.into());
        record
    }

    #[test]
    fn news_without_a_time_came_when_its_record_did_and_a_revisit_keeps_its_own() {
        let own = |account: &str, since: &str| {
            let scope = format!(r#"{{"scope":{{"accounts":["{account}"]}}{since}}}"#);
            let mut record = record("1", &format!(r#"{{"towerhook":{scope}}}"#));
            let sent = ("SentTimestamp".to_owned(), "1800000100400".to_owned());
            record.attributes.extend([sent]);
            record
        };
        let mut event = SqsEvent::default();
        event.records = vec![
            own("111111111111", ""),
            own("222222222222", r#","since":"2027-01-15T08:00:00Z""#),
        ];
        let since = Batch::read(&event).scope.since;
        let seconds = since.into_values().map(Timestamp::as_second);
        assert!(seconds.eq([1_800_000_100, 1_800_000_000]));
    }

    #[test]
    fn a_batch_is_one_scope_and_its_poison_is_named() {
        let mut event = SqsEvent::default();
        event.records = vec![
            record(
                "1",
                r#"{"towerhook":{"scope":{"accounts":["111111111111"]}}}"#,
            ),
            record("2", "poison"),
            record("3", r#"{"source":"aws.s3"}"#),
            record(
                "4",
                r#"{"towerhook":{"scope":{"accounts":["222222222222"]},"attempt":2}}"#,
            ),
        ];
        let batch = Batch::read(&event);
        assert_eq!(batch.malformed, ["2"]);
        assert_eq!(batch.scope.accounts.len(), 2);
        assert_eq!(batch.scope.attempts(&"222222222222".parse().unwrap()), 2);
        assert_eq!(batch.measurements()[1], Metric::EventsIgnored.count(1));
        assert_eq!(batch.all().count(), 4);
    }
}
