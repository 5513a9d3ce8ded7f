//! Vision One with the roles of the emulator: an account, its identity provider and its role.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test may panic anywhere"
)]

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use percent_encoding::percent_decode_str;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use towerhook_package::target_directory;
use towerhook_sandbox::aws_client::{AwsClient, AwsError, Element};
use towerhook_sandbox::landing_zone::Role;
use towerhook_sandbox::providers::{Provider, Verification};
use towerhook_sandbox::{Options, Sandbox};

const ROLE: &str = "VisionOneRole";
const VERSION: &str = "2010-05-08";

/// What the members' StackSet deploys.
const TEMPLATE: &str = include_str!("../../../templates/trend-vision-one-member.template.yml");
const STACK: &str = "members";

struct Scene {
    sandbox: Sandbox,
    /// The member account's root user.
    member: AwsClient,
    http: reqwest::Client,
}

impl Scene {
    async fn new() -> Self {
        let mut options = Options::below(&target_directory().unwrap());
        options.accounts = 5;
        options.provider = Provider::TrendVisionOne;
        let sandbox = Sandbox::start(options, &|_| {}).await.unwrap();
        let mut accounts = sandbox.landing_zone.accounts().iter();
        let account = accounts.find(|account| account.role == Role::Member);
        let member = sandbox.inside().unwrap().account(&account.unwrap().id);
        Self {
            member,
            http: reqwest::Client::builder().no_proxy().build().unwrap(),
            sandbox,
        }
    }

    fn provider_arn(&self) -> String {
        let simulator = self.sandbox.trend_vision_one().unwrap();
        simulator.tenant().provider_arn(self.member.account_id())
    }

    fn audience(&self) -> String {
        format!("arn:aws:iam::{}:root", self.member.account_id())
    }

    fn role_arn(&self) -> String {
        format!("arn:aws:iam::{}:role/{ROLE}", self.member.account_id())
    }

