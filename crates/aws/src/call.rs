//! Calls through the SDK's runtime, without a generated client.
//!
//! A generated client parses each error of its service into a type of its own. Towerhook tells errors
//! apart by code, so for a service of which a function makes one or two calls, the client would be most
//! of that function's bytes for nothing (docs/decisions/0026). Signing, retries, timeouts and the HTTP
//! client are the same as the other clients'.

mod errors;
pub(crate) mod services;
pub(crate) mod xml;

use std::fmt;

use aws_config::SdkConfig;
use aws_runtime::{
    auth::{SigV4OperationSigningConfig, SigningOptions, sigv4},
    recursion_detection::RecursionDetectionInterceptor,
    retries::classifiers::AwsErrorCodeClassifier,
    user_agent::{ApiMetadata, UserAgentInterceptor},
};
use aws_smithy_runtime::client::{
    orchestrator::operation::Operation,
    retries::classifiers::{HttpStatusCodeClassifier, TransientErrorClassifier},
};
use aws_smithy_runtime_api::{
    box_error::BoxError,
    client::{
        auth::{AuthSchemeOptionResolverParams, static_resolver::StaticAuthSchemeOptionResolver},
        orchestrator::{HttpRequest, HttpResponse, OrchestratorError},
        result::SdkError,
        runtime_components::RuntimeComponentsBuilder,
        runtime_plugin::StaticRuntimePlugin,
    },
    http::Headers,
};
use aws_smithy_types::{
    body::SdkBody, config_bag::Layer, error::metadata::ErrorMetadata, retry::RetryConfig,
    timeout::TimeoutConfig,
};
use aws_types::{
    SigningName,
    region::{Region, SigningRegion},
};
use serde::de::DeserializeOwned;
use towerhook_core::{Error, ErrorKind};

pub(crate) use self::errors::{metadata, refusal};

/// The failure of a call.
pub(crate) type CallError = SdkError<ErrorMetadata, HttpResponse>;

/// A call of a service. Its `Debug` does not show the body.
pub(crate) struct Call {
    /// The service's name in endpoints and signatures.
    pub(crate) service: &'static str,
    /// The operation's name.
    pub(crate) operation: &'static str,
    /// The HTTP method.
    pub(crate) method: &'static str,
    /// The path below the endpoint, which begins with `/`, and the query.
    pub(crate) path: String,
    /// Headers, by lowercase name.
    pub(crate) headers: Vec<(&'static str, String)>,
    /// The body.
    pub(crate) body: Vec<u8>,
    /// Timeouts other than those of all calls.
    pub(crate) timeouts: Option<TimeoutConfig>,
}

/// The answer of a successful call. Its `Debug` does not show the body.
pub(crate) struct Reply {
    headers: Headers,
    body: Vec<u8>,
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Call({}:{})", self.service, self.operation)
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reply({} bytes)", self.body.len())
    }
}

impl Reply {
    /// A header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)
    }

    /// The body.
    pub(crate) fn into_body(self) -> Vec<u8> {
        self.body
    }

    /// The body of `operation` (`service:Operation`) as text.
    ///
    /// # Errors
    ///
    /// The body is no text.
    pub(crate) fn text(&self, operation: &'static str) -> Result<&str, Error> {
        let text = std::str::from_utf8(&self.body);
        text.map_err(|error| Error::new(operation, ErrorKind::Unavailable, error))
    }

    /// The body of `operation` (`service:Operation`) as JSON.
    ///
    /// # Errors
    ///
    /// The body is not of this form, or no JSON: then it may have been cut off, which is transient.
    pub(crate) fn json<T: DeserializeOwned>(&self, operation: &'static str) -> Result<T, Error> {
        serde_json::from_slice(&self.body).map_err(|error| {
            let kind = if error.is_data() {
                ErrorKind::Invalid
            } else {
                ErrorKind::Unavailable
            };
            Error::new(operation, kind, error)
        })
    }
}

