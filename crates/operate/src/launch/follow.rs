use std::collections::BTreeSet;

use towerhook_core::{
    Error,
    ports::{MainStackReads, StackEvent},
};

/// What was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Goal {
    /// A new stack.
    Create,
    /// A change.
    Update,
    /// No stack.
    Delete,
}

impl Goal {
    fn reached(self) -> &'static str {
        match self {
            Self::Create => "CREATE_COMPLETE",
            Self::Update => "UPDATE_COMPLETE",
            Self::Delete => "DELETE_COMPLETE",
        }
    }
}

/// What CloudFormation does about a request.
#[derive(Debug, Clone)]
pub struct Following {
    goal: Goal,
    id: String,
    last_event: Option<String>,
    has_begun: bool,
    failure: Option<String>,
    done: BTreeSet<String>,
}

/// What has happened since the last look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// The events, oldest first.
    pub events: Vec<StackEvent>,
    /// The stack's status.
    pub status: String,
    /// How many resources are as the request wants them.
    pub done: usize,
    /// Whether the request has been carried out.
    pub is_reached: bool,
}

/// A request that is not, or no longer, carried out.
#[derive(Debug, thiserror::Error)]
pub enum NotDone {
    /// CloudFormation does not answer.
    #[error("CloudFormation does not say what it does; it goes on nevertheless")]
    Unseen(#[source] Error),
    /// It gave up.
    #[error("the stack is {status}{}", because(reason.as_deref()))]
    Failed {
        /// The stack's status.
        status: String,
        /// The first resource that failed, and why.
        reason: Option<String>,
    },
}

fn because(reason: Option<&str>) -> String {
    reason.map_or_else(String::new, |reason| format!(": {reason}"))
}

impl Following {
    /// Follows a request about the stack with this id, of whose events the last before the request is
    /// known.
    pub fn new(goal: Goal, id: &str, last_event: Option<String>) -> Self {
        Self {
            goal,
            id: id.to_owned(),
            last_event,
            has_begun: false,
            failure: None,
            done: BTreeSet::new(),
        }
    }

    /// Looks once.
    ///
    /// # Errors
    ///
    /// CloudFormation does not answer, or has given up: then the first failure is the reason.
    pub async fn look(&mut self, stacks: &impl MainStackReads) -> Result<Look, NotDone> {
        // The status first: events that come later belong to a later look.
        let stack = stacks.main_stack(&self.id).await.map_err(NotDone::Unseen)?;
        let status = stack.map_or_else(|| "DELETE_COMPLETE".to_owned(), |stack| stack.status);
        let events = match stacks.events(&self.id, self.last_event.as_deref()).await {
            // A deleted stack may have taken its events along.
            Err(_) if status == "DELETE_COMPLETE" => Vec::new(),
            events => events.map_err(NotDone::Unseen)?,
        };
        self.hear(&events);
        let is_gone = status == "DELETE_COMPLETE";
        let is_over = !status.ends_with("_IN_PROGRESS");
        // The status may be that before the request until its first event has come.
        let has_begun = self.has_begun || is_gone;
        let look = Look {
            is_reached: status == self.goal.reached() && has_begun,
            done: self.done.len(),
            status,
            events,
        };
        if is_over && has_begun && !look.is_reached {
            return Err(NotDone::Failed {
                status: look.status,
                reason: self.failure.clone(),
            });
        }
        Ok(look)
    }

