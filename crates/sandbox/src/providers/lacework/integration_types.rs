//! The table of integration types and of what their `data` holds.

/// The integration types of AWS, with the groups of fields that their `data` is made of.
static AWS_TYPES: &[(&str, &[&[Field]])] = &[
    ("AwsCfg", &[&[CREDENTIALS, ACCOUNT_ID]]),
    (
        "AwsCtSqs",
        &[&[
            CREDENTIALS,
            QUEUE_URL,
            ACCOUNT_ID,
            optional("accountMappingFile", Kind::Text),
            optional("accountMapping", Kind::AnyObject),
        ]],
    ),
    ("AwsUsGovCfg", &[&[ACCESS_KEY]]),
    ("AwsUsGovCtSqs", &[&[ACCESS_KEY, QUEUE_URL]]),
    (
        "AwsEksAudit",
        &[&[
            CREDENTIALS,
            required("snsArn", Kind::Text),
            optional("s3BucketArn", Kind::Text),
        ]],
    ),
    ("AwsSidekick", &[SIDEKICK]),
    (
        "AwsSidekickOrg",
        &[
            SIDEKICK,
            &[
                required("scanningAccount", Kind::Text),
                required("monitoredAccounts", Kind::Text),
                optional("managementAccount", Kind::Text),
                optional("accountMappingFile", Kind::Text),
            ],
        ],
    ),
    (
        "AwsDspm",
        &[&[
            CREDENTIALS,
            ACCOUNT_ID,
            optional("bucketArn", Kind::Text),
            optional("regions", Kind::Texts),
            required("integrationLevel", Kind::OneOf(&["ACCOUNT", "ORG"])),
            optional("managementAccount", Kind::Text),
        ]],
    ),
];

/// Types that the API has and the simulator cannot create.
pub(super) static OTHER_TYPES: &[&str] = &[
    "AzureAdAl",
    "AzureAlSeq",
    "AzureCfg",
    "AzureSidekick",
    "AzureDspm",
    "GcpAtSes",
    "GcpCfg",
    "GcpGkeAudit",
    "GcpSidekick",
    "GcpAlPubSub",
    "OciCfg",
];

const CREDENTIALS: Field = required(
    "crossAccountCredentials",
    Kind::Object(&[
        required("roleArn", Kind::Pattern(ROLE_ARN)),
        required("externalId", Kind::Text),
    ]),
);
const ACCESS_KEY: Field = required(
    "accessKeyCredentials",
    Kind::Object(&[
        required("accountId", Kind::Pattern(r"^\d{12}$")),
        required("accessKeyId", Kind::Pattern("^[A-Z0-9]{20}$")),
        required("secretAccessKey", Kind::Pattern("^[A-Za-z0-9/+=]{40}$")),
    ]),
);
const QUEUE_URL: Field = required("queueUrl", Kind::Pattern(URL));
const ACCOUNT_ID: Field = optional("awsAccountId", Kind::Pattern(r"^\d{12}$"));
const SIDEKICK: &[Field] = &[
    CREDENTIALS,
    ACCOUNT_ID,
    optional("bucketArn", Kind::Text),
    required("scanFrequency", Kind::Number),
    required("scanContainers", Kind::Flag),
    required("scanHostVulnerabilities", Kind::Flag),
    optional("scanMultiVolume", Kind::Flag),
    optional("scanStoppedInstances", Kind::Flag),
    optional("queryText", Kind::Text),
];

pub(super) const ROLE_ARN: &str = r"^arn:aws(-[a-zA-Z]+)?:iam:([a-zA-Z0-9-_]+)?:([0-9]{12}):([a-zA-Z0-9_-]+)([/:][a-zA-Z0-9_-]+)*$";
pub(super) const URL: &str =
    r"^((http[s]?|ftp):\/)?\/?([^:\/\s]+)((\/\w+)*\/)([\w\-\.]+[^#?\s]+)(.*)?(#[\w\-]+)?$";

#[derive(Debug, Clone, Copy)]
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) required: bool,
    pub(super) kind: Kind,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    /// A string of at least one character.
    Text,
    Pattern(&'static str),
    OneOf(&'static [&'static str]),
    Number,
    /// A boolean or 0 or 1.
    Flag,
    Texts,
    Object(&'static [Field]),
    AnyObject,
}

const fn required(name: &'static str, kind: Kind) -> Field {
    Field {
        name,
        required: true,
        kind,
    }
}

const fn optional(name: &'static str, kind: Kind) -> Field {
    Field {
        name,
        required: false,
        kind,
    }
}

/// The names of the types that can be created.
pub(super) fn types() -> impl Iterator<Item = &'static str> {
    AWS_TYPES.iter().map(|(name, _)| *name)
}

/// The fields of a type's `data`; `None` for a type that cannot be created.
pub(super) fn fields(kind: &str) -> Option<Vec<Field>> {
    let found = AWS_TYPES.iter().find(|(name, _)| *name == kind);
    found.map(|(_, groups)| groups.concat())
}
