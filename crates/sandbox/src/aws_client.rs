//! The sandbox's own AWS client: the wire protocols, by hand, over plain HTTP.
//!
//! The sandbox prepares and inspects the landing zone in many accounts and for many services.
//! It does so with this client and not with the AWS SDK, so that the SDK of the functions
//! under test is not also the judge of what they did.
//!
//! A client acts as an account's root user or with an access key. The emulator knows the root user
//! by an access key id of 12 digits, the account's, and does not look at the signature; everyone
//! else signs. Only the exchange of a web identity's token for credentials has no caller yet.

mod credentials;
mod error;
mod xml;

use std::sync::Once;
use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use url::Url;

pub(crate) use credentials::root_user;
pub use credentials::{AccessKey, NotSigned};
pub use error::AwsError;
pub use reqwest::Method;
pub use xml::{Element, XmlError};

/// Parameters of a query-protocol call that has none.
pub const NO_PARAMS: &[(&str, &str)] = &[];

/// The version of STS's API.
const STS: &str = "2011-06-15";

/// The one operation whose caller has no identity in AWS.
const WITH_WEB_IDENTITY: &str = "AssumeRoleWithWebIdentity";

/// A client for one endpoint, one account and one Region. Cloning is cheap and shares connections.
#[derive(Debug, Clone)]
pub struct AwsClient {
    endpoint: Url,
    region: String,
    account: String,
    key: Option<AccessKey>,
    http: reqwest::Client,
}

impl AwsClient {
    /// A client for `endpoint` in `region`, as root user of the emulator's default account
    /// `000000000000` until [`AwsClient::account`] or [`AwsClient::with_key`] says otherwise.
    ///
    /// # Errors
    /// When the HTTP client cannot be built.
    pub fn new(endpoint: Url, region: String) -> anyhow::Result<Self> {
        Ok(Self {
            endpoint,
            region,
            account: "000000000000".to_owned(),
            key: None,
            http: http_client()?,
        })
    }

    /// The same client, acting as root user of the account with this 12-digit id.
    #[must_use]
    pub fn account(&self, account_id: &str) -> Self {
        Self {
            account: account_id.to_owned(),
            key: None,
            ..self.clone()
        }
    }

    /// The same client, with a key of a user or of a role's session in the account with this
    /// 12-digit id.
    #[must_use]
    pub fn with_key(&self, account_id: &str, key: AccessKey) -> Self {
        Self {
            account: account_id.to_owned(),
            key: Some(key),
            ..self.clone()
        }
    }

    /// The same client, in another Region.
    #[must_use]
    pub fn in_region(&self, region: &str) -> Self {
        Self {
            region: region.to_owned(),
            ..self.clone()
        }
    }

    /// The same client, in a session of this role, in the role's own account.
    ///
    /// # Errors
    /// When the role does not let this client's caller in, or STS answers without credentials.
    pub async fn assume_role(
        &self,
        role_arn: &str,
        session_name: &str,
        external_id: Option<&str>,
    ) -> Result<Self, AwsError> {
        let mut form = vec![("RoleArn", role_arn), ("RoleSessionName", session_name)];
        form.extend(external_id.map(|id| ("ExternalId", id)));
        let answer = self.query("sts", "AssumeRole", STS, &form).await?;
        self.in_session("AssumeRole", &answer, role_arn)
    }

    /// The same client, in a session of this role, in the role's own account. The token alone says
    /// who asks: the call is not signed.
    ///
    /// # Errors
    /// When the role does not let the token's subject in, or STS answers without credentials.
    pub async fn assume_role_with_web_identity(
        &self,
        role_arn: &str,
        session_name: &str,
        token: &SecretString,
    ) -> Result<Self, AwsError> {
        let form = [
            ("RoleArn", role_arn),
            ("RoleSessionName", session_name),
            ("WebIdentityToken", token.expose_secret()),
        ];
        let answer = self.query("sts", WITH_WEB_IDENTITY, STS, &form).await?;
        self.in_session(WITH_WEB_IDENTITY, &answer, role_arn)
    }

