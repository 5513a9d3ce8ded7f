//! A landing zone behind a gateway, with an emulator of its own.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use towerhook_sandbox::aws_client::{AwsClient, AwsError, Element};
use towerhook_sandbox::emulator::{Emulator, EmulatorConfig};
use towerhook_sandbox::gateway::control_tower::{LandingZone, Target};
use towerhook_sandbox::gateway::stack_sets::OperationView;
use towerhook_sandbox::gateway::{Gateway, GatewayConfig};
use towerhook_tests::options;

pub(crate) const MANAGEMENT: &str = "111111111111";
pub(crate) const REGION: &str = "us-east-1";
pub(crate) const ORGANIZATIONS: &str = "AWSOrganizationsV20161128";
pub(crate) const ADMINISTRATION_ROLE: &str =
    "arn:aws:iam::111111111111:role/service-role/AWSControlTowerStackSetRole";
pub(crate) const ADMINISTRATOR_ACCESS: &str = "arn:aws:iam::aws:policy/AdministratorAccess";
pub(crate) const TEMPLATE: &str = r#"{"Resources": {"Topic": {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": {"Ref": "Name"}}}},
 "Parameters": {"Name": {"Type": "String"}}}"#;

/// A landing zone with members, and an OU that holds them.
pub(crate) struct World {
    pub(crate) gateway: Gateway,
    pub(crate) emulator: Emulator,
    pub(crate) client: AwsClient,
    pub(crate) members: Vec<String>,
    pub(crate) directory: tempfile::TempDir,
}

