use serde_json::Value;

use super::{Malformed, Trigger, text};
use crate::{lifecycle::Scope, model::Arn};

const INSTANCE: &str = "CloudFormation StackSet StackInstance Status Change";

/// A change of one of our StackSets. Only an instance that has become current is of interest; the
/// status of an operation as a whole adds nothing to that of its instances.
///
/// Source: docs.aws.amazon.com/eventbridge/latest/ref/events-ref-cloudformation.html
pub(super) fn parse(record: &Value) -> Result<Trigger, Malformed> {
    let kind = text(record, "/detail-type").unwrap_or("aws.cloudformation");
    if kind != INSTANCE {
        return Ok(Trigger::ignored(kind));
    }
    // A failure is retried by its revisit, with the backoff of its attempts.
    let detailed = text(record, "/detail/status-details/detailed-status");
    if detailed.is_some_and(|detailed| detailed != "SUCCEEDED") {
        return Ok(Trigger::ignored(kind));
    }
    // A stack that was never created has no id; the revisit finds its instance.
    let Some(id) = text(record, "/detail/stack-id").filter(|id| !id.is_empty()) else {
        return Ok(Trigger::ignored(kind));
    };
    let account = id.parse::<Arn>().ok().and_then(|arn| arn.account());
    let account = account.ok_or_else(|| Malformed::incomplete(INSTANCE, "stack-id"))?;
    Ok(Trigger::look(INSTANCE, Scope::account(account)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::tests::{id, is_ignored, scope};
    use super::*;

    #[test]
    fn only_an_instance_that_is_ready_is_news() {
        let event = |detailed: &str, stack: &str| {
            json!({"source": "aws.cloudformation", "detail-type": INSTANCE,
                   "detail": {"stack-id": stack, "status-details": {"detailed-status": detailed}}})
        };
        let stack = "arn:aws:cloudformation:us-east-1:111122223333:stack/StackSet-x/1";
        assert_eq!(scope(&event("SUCCEEDED", stack)), Scope::account(id()));
        for body in [
            event("RUNNING", stack),
            event("FAILED", stack),
            event("SUCCEEDED", ""),
        ] {
            assert!(is_ignored(&body), "{body}");
        }
        let odd = event("SUCCEEDED", "x");
        assert!(Trigger::parse(&odd.to_string()).is_err());
    }
}
