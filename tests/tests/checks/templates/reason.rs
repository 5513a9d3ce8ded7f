//! The purpose of the functions' calls to AWS.

/// Every operation that a function can call, and its purpose.
pub(crate) const CALLS: [(&str, &str); 46] = [
    (
        "cloudformation:CreateStack",
        "creates the management account's own stack, if it is enrolled",
    ),
    (
        "cloudformation:CreateStackInstances",
        "deploys the stack of an account",
    ),
    (
        "cloudformation:CreateStackSet",
        "creates the StackSets of Log Archive, Audit and the members",
    ),
    (
        "cloudformation:DeleteStack",
        "removes the management account's own stack",
    ),
    (
        "cloudformation:DeleteStackInstances",
        "deletes the stack of an account that is offboarded",
    ),
    (
        "cloudformation:DeleteStackSet",
        "removes the StackSets with the main stack",
    ),
    (
        "cloudformation:DescribeStackSet",
        "compares a StackSet with its desired state",
    ),
    (
        "cloudformation:DescribeStackSetOperation",
        "reads the progress of an operation",
    ),
    (
        "cloudformation:DescribeStacks",
        "checks that the management account's own stack exists and is complete, and reads the main \
         stack's tags",
    ),
    (
        "cloudformation:ListStackInstances",
        "lists the accounts that have their stack",
    ),
    (
        "cloudformation:ListStackSetOperationResults",
        "reports why an operation failed in an account",
    ),
    (
        "cloudformation:ListStackSets",
        "finds other deployments before a launch, and this one's StackSets where the ledger was emptied",
    ),
    (
        "cloudformation:UpdateStack",
        "changes the management account's own stack",
    ),
    (
        "cloudformation:UpdateStackInstances",
        "gives the stack of a self-registering account a new token before its deletion",
    ),
    (
        "cloudformation:UpdateStackSet",
        "changes what the StackSets deploy",
    ),
    (
        "cloudtrail:GetTrail",
        "finds the trail's bucket, topic and key, and detects changes of them",
    ),
    (
        "cloudtrail:GetTrailStatus",
        "checks that the trail is logging",
    ),
    (
        "cloudtrail:UpdateTrail",
        "sets a topic on a trail without one, and removes it again",
    ),
    (
        "controltower:GetLandingZone",
        "finds Log Archive, Audit and the landing zone's version",
    ),
    (
        "controltower:ListEnabledBaselines",
        "reads which accounts Control Tower manages",
    ),
    (
        "controltower:ListEnabledControls",
        "reads which accounts are managed by controls alone, from landing zone 4.0 on",
    ),
    (
        "controltower:ListLandingZones",
        "finds the landing zone of this Region",
    ),
    (
        "dynamodb:GetItem",
        "reads which requests were admitted, and whether it still holds the lease",
    ),
    (
        "dynamodb:PutItem",
        "stores the admitted requests and the suffix of external ids",
    ),
    (
        "dynamodb:Query",
        "reads the deployment and the accounts' records",
    ),
    (
        "dynamodb:TransactWriteItems",
        "stores and deletes accounts' records, stores the deployment, releases the lease",
    ),
    (
        "dynamodb:UpdateItem",
        "acquires and releases the lease, parks work for its holder, stores the deployment",
    ),
    (
        "dynamodb:UpdateTable",
        "protects the ledger against deletion while the stack exists",
    ),
    (
        "events:DescribeRule",
        "checks whether the stack of Lacework's own integration still exists, before taking the integration over",
    ),
    (
        "events:PutEvents",
        "tells others of enrolled, offboarded and blocked accounts, and of the coverage",
    ),
    (
        "iam:GetRole",
        "checks that the role that runs StackSets exists and trusts CloudFormation",
    ),
    (
        "lambda:Invoke",
        "asks auth for a new token, or continues in a fresh invocation",
    ),
    (
        "organizations:DescribeAccount",
        "reads the accounts that a message names",
    ),
    ("organizations:ListAccounts", "reads all accounts"),
    (
        "organizations:ListOrganizationalUnitsForParent",
        "finds the organizational units that are named in the parameters",
    ),
    (
        "organizations:ListParents",
        "finds an account's organizational unit where its description does not say",
    ),
    (
        "organizations:ListRoots",
        "begins the search for organizational units",
    ),
    (
        "s3:GetBucketNotification",
        "reads the notifications of the trail's bucket, with the role in Log Archive",
    ),
    (
        "s3:PutBucketNotification",
        "adds one to them and takes it out again, with the role in Log Archive",
    ),
    (
        "s3:PutObject",
        "writes the evidence of a comparison, where evidence is kept",
    ),
    (
        "secretsmanager:DescribeSecret",
        "checks whether the stack of Lacework's own integration still exists, before taking the integration over",
    ),
    (
        "secretsmanager:GetSecretValue",
        "reads the API key or the access token",
    ),
    ("secretsmanager:PutSecretValue", "stores a new access token"),
    (
        "sns:Publish",
        "sends the accounts that exist at launch to the work queue",
    ),
    (
        "sqs:SendMessageBatch",
        "requeues work, and moves messages that end every pass to the dead-letter queue",
    ),
    (
        "sts:AssumeRole",
        "assumes the role that keeps the notification of the trail's bucket",
    ),
];

