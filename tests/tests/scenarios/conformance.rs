//! The adapters, over the sandbox, fulfil every port's contract: the same functions also test the
//! simulated world's ports, so that the two cannot drift apart.

use std::time::Duration;

use secrecy::ExposeSecret;
use serde_json::json;
use towerhook_aws::{
    AccountSettings, Aws, DeadLetterQueue, Endpoint, EvidenceBucket, FunctionNames, Home,
    LedgerTable, TokenSecret, WorkQueue, connect_as_operator,
};
use towerhook_core::{
    Result,
    landing_zone::Announcement,
    model::{AccountId, ApiKey, RegistrationSpec, SecretText},
    ports::TokenIssuer,
    provider::{Provider as _, role_arn},
    stack_sets::{StackSetRoles, StackSetSpec},
};
use towerhook_providers::{
    TokenSource, http_client,
    lacework::{
        Lacework,
        api::{LaceworkApi, LaceworkTokens},
    },
};
use towerhook_sandbox::{
    MANAGEMENT_ACCOUNT, Sandbox,
    aws_client::Method,
    landing_zone::{EXECUTION_ROLE, Role},
};
use towerhook_tests::options;
use towerhook_world::{Vendor, Wishes, conformance};

const STACK_ID: &str = "arn:aws:cloudformation:us-east-1:111111111111:stack/towerhook/1";
const TABLE: &str = "conformance";
const SUFFIX: &str = "ABCDEFGHIJ";
const MEMBER: &str = include_str!("../../../templates/lacework-aws-cfg-member.template.yml");

/// The role and the topic for a bucket's notifications.
const NOTIFIER: &str = r#"
Parameters:
  ManagementAccountId: {Type: String}
  BucketName: {Type: String}
Resources:
  Topic:
    Type: AWS::SNS::Topic
    Properties: {TopicName: conformance}
  TopicPolicy:
    Type: AWS::SNS::TopicPolicy
    Properties:
      Topics: [!Ref Topic]
      PolicyDocument:
        Version: '2012-10-17'
        Statement:
          - Effect: Allow
            Principal: {Service: s3.amazonaws.com}
            Action: sns:Publish
            Resource: !Ref Topic
  Role:
    Type: AWS::IAM::Role
    Properties:
      RoleName: conformance-notifier
      AssumeRolePolicyDocument:
        Version: '2012-10-17'
        Statement:
          - Effect: Allow
            Principal: {AWS: !Sub 'arn:aws:iam::${ManagementAccountId}:root'}
            Action: sts:AssumeRole
      Policies:
        - PolicyName: Notifications
          PolicyDocument:
            Version: '2012-10-17'
            Statement:
              - Effect: Allow
                Action: [s3:GetBucketNotification, s3:PutBucketNotification]
                Resource: !Sub arn:aws:s3:::${BucketName}*
"#;

async fn pause() {
    tokio::time::sleep(Duration::from_millis(100)).await;
}

/// A sandbox with a table and a queue, without a launch.
async fn open() -> Sandbox {
    let mut options = options();
    options.accounts = 4;
    options.stores = vec!["one".to_owned()];
    let sandbox = Sandbox::start(options, &|_| {}).await.unwrap();
    let key = |name: &str, kind: &str| json!({"AttributeName": name, "KeyType": kind});
    let attribute = |name: &str| json!({"AttributeName": name, "AttributeType": "S"});
    let table = json!({
        "TableName": TABLE,
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [attribute("kind"), attribute("id")],
        "KeySchema": [key("kind", "HASH"), key("id", "RANGE")],
    });
    let inside = sandbox.inside().unwrap();
    inside
        .json("dynamodb", "DynamoDB_20120810", "CreateTable", table)
        .await
        .unwrap();
    let queue = json!({"QueueName": TABLE});
    inside
        .json("sqs", "AmazonSQS", "CreateQueue", queue)
        .await
        .unwrap();
    sandbox
}

async fn aws(sandbox: &Sandbox) -> Aws<AccountSettings> {
    let running = sandbox.running();
    let account = running.management_account;
    let endpoint = Endpoint {
        url: running.endpoint.to_string(),
        region: running.region.clone(),
        access_key_id: running.access_key_id.clone(),
        secret_access_key: SecretText::from(running.secret_access_key.expose_secret().to_owned()),
    };
    let secret = format!(
        "arn:aws:secretsmanager:{}:{account}:secret:none",
        running.region
    );
    let settings = AccountSettings {
        home: Home {
            region: running.region,
        },
        token: TokenSecret {
            secret: Some(secret.parse().unwrap()),
            host: "acme.lacework.net".into(),
        },
        ledger: LedgerTable(TABLE.into()),
        dead_letters: DeadLetterQueue(format!("{}{account}/dead", running.endpoint)),
        queue: WorkQueue(format!("{}{account}/{TABLE}", running.endpoint)),
        functions: FunctionNames {
            own: "none".into(),
            auth: None,
        },
        evidence: EvidenceBucket {
            name: None,
            folder: TABLE.into(),
        },
    };
    Aws::new(
        &connect_as_operator(Some(&endpoint)).await.unwrap(),
        settings,
    )
}

