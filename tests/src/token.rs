//! The access token and its schedule.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use towerhook_sandbox::aws_client::Method;

use crate::scene::Scene;

/// Fires the schedule, and waits for the function.
///
/// # Panics
/// When the schedule has no target.
pub async fn fire(scene: &Scene) {
    let id = scene.stack.id.rsplit('/').next().unwrap();
    let rule = json!({"Rule": format!("towerhook-{id}-token-refresh")});
    let answer = scene
        .inside()
        .json("events", "AWSEvents", "ListTargetsByRule", rule)
        .await
        .unwrap();
    let target = &answer["Targets"][0];
    let function = target["Arn"].as_str().unwrap().rsplit(':').next().unwrap();
    let path = format!("/2015-03-31/functions/{function}/invocations");
    let input = target["Input"].as_str().unwrap();
    scene
        .inside()
        .rest(
            "lambda",
            Method::POST,
            &path,
            "application/json",
            input.into(),
        )
        .await
        .unwrap();
}

/// The value of the token's secret.
///
/// # Panics
/// When it holds none.
pub async fn stored(scene: &Scene) -> Value {
    let secret = scene.stack.output("ApiTokenSecretArn").await.unwrap();
    let request = json!({"SecretId": secret});
    let answer = scene
        .inside()
        .json(
            "secretsmanager",
            "secretsmanager",
            "GetSecretValue",
            request,
        )
        .await
        .unwrap();
    serde_json::from_str(answer["SecretString"].as_str().unwrap()).unwrap()
}

/// Sets the remaining life of the stored token. The functions never replace a token that seems to
/// be moments old, however often Lacework refuses it.
///
/// # Panics
/// When there is no token.
pub async fn set_left(scene: &Scene, left: SignedDuration) {
    let mut token = stored(scene).await;
    token["expiresAt"] = json!(Timestamp::now() + left);
    let secret = scene.stack.output("ApiTokenSecretArn").await.unwrap();
    let request = json!({"SecretId": secret, "SecretString": token.to_string()});
    scene
        .inside()
        .json(
            "secretsmanager",
            "secretsmanager",
            "PutSecretValue",
            request,
        )
        .await
        .unwrap();
}