    /// The same client, with the credentials in STS's answer to `operation`.
    fn in_session(
        &self,
        operation: &str,
        answer: &Element,
        role_arn: &str,
    ) -> Result<Self, AwsError> {
        let credential = |field: &str| {
            answer
                .text_at(&format!("{operation}Result/Credentials/{field}"))
                .map(str::to_owned)
                .ok_or_else(|| AwsError::Unreadable {
                    service: "sts".to_owned(),
                    operation: operation.to_owned(),
                    expected: "credentials",
                    source: format!("{field} is missing").into(),
                })
        };
        let key = AccessKey {
            id: credential("AccessKeyId")?,
            secret: credential("SecretAccessKey")?.into(),
            session_token: Some(credential("SessionToken")?.into()),
        };
        // `arn:aws:iam::<account>:role/<name>`
        let account = role_arn.split(':').nth(4).unwrap_or_default();
        Ok(self.with_key(account, key))
    }

    /// The endpoint that all calls go to.
    #[must_use]
    pub fn endpoint(&self) -> &Url {
        &self.endpoint
    }

    /// The Region that the calls name.
    #[must_use]
    pub fn region(&self) -> &str {
        &self.region
    }

    /// The key that the calls are signed with; `None` for a root user.
    #[must_use]
    pub fn key(&self) -> Option<&AccessKey> {
        self.key.as_ref()
    }

    /// The 12-digit id of the account that the calls act in.
    #[must_use]
    pub fn account_id(&self) -> &str {
        &self.account
    }

    /// One call of a query-protocol service (CloudFormation, IAM, STS, SNS): a form in, XML out.
    /// The element returned is the response's root, such as `DescribeStacksResponse`.
    ///
    /// # Errors
    /// [`AwsError::Refused`] with AWS's code, or the other kinds when there was no answer.
    pub async fn query<K: AsRef<str> + Sync, V: AsRef<str> + Sync>(
        &self,
        service: &str,
        action: &str,
        version: &str,
        params: &[(K, V)],
    ) -> Result<Element, AwsError> {
        let form = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("Action", action)
            .append_pair("Version", version)
            .extend_pairs(params)
            .finish();
        let headers = headers(&[("content-type", "application/x-www-form-urlencoded")]);
        let answer = self
            .send(service, action, Method::POST, "/", headers, form.into())
            .await?;
        let text = String::from_utf8_lossy(&answer);
        Element::parse(&text).map_err(|source| AwsError::Unreadable {
            service: service.to_owned(),
            operation: action.to_owned(),
            expected: "XML",
            source: source.into(),
        })
    }

    /// One call of a JSON-protocol service (Organizations, DynamoDB, Secrets Manager, SQS,
    /// EventBridge, CloudWatch Logs, CloudTrail). `target_prefix` is what stands before the
    /// operation in `X-Amz-Target`, such as `AWSOrganizationsV20161128`. An empty answer is `{}`.
    ///
    /// # Errors
    /// [`AwsError::Refused`] with AWS's code, or the other kinds when there was no answer.
    pub async fn json(
        &self,
        service: &str,
        target_prefix: &str,
        operation: &str,
        body: Value,
    ) -> Result<Value, AwsError> {
        let content_type = match service {
            "sqs" | "dynamodb" => "application/x-amz-json-1.0",
            _ => "application/x-amz-json-1.1",
        };
        let target = format!("{target_prefix}.{operation}");
        let headers = headers(&[("content-type", content_type), ("x-amz-target", &target)]);
        let answer = self
            .send(
                service,
                operation,
                Method::POST,
                "/",
                headers,
                body.to_string().into_bytes(),
            )
            .await?;
        if answer.is_empty() {
            return Ok(Value::Object(serde_json::Map::new()));
        }
        serde_json::from_slice(&answer).map_err(|source| AwsError::Unreadable {
            service: service.to_owned(),
            operation: operation.to_owned(),
            expected: "JSON",
            source: source.into(),
        })
    }

