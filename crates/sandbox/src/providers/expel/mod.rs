//! Expel: a reader. It has no API here; its user assumes the role of every account, with the
//! organization's GUID as external id.

mod trail;

use std::collections::BTreeMap;

use anyhow::{Context as _, ensure};
use futures::future::{BoxFuture, FutureExt as _, ready};
use url::Url;

use super::{Registration, Simulator, Subject, Surroundings, Verification, role};
use crate::aws_client::{AwsClient, Method, NO_PARAMS};
use crate::identities;
use crate::launch::Stack;

/// The user with which Expel's service assumes the customers' roles.
pub const PRINCIPAL_ARN: &str = "arn:aws:iam::012205512454:user/ExpelCloudService";

/// The organization that a sandbox has in Workbench.
pub const ORGANIZATION: &str = "3f1c9a52-7d40-4b8e-9a6d-2c5e8f0b7a11";

/// The role in every account.
const ROLE: &str = "ExpelTrailAssumeRole";

/// The template's default of `IntegrationNamePrefix`.
const PREFIX: &str = "Expel-Control-Tower-";

/// Expel's service, in its own account of the emulator.
#[derive(Debug)]
pub struct Expel {
    url: Url,
    /// AWS as root, to look at a role.
    aws: AwsClient,
    /// AWS as Expel's user.
    service: AwsClient,
}

impl Expel {
    /// Makes Expel's user.
    pub(crate) async fn start(surroundings: Surroundings) -> anyhow::Result<Self> {
        let Surroundings {
            emulator, region, ..
        } = surroundings;
        let aws = AwsClient::new(emulator, region)?;
        let account = identities::account_in(PRINCIPAL_ARN);
        let key = identities::make_vendor_user(&aws.account(account), PRINCIPAL_ARN).await?;
        Ok(Self {
            url: format!("https://workbench.expel.io/{ORGANIZATION}").parse()?,
            service: aws.with_key(account, key),
            aws,
        })
    }

    /// Whether the service can assume an account's role and list the account with it.
    async fn read(&self, account: &str) -> anyhow::Result<Verification> {
        let role_arn = role_in(account);
        let trusting = role::trusting(&self.aws, PRINCIPAL_ARN, &role_arn, ORGANIZATION);
        let reader = match trusting.await? {
            Ok(_) => role::assumed(&self.service, &role_arn, ORGANIZATION).await?,
            Err(reason) => Err(reason),
        };
        let listed = match reader {
            Ok(reader) => list(&reader).await?,
            Err(reason) => Err(reason),
        };
        Ok(match listed {
            Ok(()) => Verification::Passed,
            Err(reason) => Verification::RoleRefused { reason },
        })
    }
}

/// Lists the roles, buckets and functions of an account; or why the role does not allow it.
async fn list(reader: &AwsClient) -> anyhow::Result<Result<(), String>> {
    let get = |service, path| reader.rest(service, Method::GET, path, "application/json", vec![]);
    let roles = reader.query("iam", "ListRoles", "2010-05-08", NO_PARAMS);
    let listed = [
        ("iam:ListRoles", roles.await.map(drop)),
        ("s3:ListAllMyBuckets", get("s3", "/").await.map(drop)),
        (
            "lambda:ListFunctions",
            get("lambda", "/2015-03-31/functions/").await.map(drop),
        ),
    ];
    for (action, answer) in listed {
        let answer = role::decided(answer).with_context(|| format!("{action} is not answered"))?;
        if let Err(reason) = answer {
            return Ok(Err(format!("{action}: {reason}")));
        }
    }
    Ok(Ok(()))
}

impl Simulator for Expel {
    fn title(&self) -> &'static str {
        "Expel"
    }

    fn url(&self) -> &Url {
        &self.url
    }

    fn parameters(&self) -> Vec<(&'static str, String)> {
        vec![("WorkbenchOrganizationGuid", ORGANIZATION.to_owned())]
    }

    fn member_stack(&self) -> String {
        format!("{PREFIX}Member-{ORGANIZATION}")
    }

    /// Nothing calls it.
    fn calls(&self) -> BTreeMap<String, u64> {
        BTreeMap::new()
    }

    /// Workbench is told of roles by an administrator.
    fn registrations(&self) -> Vec<Registration> {
        Vec::new()
    }

    /// The accounts whose role it can assume.
    fn readings<'a>(
        &'a self,
        accounts: &'a [String],
    ) -> BoxFuture<'a, anyhow::Result<BTreeMap<String, Registration>>> {
        async move {
            let mut found = BTreeMap::new();
            for account in accounts {
                if self.read(account).await?.passed() {
                    found.insert(account.clone(), reading(account));
                }
            }
            Ok(found)
        }
        .boxed()
    }

    /// The id is an account's.
    fn verify<'a>(&'a self, id: &'a str) -> BoxFuture<'a, anyhow::Result<Verification>> {
        async move {
            ensure!(id.len() == 12, "{id} is no account");
            self.read(id).await.context("the role cannot be looked at")
        }
        .boxed()
    }

    fn read_trail<'a>(&'a self, stack: &'a Stack) -> BoxFuture<'a, anyhow::Result<Option<String>>> {
        async move {
            let key = trail::read(&self.aws, &self.service, stack).await?;
            Ok(Some(format!(
                "Expel reads {key}, of which the queue told it"
            )))
        }
        .boxed()
    }

    fn shutdown(self: Box<Self>) -> BoxFuture<'static, anyhow::Result<()>> {
        ready(Ok(())).boxed()
    }
}

fn role_in(account: &str) -> String {
    format!("arn:aws:iam::{account}:role/{ROLE}")
}

/// By the account's role alone.
fn reading(account: &str) -> Registration {
    Registration {
        id: account.to_owned(),
        name: ROLE.to_owned(),
        store: "-".to_owned(),
        role_arn: Some(role_in(account)),
        external_id: Some(ORGANIZATION.to_owned()),
        subject: Subject::Account(account.to_owned()),
        enabled: true,
    }
}
