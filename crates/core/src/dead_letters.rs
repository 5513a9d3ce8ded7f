//! Shows the messages of the dead-letter queue without their bodies, returns them to the work queue,
//! or drops them.

use std::{collections::BTreeSet, fmt, time::Duration};

use jiff::Timestamp;

use crate::{
    Result,
    lifecycle::{Scope, Trigger},
    model::AccountId,
    ports::{DeadLetter, DeadLetters, ReturnTo},
};

/// How long messages stay invisible to others while they are inspected.
const HIDDEN: Duration = Duration::from_secs(120);
/// The most characters shown of an error.
const SHOWN: usize = 300;
/// The most accounts named of a message.
const NAMED: usize = 5;

/// The description of a message for an administrator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Described {
    /// SQS's id of the message.
    pub id: String,
    /// When it was first sent.
    pub sent_at: Option<Timestamp>,
    /// The kind of message: an event's name.
    pub kind: String,
    /// The accounts that it concerns.
    pub about: String,
    /// Why it is in the queue, as far as known.
    pub why: String,
    /// What happened to it.
    pub fate: Fate,
}

/// What happened to a message of the dead-letter queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    /// It stayed where it was.
    Kept,
    /// It was returned to the work queue.
    Returned,
    /// It was deleted: an administrator wanted that, or it was for another target than the work
    /// queue, whose schedule repeats it.
    Dropped,
}

/// What an administrator wants with the messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish<'a> {
    /// To look at them.
    Show,
    /// To return them to the work queue, except for calls by a schedule, which repeats them.
    Return,
    /// To delete those that were shown; others have come since, and stay.
    Drop {
        /// The ids of those that were shown.
        shown: &'a BTreeSet<String>,
    },
}

impl Wish<'_> {
    fn fate(self, letter: &DeadLetter, queues: &impl DeadLetters) -> Fate {
        let is_foreign = || {
            let undelivered = letter.undelivered.as_ref();
            undelivered.is_some_and(|event| !queues.is_work_queue(&event.target))
        };
        match self {
            Self::Return if is_foreign() => Fate::Dropped,
            Self::Return => Fate::Returned,
            Self::Drop { shown } if shown.contains(&letter.id) => Fate::Dropped,
            Self::Show | Self::Drop { .. } => Fate::Kept,
        }
    }
}

/// Inspects every message of the dead-letter queue, and does with it what the administrator wants. A
/// returned message that fails again meanwhile is not returned twice.
///
/// # Errors
///
/// A call failed; messages already returned or dropped stay so. A message whose deletion failed may be
/// in both queues, which does no harm: a message is a hint and may arrive twice.
pub async fn redrive(queues: &impl DeadLetters, wish: Wish<'_>) -> Result<Vec<Described>> {
    let mut seen = BTreeSet::new();
    let mut kept = Vec::new();
    let mut described = Vec::new();
    loop {
        let letters = queues.receive(HIDDEN).await?;
        let (fresh, again): (Vec<_>, Vec<_>) = letters
            .into_iter()
            .partition(|letter| seen.insert(letter.id.clone()));
        kept.extend(again.iter().cloned());
        if fresh.is_empty() {
            break;
        }
        for letter in fresh {
            let fate = wish.fate(&letter, queues);
            described.push(describe(&letter, fate));
            match fate {
                Fate::Kept => kept.push(letter),
                Fate::Returned => queues.settle(&letter, ReturnTo::WorkQueue).await?,
                Fate::Dropped => queues.settle(&letter, ReturnTo::Nowhere).await?,
            }
        }
    }
    for letter in &kept {
        queues.settle(letter, ReturnTo::DeadLetters).await?;
    }
    described.sort_by_key(|one| one.sent_at);
    Ok(described)
}

fn describe(letter: &DeadLetter, fate: Fate) -> Described {
    let (kind, about, mut why) = match Trigger::parse(&letter.body) {
        Ok(Trigger::Look { kind, scope }) => (
            kind,
            about(&scope.at_once()),
            "the account function gave up on it; its log says why".to_owned(),
        ),
        Ok(Trigger::Failed { kind, account, .. }) => (
            kind,
            account.map_or_else(|| "-".to_owned(), |id| id.to_string()),
            "Control Tower reported a failure".to_owned(),
        ),
        Ok(Trigger::Ignored { kind }) => (kind, "-".to_owned(), "nothing to do".into()),
        Err(malformed) => (
            "malformed".to_owned(),
            "-".to_owned(),
            format!("{malformed}; it will come back"),
        ),
    };
    if let Some(event) = &letter.undelivered {
        let rule = event.rule.rsplit('/').next().unwrap_or_default();
        let error: String = event.error.chars().take(SHOWN).collect();
        why = format!("the rule {rule} could not deliver it: {error}");
    }
    Described {
        id: letter.id.clone(),
        sent_at: letter.sent_at,
        kind,
        about,
        why,
        fate,
    }
}

fn about(scope: &Scope) -> String {
    if scope.all {
        return "all accounts".to_owned();
    }
    let ous = scope.ous.iter().map(|ou| format!("accounts below {ou}"));
    let named = scope.accounts.keys().take(NAMED).map(AccountId::to_string);
    let more = scope.accounts.len().saturating_sub(NAMED);
    let more = (more > 0).then(|| format!("{more} more"));
    let parked = scope
        .parked
        .map(|_| "parked work for the next pass".to_owned());
    let all = ous.chain(named).chain(more).chain(parked);
    all.collect::<Vec<_>>().join(", ")
}

impl fmt::Display for Described {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            kind,
            about,
            why,
            fate,
            ..
        } = self;
        write!(f, "{fate}: {kind}, {about} ({why})")
    }
}

