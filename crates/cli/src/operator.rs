//! The credentials of the person who runs a command, or of the sandbox's administrator.

use secrecy::ExposeSecret;
use towerhook_aws::{Endpoint, SdkConfig, connect_as_operator};
use towerhook_core::model::SecretText;
use towerhook_package::target_directory;
use towerhook_sandbox::{Name, Running};

use crate::arguments::Target;

/// The configuration of AWS for this target.
pub(crate) async fn operator(target: &Target) -> anyhow::Result<SdkConfig> {
    connect(target.sandbox.as_ref()).await
}

/// The configuration of AWS, or of a running sandbox: of the only one, if it is not named.
pub(crate) async fn connect(sandbox: Option<&Option<Name>>) -> anyhow::Result<SdkConfig> {
    let endpoint = match sandbox {
        Some(name) => Some(endpoint(Running::find(
            &target_directory()?,
            name.as_ref(),
        )?)),
        None => None,
    };
    Ok(connect_as_operator(endpoint.as_ref()).await?)
}

/// A sandbox's AWS.
pub(crate) fn endpoint(running: Running) -> Endpoint {
    Endpoint {
        url: running.endpoint.into(),
        region: running.region,
        access_key_id: running.access_key_id,
        secret_access_key: SecretText::from(running.secret_access_key.expose_secret().to_owned()),
    }
}

/// Where the credentials have to be for what was not found to be there.
pub(crate) fn not_found(what: &str) -> String {
    format!(
        "{what}; this needs credentials of the management account and Control Tower's home Region"
    )
}

/// The whole chain on one line; anyhow would print several.
pub(crate) fn readable(error: impl std::error::Error + 'static) -> anyhow::Error {
    anyhow::anyhow!(towerhook_core::chain(&error))
}
