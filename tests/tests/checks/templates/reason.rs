//! What the functions call AWS for.

/// Every operation that a function can call, and what for.
pub(crate) const CALLS: [(&str, &str); 41] = [
    (
        "cloudformation:CreateStack",
        "makes the management account's own stack, where it is to be enrolled",
    ),
    (
        "cloudformation:CreateStackInstances",
        "deploys the stack of an account",
    ),
    (
        "cloudformation:CreateStackSet",
        "makes the StackSets of Log Archive, Audit and the members",
    ),
    (
        "cloudformation:DeleteStack",
        "removes the management account's own stack",
    ),
    (
        "cloudformation:DeleteStackInstances",
        "removes the stack of an account that leaves",
    ),
    (
        "cloudformation:DeleteStackSet",
        "removes the StackSets with the main stack",
    ),
    (
        "cloudformation:DescribeStackSet",
        "compares a StackSet with what it should be",
    ),
    (
        "cloudformation:DescribeStackSetOperation",
        "sees how far an operation is",
    ),
    (
        "cloudformation:DescribeStacks",
        "sees whether the management account's own stack is there and complete, and reads the main \
         stack's tags",
    ),
    (
        "cloudformation:ListStackInstances",
        "sees which accounts have their stack",
    ),
    (
        "cloudformation:ListStackSetOperationResults",
        "reports why an operation failed in an account",
    ),
    (
        "cloudformation:ListStackSets",
        "finds other deployments before the first is made, and what was made where the ledger was \
         emptied",
    ),
    (
        "cloudformation:UpdateStack",
        "changes the management account's own stack",
    ),
    (
        "cloudformation:UpdateStackInstances",
        "gives the stack of an account that registers itself another token, before it goes",
    ),
    (
        "cloudformation:UpdateStackSet",
        "changes what the StackSets deploy",
    ),
    (
        "cloudtrail:GetTrail",
        "finds the trail's bucket, topic and key, and sees whether they have changed",
    ),
    (
        "cloudtrail:GetTrailStatus",
        "sees whether the trail is logging",
    ),
    (
        "cloudtrail:UpdateTrail",
        "gives a trail without a topic one, and takes it off again",
    ),
    (
        "controltower:GetLandingZone",
        "finds Log Archive, Audit and the landing zone's version",
    ),
    (
        "controltower:ListEnabledBaselines",
        "sees which accounts Control Tower manages",
    ),
    (
        "controltower:ListEnabledControls",
        "sees which accounts are managed by controls alone, from landing zone 4.0 on",
    ),
    (
        "controltower:ListLandingZones",
        "finds the landing zone of this Region",
    ),
    (
        "dynamodb:GetItem",
        "sees which requests were admitted, and whether it still holds the lease",
    ),
    (
        "dynamodb:PutItem",
        "keeps which requests were admitted, and the suffix of external ids",
    ),
    (
        "dynamodb:Query",
        "reads the deployment and the accounts' records",
    ),
    (
        "dynamodb:TransactWriteItems",
        "keeps and forgets accounts' records, keeps the deployment, gives the lease back",
    ),
    (
        "dynamodb:UpdateItem",
        "takes the lease and gives it back, parks work for its holder, keeps the deployment",
    ),
    (
        "dynamodb:UpdateTable",
        "lets nobody delete the ledger while the stack stands",
    ),
    (
        "events:DescribeRule",
        "sees whether the stack of Lacework's own integration is still there, before that is taken over",
    ),
    (
        "iam:GetRole",
        "looks whether the role that StackSets are run with is there and trusts CloudFormation",
    ),
    (
        "lambda:Invoke",
        "asks auth for a new token, or goes on in a fresh invocation",
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
        "secretsmanager:DescribeSecret",
        "sees whether the stack of Lacework's own integration is still there, before that is taken over",
    ),
    (
        "secretsmanager:GetSecretValue",
        "reads the API key or the access token",
    ),
    ("secretsmanager:PutSecretValue", "keeps a new access token"),
    (
        "sns:Publish",
        "sends the accounts that are there at launch to the work queue",
    ),
    (
        "sqs:SendMessageBatch",
        "puts work off until later, and sets aside what ends every pass",
    ),
];

/// What a function's role has to allow for what no call of its own says, or others do in its name: action, functions, why.
pub(crate) const ALONG: [(&str, &[&str], &str); 13] = [
    (
        "cloudformation:TagResource",
        &["setup"],
        "marks what is made as this deployment's",
    ),
    (
        "cloudformation:UntagResource",
        &["setup"],
        "takes the tags of whoever made an adopted deployment off it",
    ),
    (
        "dynamodb:ConditionCheckItem",
        &["setup"],
        "a transaction that keeps an attempt checks the lease",
    ),
    (
        "iam:CreateServiceLinkedRole",
        &["setup"],
        "CloudTrail makes its own role for who changes an organization's trail, where it is missing",
    ),
    (
        "iam:GetRole",
        &["setup"],
        "CloudTrail looks for its own role in the name of who changes an organization's trail",
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
        "CloudTrail looks at the organization for who changes its trail",
    ),
    (
        "organizations:ListAWSServiceAccessForOrganization",
        &["setup"],
        "CloudTrail looks at the organization for who changes its trail",
    ),
    (
        "sqs:DeleteMessage",
        &["account"],
        "Lambda removes from the queue what is done",
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

/// What no function calls, but an administrator's `cargo towerhook redrive`.
pub(crate) const BY_HAND: [(&str, &str); 5] = [
    (
        "sqs:ChangeMessageVisibility",
        "lets go of a message that was only looked at",
    ),
    (
        "sqs:DeleteMessage",
        "takes away a message that was returned",
    ),
    (
        "sqs:GetQueueAttributes",
        "counts the dead-letter queue's messages",
    ),
    ("sqs:ReceiveMessage", "reads the dead-letter queue"),
    ("sqs:SendMessage", "returns a message to the work queue"),
];
