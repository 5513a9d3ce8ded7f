use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;
use towerhook_core::{
    Result,
    model::{ApiKey, Arn, SecretText, Token},
    ports::{Keys, TokenReads, TokenWrites},
    token,
};
use uuid::Uuid;

use crate::{
    Aws, KeySecret, TokenSecret,
    call::services::secretsmanager,
    classify::{failed, has_code, unusable},
};

const GET: &str = "secretsmanager:GetSecretValue";
const PUT: &str = "secretsmanager:PutSecretValue";

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GetSecretValue {
    secret_string: Option<SecretText>,
    version_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct StoredKey {
    /// A key without an id has none.
    #[serde(default)]
    key_id: String,
    secret_key: SecretText,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct StoredToken {
    token: SecretText,
    expires_at: Timestamp,
    key_version: String,
    host: String,
}

impl<S: AsRef<KeySecret>> Keys for Aws<S> {
    async fn key(&self) -> Result<ApiKey> {
        let KeySecret(secret) = self.settings.as_ref();
        let (text, version) = self
            .current(named(secret, GET)?)
            .await?
            .ok_or_else(|| unusable(GET, "the secret of the API key has no value"))?;
        // The parser's message may quote the secret.
        let stored: StoredKey = serde_json::from_str(text.expose())
            .map_err(|_| unusable(GET, "the secret of the API key is not JSON with secretKey"))?;
        Ok(ApiKey {
            key_id: stored.key_id,
            secret: stored.secret_key,
            version,
        })
    }
}

impl<S: AsRef<TokenSecret>> TokenReads for Aws<S> {
    async fn token(&self) -> Result<Option<Token>> {
        let TokenSecret { secret, host } = self.settings.as_ref();
        let current = self.current(named(secret, GET)?).await?;
        // An unusable value, or a token for another host, counts as no token: the next token
        // replaces it.
        Ok(current.and_then(|(text, _)| {
            let stored: StoredToken = serde_json::from_str(text.expose()).ok()?;
            let is_ours = stored.host == *host && token::is_usable(stored.token.expose());
            is_ours.then_some(Token {
                token: stored.token,
                expires_at: stored.expires_at,
                key_version: stored.key_version,
            })
        }))
    }
}

impl<S: AsRef<TokenSecret>> TokenWrites for Aws<S> {
    async fn store_token(&self, token: &Token) -> Result<()> {
        let TokenSecret { secret, host } = self.settings.as_ref();
        let secret = named(secret, PUT)?;
        let value = json!({
            "token": token.token.expose(),
            "expiresAt": token.expires_at,
            "keyVersion": token.key_version,
            "host": host,
        });
        let input = json!({
            "SecretId": secret.as_str(),
            "SecretString": value.to_string(),
            // The new version's id, so that a retry makes no second version.
            "ClientRequestToken": Uuid::new_v4().to_string(),
        });
        let answer = secretsmanager::put_secret_value(&self.config, &input).await;
        answer.map(|_| ()).map_err(failed(PUT))
    }
}

fn named<'a>(secret: &'a Option<Arn>, operation: &'static str) -> Result<&'a Arn> {
    let none = || unusable(operation, "this function has no such secret");
    secret.as_ref().ok_or_else(none)
}

impl<S> Aws<S> {
    /// A secret's current value and version; `None` if it has no value yet.
    async fn current(&self, secret: &Arn) -> Result<Option<(SecretText, String)>> {
        let input = json!({"SecretId": secret.as_str()});
        let answer = secretsmanager::get_secret_value(&self.config, &input).await;
        let answer: GetSecretValue = match answer {
            Err(error) if has_code(&error, "ResourceNotFoundException") => return Ok(None),
            answer => answer.map_err(failed(GET))?.json(GET)?,
        };
        let version = answer.version_id.unwrap_or_default();
        Ok(answer.secret_string.map(|text| (text, version)))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;
    use towerhook_core::ErrorKind;

    use super::*;
    use crate::testing::{Answer, KEY_SECRET, TOKEN_SECRET, answer, error, setup};

    fn value(text: &str) -> Answer {
        answer(json!({"SecretString": text, "VersionId": "v1"}))
    }

    #[tokio::test]
    async fn the_key_comes_with_the_version_of_its_secret() {
        let (aws, sent) = setup([value(r#"{"keyId":"id","secretKey":"canary"}"#)]);
        let key = aws.key().await.unwrap();
        assert_eq!((key.key_id.as_str(), key.version.as_str()), ("id", "v1"));
        assert_eq!(key.secret.expose(), "canary");
        assert_eq!(sent.calls()[0].1["SecretId"], KEY_SECRET);
    }

    #[tokio::test]
    async fn an_unusable_secret_is_never_quoted() {
        let broken = Answer::broken(r#"{"SecretString": "canary"#);
        let (aws, _) = setup([value(r#"{"keyId":"id","secretKey":["canary"]}"#), broken]);
        let unusable = aws.key().await.unwrap_err();
        assert_eq!(unusable.kind, ErrorKind::Invalid);
        let cut = aws.key().await.unwrap_err();
        assert_eq!(cut.kind, ErrorKind::Unavailable);
        for failure in [unusable, cut] {
            let text = format!("{failure:?} {}", failure.chain());
            assert!(!text.contains("canary"), "{text}");
        }
    }

    #[tokio::test]
    async fn a_key_without_a_value_is_for_somebody_to_look_at() {
        let (aws, _) = setup([error(400, "ResourceNotFoundException")]);
        assert_eq!(aws.key().await.unwrap_err().kind, ErrorKind::Invalid);
    }

    #[tokio::test]
    async fn a_stored_token_is_read_back() {
        let (aws, sent) = setup([answer(json!({}))]);
        let token = Token {
            token: "canary".into(),
            expires_at: "2026-11-20T12:00:00Z".parse().unwrap(),
            key_version: "v1".into(),
        };
        aws.store_token(&token).await.unwrap();
        let (operation, body) = sent.calls().remove(0);
        assert_eq!(operation, "PutSecretValue");
        assert_eq!(body["SecretId"], TOKEN_SECRET);
        let stored = body["SecretString"].as_str().unwrap();
        let fields: Value = serde_json::from_str(stored).unwrap();
        assert_eq!(
            fields,
            json!({"token": "canary", "expiresAt": "2026-11-20T12:00:00Z", "keyVersion": "v1",
                "host": "acme.lacework.net"})
        );
        let (aws, _) = setup([value(stored)]);
        let read = aws.token().await.unwrap().unwrap();
        assert_eq!(read.token.expose(), "canary");
        assert_eq!(read.expires_at, token.expires_at);
        assert_eq!(read.key_version, token.key_version);
    }

    #[tokio::test]
    async fn a_stored_token_that_cannot_be_used_is_none() {
        for text in ["abc\ndef", "", "abc def"] {
            let stored = json!({"token": text, "expiresAt": "2026-11-20T12:00:00Z", "keyVersion": "v1",
                    "host": "acme.lacework.net"});
            let (aws, _) = setup([value(&stored.to_string())]);
            assert!(aws.token().await.unwrap().is_none(), "{text:?}");
        }
    }

    #[tokio::test]
    async fn a_token_for_another_host_is_none() {
        for host in ["acme.fra.lacework.net", "attacker.example", ""] {
            let stored = json!({"token": "canary", "expiresAt": "2026-11-20T12:00:00Z",
                "keyVersion": "v1", "host": host});
            let (aws, _) = setup([value(&stored.to_string())]);
            assert!(aws.token().await.unwrap().is_none(), "{host:?}");
        }
    }

    #[tokio::test]
    async fn no_token_is_told_from_not_knowing() {
        let (aws, _) = setup([
            error(400, "ResourceNotFoundException"),
            value("{}"),
            value("not JSON"),
            error(400, "AccessDeniedException"),
        ]);
        for _ in 0..3 {
            assert!(aws.token().await.unwrap().is_none());
        }
        assert_eq!(aws.token().await.unwrap_err().kind, ErrorKind::Denied);
    }
}
