//! Replicas of Lacework's own Control Tower integration, version by version, and the procedure in
//! `docs/adoption.md` for deleting its stack.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Value, json};
use towerhook_sandbox::emulator::logs::function_log;
use towerhook_sandbox::gateway::stack_sets::InstanceStatus;
use towerhook_sandbox::providers::Verification;
use towerhook_sandbox::{MANAGEMENT_ACCOUNT, Sandbox};
use towerhook_tests::scene::until;
use towerhook_tests::{options, sandbox};

use crate::enrollment::PREFIX;

const CLOUDFORMATION: &str = "2010-05-15";
const VENDORS_STACK: &str = "Lacework-Control-Tower";
/// The vendor derives them from its stack's id, and at random.
pub(super) const MEMBER_SUFFIX: &str = "lw1a2b3c4d";
const TRAIL_SUFFIX: &str = "K3J9A0ZZ1Q";
pub(super) const ENROLLED: [&str; 3] = ["Log Archive", "Audit", "production-1"];

/// A release of version 3.3.2, whose number never changed: a deployment keeps the templates of its
/// day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    /// 23 April 2024: inline policies.
    April2024,
    /// 18 June 2025: managed policies without the account's id in their names.
    June2025,
    /// Later: managed policies with the account's id in their names.
    Newest,
}

impl Version {
    /// The managed policies of a member's role, by logical id.
    fn member_policies(self) -> Vec<(String, Option<String>)> {
        let number = |number: u32| format!("LaceworkCWSAuditPolicy2025{number}");
        let first = ["LaceworkCWSPolicy", "LaceworkCWSAuditPolicy"].map(str::to_owned);
        match self {
            Self::April2024 => vec![(first[0].clone(), None)],
            Self::June2025 => {
                let all = first.into_iter().chain((1..=3).map(number));
                all.map(|id| (id.clone(), Some(id))).collect()
            }
            Self::Newest => {
                let first = first.map(|id| {
                    let name = format!("{id}-${{AWS::AccountId}}");
                    (id, Some(name))
                });
                let later = (1..=5).map(|at| {
                    let name = format!("LaceworkCWSAuditPolicy-${{AWS::AccountId}}-2025{at}");
                    (number(at), Some(name))
                });
                first.into_iter().chain(later).collect()
            }
        }
    }

    fn log_policy(self) -> (String, Option<String>) {
        let name = match self {
            Self::April2024 => None,
            Self::June2025 => Some("LaceworkCWSLogPolicy".to_owned()),
            Self::Newest => Some("LaceworkCWSLogPolicy-${AWS::AccountId}".to_owned()),
        };
        ("LaceworkCWSPolicy".to_owned(), name)
    }
}

/// A template with these policies for its role: inline, or managed with these names.
fn with_policies(template: &str, policies: &[(String, Option<String>)]) -> String {
    let mut text = template.to_owned();
    for (id, name) in policies {
        let (kind, name) = match name {
            None => ("Policy", format!("PolicyName: {id}")),
            Some(name) if name.contains('$') => {
                ("ManagedPolicy", format!("ManagedPolicyName: !Sub '{name}'"))
            }
            Some(name) => ("ManagedPolicy", format!("ManagedPolicyName: {name}")),
        };
        write!(
            text,
            "  {id}:
    Type: AWS::IAM::{kind}
    Properties:
      {name}
      PolicyDocument:
        Version: '2012-10-17'
        Statement:
          - {{Effect: Allow, Action: ['sqs:ReceiveMessage', 'sns:ListTopics'], Resource: '*'}}
      Roles: [!Ref LaceworkCWSSACrossAccountAccessRole]
"
        )
        .unwrap();
    }
    text
}

