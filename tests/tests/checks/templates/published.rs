//! What the vendors publish of the permissions that they ask for.

/// The actions of `VisionOnePolicyPart1` to `VisionOnePolicyPart3`, each once and by service, as of the
/// vendor's page "Connect an AWS account manually" of October 2025.
const VISION_ONE: &str = "
access-analyzer: ListAnalyzers ListFindings
acm: DescribeCertificate ListCertificates ListTagsForCertificate
apigateway: GET
appflow: DescribeFlow ListFlows
application-autoscaling: DescribeScalableTargets DescribeScalingActivities
    DescribeScalingPolicies DescribeScheduledActions
athena: GetQueryExecution ListQueryExecutions ListTagsForResource
autoscaling: DescribeAccountLimits DescribeAutoScalingGroups DescribeAutoScalingInstances
    DescribeLaunchConfigurations DescribeLoadBalancerTargetGroups DescribeLoadBalancers
    DescribeNotificationConfigurations DescribeTags
backup: DescribeBackupVault GetBackupVaultAccessPolicy ListBackupVaults
ce: GetAnomalies GetAnomalyMonitors
cloudformation: DescribeAccountLimits DescribeStackDriftDetectionStatus DescribeStackEvents
    DescribeStackResources DescribeStacks DetectStackDrift GetStackPolicy GetTemplate
    ListStackInstances ListStackResources ListStacks
cloudfront: GetDistribution ListDistributions ListTagsForResource
cloudtrail: DescribeTrails GetEventSelectors GetTrailStatus ListTags
cloudwatch: DescribeAlarms DescribeAlarmsForMetric GetMetricStatistics ListMetrics
comprehend: ListDocumentClassificationJobs ListDominantLanguageDetectionJobs
    ListEntitiesDetectionJobs ListKeyPhrasesDetectionJobs ListSentimentDetectionJobs
    ListTopicsDetectionJobs
compute-optimizer: GetAutoScalingGroupRecommendations GetEC2InstanceRecommendations
config: DescribeComplianceByConfigRule DescribeConfigRules DescribeConfigurationRecorderStatus
    DescribeConfigurationRecorders DescribeDeliveryChannelStatus DescribeDeliveryChannels
    GetComplianceDetailsByConfigRule GetResourceConfigHistory SelectResourceConfig
dax: DescribeClusters ListTags
dms: DescribeReplicationInstances ListTagsForResource
ds: DescribeDirectories ListTagsForResource
dynamodb: DescribeContinuousBackups DescribeLimits DescribeTable ListBackups ListTables
    ListTagsOfResource
ec2: DescribeAccountAttributes DescribeAddresses DescribeAvailabilityZones
    DescribeEgressOnlyInternetGateways DescribeFlowLogs DescribeImages DescribeInstanceAttribute
    DescribeInstanceStatus DescribeInstances DescribeInternetGateways DescribeKeyPairs
    DescribeManagedPrefixLists DescribeNatGateways DescribeNetworkAcls DescribeNetworkInterfaces
    DescribeRegions DescribeReservedInstances DescribeRouteTables
    DescribeSecurityGroupReferences DescribeSecurityGroups DescribeSnapshotAttribute
    DescribeSnapshots DescribeSubnets DescribeTags DescribeTransitGatewayPeeringAttachments
    DescribeTransitGatewayRouteTables DescribeTransitGateways DescribeVolumes
    DescribeVpcAttribute DescribeVpcEndpoints DescribeVpcPeeringConnections DescribeVpcs
    DescribeVpnConnections DescribeVpnGateways GetEbsEncryptionByDefault
    SearchTransitGatewayRoutes
ecr: DescribeImages DescribeRepositories GetLifecyclePolicy GetRepositoryPolicy
ecs: DescribeClusters DescribeContainerInstances DescribeServices DescribeTaskDefinition
    DescribeTasks ListClusters ListContainerInstances ListServices ListTagsForResource
    ListTaskDefinitions ListTasks
eks: DescribeCluster ListClusters
elasticache: DescribeCacheClusters DescribeReplicationGroups DescribeReservedCacheNodes
    ListTagsForResource
elasticbeanstalk: DescribeConfigurationSettings DescribeEnvironments
elasticfilesystem: DescribeFileSystems DescribeTags
elasticloadbalancing: DescribeListeners DescribeLoadBalancerAttributes
    DescribeLoadBalancerPolicies DescribeLoadBalancers DescribeRules DescribeTags
    DescribeTargetGroups DescribeTargetHealth
elasticmapreduce: DescribeCluster ListClusters ListInstances
es: DescribeElasticsearchDomain DescribeElasticsearchDomainConfig DescribeElasticsearchDomains
    DescribeElasticsearchInstanceTypeLimits DescribeReservedElasticsearchInstanceOfferings
    DescribeReservedElasticsearchInstances ListDomainNames ListElasticsearchInstanceTypes
    ListElasticsearchVersions ListTags
events: DescribeEventBus ListRules
firehose: DescribeDeliveryStream ListDeliveryStreams ListTagsForDeliveryStream
glue: GetDataCatalogEncryptionSettings GetDatabases GetSecurityConfiguration
    GetSecurityConfigurations