    fn trust(&self, subject: &str) -> String {
        let host = self
            .sandbox
            .trend_vision_one()
            .unwrap()
            .tenant()
            .oidc_host();
        let equal = json!({
            format!("{host}:aud"): self.audience(),
            format!("{host}:sub"): [subject],
        });
        json!({"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow",
            "Action": ["sts:AssumeRoleWithWebIdentity", "sts:SetSourceIdentity"],
            "Principal": {"Federated": self.provider_arn()},
            "Condition": {"StringEquals": equal},
        }]})
        .to_string()
    }

    async fn iam(&self, action: &str, form: &[(&str, &str)]) {
        self.member
            .query("iam", action, VERSION, form)
            .await
            .unwrap();
    }

    async fn put_provider(&self, client: &str) {
        let host = self
            .sandbox
            .trend_vision_one()
            .unwrap()
            .tenant()
            .oidc_host();
        let url = format!("https://{host}");
        let form = [("Url", url.as_str()), ("ClientIDList.member.1", client)];
        self.iam("CreateOpenIDConnectProvider", &form).await;
    }

    async fn cloudformation(&self, action: &str, form: &[(&str, &str)]) -> Element {
        let form = [&[("StackName", STACK)], form].concat();
        let answer = self
            .member
            .query("cloudformation", action, "2010-05-15", &form);
        answer.await.unwrap()
    }

    /// Makes the stack of the member template, or updates it.
    async fn put_stack(&self, action: &str, subject: &str) {
        let tenant = self.sandbox.trend_vision_one().unwrap().tenant();
        let host = tenant.oidc_host();
        let parameters = [
            ("RoleName", ROLE),
            ("OidcHost", &host),
            ("OidcSubject", subject),
            ("TenantName", "api-xdr-trendmicro-com"),
            ("RowSuffix", "ABCDEFGHIJ"),
        ];
        let fields = (1..).zip(parameters).flat_map(|(number, (key, value))| {
            let field = |name| format!("Parameters.member.{number}.{name}");
            [
                (field("ParameterKey"), key),
                (field("ParameterValue"), value),
            ]
        });
        let fields: Vec<(String, &str)> = fields.collect();
        let mut form: Vec<(&str, &str)> = fields
            .iter()
            .map(|(name, value)| (name.as_str(), *value))
            .collect();
        form.push(("TemplateBody", TEMPLATE));
        form.push(("Capabilities.member.1", "CAPABILITY_NAMED_IAM"));
        self.cloudformation(action, &form).await;
    }

    /// The status of the stack once nothing is under way.
    async fn stack_status(&self) -> String {
        loop {
            let answer = self.cloudformation("DescribeStacks", &[]).await;
            let status = answer.find("StackStatus").unwrap().text.clone();
            if !status.ends_with("_IN_PROGRESS") {
                return status;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// The status, and the message of a refusal.
    async fn connect(&self) -> (u16, String) {
        let simulator = self.sandbox.trend_vision_one().unwrap();
        let url = self.sandbox.simulator.url().join("v3.0/cam/awsAccounts");
        let request = self
            .http
            .post(url.unwrap())
            .bearer_auth(simulator.api_key().expose_secret())
            .json(&json!({"roleArn": self.role_arn(), "name": "n", "description": "mark"}));
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        let body: Value = answer.json().await.unwrap_or_default();
        let message = body["error"]["message"].as_str().unwrap_or_default();
        (status, message.to_owned())
    }

    /// What the emulator itself says of a token for the tenant's subject: the simulator's answers do
    /// not rest on its own judgement alone.
    async fn exchange(&self) -> Result<AwsClient, AwsError> {
        let tenant = self.sandbox.trend_vision_one().unwrap().tenant();
        let claims = json!({
            "iss": format!("https://{}", tenant.oidc_host()),
            "aud": self.audience(),
            "sub": tenant.subject(),
        });
        let claims = URL_SAFE_NO_PAD.encode(claims.to_string());
        let token = format!("e30.{claims}.e30").into();
        let role = self.role_arn();
        self.member
            .assume_role_with_web_identity(&role, "test", &token)
            .await
    }

    async fn is_refused_because(&self, reason: &str) {
        let (status, message) = self.connect().await;
        assert_eq!(status, 400, "{message}");
        assert!(message.contains(reason), "{message} does not say {reason}");
    }
}

#[tokio::test]
async fn a_role_is_used_with_a_token_once_all_of_it_fits() {
    let scene = Scene::new().await;
    let simulator = &scene.sandbox.simulator;
    let vision_one = scene.sandbox.trend_vision_one().unwrap();
    let id = scene.member.account_id().to_owned();

    scene.is_refused_because("identity provider").await;
    scene.put_provider("sts.amazonaws.com").await;
    scene.is_refused_because("does not take tokens").await;
    let provider = scene.provider_arn();
    let arn = ("OpenIDConnectProviderArn", provider.as_str());
    scene.iam("DeleteOpenIDConnectProvider", &[arn]).await;
    scene.put_provider(&scene.audience()).await;
    scene.is_refused_because("does not exist").await;

    let (other, right) = (
        scene.trust("urn:visionone:identity:us:x:account/x"),
        scene.trust(&vision_one.tenant().subject()),
    );
    let name = ("RoleName", ROLE);
    let create = [name, ("AssumeRolePolicyDocument", other.as_str())];
    scene.iam("CreateRole", &create).await;
    scene.is_refused_because("demands another").await;
    assert!(scene.exchange().await.unwrap_err().is("AccessDenied"));
    let update = [name, ("PolicyDocument", right.as_str())];
    scene.iam("UpdateAssumeRolePolicy", &update).await;
    scene.exchange().await.unwrap();
    assert_eq!(scene.connect().await, (201, String::new()));

    let accounts = [id.clone()];
    let read = simulator.readings(&accounts).await.unwrap();
    assert_eq!(read[&id].name, "mark");
    vision_one
        .controls()
        .advance_clock(Duration::from_secs(3600));
    let verified = simulator.verify(&id).await.unwrap();
    assert_eq!(verified, Verification::Passed);
    assert_eq!(vision_one.controls().issued_tokens(), 2);

    scene.iam("DeleteRole", &[name]).await;
    assert!(!simulator.verify(&id).await.unwrap().passed());
    assert!(simulator.readings(&accounts).await.unwrap().is_empty());
    assert_eq!(vision_one.controls().accounts()[0]["state"], "failed");
    scene.sandbox.shutdown().await.unwrap();
}

/// The trust policy is a text in the template, since a key of it has a parameter in it.
#[tokio::test]
async fn the_member_template_makes_what_vision_one_asks_for_and_nothing_is_left_of_it() {
    let scene = Scene::new().await;
    let vision_one = scene.sandbox.trend_vision_one().unwrap();
    let subject = vision_one.tenant().subject();

    let stranger = "urn:visionone:identity:us:x:account/x";
    scene.put_stack("CreateStack", stranger).await;
    assert_eq!(scene.stack_status().await, "CREATE_COMPLETE");
    scene.is_refused_because("demands another").await;
    assert!(scene.exchange().await.unwrap_err().is("AccessDenied"));

    scene.put_stack("UpdateStack", &subject).await;
    assert_eq!(scene.stack_status().await, "UPDATE_COMPLETE");
    scene.exchange().await.unwrap();
    assert_eq!(scene.connect().await, (201, String::new()));
    let name = [("RoleName", ROLE)];
    let role = scene.member.query("iam", "GetRole", VERSION, &name);
    let role = role.await.unwrap();
    let document = role.find("AssumeRolePolicyDocument").unwrap();
    let document = percent_decode_str(&document.text).decode_utf8().unwrap();
    let expected: Value = serde_json::from_str(&scene.trust(&subject)).unwrap();
    let mut made: Value = serde_json::from_str(&document).unwrap();
    let of = |document: &Value| document["Statement"][0]["Condition"]["StringEquals"].clone();
    let host = vision_one.tenant().oidc_host();
    assert_eq!(of(&made)[format!("{host}:sub")], subject);
    made["Statement"][0]["Condition"] = expected["Statement"][0]["Condition"].clone();
    assert_eq!(made, expected);

    scene.cloudformation("DeleteStack", &[]).await;
    let provider = scene.provider_arn();
    let arn = ("OpenIDConnectProviderArn", provider.as_str());
    loop {
        let found = scene
            .member
            .query("iam", "GetOpenIDConnectProvider", VERSION, &[arn])
            .await;
        if found.is_err_and(|error| error.is("NoSuchEntity")) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let id = scene.member.account_id();
    let verified = scene.sandbox.simulator.verify(id).await.unwrap();
    assert!(verified.reason().unwrap().contains("identity provider"));
    scene.sandbox.shutdown().await.unwrap();
}