/// The vendor's own stack, as far as its deletion matters: the function that uninstalls everything
/// with the custom resource, and the rule with a fixed name.
fn vendors_template() -> Value {
    let code = include_str!("../../../../python/answering_function.py");
    let trust = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow",
        "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]});
    json!({"Resources": {
        "LaceworkSetupFunctionRole": {"Type": "AWS::IAM::Role",
            "Properties": {"AssumeRolePolicyDocument": trust}},
        "LaceworkSetupFunction": {"Type": "AWS::Lambda::Function", "Properties": {
            "FunctionName": "vendors-setup", "Runtime": "python3.12", "Handler": "index.handler",
            "Role": {"Fn::GetAtt": ["LaceworkSetupFunctionRole", "Arn"]},
            "Code": {"ZipFile": code}}},
        "LaceworkSetup": {"Type": "AWS::CloudFormation::CustomResource", "Properties": {
            "ServiceToken": {"Fn::GetAtt": ["LaceworkSetupFunction", "Arn"]}}},
        "LaceworkControlTowerEvents": {"Type": "AWS::Events::Rule", "Properties": {
            "Name": "LaceworkControlTowerEvents",
            "EventPattern": {"source": ["aws.controltower"]}}},
        "LaceworkControlTowerLifeCyclePermission": {"Type": "AWS::Lambda::Permission",
            "Properties": {"Action": "lambda:InvokeFunction",
                "FunctionName": {"Ref": "LaceworkSetupFunction"},
                "Principal": "events.amazonaws.com"}},
        "LaceworkApiCredentials": {"Type": "AWS::SecretsManager::Secret", "Properties": {
            "Name": "LaceworkApiCredentials", "SecretString": "{}"}},
    }})
}

/// A landing zone in which Lacework's own integration was launched some time ago.
pub(super) struct Vendors {
    pub(super) sandbox: Sandbox,
    /// The Lacework account, as an administrator typed it.
    account: &'static str,
    /// Its integrations.
    before: BTreeMap<String, (String, String)>,
}

impl Vendors {
    /// With these sub-accounts; the vendor, too, uses the one with the name of an account's OU.
    pub(super) async fn open(
        version: Version,
        account: &'static str,
        sub_accounts: &[&str],
    ) -> Self {
        let mut options = options();
        options.stores = sub_accounts.iter().map(|name| (*name).to_owned()).collect();
        let mut vendors = Self {
            sandbox: sandbox(options).await,
            account,
            before: BTreeMap::new(),
        };
        let log = vendors.id("Log Archive");
        let audit = vendors.id("Audit");
        let region = vendors.sandbox.landing_zone.region().to_owned();
        let topic = vendors.trail_topic().await;
        let queue = format!("https://sqs.{region}.amazonaws.com/{audit}/{account}-laceworkcws");
        let queue_arn = format!("arn:aws:sqs:{region}:{audit}:{account}-laceworkcws");
        let trail_id = format!("lweid:aws:v2:{account}:{log}:{TRAIL_SUFFIX}");
        let log_role = format!("arn:aws:iam::{log}:role/{account}-laceworkcwssarole");
        let log_set = format!("{PREFIX}CloudTrail-Log-Account-{account}");
        let prefix = ("ResourceNamePrefix", account);
        vendors
            .stack_set(
                &log_set,
                &with_policies(
                    include_str!("../../../../vendor/log.yml"),
                    &[version.log_policy()],
                ),
                &[
                    prefix,
                    ("ExternalID", &trail_id),
                    ("ExistingTrailBucketName", "trail"),
                    ("SqsQueueUrl", &queue),
                    ("SqsQueueArn", &queue_arn),
                ],
                &[&log],
            )
            .await;
        vendors
            .stack_set(
                &format!("{PREFIX}CloudTrail-Audit-Account-{account}"),
                include_str!("../../../../vendor/audit.yml"),
                &[
                    prefix,
                    ("ExistingTrailTopicArn", &topic),
                    ("CrossAccountAccessRoleArn", &log_role),
                ],
                &[&audit],
            )
            .await;
        let ids = ENROLLED.map(|name| vendors.id(name));
        vendors
            .stack_set(
                &format!("{PREFIX}Config-Member-{account}"),
                &with_policies(
                    include_str!("../../../../vendor/member.yml"),
                    &version.member_policies(),
                ),
                &[
                    prefix,
                    ("LaceworkAccountName", account),
                    ("ExternalSuffix", MEMBER_SUFFIX),
                ],
                &[&ids[0], &ids[1], &ids[2]],
            )
            .await;
        let controls = vendors.sandbox.lacework().unwrap().controls();
        let trail = json!({"name": log_set, "type": "AwsCtSqs", "enabled": 1, "data": {
            "crossAccountCredentials": {"externalId": trail_id, "roleArn": log_role},
            "queueUrl": queue}});
        controls.seed(None, &trail).unwrap();
        for (name, id) in ENROLLED.into_iter().zip(ids) {
            let unit = vendors
                .sandbox
                .landing_zone
                .account(name)
                .unwrap()
                .unit
                .to_lowercase();
            let store = sub_accounts
                .iter()
                .find(|sub_account| **sub_account == unit);
            let config = json!({"name": format!("{PREFIX}Config-Member-{id}"),
                "type": "AwsCfg", "enabled": 1, "data": {"awsAccountId": id,
                "crossAccountCredentials": {
                    "externalId": format!("lweid:aws:v2:{account}:{id}:{MEMBER_SUFFIX}"),
                    "roleArn": format!("arn:aws:iam::{id}:role/{account}-laceworkcwsrole-sa")}}});
            controls.seed(store.copied(), &config).unwrap();
        }
        vendors.launch().await;
        vendors.before = vendors.watched();
        vendors
    }

