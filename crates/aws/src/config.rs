use std::{path::Path, time::Duration};

use aws_config::{
    AppName, BehaviorVersion, Region, SdkConfig,
    environment::credentials::EnvironmentVariableCredentialsProvider, retry::RetryConfig,
    timeout::TimeoutConfig,
};
use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_sqs::config::{Credentials, ProvideCredentials, SharedCredentialsProvider};
use aws_smithy_async::{rt::sleep::TokioSleep, time::SystemTimeSource};
use aws_smithy_runtime_api::box_error::BoxError;
use towerhook_core::model::SecretText;
use towerhook_http::{ClientError, MoreRoots, Timeouts};

use crate::http::http_client;

/// Attempts per call before its failure is reported; throttling is the usual cause.
const ATTEMPTS: u32 = 4;
/// The timeout for connecting, including TLS.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// The configuration that all clients of a process share, with one HTTP client.
///
/// It reads the environment variables that Lambda sets (`AWS_REGION`, `AWS_ACCESS_KEY_ID`,
/// `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`), and `AWS_ENDPOINT_URL` and `AWS_CA_BUNDLE` as the
/// AWS CLI does. It looks nowhere else: a function has no profile, instance role or single sign-on,
/// and every further lookup slows the cold start.
///
/// # Errors
///
/// `AWS_CA_BUNDLE` names a file without certificates.
pub fn connect() -> Result<SdkConfig, ClientError> {
    let region = std::env::var("AWS_REGION").ok().map(Region::new);
    let mut config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(region)
        .credentials_provider(SharedCredentialsProvider::new(
            EnvironmentVariableCredentialsProvider::new(),
        ))
        .sleep_impl(TokioSleep::new())
        .time_source(SystemTimeSource::new())
        .http_client(http_client(client()?))
        .timeout_config(timeouts())
        .retry_config(retries());
    config.set_endpoint_url(std::env::var("AWS_ENDPOINT_URL").ok());
    config.set_app_name(app_name());
    Ok(config.build())
}

/// A sandbox landing zone on this machine.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// Its URL.
    pub url: String,
    /// Its Region.
    pub region: String,
    /// The administrator's access key id.
    pub access_key_id: String,
    /// The access key's secret.
    pub secret_access_key: SecretText,
}

/// The configuration for commands that an operator runs: Region and credentials are found as the
/// AWS CLI finds them (environment, profile, IAM Identity Center, instance), unless `endpoint`
/// gives them.
///
/// # Errors
///
/// `AWS_CA_BUNDLE` names a file without certificates.
pub async fn connect_as_operator(endpoint: Option<&Endpoint>) -> Result<SdkConfig, ClientError> {
    let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12())
        .http_client(http_client(client()?))
        .timeout_config(timeouts())
        .retry_config(retries());
    if let Some(Endpoint {
        url,
        region,
        access_key_id,
        secret_access_key,
    }) = endpoint
    {
        let secret = secret_access_key.expose();
        let credentials = Credentials::new(access_key_id, secret, None, None, "sandbox");
        loader = loader
            .endpoint_url(url)
            .region(Region::new(region.clone()))
            .credentials_provider(credentials);
    }
    let mut config = loader.load().await.into_builder();
    config.set_app_name(app_name());
    Ok(config.build())
}

/// Why an operator's command cannot ask AWS for anything.
#[derive(Debug, thiserror::Error)]
pub enum NotSignedIn {
    /// Neither the environment nor the profile says where.
    #[error("no Region is set: name Control Tower's home Region in AWS_REGION or in your profile")]
    NoRegion,
    /// No source of credentials has any.
    #[error("no AWS credentials were found: set AWS_PROFILE, or sign in with `aws sso login`")]
    NoCredentials(#[source] Option<BoxError>),
}

/// Whether AWS can be asked for something.
///
/// # Errors
///
/// There is no Region, or there are no credentials.
pub async fn require_credentials(config: &SdkConfig) -> Result<(), NotSignedIn> {
    if config.region().is_none() {
        return Err(NotSignedIn::NoRegion);
    }
    let credentials = config.credentials_provider();
    let credentials = credentials.ok_or(NotSignedIn::NoCredentials(None))?;
    let found = credentials.provide_credentials().await;
    found.map_err(|error| {
        // That no place has any is said; which places there are would be six lines more.
        let is_absence = matches!(error, CredentialsError::CredentialsNotLoaded(_));
        NotSignedIn::NoCredentials((!is_absence).then(|| error.into()))
    })?;
    Ok(())
}

fn client() -> Result<towerhook_http::Client, ClientError> {
    let timeouts = Timeouts {
        connect: CONNECT_TIMEOUT,
        total: None,
    };
    let more_roots = std::env::var_os("AWS_CA_BUNDLE");
    let more_roots = more_roots.as_deref().map(Path::new);
    towerhook_http::client(
        timeouts,
        more_roots.map_or(MoreRoots::None, MoreRoots::File),
    )
}

fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .operation_attempt_timeout(Duration::from_secs(15))
        .operation_timeout(Duration::from_secs(60))
        .build()
}

fn retries() -> RetryConfig {
    RetryConfig::standard().with_max_attempts(ATTEMPTS)
}

fn app_name() -> Option<AppName> {
    AppName::new("towerhook").ok()
}

#[cfg(test)]
mod tests {
    use std::{
        io::{Read, Write},
        net::TcpListener,
        thread,
    };

    use super::*;

    #[tokio::test]
    async fn an_endpoint_on_this_machine_is_spoken_to_without_tls() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 4096];
            let length = stream.read(&mut request).unwrap();
            let answer = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}";
            stream.write_all(answer.as_bytes()).unwrap();
            String::from_utf8_lossy(&request[..length]).into_owned()
        });
        let mut config = connect().unwrap().into_builder();
        config.set_endpoint_url(Some(endpoint));
        config.set_region(Some(Region::new("eu-west-1")));
        config.set_credentials_provider(Some(SharedCredentialsProvider::new(
            Credentials::for_tests(),
        )));
        let sqs = aws_sdk_sqs::Client::new(&config.build());
        sqs.list_queues().send().await.unwrap();
        let request = server.join().unwrap();
        assert!(request.contains("AmazonSQS.ListQueues"), "{request}");
        assert!(request.contains("app/towerhook"), "{request}");
    }
}
