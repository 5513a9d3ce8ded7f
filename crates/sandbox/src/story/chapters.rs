use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use jiff::Timestamp;
use serde_json::{Value, json};
use towerhook_package::local::FunctionZips;

use super::{Listener, Story, Telling};
use crate::STACK_NAME;
use crate::inventory::Inventory;
use crate::landing_zone::{SANDBOX, SUSPENDED};
use crate::launch::{Parameters, Stack};

/// How long CloudFormation may take for one request, the functions' work included.
pub(super) const STACK_DEADLINE: Duration = Duration::from_secs(600);

/// How long an enrollment may take.
pub(super) const ENROLLMENT_DEADLINE: Duration = Duration::from_secs(420);

/// How long the schedule may take: its rate of one minute, and the 10 seconds at which the emulator
/// polls its rules.
const SCHEDULE_DEADLINE: Duration = Duration::from_secs(150);

/// How long the functions' last log lines may take after the stack is gone.
const SETTLING: Duration = Duration::from_secs(15);

/// Of the 24 hours that a token lives. With less than a third left it is refreshed.
const SHORT_TOKEN: Duration = Duration::from_secs(6 * 3600);

/// The OU that the launch leaves out.
pub(super) const LEFT_OUT: &str = SUSPENDED;

/// The account that Account Factory creates.
const NEWCOMER: &str = "brand-new";

pub(super) const INTERVAL: Duration = Duration::from_millis(500);

impl Story {
    pub(super) fn describe_landing_zone(&self, listen: Listener<'_>) {
        let accounts = self.sandbox.landing_zone.accounts();
        let managed = accounts
            .iter()
            .filter(|account| account.role.is_enrolled(true))
            .count();
        listen(Telling::Fact(&format!(
            "{managed} accounts that Control Tower manages, {} that must be left alone",
            accounts.len() - managed
        )));
        listen(Telling::Fact(&format!(
            "AWS at {}, {} at {}",
            self.sandbox.gateway.url(),
            self.sandbox.simulator.title(),
            self.sandbox.simulator.url()
        )));
    }

    /// Uploads the functions and takes the inventory before the launch.
    pub(super) async fn upload(
        &self,
        zips: &FunctionZips,
        listen: Listener<'_>,
    ) -> anyhow::Result<Inventory> {
        listen(Telling::Step("uploading the functions"));
        self.sandbox.upload(zips).await?;
        listen(Telling::Step("taking the inventory before the launch"));
        let before = Inventory::take(&self.sandbox).await?;
        Ok(before)
    }

    pub(super) async fn launch(&mut self, listen: Listener<'_>) -> anyhow::Result<()> {
        // The first token must be due for a refresh when the schedule fires.
        let simulator = &self.sandbox.simulator;
        simulator.set_longest_token_lifetime(Some(SHORT_TOKEN));
        let provider = self.sandbox.provider();
        let mut parameters = vec![
            ("EnrollManagementAccount", "No"),
            ("ExcludeOrganizationalUnits", LEFT_OUT),
        ];
        if provider.has_key() {
            parameters.push(("TokenRefreshRate", "rate(1 minute)"));
        }
        self.launch_stack(&parameters, listen).await?;
        listen(Telling::Fact(&format!(
            "stack {STACK_NAME} is CREATE_COMPLETE"
        )));
        Ok(())
    }

    pub(super) async fn await_existing(
        &mut self,
        launched: Instant,
        listen: Listener<'_>,
    ) -> anyhow::Result<()> {
        self.await_enrolled(false, launched, self.within(ENROLLMENT_DEADLINE), listen)
            .await?;
        listen(Telling::Step("reading the organization's trail"));
        let read = self.sandbox.simulator.read_trail(self.stack()?).await;
        if let Some(read) = read.context("the trail cannot be read")? {
            listen(Telling::Fact(&format!("the trail is set up: {read}")));
        }
        Ok(())
    }

    pub(super) async fn create_account(&mut self, listen: Listener<'_>) -> anyhow::Result<()> {
        listen(Telling::Step("Account Factory creates an account"));
        let account = self
            .sandbox
            .landing_zone
            .create_account(NEWCOMER, SANDBOX)
            .await?;
        listen(Telling::Fact(&format!(
            "Account Factory made {} ({}) in {}; CreateManagedAccount is on the bus",
            account.name, account.id, account.unit
        )));
        let created = Instant::now();
        self.outage(listen).await?;
        self.await_enrolled(false, created, self.within(ENROLLMENT_DEADLINE), listen)
            .await
    }

    pub(super) async fn await_token(&mut self, listen: Listener<'_>) -> anyhow::Result<()> {
        let simulator = &self.sandbox.simulator;
        simulator.set_longest_token_lifetime(None);
        listen(Telling::Fact(&format!(
            "how the schedule is made to fire: the stack was launched with TokenRefreshRate \
             rate(1 minute), the shortest there is, and {} limited tokens to 6 of 24 hours, \
             so that less than a third was left; now the limit is lifted",
            simulator.title()
        )));
        let deadline = self.within(SCHEDULE_DEADLINE);
        let end = Instant::now() + deadline;
        loop {
            let left = self.token_lifetime().await?;
            listen(Telling::Step("waiting for the schedule"));
            if left > SHORT_TOKEN {
                let hours = left.as_secs_f64() / 3600.0;
                listen(Telling::Fact(&format!(
                    "the schedule fired: the token is good for {hours:.1} hours"
                )));
                return Ok(());
            }
            ensure!(
                Instant::now() < end,
                "the token was not refreshed within {} s",
                deadline.as_secs()
            );
            tokio::time::sleep(INTERVAL).await;
        }
    }