impl World {
    pub(crate) async fn new(members: usize, operation_delay: Duration) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let emulator = Emulator::start(&EmulatorConfig {
            virtual_environment: options().virtual_environment,
            directory: directory.path().to_owned(),
            gateway: format!("http://{}", listener.local_addr().unwrap())
                .parse()
                .unwrap(),
            region: REGION.to_owned(),
            management_account: MANAGEMENT.to_owned(),
            requests_late_by: Duration::ZERO,
            deadline: Duration::from_secs(60),
        })
        .await
        .unwrap();
        let gateway = Gateway::start(GatewayConfig {
            upstream: emulator.url().clone(),
            region: REGION.to_owned(),
            management_account: MANAGEMENT.to_owned(),
            listener,
            operation_delay,
        })
        .unwrap();
        let client = AwsClient::new(gateway.url().clone(), REGION.to_owned())
            .unwrap()
            .account(MANAGEMENT);
        let mut world = Self {
            gateway,
            emulator,
            client,
            members: Vec::new(),
            directory,
        };
        world.set_up(members).await;
        world
    }

    async fn set_up(&mut self, members: usize) {
        self.role(
            MANAGEMENT,
            "AWSControlTowerStackSetRole",
            "/service-role/",
            json!({"Service": "cloudformation.amazonaws.com"}),
        )
        .await;
        let organization = self
            .organizations("DescribeOrganization", json!({}))
            .await
            .unwrap();
        let root = self.organizations("ListRoots", json!({})).await.unwrap();
        let root = root["Roots"][0]["Id"].as_str().unwrap().to_owned();
        let unit = self
            .organizations(
                "CreateOrganizationalUnit",
                json!({"ParentId": root, "Name": "Workloads"}),
            )
            .await
            .unwrap();
        let unit = unit["OrganizationalUnit"]["Id"].as_str().unwrap();
        let control_tower = self.gateway.control_tower();
        control_tower.set_landing_zone(Some(LandingZone {
            version: "3.3".to_owned(),
            home_region: REGION.to_owned(),
            organization_id: organization["Organization"]["Id"]
                .as_str()
                .unwrap()
                .to_owned(),
            manifest: LandingZone::manifest_3("222222222222", "333333333333", &[REGION], None),
            auto_enrollment: false,
        }));
        let parent = control_tower.enable_baseline(
            "AWSControlTowerBaseline",
            Some("4.0"),
            Target::OrganizationalUnit(unit.to_owned()),
            None,
        );
        for number in 0..members {
            let request = json!({"AccountName": format!("Member {number}"), "Email": format!("member{number}@example.com")});
            let created = self.organizations("CreateAccount", request).await.unwrap();
            let id = created["CreateAccountStatus"]["AccountId"]
                .as_str()
                .unwrap()
                .to_owned();
            let moving =
                json!({"AccountId": id, "SourceParentId": root, "DestinationParentId": unit});
            self.organizations("MoveAccount", moving).await.unwrap();
            self.role(
                &id,
                "AWSControlTowerExecution",
                "/",
                json!({"AWS": format!("arn:aws:iam::{MANAGEMENT}:root")}),
            )
            .await;
            self.gateway.control_tower().enable_baseline(
                "AWSControlTowerBaseline",
                Some("4.0"),
                Target::Account(id.clone()),
                Some(&parent),
            );
            self.members.push(id);
        }
    }

    async fn role(&self, account: &str, name: &str, path: &str, principal: Value) {
        let trust = json!({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}]});
        self.client
            .account(account)
            .query(
                "iam",
                "CreateRole",
                "2010-05-08",
                &[
                    ("RoleName", name),
                    ("Path", path),
                    ("AssumeRolePolicyDocument", &trust.to_string()),
                ],
            )
            .await
            .unwrap();
        let attach = [("RoleName", name), ("PolicyArn", ADMINISTRATOR_ACCESS)];
        self.client
            .account(account)
            .query("iam", "AttachRolePolicy", "2010-05-08", &attach)
            .await
            .unwrap();
    }

    pub(crate) async fn organizations(
        &self,
        operation: &str,
        request: Value,
    ) -> Result<Value, AwsError> {
        self.client
            .json("organizations", ORGANIZATIONS, operation, request)
            .await
    }

    pub(crate) async fn cloudformation(
        &self,
        action: &str,
        params: &[(&str, &str)],
    ) -> Result<Element, AwsError> {
        self.client
            .query("cloudformation", action, "2010-05-15", params)
            .await
    }

    pub(crate) async fn stack_set(&self, name: &str, managed: bool) {
        let managed = managed.to_string();
        let params = [
            ("StackSetName", name),
            ("TemplateBody", TEMPLATE),
            ("Parameters.member.1.ParameterKey", "Name"),
            ("Parameters.member.1.ParameterValue", name),
            ("AdministrationRoleARN", ADMINISTRATION_ROLE),
            ("ExecutionRoleName", "AWSControlTowerExecution"),
            ("ManagedExecution.Active", &managed),
        ];
        self.cloudformation("CreateStackSet", &params)
            .await
            .unwrap();
    }

    /// CreateStackInstances or DeleteStackInstances in some members.
    pub(crate) async fn instances(
        &self,
        action: &str,
        name: &str,
        operation: &str,
        members: &[String],
        more: &[(&str, &str)],
    ) -> Result<Element, AwsError> {
        let mut params = vec![
            ("StackSetName", name),
            ("Regions.member.1", REGION),
            ("OperationId", operation),
        ];
        let keys: Vec<_> = (1..=members.len())
            .map(|number| format!("Accounts.member.{number}"))
            .collect();
        params.extend(
            keys.iter()
                .map(String::as_str)
                .zip(members.iter().map(String::as_str)),
        );
        params.extend(more);
        self.cloudformation(action, &params).await
    }

    pub(crate) async fn ended(&self, name: &str, operation: &str) -> OperationView {
        until("the operation ends", async || {
            let set = self.gateway.stack_sets().get(name)?;
            set.operations
                .into_iter()
                .find(|one| one.id == operation && one.status.is_final())
        })
        .await
    }
}

/// Retries until there is a response, for at most a minute.
pub(crate) async fn until<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
