//! The launch, as an administrator does it: zips into a bucket, a stack from the template that
//! ships, and CloudFormation does the rest.

mod failed;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use reqwest::Method;
use towerhook_package::local::{FunctionZips, architecture};

use crate::aws_client::{AwsClient, AwsError, Element};
pub use failed::{Failure, StackFailed};

/// The template that is launched.
pub const TEMPLATE: &str =
    include_str!("../../../templates/control-tower-integration.template.yml");

/// A main template with a short visibility timeout, so that a failed message is retried soon. AWS
/// rejects it: a message must stay hidden for as long as the function may be processing it.
#[must_use]
pub fn hurried(template: &str) -> String {
    let visibility = format!("VisibilityTimeout: {VISIBILITY}");
    debug_assert!(template.contains(&visibility));
    template.replace(&visibility, "VisibilityTimeout: 10")
}

/// The template's visibility timeout, in seconds.
const VISIBILITY: u32 = 1080;

/// The folder in the bucket, as in the template's default.
pub const ARTIFACT_PREFIX: &str = concat!("towerhook/", env!("CARGO_PKG_VERSION"), "/");

/// Parameters of the main stack by name. The others keep their default, or on an update their
/// previous value.
pub type Parameters = BTreeMap<String, String>;

const VERSION: &str = "2010-05-15";

/// How often a changing stack is polled.
const INTERVAL: Duration = Duration::from_millis(250);

/// Creates the bucket if it is missing, and uploads the zips to where the template expects them.
///
/// # Errors
/// When a zip cannot be read, or S3 refuses it.
pub async fn upload(aws: &AwsClient, bucket: &str, zips: &FunctionZips) -> anyhow::Result<()> {
    let made = aws.create_bucket(bucket).await;
    match made {
        Err(error) if !error.is("BucketAlreadyOwnedByYou") => return Err(error.into()),
        _ => {}
    }
    for (name, path) in zips.named() {
        let bytes = tokio::fs::read(path)
            .await
            .with_context(|| format!("cannot read {}", path.display()))?;
        let key = format!("/{bucket}/{ARTIFACT_PREFIX}{}/{name}", architecture());
        aws.rest("s3", Method::PUT, &key, "application/zip", bytes)
            .await
            .with_context(|| format!("cannot upload {name}"))?;
    }
    Ok(())
}

/// Uploads a main template to where the README has it.
///
/// # Errors
/// When S3 refuses it.
pub async fn upload_template(
    aws: &AwsClient,
    bucket: &str,
    (file, template): (&str, &str),
) -> Result<(), AwsError> {
    let object = format!("/{bucket}/{ARTIFACT_PREFIX}templates/{file}");
    aws.rest("s3", Method::PUT, &object, "text/yaml", template.into())
        .await?;
    Ok(())
}

/// The main stack.
#[derive(Debug, Clone)]
pub struct Stack {
    /// Name.
    pub name: String,
    /// ARN, which identifies the stack even after its deletion.
    pub id: String,
    /// The bucket of its template; `None` to send the template with each request.
    bucket: Option<String>,
    aws: AwsClient,
    watch: AwsClient,
}

/// A stack's status according to CloudFormation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// Such as `CREATE_COMPLETE`.
    pub status: String,
    /// CloudFormation's reason, if it gives one.
    pub reason: Option<String>,
}

impl Stack {
    /// Creates a stack through `aws`; `watch` polls it from then on, so that polling is not among
    /// the calls that the gateway counts.
    ///
    /// # Errors
    /// When CloudFormation refuses the request, as for a parameter that its pattern excludes.
    pub async fn create(
        aws: &AwsClient,
        watch: &AwsClient,
        name: &str,
        template: &str,
        parameters: &Parameters,
    ) -> Result<Self, AwsError> {
        let bucket = parameters.get("ArtifactBucket").map(String::as_str);
        Self::create_by(aws, watch, name, (bucket, template), parameters).await
    }