/// Permissions for actions that no call names, or that other services make on a function's behalf:
/// action, functions, purpose.
pub(crate) const ALONG: [(&str, &[&str], &str); 13] = [
    (
        "cloudformation:TagResource",
        &["setup"],
        "tags resources as this deployment's",
    ),
    (
        "cloudformation:UntagResource",
        &["setup"],
        "removes the previous owner's tags from an adopted deployment",
    ),
    (
        "dynamodb:ConditionCheckItem",
        &["setup"],
        "a transaction that stores an attempt checks the lease",
    ),
    (
        "iam:CreateServiceLinkedRole",
        &["setup"],
        "CloudTrail creates its own role for the caller that changes an organization's trail, if it is missing",
    ),
    (
        "iam:GetRole",
        &["setup"],
        "CloudTrail looks up its own role for the caller that changes an organization's trail",
    ),
    (
        "iam:PassRole",
        &["setup"],
        "CloudFormation acts with a role that the caller passes to it",
    ),
    (
        "logs:CreateLogStream",
        &["account", "auth", "setup"],
        "Lambda writes the function's log",
    ),
    (
        "logs:PutLogEvents",
        &["account", "auth", "setup"],
        "Lambda writes the function's log",
    ),
    (
        "organizations:DescribeOrganization",
        &["setup"],
        "CloudTrail reads the organization for the caller that changes its trail",
    ),
    (
        "organizations:ListAWSServiceAccessForOrganization",
        &["setup"],
        "CloudTrail reads the organization for the caller that changes its trail",
    ),
    (
        "sqs:DeleteMessage",
        &["account"],
        "Lambda deletes processed messages from the queue",
    ),
    (
        "sqs:GetQueueAttributes",
        &["account"],
        "Lambda reads the queue for the function",
    ),
    (
        "sqs:ReceiveMessage",
        &["account"],
        "Lambda reads the queue for the function",
    ),
];

/// The operations that only an administrator's `cargo towerhook` calls.
pub(crate) const BY_HAND: [(&str, &str); 26] = [
    (
        "cloudformation:DescribeStackEvents",
        "follows a launch, an update or a deletion",
    ),
    (
        "cloudformation:GetTemplate",
        "reads what a stack asks for, and what its deletion leaves",
    ),
    (
        "cloudformation:ListStackResources",
        "finds the parts of a stack",
    ),
    ("cloudwatch:DescribeAlarms", "reads which alarms are off"),
    (
        "kms:GetKeyPolicy",
        "reads whether the trail's key lets its log files be read",
    ),
    (
        "lambda:GetAccountSettings",
        "reads how many executions the account may run at once",
    ),
    (
        "lambda:GetEventSourceMapping",
        "reads whether the queue starts the account function",
    ),
    (
        "lambda:GetFunctionConfiguration",
        "reads the account function's settings, which name the ledger and the tenant",
    ),
    (
        "organizations:DescribeOrganization",
        "finds the management account",
    ),
    (
        "organizations:DescribePolicy",
        "reads what a service control policy denies",
    ),
    (
        "organizations:ListAWSServiceAccessForOrganization",
        "reads which services the organization trusts",
    ),
    (
        "organizations:ListPoliciesForTarget",
        "finds the service control policies of a unit",
    ),
    (
        "s3:CreateBucket",
        "makes a bucket for a release, with `publish --make-buckets`",
    ),
    ("s3:GetBucketLocation", "finds the Region of a bucket"),
    (
        "s3:GetBucketPolicy",
        "reads whether the trail's bucket lets its log files be read",
    ),
    (
        "s3:GetBucketVersioning",
        "checks that a bucket for releases keeps versions",
    ),
    ("s3:GetObject", "reads back what was published"),
    (
        "s3:PutBucketVersioning",
        "lets a bucket that `publish` makes keep versions",
    ),
    (
        "servicequotas:GetServiceQuota",
        "reads a quota of StackSets",
    ),
    (
        "sns:GetTopicAttributes",
        "reads who may subscribe to the trail's topic",
    ),
    (
        "sqs:ChangeMessageVisibility",
        "releases a message that was only shown",
    ),
    (
        "sqs:DeleteMessage",
        "deletes a message that was returned or dropped",
    ),
    (
        "sqs:GetQueueAttributes",
        "finds the work queue's ARN and its dead-letter queue",
    ),
    ("sqs:ReceiveMessage", "reads the dead-letter queue"),
    (
        "sqs:SendMessage",
        "returns a message to the work queue, and asks for a comparison there",
    ),
    (
        "sts:GetCallerIdentity",
        "finds the account of the credentials",
    ),
];
