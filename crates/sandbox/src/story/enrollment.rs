use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};

use super::{AccountStory, Listener, Story, Telling, chapters::LEFT_OUT};
use crate::Sandbox;
use crate::aws_client::AwsError;
use crate::gateway::stack_sets::InstanceStatus;
use crate::landing_zone::Role;
use crate::providers::{Registration, Subject};

const INTERVAL: Duration = Duration::from_millis(250);

/// The resources that Towerhook made for an account.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Enrollment {
    /// The stack instance: `CURRENT` when the role is what it should be. For the management
    /// account, which has an ordinary stack, that stack's status.
    pub instance: Option<String>,
    /// How the SaaS reads it: its registration there, or the role alone.
    pub registration: Option<Registration>,
}

impl Enrollment {
    /// Whether both exist and are healthy.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        let instance = matches!(
            self.instance.as_deref(),
            Some("CURRENT" | "CREATE_COMPLETE" | "UPDATE_COMPLETE")
        );
        instance && self.registration.as_ref().is_some_and(|one| one.enabled)
    }

    /// Whether neither exists.
    #[must_use]
    pub fn is_absent(&self) -> bool {
        self.instance.is_none() && self.registration.is_none()
    }
}

impl fmt::Display for Enrollment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.instance {
            Some(status) => write!(formatter, "stack instance {status}")?,
            None => formatter.write_str("no stack instance")?,
        }
        match &self.registration {
            Some(registration) => write!(formatter, ", registration {}", registration.name),
            None => formatter.write_str(", no registration"),
        }
    }
}

/// The enrollment of each account, by account id.
pub(super) async fn enrollments(sandbox: &Sandbox) -> anyhow::Result<BTreeMap<String, Enrollment>> {
    let mut found: BTreeMap<String, Enrollment> = BTreeMap::new();
    let members = sandbox.simulator.member_stack();
    if let Some(set) = sandbox.gateway.stack_sets().get(&members) {
        for instance in set.instances {
            let status = match (instance.status, instance.reason) {
                (InstanceStatus::Current, _) => "CURRENT".to_owned(),
                (status, None) => format!("{status:?}").to_uppercase(),
                (status, Some(reason)) => {
                    format!("{} ({reason})", format!("{status:?}").to_uppercase())
                }
            };
            found.entry(instance.account).or_default().instance = Some(status);
        }
    }
    let management = sandbox.landing_zone.account_of(Role::Management)?;
    if let Some(status) = management_stack(sandbox, &members).await? {
        found.entry(management.id.clone()).or_default().instance = Some(status);
    }
    let accounts = sandbox.landing_zone.accounts();
    let accounts: Vec<String> = accounts.iter().map(|account| account.id.clone()).collect();
    for (account, reading) in sandbox.simulator.readings(&accounts).await? {
        found.entry(account).or_default().registration = Some(reading);
    }
    Ok(found)
}

async fn management_stack(sandbox: &Sandbox, name: &str) -> anyhow::Result<Option<String>> {
    let parameters = [("StackName", name)];
    let answer = sandbox
        .inside()?
        .query(
            "cloudformation",
            "DescribeStacks",
            "2010-05-15",
            &parameters,
        )
        .await;
    match answer {
        Ok(answer) => Ok(answer
            .text_at("DescribeStacksResult/Stacks/member/StackStatus")
            .map(str::to_owned)),
        Err(AwsError::Refused { message, .. }) if message.contains("does not exist") => Ok(None),
        Err(error) => Err(error.into()),
    }
}

impl Story {
    /// Waits until exactly the expected accounts are enrolled. Their time counts from `since`.
    pub(super) async fn await_enrolled(
        &mut self,
        management: bool,
        since: Instant,
        deadline: Duration,
        listen: Listener<'_>,
    ) -> anyhow::Result<()> {
        let end = Instant::now() + deadline;
        loop {
            let found = enrollments(&self.sandbox).await?;
            self.note(management, &found, since);
            let expected = self.accounts.iter().filter(|story| story.expected);
            let (total, missing): (usize, Vec<_>) = (
                expected.clone().count(),
                expected
                    .filter(|story| !story.enrollment.is_complete())
                    .collect(),
            );
            let enrolled = total - missing.len();
            listen(Telling::Step(&format!(
                "{enrolled} of {total} accounts enrolled"
            )));
            if missing.is_empty() {
                break;
            }
            let missing: String = missing
                .iter()
                .map(|story| {
                    let account = &story.account;
                    format!("\n  {} {}: {}", account.id, account.name, story.enrollment)
                })
                .collect();
            ensure!(
                Instant::now() < end,
                "these accounts are not enrolled after {} s:{missing}",
                deadline.as_secs()
            );
            tokio::time::sleep(INTERVAL).await;
        }
        self.verify(listen).await
    }

    /// Waits until an account has nothing of ours.
    pub(super) async fn await_absent(
        &self,
        name: &str,
        end: Instant,
        listen: Listener<'_>,
    ) -> anyhow::Result<()> {
        let mut accounts = self.sandbox.landing_zone.accounts().iter();
        let account = accounts.find(|account| account.name == name);
        let account = account.with_context(|| format!("there is no account {name}"))?;
        loop {
            let found = enrollments(&self.sandbox).await?;
            let Some(left) = found.get(&account.id).filter(|left| !left.is_absent()) else {
                return Ok(());
            };
            listen(Telling::Step(&format!("{name} has a {left}")));
            ensure!(Instant::now() < end, "{name} still has a {left}");
            tokio::time::sleep(INTERVAL).await;
        }
    }

    fn note(&mut self, management: bool, found: &BTreeMap<String, Enrollment>, since: Instant) {
        self.accounts = self
            .sandbox
            .landing_zone
            .accounts()
            .iter()
            .map(|account| {
                let enrollment = found.get(&account.id).cloned().unwrap_or_default();
                if enrollment.is_complete() {
                    self.enrolled_after
                        .entry(account.id.clone())
                        .or_insert_with(|| since.elapsed());
                }
                AccountStory {
                    account: account.clone(),
                    expected: account.role.is_enrolled(management) && account.unit != LEFT_OUT,
                    enrollment,
                    enrolled_after: self.enrolled_after.get(&account.id).copied(),
                }
            })
            .collect();
    }

    /// Checks that the SaaS can assume every role, and that excluded accounts have nothing.
    async fn verify(&self, listen: Listener<'_>) -> anyhow::Result<()> {
        let mut passed = 0;
        let simulator = &self.sandbox.simulator;
        let accounts = self.accounts.iter();
        let readings = accounts.filter_map(|story| story.enrollment.registration.as_ref());
        let feeds = simulator.registrations();
        let feeds = feeds.iter();
        let feeds = feeds.filter(|one| matches!(one.subject, Subject::Feed { .. }));
        for registration in readings.chain(feeds) {
            let verification = simulator.verify(&registration.id).await?;
            ensure!(
                verification.passed(),
                "{} does not work: {verification:?}",
                registration.name
            );
            passed += 1;
        }
        for story in self.accounts.iter().filter(|story| !story.expected) {
            let account = &story.account;
            ensure!(
                story.enrollment.is_absent(),
                "{} {} is {} and should be left alone, but has: {}",
                account.id,
                account.name,
                account.role,
                story.enrollment
            );
        }
        let accounts = self.accounts.iter().filter(|story| story.expected).count();
        listen(Telling::Fact(&format!(
            "{accounts} accounts enrolled; {} can use all {passed} roles; \
             accounts that are closed or not managed were left alone",
            simulator.title()
        )));
        Ok(())
    }
}
