//! A landing zone with the main stack, and accessors for both. Everything here panics when the
//! emulator does not answer.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use towerhook_core::ledger::Reason;
use towerhook_core::provider::Provider;
use towerhook_providers::lacework::Lacework;
use towerhook_sandbox::aws_client::AwsClient;
use towerhook_sandbox::emulator::logs::function_log;
use towerhook_sandbox::gateway::stack_sets::InstanceStatus;
use towerhook_sandbox::landing_zone::Account;
use towerhook_sandbox::launch::Stack;
use towerhook_sandbox::providers::Registration;
use towerhook_sandbox::{Options, STACK_NAME, Sandbox};

use crate::{INTERVAL, STACK_DEADLINE, launched, options, sandbox};

/// The time limit of an enrollment, including its revisits.
const DEADLINE: Duration = Duration::from_secs(180);

/// A landing zone with the main stack.
#[derive(Debug)]
pub struct Scene {
    /// The landing zone and the SaaS.
    pub sandbox: Sandbox,
    /// The main stack.
    pub stack: Stack,
}

impl Scene {
    /// A landing zone with this many accounts, these stores, and the main stack with these parameters complete.
    ///
    /// # Panics
    /// When the stack fails.
    pub async fn open(accounts: usize, stores: &[&str], parameters: &[(&str, &str)]) -> Self {
        let mut options = options();
        options.accounts = accounts;
        options.stores = stores.iter().map(|name| (*name).to_owned()).collect();
        Self::open_with(options, parameters).await
    }

    /// A landing zone with these options, and the main stack with these parameters complete.
    ///
    /// # Panics
    /// When the stack fails.
    pub async fn open_with(options: Options, parameters: &[(&str, &str)]) -> Self {
        let sandbox = sandbox(options).await;
        let stack = launched(&sandbox, parameters).await;
        Self { sandbox, stack }
    }

    /// A landing zone with four accounts, and a stack from this template, complete.
    ///
    /// # Panics
    /// When the stack fails.
    pub async fn open_from(template: &str) -> Self {
        Self::open_as(STACK_NAME, template).await
    }

    /// The same, with this stack name.
    ///
    /// # Panics
    /// When the stack fails.
    pub async fn open_as(name: &str, template: &str) -> Self {
        let mut options = options();
        options.accounts = 4;
        let sandbox = sandbox(options).await;
        let (user, inside) = (sandbox.user().unwrap(), sandbox.inside().unwrap());
        let parameters = sandbox.parameters();
        let stack = Stack::create(&user, &inside, name, template, &parameters)
            .await
            .unwrap();
        stack
            .wait_for("CREATE_COMPLETE", STACK_DEADLINE)
            .await
            .unwrap();
        Self { sandbox, stack }
    }

    /// A client whose calls are not counted and never fail by a fault.
    #[must_use]
    pub fn inside(&self) -> AwsClient {
        self.sandbox.inside().unwrap()
    }

