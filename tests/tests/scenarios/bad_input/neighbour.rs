//! A landing zone and a Lacework account with foreign resources, and launches that fail there.

use std::time::{Duration, Instant};

use regex_lite::Regex;
use serde_json::json;
use towerhook_sandbox::gateway::stack_sets::InstanceView;
use towerhook_sandbox::inventory::{Difference, Inventory, Item};
use towerhook_sandbox::landing_zone::Role;
use towerhook_sandbox::launch::{Parameters, Stack, TEMPLATE};
use towerhook_sandbox::providers::lacework::Integration;
use towerhook_sandbox::{MANAGEMENT_ACCOUNT, STACK_NAME, Sandbox};
use towerhook_tests::{STACK_DEADLINE, options, sandbox, until};

const CLOUDFORMATION: &str = "2010-05-15";

/// The functions' last log lines may appear after the stack's deletion.
const SETTLING: Duration = Duration::from_secs(15);

/// How often an inventory is taken while waiting.
const INTERVAL: Duration = Duration::from_millis(100);

/// The landing zone, with the foreign resources.
pub(crate) struct Neighbour {
    pub(crate) sandbox: Sandbox,
}

/// A launch that failed and was rolled back completely.
pub(crate) struct Refused {
    /// CloudFormation's reason for the custom resource, without the parts that vary between runs.
    pub(crate) reason: String,
    /// The physical id in its Delete.
    pub(crate) physical_id: String,
}

/// The foreign resources that a careless deployment could change.
#[derive(Debug, PartialEq)]
struct Foreign {
    stack_sets: Vec<(String, Vec<InstanceView>, usize)>,
    integrations: Vec<Integration>,
}

impl Neighbour {
    /// Four accounts. The neighbour has a StackSet under our prefix and an integration that uses a
    /// role with our role's name.
    pub(crate) async fn new(sub_accounts: &[&str]) -> Self {
        let mut options = options();
        options.accounts = 4;
        // So that IAM's refusals do not count as permissions that are still propagating.
        options.requests_late_by = Duration::from_secs(120);
        options.stores = sub_accounts.iter().map(|name| (*name).to_owned()).collect();
        let neighbour = Self {
            sandbox: sandbox(options).await,
        };
        neighbour
            .make_stack_set("Lacework-Control-Tower-CloudTrail-Log-Account-globex")
            .await;
        let member = neighbour.id(Role::Member);
        let integration = json!({
            "name": "Made by hand",
            "type": "AwsCfg",
            "enabled": 1,
            "data": {
                "awsAccountId": member,
                "crossAccountCredentials": {
                    "roleArn": format!("arn:aws:iam::{member}:role/acme-laceworkcwsrole-sa"),
                    "externalId": format!("lweid:aws:v2:acme:{member}:0123456789"),
                },
            },
        });
        let controls = neighbour.sandbox.lacework().unwrap().controls();
        controls.seed(None, &integration).unwrap();
        neighbour
    }

    /// Creates a foreign StackSet with an instance.
    pub(crate) async fn make_stack_set(&self, name: &str) {
        let user = self.sandbox.user().unwrap();
        let member = self.id(Role::Member);
        let administration = format!(
            "arn:aws:iam::{MANAGEMENT_ACCOUNT}:role/service-role/AWSControlTowerStackSetRole"
        );
        let set = [
            ("StackSetName", name),
            (
                "TemplateBody",
                r#"{"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}"#,
            ),
            ("AdministrationRoleARN", &administration),
            ("ExecutionRoleName", "AWSControlTowerExecution"),
        ];
        let instance = [
            ("StackSetName", name),
            ("Accounts.member.1", &member),
            ("Regions.member.1", self.sandbox.landing_zone.region()),
        ];
        for (action, form) in [
            ("CreateStackSet", &set[..]),
            ("CreateStackInstances", &instance),
        ] {
            user.query("cloudformation", action, CLOUDFORMATION, form)
                .await
                .unwrap();
        }
        until(
            "the neighbour's instance is made",
            STACK_DEADLINE,
            async || {
                let set = self.sandbox.gateway.stack_sets().get(name).unwrap();
                set.operations.iter().all(|one| one.took.is_some())
            },
        )
        .await;
    }

    /// Creates another OU with this name below a parent.
    pub(crate) async fn make_unit(&self, name: &str, parent: &str) {
        let parent = self.sandbox.landing_zone.unit_id(parent).unwrap();
        let request = json!({"ParentId": parent, "Name": name});
        let inside = self.sandbox.inside().unwrap();
        let made = inside.json(
            "organizations",
            "AWSOrganizationsV20161128",
            "CreateOrganizationalUnit",
            request,
        );
        made.await.unwrap();
    }

    /// Creates a trail that notifies no topic.
    pub(crate) async fn make_trail(&self, name: &str, organization: bool, regions: bool, on: bool) {
        let inside = self.sandbox.inside().unwrap();
        let trail = json!({
            "Name": name,
            "S3BucketName": "aws-controltower-logs",
            "IsOrganizationTrail": organization,
            "IsMultiRegionTrail": regions,
        });
        let call = async |operation: &str, request| {
            let target = "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101";
            let made = inside.json("cloudtrail", target, operation, request);
            made.await.unwrap();
        };
        call("CreateTrail", trail).await;
        if on {
            call("StartLogging", json!({"Name": name})).await;
        }
    }

    pub(crate) fn id(&self, role: Role) -> String {
        let account = self.sandbox.landing_zone.account_of(role).unwrap();
        account.id.clone()
    }