/// An access token, issued on demand.
struct Fresh {
    issuer: LaceworkTokens,
    key: ApiKey,
}

impl TokenSource for Fresh {
    async fn token(&self) -> Result<SecretText> {
        let now = jiff::Timestamp::now();
        Ok(self.issuer.issue(&self.key, now).await?.token)
    }

    async fn refused(&self) -> Result<SecretText> {
        self.token().await
    }
}

fn lacework(sandbox: &Sandbox) -> LaceworkApi<Fresh> {
    let parameters = sandbox.parameters();
    let url = sandbox.running().saas_url;
    let key = ApiKey {
        key_id: parameters["LaceworkAccessKeyId"].clone(),
        secret: parameters["LaceworkSecretKey"].clone().into(),
        version: "1".into(),
    };
    let issuer = LaceworkTokens::new(http_client().unwrap(), url.clone());
    LaceworkApi::new(http_client().unwrap(), url, Fresh { issuer, key })
}

fn member(sandbox: &Sandbox) -> AccountId {
    let mut accounts = sandbox.landing_zone.accounts().iter();
    let member = accounts.find(|account| account.role == Role::Member);
    member.unwrap().id.parse().unwrap()
}

fn wishes() -> Wishes {
    Wishes {
        vendor: Vendor::Lacework,
        ..Wishes::default()
    }
}

fn spec() -> StackSetSpec {
    let parameters = [
        ("ResourceNamePrefix", "acme"),
        ("LaceworkAccount", "acme"),
        ("ExternalIdSuffix", SUFFIX),
        ("LaceworkPrincipalArn", Vendor::Lacework.principal()),
    ];
    StackSetSpec {
        name: wishes().resources().member_stack_set,
        template: MEMBER,
        parameters: parameters
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into(),
        stack_id: STACK_ID.into(),
        tags: [("team".to_owned(), "blue".to_owned())].into(),
        roles: Some(StackSetRoles {
            administration: format!(
                "arn:aws:iam::{MANAGEMENT_ACCOUNT}:role/service-role/AWSControlTowerStackSetRole"
            )
            .parse()
            .unwrap(),
            execution: EXECUTION_ROLE.to_owned(),
        }),
    }
}

/// A bucket in Log Archive, and the StackSet with the role and the topic for it.
fn announced(sandbox: &Sandbox, bucket: &str) -> (Announcement, StackSetSpec) {
    let log_archive = sandbox.landing_zone.account_of(Role::LogArchive).unwrap();
    let account: AccountId = log_archive.id.parse().unwrap();
    let announcement = Announcement {
        bucket: bucket.to_owned(),
        account,
        id: "conformance".into(),
        topic: format!("arn:aws:sns:us-east-1:{account}:conformance")
            .parse()
            .unwrap(),
        prefix: "AWSLogs/".into(),
        role: role_arn("aws", &account, "conformance-notifier"),
    };
    let parameters = [
        ("BucketName", bucket),
        ("ManagementAccountId", MANAGEMENT_ACCOUNT),
    ];
    let set = StackSetSpec {
        name: "conformance-notifier".into(),
        template: NOTIFIER,
        parameters: parameters
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into(),
        ..spec()
    };
    (announcement, set)
}

fn registration(account: AccountId) -> RegistrationSpec {
    wishes().registration(&account, SUFFIX)
}

#[tokio::test]
async fn the_adapters_keep_what_the_ports_promise() {
    let sandbox = open().await;
    let aws = aws(&sandbox).await;
    let member = member(&sandbox);
    conformance::accounts(&aws, &member, &"999999999999".parse().unwrap()).await;
    conformance::lease(&aws).await;
    conformance::requests(&aws).await;
    conformance::parking(&aws).await;
    conformance::records(&aws).await;
    conformance::deployment(&aws).await;
    conformance::messages(&aws).await;
    conformance::stack_sets(&aws, &spec(), &member, &pause).await;
    conformance::stand(&aws, &spec(), &member, &pause).await;
    let bucket = "conformance-logs";
    let (announcement, set) = announced(&sandbox, bucket);
    let log_archive = announcement.account.as_str();
    let owner = sandbox.inside().unwrap().account(log_archive);
    owner.create_bucket(bucket).await.unwrap();
    let theirs =
        "<NotificationConfiguration><EventBridgeConfiguration/></NotificationConfiguration>";
    let path = format!("/{bucket}?notification");
    let put = owner.rest("s3", Method::PUT, &path, "application/xml", theirs.into());
    put.await.unwrap();
    conformance::stand(&aws, &set, &announcement.account, &pause).await;
    conformance::notifications(&aws, &announcement, &pause).await;
    conformance::notifications(&aws, &announcement, &pause).await;
    conformance::registry(
        &lacework(&sandbox),
        &registration(member),
        Some(&"one".into()),
        Lacework.limits(),
        &pause,
    )
    .await;
    sandbox.shutdown().await.unwrap();
}