    /// The account with this name.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn account(&self, name: &str) -> Account {
        self.sandbox.landing_zone.account(name).unwrap().clone()
    }

    /// The ledger's record of each account, by id.
    pub async fn records(&self) -> BTreeMap<String, Value> {
        let table = self.stack.output("LedgerTableName").await.unwrap();
        let request = json!({
            "TableName": table,
            "KeyConditionExpression": "#kind = :kind",
            "ExpressionAttributeNames": {"#kind": "kind"},
            "ExpressionAttributeValues": {":kind": {"S": "account"}},
        });
        let answer = self
            .inside()
            .json("dynamodb", "DynamoDB_20120810", "Query", request)
            .await
            .unwrap();
        let items = answer["Items"].as_array().unwrap();
        items
            .iter()
            .map(|item| {
                let id = item["id"]["S"].as_str().unwrap().to_owned();
                let document = item["document"]["S"].as_str().unwrap();
                (id, serde_json::from_str(document).unwrap())
            })
            .collect()
    }

    /// The ledger's reason why an account is not enrolled.
    pub async fn reason(&self, name: &str) -> Option<String> {
        let record = self.records().await.remove(&self.account(name).id)?;
        reason_in(&record)
    }

    /// The status of an account's member stack, if there is one.
    #[must_use]
    pub fn instance(&self, name: &str) -> Option<InstanceStatus> {
        let id = self.account(name).id;
        let sets = self.sandbox.gateway.stack_sets().all();
        let members = self.sandbox.simulator.member_stack();
        // Between the prefix, which is a parameter, and the tenant or the store.
        let (members, _) = members.split_once("Member-")?;
        let kind = members.rsplit_once("Tower-").map_or("", |(_, kind)| kind);
        let kind = format!("{kind}Member-");
        let members = sets.into_iter().find(|set| set.name.contains(&kind))?;
        let mut instances = members.instances.into_iter();
        let instance = instances.find(|instance| instance.account == id)?;
        Some(instance.status)
    }

    /// How the SaaS reads an account: its registrations, or the role alone of one that has none.
    pub async fn readings(&self, name: &str) -> Vec<Registration> {
        let simulator = &self.sandbox.simulator;
        if !simulator.registrations().is_empty() {
            return self.registrations(name);
        }
        let account = [self.account(name).id];
        let found = simulator.readings(&account).await.unwrap();
        found.into_values().collect()
    }

    /// Whether the account has a current member stack, exactly one integration, which is enabled,
    /// or a role that is read, and a matching record in the ledger.
    pub async fn is_enrolled(&self, name: &str) -> bool {
        let registrations = self.readings(name).await;
        let records = self.records().await;
        let record = records.get(&self.account(name).id);
        let recorded = record.is_some_and(|record| record["since"].is_string());
        self.instance(name) == Some(InstanceStatus::Current)
            && matches!(&registrations[..], [one] if one.enabled)
            && recorded
    }

    /// Waits until all these accounts are enrolled.
    ///
    /// # Panics
    /// When they are not within three minutes: the message shows the state of every account, and
    /// the failures.
    pub async fn await_enrolled(&self, names: &[&str]) {
        let end = Instant::now() + DEADLINE;
        for name in names {
            while !self.is_enrolled(name).await {
                if Instant::now() >= end {
                    let table = self.table().await;
                    let mut log = self.log("account").await;
                    log.retain(|line| line["level"] == "WARN" || line["level"] == "ERROR");
                    panic!("{name} is not enrolled:\n{table}{log:#?}");
                }
                tokio::time::sleep(INTERVAL).await;
            }
        }
    }

    /// A table of all accounts: OU, member stack, and the Lacework account that watches it, or why
    /// none does. Without ids and times, so that it is reproducible.
    pub async fn table(&self) -> String {
        let records = self.records().await;
        let mut accounts = self.sandbox.landing_zone.accounts().to_vec();
        accounts.sort_by(|one, other| one.name.cmp(&other.name));
        let mut table = String::new();
        for account in accounts {
            let instance = match self.instance(&account.name) {
                Some(status) => format!("{status:?}").to_lowercase(),
                None => "no stack".to_owned(),
            };
            let registrations = self.readings(&account.name).await;
            let stores: Vec<String> = registrations
                .iter()
                .map(|one| match one.enabled {
                    true => one.store.clone(),
                    false => format!("{} (off)", one.store),
                })
                .collect();
            let record = records.get(&account.id).unwrap_or(&Value::Null);
            let outcome = match (&record["since"], reason_in(record)) {
                (Value::String(_), None) => "enrolled".to_owned(),
                (Value::String(_), Some(reason)) => format!("enrolled, but {reason}"),
                (_, Some(reason)) => reason,
                (_, None) if record.is_null() => "not looked at".to_owned(),
                (_, None) => "noted".to_owned(),
            };
            let line = format!(
                "{:<15} {:<12} {instance:<9} {:<12} {outcome}",
                account.name,
                account.unit,
                match stores.join(", ") {
                    none if none.is_empty() => "unwatched".to_owned(),
                    stores => stores,
                },
            );
            writeln!(table, "{}", line.trim_end()).unwrap();
        }
        table
    }

    /// The generated name of a function of the stack, such as `setup`.
    ///
    /// # Panics
    /// When the stack's outputs lack it.
    pub async fn function_name(&self, function: &str) -> String {
        let output = match function {
            "setup" => "SetupFunctionName",
            "account" => "AccountFunctionName",
            "auth" => "AuthFunctionName",
            other => panic!("no function is called {other}"),
        };
        self.stack.output(output).await.unwrap()
    }

    /// A function's log so far, as JSON, without Lambda's own lines.
    pub async fn log(&self, function: &str) -> Vec<Value> {
        let group = format!("/aws/lambda/{}-{function}", self.stack.name);
        function_log(&self.inside(), &group)
            .await
            .unwrap()
            .iter()
            .filter_map(|line| serde_json::from_str(&line.message).ok())
            .collect()
    }

    /// The log messages with this text so far.
    pub async fn logged(&self, function: &str, message: &str) -> Vec<Value> {
        let mut lines = self.log(function).await;
        lines.retain(|line| line["message"] == message);
        lines
    }

    /// The sum of one of the account function's metrics.
    pub async fn metric(&self, name: &str) -> u64 {
        self.log("account")
            .await
            .iter()
            .filter(|line| line.get("_aws").is_some())
            .filter_map(|line| line[name].as_u64())
            .sum()
    }

    /// Setup's steps, with account names and without times. Integrations are deleted concurrently,
    /// so each batch of deletions is sorted.
    pub async fn steps(&self) -> String {
        let steps = self.logged("setup", "step").await;
        let mut steps: Vec<String> = steps
            .iter()
            .map(|step| step["step"].as_str().unwrap().to_owned())
            .collect();
        for account in self.sandbox.landing_zone.accounts() {
            for step in &mut steps {
                *step = step.replace(&account.id, &account.name);
            }
        }
        let removes = |step: &String| step.starts_with("delete registration ");
        for side_by_side in steps.chunk_by_mut(|one, next| removes(one) && removes(next)) {
            side_by_side.sort();
        }
        steps.join("\n") + "\n"
    }

    /// Sends events to the bus, ten at a time.
    pub async fn publish_all(&self, events: &[Value]) {
        for some in events.chunks(10) {
            let entries: Vec<Value> = some
                .iter()
                .map(|event| {
                    json!({
                        "Source": event["source"],
                        "DetailType": event["detail-type"],
                        "Detail": event["detail"].to_string(),
                    })
                })
                .collect();
            let request = json!({"Entries": entries});
            let answer = self
                .inside()
                .json("events", "AWSEvents", "PutEvents", request)
                .await
                .unwrap();
            assert_eq!(answer["FailedEntryCount"], 0);
        }
    }

    /// Sends the event in a file of `tests/events`, for the account with this name.
    pub async fn publish_file(&self, file: &str, name: &str) {
        let event = self.event(file, name);
        self.sandbox.landing_zone.publish(&event).await.unwrap();
    }

    /// The event in a file of `tests/events`, for the account with this name.
    ///
    /// # Panics
    /// When there is no such file or account.
    #[must_use]
    pub fn event(&self, file: &str, name: &str) -> Value {
        let path = format!("{}/events/{file}.json", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(path).unwrap();
        let account = self.account(name);
        let unit = self.sandbox.landing_zone.unit_id(&account.unit).unwrap();
        let text = text
            .replace("222222222222", &account.id)
            .replace("ou-ab12-l3zc8b3h", unit);
        serde_json::from_str(&text).unwrap()
    }

    /// Triggers a comparison of the whole organization through the bus, and waits until it is done.
    pub async fn reconcile(&self) {
        let kind = "UpdateLandingZone";
        let seen = async || {
            let lines = self.logged("account", "event accepted").await;
            lines.iter().filter(|line| line["kind"] == kind).count()
        };
        let before = seen().await;
        self.publish_file("update-landing-zone", "Log Archive")
            .await;
        until("everything is looked at", async || seen().await > before).await;
        self.settle().await;
    }

    /// Waits until the work queue is empty, without delayed messages and without messages in
    /// flight.
    pub async fn settle(&self) {
        let url = self.stack.output("WorkQueueUrl").await.unwrap();
        until("the queue is empty", async || {
            let attributes = self.queue(&url).await;
            attributes.visible + attributes.in_flight + attributes.delayed == 0
        })
        .await;
    }

    /// The number of messages in a queue.
    pub async fn queue(&self, url: &str) -> Messages {
        let request = json!({"QueueUrl": url, "AttributeNames": ["All"]});
        let answer = self
            .inside()
            .json("sqs", "AmazonSQS", "GetQueueAttributes", request)
            .await
            .unwrap();
        let count = |name: &str| -> u64 {
            let text = answer["Attributes"][name].as_str().unwrap();
            text.parse().unwrap()
        };
        Messages {
            visible: count("ApproximateNumberOfMessages"),
            in_flight: count("ApproximateNumberOfMessagesNotVisible"),
            delayed: count("ApproximateNumberOfMessagesDelayed"),
        }
    }
}

/// The messages in a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Messages {
    /// Visible now.
    pub visible: u64,
    /// In flight: received and not deleted yet.
    pub in_flight: u64,
    /// Delayed.
    pub delayed: u64,
}

/// Waits until the condition holds.
///
/// # Panics
/// When it does not hold within three minutes.
pub async fn until(what: &str, condition: impl AsyncFnMut() -> bool) {
    crate::until(what, DEADLINE, condition).await;
}

/// The reason in a record of the ledger, in words.
fn reason_in(record: &Value) -> Option<String> {
    let reason: Reason = serde_json::from_value(record["reason"].clone()).ok()?;
    Some(reason.in_words(Lacework.words()))
}