    /// Launches a stack with these parameters, which must fail.
    pub(crate) async fn refusal(&self, parameters: &[(&str, &str)]) -> Refused {
        self.refusal_of(TEMPLATE, parameters).await
    }

    /// Launches a stack from this template, whose custom resource must fail; checks that it leaves
    /// nothing and changes nothing, and deletes it.
    pub(crate) async fn refusal_of(&self, template: &str, parameters: &[(&str, &str)]) -> Refused {
        let before = Inventory::take(&self.sandbox).await.unwrap();
        let foreign = self.foreign();
        let stack = self.launch(template, parameters).await;
        stack
            .wait_for("ROLLBACK_COMPLETE", STACK_DEADLINE)
            .await
            .unwrap();
        let failures = stack.failures().await.unwrap();
        let [failure] = &failures[..] else {
            panic!("{failures:?}")
        };
        assert_eq!(
            (failure.resource.as_str(), failure.status.as_str()),
            ("Setup", "CREATE_FAILED"),
            "{failure}"
        );
        let stack_alone = Difference {
            left: vec![Item {
                place: MANAGEMENT_ACCOUNT.to_owned(),
                kind: "stack",
                name: STACK_NAME.to_owned(),
            }],
            ..Difference::default()
        };
        await_difference(&self.sandbox, &before, &stack_alone).await;
        let physical_id = self.deleted_resource(&stack).await;

        stack.delete().await.unwrap();
        stack
            .wait_for("DELETE_COMPLETE", STACK_DEADLINE)
            .await
            .unwrap();
        await_difference(&self.sandbox, &before, &Difference::default()).await;
        assert_eq!(self.foreign(), foreign);

        self.is_well_formed(&failure.reason, parameters);
        Refused {
            reason: self.without_ids(&failure.reason),
            physical_id,
        }
    }

    async fn launch(&self, template: &str, more: &[(&str, &str)]) -> Stack {
        let mut parameters = self.sandbox.parameters();
        parameters.extend(owned(more));
        let (user, inside) = (self.sandbox.user().unwrap(), self.sandbox.inside().unwrap());
        Stack::create(&user, &inside, STACK_NAME, template, &parameters)
            .await
            .unwrap()
    }

    /// The physical id with which the rollback deleted the custom resource.
    async fn deleted_resource(&self, stack: &Stack) -> String {
        let inside = self.sandbox.inside().unwrap();
        let answer = inside
            .query(
                "cloudformation",
                "DescribeStackEvents",
                CLOUDFORMATION,
                &[("StackName", &stack.id)],
            )
            .await
            .unwrap();
        let mut events = answer.members("DescribeStackEventsResult/StackEvents");
        let deleted = events.find(|event| {
            event.text_at("LogicalResourceId") == Some("Setup")
                && event.text_at("ResourceStatus") == Some("DELETE_COMPLETE")
        });
        let id = deleted.expect("the failed resource got no Delete");
        id.text_at("PhysicalResourceId").unwrap().to_owned()
    }

    fn foreign(&self) -> Foreign {
        let sets = self.sandbox.gateway.stack_sets().all().into_iter();
        let integrations = self.sandbox.lacework().unwrap().integrations().into_iter();
        Foreign {
            stack_sets: sets
                .map(|set| (set.arn, set.instances, set.operations.len()))
                .collect(),
            // The simulator sets its state with a delay.
            integrations: integrations
                .map(|one| Integration { ok: None, ..one })
                .collect(),
        }
    }

    fn is_well_formed(&self, reason: &str, parameters: &[(&str, &str)]) {
        assert!(reason.len() <= 4096, "{reason}");
        let end = Regex::new(r"[.!?](\s|$)").unwrap();
        let sentences = end.find_iter(reason).count();
        assert!(
            reason.ends_with('.') && (1..=2).contains(&sentences),
            "{reason}"
        );
        let log = self.sandbox.function_logs().read("setup");
        assert!(!log.is_empty());
        let used = owned(parameters)
            .into_iter()
            .chain(self.sandbox.parameters());
        for (_, secret) in used.filter(|(name, _)| name == "LaceworkSecretKey") {
            assert!(
                !reason.contains(&secret) && !log.contains(&secret),
                "{reason}"
            );
        }
        // The format of the simulator's tokens.
        let token = Regex::new("_[0-9a-f]{32}").unwrap();
        assert!(!token.is_match(reason) && !token.is_match(&log), "{reason}");
    }

    fn without_ids(&self, reason: &str) -> String {
        let accounts = self.sandbox.landing_zone.accounts().iter();
        let reason = accounts.fold(reason.to_owned(), |reason, account| {
            reason.replace(&account.id, &format!("<{}>", account.name))
        });
        let address = Regex::new(r"127\.0\.0\.1:[0-9]{2,}").unwrap();
        let reason = address.replace_all(&reason, "127.0.0.1:<port>");
        let unit = Regex::new("ou-[0-9a-z]{4,32}-[0-9a-z]{8,32}").unwrap();
        unit.replace_all(&reason, "<unit>").into_owned()
    }
}

/// Waits until an inventory has no other difference from this one.
pub(crate) async fn await_difference(sandbox: &Sandbox, before: &Inventory, expected: &Difference) {
    let end = Instant::now() + SETTLING;
    loop {
        let after = Inventory::take(sandbox).await.unwrap();
        let difference = before.difference(&after);
        if difference == *expected {
            return;
        }
        assert!(
            Instant::now() < end,
            "expected:\n{expected}found:\n{difference}"
        );
        tokio::time::sleep(INTERVAL).await;
    }
}

fn owned(parameters: &[(&str, &str)]) -> Parameters {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    parameters.iter().map(owned).collect()
}
