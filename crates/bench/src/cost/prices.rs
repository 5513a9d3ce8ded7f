//! List prices of us-east-1 in US dollars, of 2026, without free tiers. Each constant says which page
//! it is from.

/// A GB-second of a function on arm64; aws.amazon.com/lambda/pricing.
pub(super) const LAMBDA_GB_SECOND: f64 = 0.000_013_333_4;
/// An invocation; aws.amazon.com/lambda/pricing.
pub(super) const LAMBDA_REQUEST: f64 = 0.20 / 1e6;
/// A request to a standard queue; aws.amazon.com/sqs/pricing.
pub(super) const SQS_REQUEST: f64 = 0.40 / 1e6;
/// A unit of 4 KB, read consistently, on demand; aws.amazon.com/dynamodb/pricing/on-demand.
pub(super) const DYNAMODB_READ_UNIT: f64 = 0.125 / 1e6;
/// A unit of 1 KB, written on demand; aws.amazon.com/dynamodb/pricing/on-demand.
pub(super) const DYNAMODB_WRITE_UNIT: f64 = 0.625 / 1e6;
/// A secret for a month; aws.amazon.com/secrets-manager/pricing.
pub(super) const SECRET_MONTH: f64 = 0.40;
/// A call of Secrets Manager; aws.amazon.com/secrets-manager/pricing.
pub(super) const SECRET_CALL: f64 = 0.05 / 1e4;
/// A request to a key of KMS; aws.amazon.com/kms/pricing.
pub(super) const KMS_REQUEST: f64 = 0.03 / 1e4;
/// A GB of logs taken in; aws.amazon.com/cloudwatch/pricing.
pub(super) const LOG_GB: f64 = 0.50;
/// A custom metric for a month; aws.amazon.com/cloudwatch/pricing.
pub(super) const METRIC_MONTH: f64 = 0.30;
/// A dashboard for a month; aws.amazon.com/cloudwatch/pricing.
pub(super) const DASHBOARD_MONTH: f64 = 3.00;
/// An alarm for a month; aws.amazon.com/cloudwatch/pricing.
pub(super) const ALARM_MONTH: f64 = 0.10;