    fn hear(&mut self, events: &[StackEvent]) {
        if let Some(last) = events.last() {
            self.last_event = Some(last.id.clone());
            self.has_begun = true;
        }
        for event in events {
            let is_stacks_own = event.physical_id == self.id;
            if !is_stacks_own && event.status == self.goal.reached() {
                self.done.insert(event.resource.clone());
            }
            if !is_stacks_own && is_failure(event) && self.failure.is_none() {
                let why = event.reason.as_deref().unwrap_or("no reason is given");
                self.failure = Some(format!("{}: {why}", event.resource));
            }
        }
    }
}

/// Whether a resource failed, and not only because another had.
fn is_failure(event: &StackEvent) -> bool {
    let reason = event.reason.as_deref().unwrap_or_default();
    event.status.ends_with("_FAILED") && !reason.contains("cancelled")
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use futures::executor::block_on;
    use towerhook_core::{Result, ports::MainStack};

    use super::*;

    const ID: &str = "arn:stack";

    /// A stack whose every look shows the next status, with the events until then.
    struct Told(RefCell<Vec<(&'static str, Vec<StackEvent>)>>);

    impl MainStackReads for Told {
        async fn main_stack(&self, _: &str) -> Result<Option<MainStack>> {
            let (status, _) = self.0.borrow()[0].clone();
            let stack = MainStack {
                id: ID.into(),
                status: status.into(),
                ..MainStack::default()
            };
            Ok((status != "gone").then_some(stack))
        }

        async fn template(&self, _: &str) -> Result<String> {
            panic!("following needs no template")
        }

        async fn last_event(&self, _: &str) -> Result<Option<String>> {
            panic!("following knows the last event")
        }

        async fn events(&self, _: &str, _: Option<&str>) -> Result<Vec<StackEvent>> {
            Ok(self.0.borrow_mut().remove(0).1)
        }
    }

    fn event(resource: &str, status: &str, reason: Option<&str>) -> StackEvent {
        StackEvent {
            id: format!("{resource} {status}"),
            at: "2026-01-01T00:00:00Z".parse().unwrap(),
            resource: resource.into(),
            physical_id: if resource == "t" { ID } else { "" }.into(),
            kind: String::new(),
            status: status.into(),
            reason: reason.map(str::to_owned),
        }
    }

    fn follow(
        goal: Goal,
        told: Vec<(&'static str, Vec<StackEvent>)>,
    ) -> std::result::Result<Look, NotDone> {
        let told = Told(told.into());
        let mut following = Following::new(goal, ID, Some("before".into()));
        loop {
            let look = block_on(following.look(&told))?;
            if look.is_reached {
                return Ok(look);
            }
        }
    }

    #[test]
    fn a_launch_is_followed_to_its_end() {
        let look = follow(
            Goal::Create,
            vec![
                (
                    "CREATE_IN_PROGRESS",
                    vec![event("t", "CREATE_IN_PROGRESS", None)],
                ),
                (
                    "CREATE_IN_PROGRESS",
                    vec![event("Ledger", "CREATE_COMPLETE", None)],
                ),
                ("CREATE_COMPLETE", vec![event("t", "CREATE_COMPLETE", None)]),
            ],
        );
        assert_eq!(look.unwrap().done, 1);
    }

    #[test]
    fn the_first_failure_is_the_reason_and_not_what_was_cancelled_for_it() {
        let cancelled = Some("Resource creation cancelled");
        let failed = follow(
            Goal::Create,
            vec![
                (
                    "CREATE_IN_PROGRESS",
                    vec![event("Queue", "CREATE_FAILED", cancelled)],
                ),
                (
                    "ROLLBACK_IN_PROGRESS",
                    vec![
                        event("Setup", "CREATE_FAILED", Some("the key is refused")),
                        event("Role", "DELETE_FAILED", Some("in use")),
                    ],
                ),
                (
                    "ROLLBACK_COMPLETE",
                    vec![event("t", "ROLLBACK_COMPLETE", None)],
                ),
            ],
        );
        let words = failed.unwrap_err().to_string();
        assert_eq!(
            words,
            "the stack is ROLLBACK_COMPLETE: Setup: the key is refused"
        );
    }

    #[test]
    fn the_status_before_an_update_does_not_end_it() {
        let look = follow(
            Goal::Update,
            vec![
                ("UPDATE_COMPLETE", vec![]),
                (
                    "UPDATE_IN_PROGRESS",
                    vec![event("t", "UPDATE_IN_PROGRESS", None)],
                ),
                ("UPDATE_COMPLETE", vec![event("t", "UPDATE_COMPLETE", None)]),
            ],
        );
        assert_eq!(look.unwrap().events.len(), 1);
        let failed = follow(
            Goal::Update,
            vec![(
                "UPDATE_ROLLBACK_COMPLETE",
                vec![event("t", "UPDATE_FAILED", None)],
            )],
        );
        assert!(
            failed
                .unwrap_err()
                .to_string()
                .ends_with("UPDATE_ROLLBACK_COMPLETE")
        );
    }

    #[test]
    fn a_stack_that_is_gone_is_deleted_and_never_launched() {
        assert!(follow(Goal::Delete, vec![("gone", vec![])]).is_ok());
        assert!(follow(Goal::Create, vec![("gone", vec![])]).is_err());
    }
}