impl Call {
    /// Sends the call, with retries.
    pub(crate) async fn send(mut self, config: &SdkConfig) -> Result<Reply, CallError> {
        let mut region = config.region().map(ToString::to_string).unwrap_or_default();
        let endpoint = match config.endpoint_url() {
            Some(endpoint) => endpoint.to_owned(),
            None => {
                region = home_of(self.service, region);
                format!("https://{}", host(self.service, &region))
            }
        };
        let timeouts = self.timeouts.take();
        let timeouts = timeouts.or_else(|| config.timeout_config().cloned());
        let retries = config.retry_config().cloned();
        let retries = retries.unwrap_or_else(RetryConfig::disabled);
        let operation = Operation::builder()
            .service_name(self.service)
            .operation_name(self.operation)
            .endpoint_url(&endpoint)
            .standard_retry(&retries)
            .timeout_config(timeouts.unwrap_or_else(TimeoutConfig::disabled))
            .retry_classifier(TransientErrorClassifier::<ErrorMetadata>::new())
            .retry_classifier(AwsErrorCodeClassifier::<ErrorMetadata>::new())
            .retry_classifier(HttpStatusCodeClassifier::default())
            .interceptor(UserAgentInterceptor::new())
            .interceptor(RecursionDetectionInterceptor::new())
            .with_connection_poisoning()
            .runtime_plugin(runtime(config, self.service, region))
            .serializer(|call: Self| call.request())
            .deserializer(read)
            .build();
        // Boxed, since the callers' futures nest deeper than the compiler follows.
        Box::pin(operation.invoke(self)).await
    }

    fn request(self) -> Result<HttpRequest, BoxError> {
        let mut request = HttpRequest::new(SdkBody::from(self.body));
        request.set_method(self.method)?;
        request.set_uri(self.path)?;
        for (name, value) in self.headers {
            request.headers_mut().try_insert(name, value)?;
        }
        Ok(request)
    }
}

/// Who signs the call and as what, and how it gets out.
fn runtime(config: &SdkConfig, service: &'static str, region: String) -> StaticRuntimePlugin {
    let mut layer = Layer::new("call");
    layer.store_put(SigV4OperationSigningConfig {
        region: Some(SigningRegion::from(Region::new(region))),
        name: Some(SigningName::from_static(service)),
        signing_options: signing_options(service),
        ..SigV4OperationSigningConfig::default()
    });
    layer.store_put(AuthSchemeOptionResolverParams::new(()));
    layer.store_put(ApiMetadata::new(service, env!("CARGO_PKG_VERSION")));
    layer.store_or_unset(config.app_name().cloned());
    let schemes = StaticAuthSchemeOptionResolver::new(vec![sigv4::SCHEME_ID]);
    let mut components = RuntimeComponentsBuilder::new("call")
        .with_auth_scheme(sigv4::SigV4AuthScheme::new())
        .with_auth_scheme_option_resolver(Some(schemes))
        .with_http_client(config.http_client())
        .with_identity_cache(config.identity_cache());
    if let Some(credentials) = config.credentials_provider() {
        components.set_identity_resolver(sigv4::SCHEME_ID, credentials);
    }
    components.set_sleep_impl(config.sleep_impl());
    components.set_time_source(config.time_source());
    StaticRuntimePlugin::new()
        .with_config(layer.freeze())
        .with_runtime_components(components)
}

/// S3 signs the path as it is, and demands the body's digest.
///
/// Source: docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
fn signing_options(service: &str) -> SigningOptions {
    let is_s3 = service == "s3";
    let mut options = SigningOptions::default();
    options.content_sha256_header = is_s3;
    options.double_uri_encode = !is_s3;
    options.normalize_uri_path = !is_s3;
    options
}

/// The Region of a service's endpoint: the own one, or the one Region of a partition that has
/// Organizations or IAM.
///
/// Source: the endpoints in the AWS SDKs.
fn home_of(service: &str, region: String) -> String {
    const HOMES: [(&str, &str, &str); 7] = [
        ("cn-", "cn-northwest-1", "cn-north-1"),
        ("us-gov-", "us-gov-west-1", "us-gov-west-1"),
        ("eusc-", "eusc-de-east-1", "eusc-de-east-1"),
        ("us-iso-", "us-iso-east-1", "us-iso-east-1"),
        ("us-isob-", "us-isob-east-1", "us-isob-east-1"),
        ("eu-isoe-", "eu-isoe-west-1", "eu-isoe-west-1"),
        ("us-isof-", "us-isof-south-1", "us-isof-south-1"),
    ];
    let mut homes = HOMES.iter();
    let home = homes.find(|(prefix, ..)| region.starts_with(prefix));
    match service {
        "organizations" => home.map_or("us-east-1", |(_, home, _)| home).to_owned(),
        "iam" => home.map_or("us-east-1", |(_, _, home)| home).to_owned(),
        _ => region,
    }
}