    fn id(&self, name: &str) -> String {
        self.sandbox.landing_zone.account(name).unwrap().id.clone()
    }

    async fn trail_topic(&self) -> String {
        let request = json!({"Name": "aws-controltower-BaselineCloudTrail"});
        let target = "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101";
        let user = self.sandbox.user().unwrap();
        let answer = user.json("cloudtrail", target, "GetTrail", request).await;
        let answer = answer.unwrap();
        answer["Trail"]["SnsTopicARN"].as_str().unwrap().to_owned()
    }

    async fn cloudformation(&self, action: &str, form: &[(String, String)]) -> Option<String> {
        let user = self.sandbox.user().unwrap();
        let answer = user
            .query("cloudformation", action, CLOUDFORMATION, form)
            .await
            .unwrap();
        answer.find("StackStatus").map(|status| status.text.clone())
    }

    /// Creates a StackSet and its instances, as the vendor's functions do.
    pub(super) async fn stack_set(
        &self,
        name: &str,
        template: &str,
        parameters: &[(&str, &str)],
        accounts: &[&str],
    ) {
        let administration = format!(
            "arn:aws:iam::{MANAGEMENT_ACCOUNT}:role/service-role/AWSControlTowerStackSetRole"
        );
        let mut set = owned(&[
            ("StackSetName", name),
            ("Description", "Lacework's cloud-native threat detection"),
            ("TemplateBody", template),
            ("AdministrationRoleARN", &administration),
            ("ExecutionRoleName", "AWSControlTowerExecution"),
            ("Capabilities.member.1", "CAPABILITY_NAMED_IAM"),
            ("Tags.member.1.Key", "team"),
            ("Tags.member.1.Value", "security"),
        ]);
        for (number, (key, value)) in (1..).zip(parameters) {
            let at = format!("Parameters.member.{number}");
            set.push((format!("{at}.ParameterKey"), (*key).to_owned()));
            set.push((format!("{at}.ParameterValue"), (*value).to_owned()));
        }
        self.cloudformation("CreateStackSet", &set).await;
        if accounts.is_empty() {
            return;
        }
        let region = self.sandbox.landing_zone.region();
        let mut instances = owned(&[("StackSetName", name), ("Regions.member.1", region)]);
        for (number, account) in (1..).zip(accounts) {
            instances.push((format!("Accounts.member.{number}"), (*account).to_owned()));
        }
        self.cloudformation("CreateStackInstances", &instances)
            .await;
        until("the vendor's instances are made", async || {
            let set = self.sandbox.gateway.stack_sets().get(name).unwrap();
            set.operations.iter().all(|one| one.took.is_some())
        })
        .await;
        let set = self.sandbox.gateway.stack_sets().get(name).unwrap();
        for instance in &set.instances {
            assert_eq!(instance.status, InstanceStatus::Current, "{instance:?}");
        }
    }

