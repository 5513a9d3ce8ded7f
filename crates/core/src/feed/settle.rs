//! What becomes of the outcome of one of the feed's actions.

use std::time::Duration;

use super::FeedAction;
use crate::{
    ErrorKind, Result,
    model::Created,
    retry::{REQUEUE, Retry},
};

/// What follows an action.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Settled {
    /// The next action, now that the registration has this id, if it is known.
    Next(Option<String>),
    /// Another pass, after this time at the earliest, since a call failed in passing or the vendor
    /// cannot use the role or the queue yet.
    Requeue(Duration, String),
    /// An administrator, with the reason in words.
    Block(String),
}

/// Settles the outcome of an action, in a pass that is the `attempt`th in a row for the same cause.
/// `title` is the vendor's product.
pub(super) fn settle(
    title: &str,
    action: &FeedAction,
    outcome: &Result<Created>,
    attempt: u32,
) -> Settled {
    match outcome {
        Ok(Created::Done(guid)) => Settled::Next(guid.clone()),
        Ok(Created::RoleNotAssumable(why)) if attempt < REQUEUE.tries => {
            Settled::Requeue(Duration::ZERO, why.clone())
        }
        Ok(Created::RoleNotAssumable(why)) => Settled::Block(format!(
            "{title} cannot use the trail's role or queue: {why}"
        )),
        Ok(Created::AlreadyUsed) => Settled::Block(format!(
            "the trail's queue is used by another registration of this {title} account"
        )),
        Err(error) if error.kind == ErrorKind::NotFound => Settled::Block(format!(
            "{action} failed, since it is gone; update the stack, so that setup recreates it: {}",
            error.chain()
        )),
        Err(error) => match REQUEUE.after(error, attempt) {
            Retry::After { delay, .. } => Settled::Requeue(delay, error.chain()),
            Retry::GiveUp => Settled::Block(error.chain()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Error;

    fn settled(outcome: Result<Created>, attempt: u32) -> Settled {
        let action = FeedAction::CreateInstance {
            stack_set: "Feed-Role".into(),
            account: "000000000001".parse().unwrap(),
        };
        settle("Plain", &action, &outcome, attempt)
    }

    fn failed(kind: ErrorKind) -> Result<Created> {
        Err(Error::new("service:Call", kind, "words"))
    }

    #[test]
    fn a_role_that_is_refused_is_retried_ten_times_and_then_reported() {
        let refused = || Ok(Created::RoleNotAssumable("AccessDenied".into()));
        let again = Settled::Requeue(Duration::ZERO, "AccessDenied".into());
        assert_eq!(settled(refused(), 9), again);
        let why = "Plain cannot use the trail's role or queue: AccessDenied";
        assert_eq!(settled(refused(), 10), Settled::Block(why.into()));
    }

    #[test]
    fn a_failure_that_passes_is_requeued_and_any_other_is_reported() {
        let words = "service:Call failed: words";
        let again = Settled::Requeue(Duration::from_secs(15), words.into());
        assert_eq!(settled(failed(ErrorKind::Unavailable), 0), again);
        let last = settled(failed(ErrorKind::Unavailable), 10);
        assert_eq!(last, Settled::Block(words.into()));
        let denied = settled(failed(ErrorKind::Denied), 0);
        assert_eq!(denied, Settled::Block(words.into()));
    }

    #[test]
    fn of_what_is_gone_the_report_says_what_brings_it_back() {
        let gone = settled(failed(ErrorKind::NotFound), 0);
        assert!(
            matches!(&gone, Settled::Block(why) if why.contains("Feed-Role in 000000000001")
                && why.contains("update the stack")),
            "{gone:?}"
        );
    }

    #[test]
    fn the_id_of_what_was_created_is_kept_and_a_foreign_registration_is_named() {
        let done = settled(Ok(Created::Done(Some("ID".into()))), 0);
        assert_eq!(done, Settled::Next(Some("ID".into())));
        let used = settled(Ok(Created::AlreadyUsed), 0);
        assert!(matches!(&used, Settled::Block(why) if why.contains("another registration")));
    }
}
