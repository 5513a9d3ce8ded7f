use std::time::Duration;

use aws_config::{
    AppName, BehaviorVersion, ConfigLoader, Region, SdkConfig,
    environment::{
        credentials::EnvironmentVariableCredentialsProvider,
        region::EnvironmentVariableRegionProvider,
    },
    retry::RetryConfig,
    timeout::TimeoutConfig,
};
use aws_sdk_sqs::config::Credentials;
use aws_smithy_http_client::{
    Builder,
    tls::{Provider, rustls_provider::CryptoMode},
};
use towerhook_core::model::SecretText;

/// How often a call is made before its failure is reported; throttling is the usual reason.
const ATTEMPTS: u32 = 4;

/// The configuration that all clients of a process share, with one HTTP client.
///
/// Region, credentials and `AWS_ENDPOINT_URL` come from the environment, where Lambda puts them.
pub async fn connect() -> SdkConfig {
    let loader = aws_config::defaults(BehaviorVersion::v2026_01_12())
        .region(EnvironmentVariableRegionProvider::new())
        .credentials_provider(EnvironmentVariableCredentialsProvider::new());
    shared(loader).await
}

/// A landing zone on this machine.
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

/// The configuration for a person's commands: Region and credentials are found as the AWS CLI finds
/// them (environment, profile, IAM Identity Center, instance), unless `endpoint` gives them.
pub async fn connect_as_operator(endpoint: Option<&Endpoint>) -> SdkConfig {
    let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12());
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
    shared(loader).await
}

async fn shared(loader: ConfigLoader) -> SdkConfig {
    let http_client = Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .build_https();
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(3))
        .operation_attempt_timeout(Duration::from_secs(15))
        .operation_timeout(Duration::from_secs(60))
        .build();
    let mut config = loader
        .http_client(http_client)
        .timeout_config(timeouts)
        .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
        .load()
        .await
        .into_builder();
    config.set_app_name(AppName::new("towerhook").ok());
    config.build()
}

#[cfg(test)]
mod tests {
    use std::{
        io::{Read, Write},
        net::TcpListener,
        thread,
    };

    use aws_sdk_sqs::config::SharedCredentialsProvider;

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
        let mut config = connect().await.into_builder();
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