    /// Creates a StackSet with this name, which deploys nothing.
    pub(super) async fn empty_stack_set(&self, name: &str) {
        let template = include_str!("../../../../vendor/audit.yml");
        let parameters = [
            ("ResourceNamePrefix", self.account),
            ("ExistingTrailTopicArn", "topic"),
            ("CrossAccountAccessRoleArn", "role"),
        ];
        self.stack_set(name, template, &parameters, &[]).await;
    }

    pub(super) async fn remove_empty_stack_set(&self, name: &str) {
        let form = owned(&[("StackSetName", name)]);
        self.cloudformation("DeleteStackSet", &form).await;
    }

    async fn launch(&self) {
        self.change("CreateStack", &vendors_template(), "CREATE_COMPLETE")
            .await;
    }

    async fn change(&self, action: &str, template: &Value, status: &str) {
        let form = owned(&[
            ("StackName", VENDORS_STACK),
            ("TemplateBody", &template.to_string()),
            ("Capabilities.member.1", "CAPABILITY_IAM"),
        ]);
        self.cloudformation(action, &form).await;
        let form = owned(&[("StackName", VENDORS_STACK)]);
        until(status, async || {
            let found = self.cloudformation("DescribeStacks", &form).await.unwrap();
            assert!(
                !found.contains("ROLLBACK") && !found.contains("FAILED"),
                "{found}"
            );
            found == status
        })
        .await;
    }

    /// The procedure: the uninstalling resource is retained, the reacting ones are deleted first,
    /// then the stack is deleted.
    pub(super) async fn free_the_names(&self) {
        let mut template = vendors_template();
        let resources = template["Resources"].as_object_mut().unwrap();
        resources.remove("LaceworkControlTowerEvents");
        resources.remove("LaceworkControlTowerLifeCyclePermission");
        resources["LaceworkSetup"]["DeletionPolicy"] = "Retain".into();
        self.change("UpdateStack", &template, "UPDATE_COMPLETE")
            .await;
        let form = owned(&[("StackName", VENDORS_STACK)]);
        self.cloudformation("DeleteStack", &form).await;
        let user = self.sandbox.user().unwrap();
        until("the vendor's stack is gone", async || {
            let answer = user
                .query("cloudformation", "DescribeStacks", CLOUDFORMATION, &form)
                .await;
            answer.is_err()
        })
        .await;
        let group = "/aws/lambda/vendors-setup";
        let log = function_log(&self.sandbox.inside().unwrap(), group).await;
        for line in log.unwrap() {
            assert!(!line.message.contains("handling Delete"), "it uninstalled");
        }
    }

    /// Runs an action, and checks throughout that Lacework can read everything that it read before.
    pub(super) async fn watched_during<T>(&self, doing: impl Future<Output = T>) -> T {
        let mut doing = std::pin::pin!(doing);
        let mut looks = tokio::time::interval(Duration::from_millis(500));
        loop {
            tokio::select! {
                done = &mut doing => return done,
                _ = looks.tick() => self.assert_watched().await,
            }
        }
    }

    /// Every account that was watched still is, by the same integrations.
    pub(super) async fn assert_watched(&self) {
        let now = self.watched();
        for (name, known) in &self.before {
            assert_eq!(now.get(name), Some(known), "{name}");
            let found = self.sandbox.simulator.verify(&known.1).await;
            assert_eq!(found.unwrap(), Verification::Passed, "{name}");
        }
    }

    /// Whether everything is as the vendor left it.
    pub(super) fn assert_untouched(&self) {
        assert_eq!(self.watched(), self.before);
        for set in self.sandbox.gateway.stack_sets().all() {
            let tags = [("team".to_owned(), "security".to_owned())];
            assert_eq!(set.tags, tags.into(), "{}", set.name);
        }
    }

    /// Each integration's external id and id, by name.
    pub(super) fn watched(&self) -> BTreeMap<String, (String, String)> {
        let all = self.sandbox.lacework().unwrap().integrations().into_iter();
        all.map(|one| (one.name, (one.external_id.unwrap(), one.guid)))
            .collect()
    }
}

fn owned(form: &[(&str, &str)]) -> Vec<(String, String)> {
    form.iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}