/// The host of a service in a Region. In two partitions, IAM's has no Region in its name.
///
/// Source: the endpoints in the AWS SDKs.
fn host(service: &str, region: &str) -> String {
    match (service, region) {
        ("iam", "us-east-1") => "iam.amazonaws.com".to_owned(),
        ("iam", "us-gov-west-1") => "iam.us-gov.amazonaws.com".to_owned(),
        _ => format!("{service}.{region}.{}", dns_suffix(region)),
    }
}

/// The end of all endpoints in a Region's partition.
///
/// Source: the partitions in the AWS SDKs.
fn dns_suffix(region: &str) -> &'static str {
    const OTHERS: [(&str, &str); 6] = [
        ("cn-", "amazonaws.com.cn"),
        ("eusc-", "amazonaws.eu"),
        ("us-iso-", "c2s.ic.gov"),
        ("us-isob-", "sc2s.sgov.gov"),
        ("eu-isoe-", "cloud.adc-e.uk"),
        ("us-isof-", "csp.hci.ic.gov"),
    ];
    let other = OTHERS.iter().find(|(prefix, _)| region.starts_with(prefix));
    other.map_or("amazonaws.com", |(_, suffix)| suffix)
}

fn read(response: &HttpResponse) -> Result<Reply, OrchestratorError<ErrorMetadata>> {
    let body = response.body().bytes().unwrap_or_default();
    if response.status().is_success() {
        return Ok(Reply {
            headers: response.headers().clone(),
            body: body.to_vec(),
        });
    }
    Err(OrchestratorError::operation(metadata(
        response.headers(),
        body,
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_in_the_partition_of_its_region() {
        for (region, suffix) in [
            ("eu-west-1", "amazonaws.com"),
            ("us-gov-west-1", "amazonaws.com"),
            ("cn-north-1", "amazonaws.com.cn"),
            ("eusc-de-east-1", "amazonaws.eu"),
        ] {
            assert_eq!(dns_suffix(region), suffix);
        }
    }

    #[test]
    fn organizations_has_one_region_in_each_partition() {
        for (region, home) in [
            ("eu-west-1", "us-east-1"),
            ("us-gov-east-1", "us-gov-west-1"),
            ("cn-north-1", "cn-northwest-1"),
        ] {
            assert_eq!(home_of("organizations", region.to_owned()), home);
            assert_eq!(home_of("controltower", region.to_owned()), region);
        }
    }

    #[test]
    fn iam_has_one_host_in_each_partition() {
        for (region, at) in [
            ("eu-west-1", "iam.amazonaws.com"),
            ("us-gov-east-1", "iam.us-gov.amazonaws.com"),
            ("cn-northwest-1", "iam.cn-north-1.amazonaws.com.cn"),
            ("eusc-de-east-1", "iam.eusc-de-east-1.amazonaws.eu"),
        ] {
            let home = home_of("iam", region.to_owned());
            assert_eq!(host("iam", &home), at);
        }
        assert_eq!(host("sqs", "eu-west-1"), "sqs.eu-west-1.amazonaws.com");
    }

    #[test]
    fn neither_a_call_nor_its_answer_shows_its_body() {
        let call = Call {
            service: "sqs",
            operation: "SendMessageBatch",
            method: "POST",
            path: "/".into(),
            headers: Vec::new(),
            body: b"canary".to_vec(),
            timeouts: None,
        };
        assert_eq!(format!("{call:?}"), "Call(sqs:SendMessageBatch)");
        let reply = Reply {
            headers: Headers::new(),
            body: b"canary".to_vec(),
        };
        assert_eq!(format!("{reply:?}"), "Reply(6 bytes)");
    }

    #[test]
    fn an_answer_that_is_cut_off_may_be_whole_the_next_time() {
        let reply = Reply {
            headers: Headers::new(),
            body: br#"{"Trail": {"Na"#.to_vec(),
        };
        let cut = reply.json::<serde_json::Value>("cloudtrail:GetTrail");
        let cut = cut.unwrap_err();
        assert_eq!(cut.operation, "cloudtrail:GetTrail");
        assert_eq!(cut.kind, ErrorKind::Unavailable);
    }
}
