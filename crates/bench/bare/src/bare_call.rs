//! The floor of a first call: `lambda_runtime`, and one signed call with the functions' own client.

use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::Value;
use towerhook_core::ports::TokenReads;
use towerhook_runtime::{
    aws::{self, AuthSettings, Aws, KeySecret, TokenSecret},
    boot,
};

fn main() -> Result<(), Error> {
    boot::run(async {
        let secret = std::env::var("API_TOKEN_SECRET_ARN")?;
        let settings = AuthSettings {
            key: KeySecret(Some(secret.parse()?)),
            token: TokenSecret {
                secret: Some(secret.parse()?),
                host: String::new(),
            },
        };
        let aws = Aws::new(&aws::connect()?, settings);
        lambda_runtime::run(service_fn(async |event: LambdaEvent<Value>| {
            aws.token().await?;
            Ok::<_, Error>(event.payload)
        }))
        .await
    })
}