    /// The key is replaced, and the schedule verifies the new one.
    pub(super) async fn await_key(
        &mut self,
        (parameter, key): (&str, String),
        listen: Listener<'_>,
    ) -> anyhow::Result<()> {
        listen(Telling::Fact(&format!(
            "{} has another API key and refuses the former one; the stack is updated with it",
            self.sandbox.simulator.title()
        )));
        let changes: Parameters = [(parameter.to_owned(), key.clone())].into();
        self.update_stack(&changes, listen).await?;
        let deadline = self.within(SCHEDULE_DEADLINE);
        let end = Instant::now() + deadline;
        while self.token().await?["token"] != key.as_str() {
            listen(Telling::Step("waiting for the schedule"));
            ensure!(
                Instant::now() < end,
                "the key was not verified within {} s",
                deadline.as_secs()
            );
            tokio::time::sleep(INTERVAL).await;
        }
        listen(Telling::Fact(
            "the schedule fired: the new key is verified and in use",
        ));
        Ok(())
    }

    /// An account is moved into an OU that is left out.
    pub(super) async fn move_out(&mut self, listen: Listener<'_>) -> anyhow::Result<()> {
        let moved = Instant::now();
        let landing_zone = &mut self.sandbox.landing_zone;
        landing_zone.move_account(NEWCOMER, LEFT_OUT).await?;
        listen(Telling::Fact(&format!(
            "{NEWCOMER} is moved to {LEFT_OUT}, which ExcludeOrganizationalUnits names; MoveAccount is \
             on the bus"
        )));
        let deadline = self.within(ENROLLMENT_DEADLINE);
        self.await_absent(NEWCOMER, moved + deadline, listen)
            .await?;
        self.await_enrolled(false, moved, deadline, listen).await
    }

    pub(super) async fn update(&mut self, listen: Listener<'_>) -> anyhow::Result<()> {
        let started = Instant::now();
        let changes: Parameters = [("EnrollManagementAccount".to_owned(), "Yes".to_owned())].into();
        self.update_stack(&changes, listen).await?;
        listen(Telling::Fact(
            "EnrollManagementAccount=Yes: the stack is UPDATE_COMPLETE",
        ));
        self.await_enrolled(true, started, self.within(ENROLLMENT_DEADLINE), listen)
            .await?;
        self.redrive(listen).await?;
        let dead = self.dead_letters().await?;
        ensure!(
            dead == 0,
            "{dead} messages are in the dead-letter queue: some events could not be handled"
        );
        Ok(())
    }

    pub(super) async fn delete(
        &mut self,
        before: &Inventory,
        listen: Listener<'_>,
    ) -> anyhow::Result<()> {
        // Proves that the inventory sees what the launch made: otherwise it could not show a leak.
        self.made = before
            .difference(&Inventory::take(&self.sandbox).await?)
            .left;
        listen(Telling::Fact(&format!(
            "before the deletion, the stack owns {} items in AWS and {}",
            self.made.len(),
            self.sandbox.simulator.title()
        )));
        self.delete_stack(listen).await?;
        listen(Telling::Fact("the stack is DELETE_COMPLETE"));
        let end = Instant::now() + SETTLING;
        let difference = loop {
            listen(Telling::Step(
                "comparing the inventory with the one before the launch",
            ));
            let after = Inventory::take(&self.sandbox).await?;
            let mut difference = before.difference(&after);
            difference.left.retain(|item| !self.is_boundary(item));
            if difference.is_empty() || Instant::now() >= end {
                break difference;
            }
            tokio::time::sleep(INTERVAL).await;
        };
        self.difference = Some(difference.clone());
        if !difference.is_empty() {
            bail!(
                "the inventory after the deletion differs from the one before the launch:\n{difference}"
            );
        }
        listen(Telling::Fact(&format!(
            "{} items in {} accounts and no registration: the same as before the launch",
            before.items().count(),
            self.sandbox.landing_zone.accounts().len()
        )));
        Ok(())
    }

    pub(super) fn stack(&self) -> anyhow::Result<&Stack> {
        self.stack.as_ref().context("the stack was not launched")
    }

    /// What the token's secret holds.
    async fn token(&self) -> anyhow::Result<Value> {
        let secret = self.stack()?.output("ApiTokenSecretArn").await?;
        let answer = self
            .sandbox
            .inside()?
            .json(
                "secretsmanager",
                "secretsmanager",
                "GetSecretValue",
                json!({"SecretId": secret}),
            )
            .await
            .context("there is no token")?;
        serde_json::from_str(answer["SecretString"].as_str().unwrap_or_default())
            .context("the token's secret is not JSON")
    }

    /// How long the stored token remains valid.
    async fn token_lifetime(&self) -> anyhow::Result<Duration> {
        let token = self.token().await?;
        let expires: Timestamp = token["expiresAt"]
            .as_str()
            .context("the token's secret does not say when it expires")?
            .parse()?;
        Ok(expires
            .duration_since(Timestamp::now())
            .try_into()
            .unwrap_or_default())
    }

    pub(super) async fn dead_letters(&self) -> anyhow::Result<u64> {
        let url = self.stack()?.output("DeadLetterQueueUrl").await?;
        let attributes = [
            "ApproximateNumberOfMessages",
            // Received, but neither deleted nor visible again, as after a lost answer.
            "ApproximateNumberOfMessagesNotVisible",
        ];
        let answer = self
            .sandbox
            .inside()?
            .json(
                "sqs",
                "AmazonSQS",
                "GetQueueAttributes",
                json!({"QueueUrl": url, "AttributeNames": attributes}),
            )
            .await?;
        attributes.iter().try_fold(0, |sum, attribute| {
            let number: u64 = answer["Attributes"][attribute]
                .as_str()
                .context("the dead-letter queue does not say what it holds")?
                .parse()?;
            Ok(sum + number)
        })
    }
}