impl fmt::Display for Fate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Kept => "waits",
            Self::Returned => "returned",
            Self::Dropped => "dropped",
        })
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use futures::executor::block_on;

    use super::*;
    use crate::{
        lifecycle::{Message, MessageScope},
        ports::Undelivered,
    };

    const WORK: &str = "arn:aws:sqs:eu-west-1:999999999999:work";

    /// Two queues, of which the dead-letter queue returns two messages at a time, over and over.
    #[derive(Default)]
    struct Queues {
        dead: RefCell<Vec<DeadLetter>>,
        hidden: RefCell<BTreeSet<String>>,
        work: RefCell<Vec<String>>,
    }

    impl Queues {
        fn with(bodies: &[&str]) -> Self {
            let queues = Self::default();
            *queues.dead.borrow_mut() = bodies
                .iter()
                .enumerate()
                .map(|(number, body)| DeadLetter {
                    id: number.to_string(),
                    receipt: String::new(),
                    sent_at: Timestamp::from_second(100 - number as i64).ok(),
                    body: (*body).to_owned(),
                    undelivered: None,
                })
                .collect();
            queues
        }
    }

    impl DeadLetters for Queues {
        async fn receive(&self, _: Duration) -> Result<Vec<DeadLetter>> {
            let mut hidden = self.hidden.borrow_mut();
            let dead = self.dead.borrow();
            let visible = dead.iter().filter(|letter| !hidden.contains(&letter.id));
            let found: Vec<_> = visible.take(2).cloned().collect();
            hidden.extend(found.iter().map(|letter| letter.id.clone()));
            Ok(found)
        }

        async fn settle(&self, letter: &DeadLetter, to: ReturnTo) -> Result<()> {
            self.hidden.borrow_mut().remove(&letter.id);
            if to != ReturnTo::DeadLetters {
                self.dead.borrow_mut().retain(|one| one.id != letter.id);
            }
            if to == ReturnTo::WorkQueue {
                self.work.borrow_mut().push(letter.body.clone());
            }
            Ok(())
        }

        fn is_work_queue(&self, arn: &str) -> bool {
            arn == WORK
        }
    }

    fn accounts(number: usize) -> String {
        let ids = (0..number).map(|n| format!("{n:012}").parse().unwrap());
        Message::new(MessageScope::Accounts(ids.collect()), 0).to_body()
    }

    #[test]
    fn all_are_described_the_oldest_first_and_stay() {
        let secret = r#"{"password":"hunter2"}"#;
        let queues = Queues::with(&[&accounts(7), &accounts(1), secret, "hunter2"]);
        let found = block_on(redrive(&queues, Wish::Show)).unwrap();
        let shown: Vec<_> = found
            .iter()
            .map(|one| format!("{} | {} | {} | {}", one.kind, one.about, one.why, one.fate))
            .collect();
        assert!(shown[0].starts_with("malformed | - | the record is not a JSON object"));
        assert!(shown[2].contains("| 000000000000 | the account function gave up"));
        assert!(shown[3].contains("000000000004, 2 more |"), "{shown:?}");
        assert!(!shown.concat().contains("hunter2"), "{shown:?}");
        assert!(found.iter().all(|one| one.fate == Fate::Kept));
        assert_eq!(queues.dead.borrow().len(), 4);
        assert!(queues.hidden.borrow().is_empty(), "all can be seen again");
        assert!(queues.work.borrow().is_empty());
    }

    #[test]
    fn a_call_is_about_what_is_parked() {
        let call = Message::wake_up("2026-01-01T00:00:00Z".parse().unwrap());
        let queues = Queues::with(&[&call.to_body()]);
        let found = block_on(redrive(&queues, Wish::Show)).unwrap();
        assert_eq!(found[0].about, "parked work for the next pass");
    }

    #[test]
    fn what_the_work_queue_can_do_goes_back_and_a_schedules_call_is_dropped() {
        let queues = Queues::with(&[&accounts(1), "{}", &accounts(2)]);
        for (index, target) in [(0, WORK), (1, "arn:aws:lambda:eu-west-1:9:function:auth")] {
            queues.dead.borrow_mut()[index].undelivered = Some(Undelivered {
                rule: "arn:aws:events:eu-west-1:999999999999:rule/towerhook-lifecycle".into(),
                target: target.into(),
                error: "NO_PERMISSIONS: no".into(),
            });
        }
        let found = block_on(redrive(&queues, Wish::Return)).unwrap();
        let fates: Vec<_> = found.iter().map(|one| one.fate).collect();
        assert_eq!(fates, [Fate::Returned, Fate::Dropped, Fate::Returned]);
        assert_eq!(
            found[2].why,
            "the rule towerhook-lifecycle could not deliver it: NO_PERMISSIONS: no"
        );
        assert!(queues.dead.borrow().is_empty());
        assert_eq!(queues.work.borrow()[..], [accounts(1), accounts(2)]);
    }

    #[test]
    fn only_what_was_shown_is_dropped() {
        let queues = Queues::with(&[&accounts(1), "{}", &accounts(2)]);
        let found = block_on(redrive(&queues, Wish::Show)).unwrap();
        let shown = found.iter().skip(1).map(|one| one.id.clone()).collect();
        let found = block_on(redrive(&queues, Wish::Drop { shown: &shown })).unwrap();
        let fates: Vec<_> = found.iter().map(|one| one.fate).collect();
        assert_eq!(fates, [Fate::Kept, Fate::Dropped, Fate::Dropped]);
        let left: Vec<_> = queues
            .dead
            .borrow()
            .iter()
            .map(|one| one.id.clone())
            .collect();
        assert_eq!(left, [found[0].id.clone()]);
        assert!(queues.hidden.borrow().is_empty(), "it can be seen again");
        assert!(queues.work.borrow().is_empty());
    }
}
