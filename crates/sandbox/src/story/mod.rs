//! The whole story of a deployment, told on a landing zone of this machine: launch, accounts
//! enrolled, a new account, one that moves out, the token, an update, the deletion.
//!
//! The story invokes no function. CloudFormation, the bus, the queue and the schedule do; the story
//! only makes the changes that a user, Control Tower or the SaaS would make, and observes.

mod adversity;
mod chapters;
mod enrollment;
mod retention;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde::Serialize;
use towerhook_package::local::FunctionZips;

use crate::inventory::{Difference, Item};
use crate::landing_zone::Account;
use crate::launch::Stack;
use crate::{Options, Sandbox};

pub use adversity::{Adversity, Redrive};
pub use enrollment::Enrollment;

/// A step of the story, for a listener.
#[derive(Debug, Clone, Copy)]
pub enum Telling<'a> {
    /// A chapter begins.
    Chapter(&'a str),
    /// The current action or wait.
    Step(&'a str),
    /// A result.
    Fact(&'a str),
    /// The chapter is over, after this time.
    End(Duration),
}

/// Called for each step of the story.
pub type Listener<'a> = &'a (dyn Fn(Telling<'_>) + Send + Sync);

/// How long a chapter took.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ChapterTime {
    /// Name.
    pub name: String,
    /// Seconds.
    pub seconds: f64,
}

/// An account in the story.
#[derive(Debug, Clone, PartialEq)]
pub struct AccountStory {
    /// The account.
    pub account: Account,
    /// Whether it should be enrolled.
    pub expected: bool,
    /// Its resources in AWS and in the SaaS.
    pub enrollment: Enrollment,
    /// Time from the request or event to the first observation of the enrollment.
    pub enrolled_after: Option<Duration>,
}

/// The result of the story.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// Accounts that should be enrolled.
    pub accounts: usize,
    /// Of these, the ones that were.
    pub enrolled: usize,
    /// How many items in AWS and the SaaS were left, lost or changed after the stack was deleted;
    /// `None` if the story ended before.
    pub left_after_delete: Option<usize>,
    /// The whole story.
    pub seconds: f64,
    /// Calls through the gateway, by `service:Operation`.
    pub aws_calls: BTreeMap<String, u64>,
    /// Calls of the SaaS, by method and path.
    pub saas_calls: BTreeMap<String, u64>,
    /// The chapters told.
    pub chapters: Vec<ChapterTime>,
}

impl Report {
    /// Whether every expected account was enrolled, and nothing was left.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.accounts == self.enrolled && self.left_after_delete == Some(0)
    }
}

/// A story with the sandbox that it is told in.
#[derive(Debug)]
pub struct Story {
    /// The sandbox.
    pub sandbox: Sandbox,
    adversity: Option<Adversity>,
    stack: Option<Stack>,
    accounts: Vec<AccountStory>,
    enrolled_after: BTreeMap<String, Duration>,
    made: Vec<Item>,
    difference: Option<Difference>,
    started: Instant,
    chapters: Vec<ChapterTime>,
}

impl Story {
    /// The first chapter: the landing zone. It has one account fewer than the options ask for;
    /// Account Factory creates that one later.
    ///
    /// # Errors
    /// When the sandbox cannot be started.
    pub async fn open(mut options: Options, listen: Listener<'_>) -> anyhow::Result<Self> {
        let started = Instant::now();
        listen(Telling::Chapter("landing zone"));
        options.accounts -= 1;
        let sandbox = Sandbox::start(options, &|step| listen(Telling::Step(step))).await?;
        let mut story = Self {
            sandbox,
            adversity: None,
            stack: None,
            accounts: Vec::new(),
            enrolled_after: BTreeMap::new(),
            made: Vec::new(),
            difference: None,
            started,
            chapters: Vec::new(),
        };
        story.describe_landing_zone(listen);
        story.end("landing zone", started, listen);
        Ok(story)
    }

    /// Tells all further chapters but the last under faults.
    #[must_use]
    pub fn under(mut self, adversity: Adversity) -> Self {
        self.adversity = Some(adversity);
        self
    }

    /// All other chapters.
    ///
    /// # Errors
    /// At the first thing that is not as it should be. [`Story::report`] and [`Story::accounts`]
    /// then tell how far it came.
    pub async fn tell(&mut self, zips: &FunctionZips, listen: Listener<'_>) -> anyhow::Result<()> {
        let start = begin("stack launched", listen);
        let before = self.upload(zips, listen).await?;
        self.begin_faults(listen);
        let launched = Instant::now();
        self.launch(listen).await?;
        self.end("stack launched", start, listen);

        // Accounts count from the launch, not from when CloudFormation was done with it.
        let start = begin("existing accounts enrolled", listen);
        self.await_existing(launched, listen).await?;
        self.end("existing accounts enrolled", start, listen);

        let start = begin("new account enrolled by its event", listen);
        self.create_account(listen).await?;
        self.end("new account enrolled by its event", start, listen);

        let start = begin("account that moved out offboarded", listen);
        self.move_out(listen).await?;
        self.end("account that moved out offboarded", start, listen);

        if self.sandbox.provider().has_key() {
            match self.sandbox.simulator.replace_key() {
                Some(key) => {
                    let start = begin("new key verified by the schedule", listen);
                    self.await_key(key, listen).await?;
                    self.end("new key verified by the schedule", start, listen);
                }
                None => {
                    let start = begin("token refreshed by the schedule", listen);
                    self.await_token(listen).await?;
                    self.end("token refreshed by the schedule", start, listen);
                }
            }
        }

        let start = begin("stack updated", listen);
        self.update(listen).await?;
        self.end("stack updated", start, listen);

        self.end_faults(listen);
        if self.sandbox.provider().retains() {
            let start = begin("stack deleted, protection stays", listen);
            self.delete_and_keep(&before, listen).await?;
            self.end("stack deleted, protection stays", start, listen);

            let start = begin("stack launched again, protection taken over", listen);
            self.take_over(listen).await?;
            self.end("stack launched again, protection taken over", start, listen);
        }

        let start = begin("stack deleted, nothing left", listen);
        self.delete(&before, listen).await?;
        self.end("stack deleted, nothing left", start, listen);
        Ok(())
    }

    /// The result so far.
    #[must_use]
    pub fn report(&self) -> Report {
        let expected = self.accounts.iter().filter(|story| story.expected);
        Report {
            accounts: expected.clone().count(),
            enrolled: expected
                .filter(|story| story.enrolled_after.is_some())
                .count(),
            left_after_delete: self.difference.as_ref().map(Difference::len),
            seconds: round(self.started.elapsed()),
            aws_calls: self.sandbox.gateway.calls(),
            saas_calls: self.sandbox.simulator.calls(),
            chapters: self.chapters.clone(),
        }
    }

    /// The accounts as they were when they were last looked at.
    #[must_use]
    pub fn accounts(&self) -> &[AccountStory] {
        &self.accounts
    }

    /// The items that the launch had made, from an inventory right before the deletion.
    #[must_use]
    pub fn made(&self) -> &[Item] {
        &self.made
    }

    /// Adds a chapter that was told elsewhere, in front of the others.
    pub fn preface(&mut self, name: &str, took: Duration) {
        self.started -= took;
        self.chapters.insert(
            0,
            ChapterTime {
                name: name.to_owned(),
                seconds: round(took),
            },
        );
    }

    fn end(&mut self, name: &str, start: Instant, listen: Listener<'_>) {
        let took = start.elapsed();
        self.chapters.push(ChapterTime {
            name: name.to_owned(),
            seconds: round(took),
        });
        listen(Telling::End(took));
    }
}

fn begin(name: &str, listen: Listener<'_>) -> Instant {
    listen(Telling::Chapter(name));
    Instant::now()
}

/// Seconds with one decimal.
fn round(time: Duration) -> f64 {
    (time.as_secs_f64() * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_good_only_when_all_is_there_and_then_all_is_gone() {
        let report = Report {
            accounts: 5,
            enrolled: 5,
            left_after_delete: Some(0),
            seconds: 1.0,
            aws_calls: BTreeMap::new(),
            saas_calls: BTreeMap::new(),
            chapters: Vec::new(),
        };
        assert!(report.is_good());
        let bad = [
            Report {
                enrolled: 4,
                ..report.clone()
            },
            Report {
                left_after_delete: Some(1),
                ..report.clone()
            },
            Report {
                left_after_delete: None,
                ..report
            },
        ];
        assert!(bad.iter().all(|report| !report.is_good()));
    }
}