guardduty: GetDetector GetFindings ListDetectors ListFindings
health: DescribeAffectedEntities DescribeEventDetails DescribeEvents
iam: GenerateCredentialReport GetAccessKeyLastUsed GetAccountAuthorizationDetails
    GetAccountPasswordPolicy GetAccountSummary GetCredentialReport GetGroup GetGroupPolicy
    GetLoginProfile GetOpenIDConnectProvider GetPolicy GetPolicyVersion GetRole GetRolePolicy
    GetSAMLProvider GetServerCertificate GetUser GetUserPolicy ListAccessKeys ListAccountAliases
    ListAttachedGroupPolicies ListAttachedRolePolicies ListAttachedUserPolicies
    ListEntitiesForPolicy ListGroupPolicies ListGroups ListInstanceProfiles
    ListInstanceProfilesForRole ListMFADevices ListOpenIDConnectProviders ListPolicies
    ListPolicyTags ListPolicyVersions ListRolePolicies ListRoleTags ListRoles ListSAMLProviders
    ListSSHPublicKeys ListServerCertificates ListUserPolicies ListUserTags ListUsers
    ListVirtualMFADevices
inspector: DescribeAssessmentRuns DescribeAssessmentTargets DescribeAssessmentTemplates
    DescribeExclusions DescribeFindings DescribeResourceGroups ListAssessmentRuns
    ListAssessmentTargets ListAssessmentTemplates ListExclusions ListFindings PreviewAgents
kafka: DescribeCluster ListClusters ListNodes
kinesis: DescribeStream ListStreams ListTagsForStream
kms: DescribeKey GetKeyPolicy GetKeyRotationStatus ListAliases ListGrants ListKeyPolicies
    ListKeys ListResourceTags
lambda: GetAccountSettings GetFunctionConfiguration GetPolicy ListEventSourceMappings
    ListFunctionUrlConfigs ListFunctions ListLayers ListTags
logs: DescribeLogGroups DescribeLogStreams DescribeMetricFilters
macie2: GetClassificationExportConfiguration GetFindingStatistics ListClassificationJobs
mq: DescribeBroker ListBrokers
organizations: DescribeAccount DescribeCreateAccountStatus DescribeHandshake
    DescribeOrganization DescribeOrganizationalUnit DescribePolicy
    ListAWSServiceAccessForOrganization ListAccounts ListAccountsForParent ListChildren
    ListCreateAccountStatus ListHandshakesForAccount ListHandshakesForOrganization
    ListOrganizationalUnitsForParent ListParents ListPolicies ListPoliciesForTarget ListRoots
    ListTargetsForPolicy
rds: DescribeAccountAttributes DescribeDBClusters DescribeDBInstances DescribeDBParameterGroups
    DescribeDBParameters DescribeDBSecurityGroups DescribeDBSnapshotAttributes
    DescribeDBSnapshots DescribeEventSubscriptions DescribeEvents DescribeReservedDBInstances
    ListTagsForResource
redshift: DescribeClusterParameterGroups DescribeClusterParameters DescribeClusters
    DescribeLoggingStatus DescribeReservedNodes DescribeTags
route53: GetDNSSEC GetGeoLocation ListHostedZones ListResourceRecordSets ListTagsForResource
route53domains: GetDomainDetail ListDomains ListTagsForDomain
s3: GetAccelerateConfiguration GetAccountPublicAccessBlock GetBucketAcl GetBucketLocation
    GetBucketLogging GetBucketObjectLockConfiguration GetBucketPolicy GetBucketPolicyStatus
    GetBucketPublicAccessBlock GetBucketTagging GetBucketVersioning GetBucketWebsite
    GetEncryptionConfiguration GetLifecycleConfiguration ListAllMyBuckets ListBucket
sagemaker: DescribeNotebookInstance ListNotebookInstances ListTags
secretsmanager: DescribeSecret ListSecrets
securityhub: DescribeHub GetEnabledStandards GetFindings GetInsightResults GetInsights
    GetMasterAccount GetMembers ListEnabledProductsForImport ListInvitations ListMembers
servicequotas: ListServiceQuotas
ses: GetIdentityDkimAttributes GetIdentityPolicies GetIdentityVerificationAttributes
    ListIdentities ListIdentityPolicies
shield: DescribeSubscription
sns: GetTopicAttributes ListSubscriptionsByTopic ListTagsForResource ListTopics
sqs: GetQueueAttributes ListQueueTags ListQueues
ssm: AddTagsToResource DeleteParameter DescribeInstanceInformation DescribeParameters
    DescribeSessions GetParameter GetParameters GetParametersByPath PutParameter
    RemoveTagsFromResource
storagegateway: DescribeNFSFileShares DescribeSMBFileShares DescribeTapes ListFileShares
    ListTagsForResource ListTapes
support: DescribeSeverityLevels DescribeTrustedAdvisorCheckRefreshStatuses
    DescribeTrustedAdvisorCheckResult DescribeTrustedAdvisorChecks RefreshTrustedAdvisorCheck
tag: GetResources GetTagKeys GetTagValues
transfer: DescribeServer ListServers
waf: GetWebACL ListWebACLs
wafv2: GetWebACL ListWebACLs
wellarchitected: GetWorkload ListWorkloads
workspaces: DescribeTags DescribeWorkspaceBundles DescribeWorkspaceDirectories
    DescribeWorkspaces DescribeWorkspacesConnectionStatus
xray: GetEncryptionConfig
";

pub(crate) fn vision_one() -> impl Iterator<Item = String> {
    let mut service = "";
    VISION_ONE.split_whitespace().filter_map(move |word| {
        if let Some(named) = word.strip_suffix(':') {
            service = named;
            return None;
        }
        Some(format!("{service}:{word}"))
    })
}
