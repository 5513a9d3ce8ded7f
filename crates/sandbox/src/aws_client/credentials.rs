//! The identity of a caller: an account's root user, or an access key with Signature Version 4.

use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningError,
    SigningSettings, UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4;
use reqwest::Method;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};

/// An access key of a user (`AKIA…`), or of a role's session (`ASIA…`), which has a token too.
#[derive(Debug, Clone)]
pub struct AccessKey {
    /// Its id.
    pub id: String,
    /// Its secret.
    pub secret: SecretString,
    /// The token of a role's session.
    pub session_token: Option<SecretString>,
}

/// A request could not be signed.
#[derive(Debug, thiserror::Error)]
pub enum NotSigned {
    /// Method, URL or headers are not those of a request.
    #[error("the request has no signature")]
    Request(#[source] SigningError),
    /// A parameter of the signature is missing.
    #[error("the signature lacks a parameter")]
    Parameters(#[source] v4::signing_params::BuildError),
}

/// The account, Region and service of a call.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) account: &'a str,
    pub(super) region: &'a str,
    pub(super) service: &'a str,
}

impl Place<'_> {
    /// Adds the headers that say who the call comes from: with the key, or without one as the
    /// account's root user.
    pub(super) fn authorize(
        self,
        key: Option<&AccessKey>,
        method: &Method,
        url: &str,
        headers: &mut HeaderMap,
        body: &[u8],
    ) -> Result<(), NotSigned> {
        let Some(key) = key else {
            if let Ok(value) =
                HeaderValue::from_str(&root_user(self.account, self.region, self.service))
            {
                headers.insert(AUTHORIZATION, value);
            }
            return Ok(());
        };
        let identity = Credentials::new(
            &key.id,
            key.secret.expose_secret(),
            key.session_token
                .as_ref()
                .map(|token| token.expose_secret().to_owned()),
            None,
            "sandbox",
        )
        .into();
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(self.region)
            .name(self.service)
            .time(SystemTime::now())
            .settings(self.settings())
            .build()
            .map_err(NotSigned::Parameters)?
            .into();
        let signed = headers
            .iter()
            .filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
        let request = SignableRequest::new(method.as_str(), url, signed, SignableBody::Bytes(body))
            .map_err(NotSigned::Request)?;
        let (instructions, _) = sign(request, &params)
            .map_err(NotSigned::Request)?
            .into_parts();
        let (added, _) = instructions.into_parts();
        for header in added {
            let name = HeaderName::try_from(header.name());
            if let (Ok(name), Ok(value)) = (name, HeaderValue::from_str(header.value())) {
                headers.insert(name, value);
            }
        }
        Ok(())
    }

    /// S3 alone signs a path as it is sent, and wants the body's digest in a header.
    fn settings(self) -> SigningSettings {
        let mut settings = SigningSettings::default();
        if self.service == "s3" {
            settings.percent_encoding_mode = PercentEncodingMode::Single;
            settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
            settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
        }
        settings
    }
}

/// The header of an account's root user: it has the shape of a signature, which the emulator does
/// not verify.
pub(crate) fn root_user(account: &str, region: &str, service: &str) -> String {
    format!(
        "AWS4-HMAC-SHA256 Credential={account}/20260101/{region}/{service}/aws4_request, \
         SignedHeaders=host, Signature=unsigned"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const IAM: Place<'_> = Place {
        account: "111122223333",
        region: "us-east-1",
        service: "iam",
    };

    fn authorization(key: Option<&AccessKey>) -> (String, HeaderMap) {
        let mut headers = HeaderMap::new();
        IAM.authorize(key, &Method::POST, "http://127.0.0.1:1/", &mut headers, b"")
            .unwrap();
        let text = headers[AUTHORIZATION].to_str().unwrap().to_owned();
        (text, headers)
    }

    #[test]
    fn a_root_user_is_the_account_and_signs_nothing() {
        let (text, _) = authorization(None);
        assert!(text.contains("Credential=111122223333/20260101/us-east-1/iam/aws4_request"));
    }

    #[test]
    fn a_key_signs_and_shows_neither_secret_nor_token() {
        let key = AccessKey {
            id: "ASIAEXAMPLE".to_owned(),
            secret: "of-the-key".into(),
            session_token: Some("of-the-session".into()),
        };
        let (text, headers) = authorization(Some(&key));
        assert!(text.contains("Credential=ASIAEXAMPLE/"), "{text}");
        assert!(text.contains("x-amz-security-token"), "{text}");
        assert_eq!(headers["x-amz-security-token"], "of-the-session");
        let shown = format!("{key:?} {text}");
        assert!(!shown.contains("of-the-"), "{shown}");
    }
}