    /// Asks for a stack of a template that goes to this bucket first, if one is named.
    ///
    /// # Errors
    /// When CloudFormation or S3 refuses the request.
    pub async fn create_by(
        aws: &AwsClient,
        watch: &AwsClient,
        name: &str,
        (bucket, template): (Option<&str>, &str),
        parameters: &Parameters,
    ) -> Result<Self, AwsError> {
        let mut form = request(aws, name, bucket, template).await?;
        for (number, (key, value)) in (1..).zip(parameters) {
            let parameter = format!("Parameters.member.{number}");
            form.push((format!("{parameter}.ParameterKey"), key.clone()));
            form.push((format!("{parameter}.ParameterValue"), value.clone()));
        }
        let answer = aws
            .query("cloudformation", "CreateStack", VERSION, &form)
            .await?;
        Ok(Self {
            name: name.to_owned(),
            id: answer
                .text_at("CreateStackResult/StackId")
                .unwrap_or(name)
                .to_owned(),
            bucket: bucket.map(str::to_owned),
            aws: aws.clone(),
            watch: watch.clone(),
        })
    }

    /// Asks for an update with `template`, in which the given parameters change and the others keep
    /// their values.
    ///
    /// # Errors
    /// When CloudFormation refuses the request.
    pub async fn update(&self, template: &str, changes: &Parameters) -> Result<(), AwsError> {
        let mut names = self.parameter_names().await?;
        names.extend(changes.keys().cloned());
        names.sort();
        names.dedup();
        let mut form = request(&self.aws, &self.name, self.bucket.as_deref(), template).await?;
        for (number, name) in (1..).zip(&names) {
            let parameter = format!("Parameters.member.{number}");
            form.push((format!("{parameter}.ParameterKey"), name.clone()));
            form.push(match changes.get(name) {
                Some(value) => (format!("{parameter}.ParameterValue"), value.clone()),
                None => (format!("{parameter}.UsePreviousValue"), "true".to_owned()),
            });
        }
        self.aws
            .query("cloudformation", "UpdateStack", VERSION, &form)
            .await?;
        Ok(())
    }

    /// Asks for the deletion.
    ///
    /// # Errors
    /// When CloudFormation refuses the request.
    pub async fn delete(&self) -> Result<(), AwsError> {
        let form = [("StackName", self.name.as_str())];
        self.aws
            .query("cloudformation", "DeleteStack", VERSION, &form)
            .await?;
        Ok(())
    }

    /// Waits until the stack has the wanted status, such as `CREATE_COMPLETE`.
    ///
    /// # Errors
    /// [`StackFailed`] when it ends in another status, or is still in progress at the deadline.
    pub async fn wait_for(&self, wanted: &str, deadline: Duration) -> anyhow::Result<()> {
        self.wait_and_tell(wanted, deadline, None).await
    }

    /// The same, and tells at every look what is awaited.
    ///
    /// # Errors
    /// Those of [`Stack::wait_for`].
    pub async fn wait_and_tell(
        &self,
        wanted: &str,
        deadline: Duration,
        tell: Option<&(dyn Fn(&str) + Sync)>,
    ) -> anyhow::Result<()> {
        let end = Instant::now() + deadline;
        loop {
            let Status { status, .. } = self.status().await?;
            if status == wanted {
                return Ok(());
            }
            if let Some(tell) = tell {
                tell(&self.awaited(wanted).await?);
            }
            if !status.ends_with("_IN_PROGRESS") || Instant::now() >= end {
                bail!(StackFailed {
                    name: self.name.clone(),
                    status,
                    failures: self.failures().await?,
                });
            }
            tokio::time::sleep(INTERVAL).await;
        }
    }

    /// What is awaited, and of a launch how far it is.
    async fn awaited(&self, wanted: &str) -> Result<String, AwsError> {
        if wanted != "CREATE_COMPLETE" {
            return Ok(format!("waiting for {wanted}"));
        }
        let form = [("StackName", self.id.as_str())];
        let answer = self
            .watch
            .query("cloudformation", "DescribeStackResources", VERSION, &form)
            .await?;
        let resources = answer.members("DescribeStackResourcesResult/StackResources");
        let is_made = |one: &&Element| {
            let status = one.text_at("ResourceStatus");
            status.is_some_and(|status| status.ends_with("_COMPLETE"))
        };
        let made = resources.filter(is_made).count();
        Ok(format!("waiting for {wanted}: {made} resources are made"))
    }