    /// One call of a REST service (Lambda, S3, Control Tower): the answer's bytes as they came.
    /// `path_and_query` begins with a slash and is already encoded.
    ///
    /// # Errors
    /// [`AwsError::Refused`] with AWS's code, or the other kinds when there was no answer.
    pub async fn rest(
        &self,
        service: &str,
        method: Method,
        path_and_query: &str,
        content_type: &str,
        body: Vec<u8>,
    ) -> Result<Vec<u8>, AwsError> {
        let operation = format!("{method} {path_and_query}");
        let headers = headers(&[("content-type", content_type)]);
        self.send(service, &operation, method, path_and_query, headers, body)
            .await
    }

    /// Makes a bucket in the client's account and Region.
    ///
    /// # Errors
    /// As [`AwsClient::rest`].
    pub async fn create_bucket(&self, name: &str) -> Result<(), AwsError> {
        // us-east-1 must not be named.
        let body = match self.region.as_str() {
            "us-east-1" => String::new(),
            region => format!(
                "<CreateBucketConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
                 <LocationConstraint>{region}</LocationConstraint></CreateBucketConfiguration>"
            ),
        };
        let path = format!("/{name}");
        self.rest("s3", Method::PUT, &path, "application/xml", body.into())
            .await?;
        Ok(())
    }

    async fn send(
        &self,
        service: &str,
        operation: &str,
        method: Method,
        path_and_query: &str,
        mut headers: HeaderMap,
        body: Vec<u8>,
    ) -> Result<Vec<u8>, AwsError> {
        let unreachable = |source| AwsError::Unreachable {
            service: service.to_owned(),
            operation: operation.to_owned(),
            source,
        };
        let url = format!(
            "{}{path_and_query}",
            self.endpoint.as_str().trim_end_matches('/')
        );
        debug_assert!(headers.contains_key(CONTENT_TYPE));
        let place = credentials::Place {
            account: &self.account,
            region: &self.region,
            service,
        };
        if operation != WITH_WEB_IDENTITY {
            place
                .authorize(self.key.as_ref(), &method, &url, &mut headers, &body)
                .map_err(|source| AwsError::Unsigned {
                    service: service.to_owned(),
                    operation: operation.to_owned(),
                    source,
                })?;
        }
        let answer = self
            .http
            .request(method, url)
            .headers(headers)
            .body(body)
            .send()
            .await
            .map_err(unreachable)?;
        let status = answer.status();
        let error_type = answer
            .headers()
            .get("x-amzn-errortype")
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned);
        let bytes = answer.bytes().await.map_err(unreachable)?;
        if status.is_success() {
            return Ok(bytes.to_vec());
        }
        let (code, message) = error::error_parts(&bytes, error_type.as_deref());
        Err(AwsError::Refused {
            service: service.to_owned(),
            operation: operation.to_owned(),
            status: status.as_u16(),
            code,
            message,
        })
    }
}

fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    pairs
        .iter()
        // An invalid header value is no operation either: the service refuses the request without
        // it.
        .filter_map(|(name, value)| {
            Some(((*name).try_into().ok()?, HeaderValue::from_str(value).ok()?))
        })
        .collect()
}

/// An HTTP client for loopback: no proxy, no redirects, no TLS. It loads no certificates, which
/// takes longer than a call.
pub(crate) fn http_client() -> anyhow::Result<reqwest::Client> {
    install_crypto_provider();
    Ok(reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .tls_certs_only([])
        .connect_timeout(Duration::from_secs(10))
        // The emulator closes connections after 75 s of idling; close ours before that.
        .pool_idle_timeout(Duration::from_secs(30))
        .build()?)
}

/// Makes ring the process's TLS provider, once. The libraries are built without a default one.
pub(crate) fn install_crypto_provider() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // An existing provider does as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
}
