use serde::Deserialize;
use serde_json::json;
use towerhook_core::{Result, ports::ForeignResources};

use crate::{
    Aws,
    call::services::{events, secretsmanager},
    classify::{failed, has_code},
};

const NOT_THERE: &str = "ResourceNotFoundException";

const SECRET: &str = "secretsmanager:DescribeSecret";

#[derive(Deserialize)]
struct Secret {
    /// In seconds since 1970.
    #[serde(rename = "DeletedDate")]
    deleted_date: Option<f64>,
}

impl<S> ForeignResources for Aws<S> {
    async fn rule_exists(&self, name: &str) -> Result<bool> {
        let asked = json!({"Name": name});
        match events::describe_rule(&self.config, &asked).await {
            Err(error) if has_code(&error, NOT_THERE) => Ok(false),
            answer => answer.map(|_| true).map_err(failed("events:DescribeRule")),
        }
    }

    async fn secret_exists(&self, arn: &str) -> Result<bool> {
        let asked = json!({"SecretId": arn});
        match secretsmanager::describe_secret(&self.config, &asked).await {
            Err(error) if has_code(&error, NOT_THERE) => Ok(false),
            // A secret that is scheduled for deletion counts as gone.
            answer => {
                let secret: Secret = answer.map_err(failed(SECRET))?.json(SECRET)?;
                Ok(secret.deleted_date.is_none())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use towerhook_core::ErrorKind;

    use super::*;
    use crate::testing::{answer, error, setup};

    #[tokio::test]
    async fn a_rule_is_there_or_not_or_nobody_knows() {
        let (aws, sent) = setup([
            answer(json!({"Name": "theirs"})),
            error(400, NOT_THERE),
            error(400, "AccessDeniedException"),
        ]);
        assert!(aws.rule_exists("theirs").await.unwrap());
        assert!(!aws.rule_exists("theirs").await.unwrap());
        let denied = aws.rule_exists("theirs").await.unwrap_err();
        assert_eq!(denied.kind, ErrorKind::Denied);
        let (operation, body) = sent.calls().remove(0);
        assert_eq!(
            (operation.as_str(), &body),
            ("DescribeRule", &json!({"Name": "theirs"}))
        );
    }

    #[tokio::test]
    async fn a_secret_is_asked_for_by_its_arn_and_one_that_is_deleted_is_none() {
        let (aws, sent) = setup([
            answer(json!({"Name": "theirs"})),
            answer(json!({"Name": "theirs", "DeletedDate": 1_780_000_000})),
            error(400, NOT_THERE),
            error(400, "AccessDeniedException"),
        ]);
        let arn = "arn:aws:secretsmanager:eu-west-1:999999999999:secret:theirs";
        assert!(aws.secret_exists(arn).await.unwrap());
        assert!(!aws.secret_exists(arn).await.unwrap());
        assert!(!aws.secret_exists(arn).await.unwrap());
        let denied = aws.secret_exists(arn).await.unwrap_err();
        assert_eq!(denied.kind, ErrorKind::Denied);
        let (operation, body) = sent.calls().remove(0);
        assert_eq!(operation, "DescribeSecret");
        assert_eq!(body["SecretId"], arn);
    }
}