    /// The stack's status.
    ///
    /// # Errors
    /// When CloudFormation does not answer.
    pub async fn status(&self) -> anyhow::Result<Status> {
        let stack = self.describe().await?;
        Ok(Status {
            status: stack
                .text_at("StackStatus")
                .context("DescribeStacks answered without a status")?
                .to_owned(),
            reason: stack.text_at("StackStatusReason").map(str::to_owned),
        })
    }

    /// An output of the stack.
    ///
    /// # Errors
    /// When CloudFormation does not answer, or the stack has no such output.
    pub async fn output(&self, key: &str) -> anyhow::Result<String> {
        let stack = self.describe().await?;
        stack
            .members("Outputs")
            .find(|output| output.text_at("OutputKey") == Some(key))
            .and_then(|output| output.text_at("OutputValue"))
            .map(str::to_owned)
            .with_context(|| format!("the stack {} has no output {key}", self.name))
    }

    /// The resources that failed since the last request, oldest first, without those that
    /// CloudFormation cancelled because of them.
    ///
    /// # Errors
    /// When CloudFormation does not answer.
    pub async fn failures(&self) -> Result<Vec<Failure>, AwsError> {
        let mut failures = Vec::new();
        let mut token: Option<String> = None;
        'pages: loop {
            let mut form = vec![("StackName", self.id.clone())];
            form.extend(token.take().map(|token| ("NextToken", token)));
            let answer = self
                .watch
                .query("cloudformation", "DescribeStackEvents", VERSION, &form)
                .await?;
            for event in answer.members("DescribeStackEventsResult/StackEvents") {
                let text = |name: &str| event.text_at(name).unwrap_or_default().to_owned();
                let (status, reason) = (text("ResourceStatus"), text("ResourceStatusReason"));
                let own = text("PhysicalResourceId") == self.id;
                if own
                    && matches!(
                        status.as_str(),
                        "CREATE_IN_PROGRESS" | "UPDATE_IN_PROGRESS" | "DELETE_IN_PROGRESS"
                    )
                {
                    break 'pages;
                }
                if !own && status.ends_with("_FAILED") && !reason.contains("cancelled") {
                    failures.push(Failure {
                        resource: text("LogicalResourceId"),
                        status,
                        reason,
                    });
                }
            }
            token = answer
                .text_at("DescribeStackEventsResult/NextToken")
                .filter(|token| !token.is_empty())
                .map(str::to_owned);
            if token.is_none() {
                break;
            }
        }
        failures.reverse();
        Ok(failures)
    }

    async fn parameter_names(&self) -> Result<Vec<String>, AwsError> {
        let form = [("StackName", self.id.as_str())];
        let answer = self
            .watch
            .query("cloudformation", "DescribeStacks", VERSION, &form)
            .await?;
        Ok(answer
            .at("DescribeStacksResult/Stacks/member")
            .into_iter()
            .flat_map(|stack| stack.members("Parameters"))
            .filter_map(|parameter| parameter.text_at("ParameterKey"))
            .map(str::to_owned)
            .collect())
    }

    async fn describe(&self) -> anyhow::Result<Element> {
        let form = [("StackName", self.id.as_str())];
        let answer = self
            .watch
            .query("cloudformation", "DescribeStacks", VERSION, &form)
            .await?;
        answer
            .at("DescribeStacksResult/Stacks/member")
            .cloned()
            .with_context(|| format!("there is no stack {}", self.name))
    }
}

/// A request for a stack of this template. The template goes to the bucket first, if there is one:
/// the main template exceeds CloudFormation's limit for inline templates.
async fn request(
    aws: &AwsClient,
    name: &str,
    bucket: Option<&str>,
    template: &str,
) -> Result<Vec<(String, String)>, AwsError> {
    let source = match bucket {
        None => ("TemplateBody", template.to_owned()),
        Some(bucket) => {
            let object = format!("/{bucket}/{ARTIFACT_PREFIX}templates/{name}.template.yml");
            aws.rest("s3", Method::PUT, &object, "text/yaml", template.into())
                .await?;
            ("TemplateURL", format!("https://s3.amazonaws.com{object}"))
        }
    };
    let form = [
        ("StackName", name.to_owned()),
        source,
        ("Capabilities.member.1", "CAPABILITY_IAM".to_owned()),
    ];
    Ok(form.map(|(key, value)| (key.to_owned(), value)).into())
}
