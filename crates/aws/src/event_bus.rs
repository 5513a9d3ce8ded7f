use serde::Deserialize;
use serde_json::{Value, json};
use towerhook_core::{
    Error, ErrorKind, Result,
    happening::{Event, SOURCE},
    ports::EventBus,
};

use crate::{Aws, call::services::events, classify::failed};

const PUT: &str = "events:PutEvents";
/// The most entries in one `PutEvents`.
///
/// Source: docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html
const BATCH: usize = 10;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Put {
    #[serde(default)]
    entries: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    error_code: Option<String>,
    #[serde(default)]
    error_message: String,
}

impl<S> EventBus for Aws<S> {
    async fn put_events(&self, events: &[Event]) -> Result<()> {
        for batch in events.chunks(BATCH) {
            let entries = batch.iter().map(|event| {
                json!({
                    "Source": SOURCE,
                    "DetailType": event.detail_type,
                    "Detail": event.detail.to_string(),
                })
            });
            let entries = json!({"Entries": entries.collect::<Value>()});
            let reply = events::put_events(&self.config, &entries).await;
            let put: Put = reply.map_err(failed(PUT))?.json(PUT)?;
            let refused = put.entries.into_iter();
            let mut refused =
                refused.filter_map(|entry| Some((entry.error_code?, entry.error_message)));
            if let Some((code, why)) = refused.next() {
                return Err(Error::new(
                    PUT,
                    ErrorKind::Unavailable,
                    format!("{code}: {why}"),
                ));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{account, answer};

    fn event(number: usize) -> Event {
        Event {
            detail_type: "Account Enrolled",
            detail: json!({"number": number}),
        }
    }

    #[tokio::test]
    async fn events_go_to_the_default_bus_ten_at_a_time() {
        let (aws, sent) = account([
            answer(json!({"FailedEntryCount": 0, "Entries": [{"EventId": "1"}]})),
            answer(json!({"FailedEntryCount": 0, "Entries": []})),
        ]);
        let events: Vec<_> = (0..12).map(event).collect();
        aws.put_events(&events).await.unwrap();
        let calls = sent.calls();
        assert_eq!(sent.operations(), ["PutEvents"; 2]);
        assert_eq!(calls[0].1["Entries"].as_array().unwrap().len(), 10);
        let last = &calls[1].1["Entries"][1];
        assert_eq!(
            *last,
            json!({"Source": "towerhook", "DetailType": "Account Enrolled", "Detail": "{\"number\":11}"})
        );
    }

    #[tokio::test]
    async fn an_event_that_the_bus_refuses_is_an_error() {
        let refused = json!({"ErrorCode": "ThrottlingException", "ErrorMessage": "slow down"});
        let (aws, _) = account([answer(
            json!({"FailedEntryCount": 1, "Entries": [{"EventId": "1"}, refused]}),
        )]);
        let error = aws.put_events(&[event(1), event(2)]).await.unwrap_err();
        assert!(
            error.chain().contains("ThrottlingException: slow down"),
            "{}",
            error.chain()
        );
    }
}
