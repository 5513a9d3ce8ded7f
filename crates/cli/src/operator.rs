//! The credentials of the person who runs a command, or of the sandbox's administrator.

use secrecy::ExposeSecret;
use towerhook_aws::{
    Aws, Endpoint, Home, InspectionSettings, NotSignedIn, SdkConfig, StackAdministrator,
    connect_as_operator, require_credentials,
};
use towerhook_core::model::SecretText;
use towerhook_core::ports::MainStackReads as _;
use towerhook_package::target_directory;
use towerhook_sandbox::{Name, Running};

use crate::arguments::Target;

/// The configuration of AWS for this target, with credentials.
pub(crate) async fn operator(target: &Target) -> anyhow::Result<SdkConfig> {
    let config = connect(target.sandbox.as_ref()).await?;
    require_credentials(&config).await?;
    Ok(config)
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

/// The Region in which AWS is asked.
pub(crate) fn region(config: &SdkConfig) -> anyhow::Result<String> {
    let region = config.region().map(ToString::to_string);
    Ok(region.ok_or(NotSignedIn::NoRegion)?)
}

/// What the commands read beside the functions' ports.
pub(crate) fn inspection(config: &SdkConfig) -> anyhow::Result<Aws<InspectionSettings>> {
    let region = region(config)?;
    let home = Home { region };
    Ok(Aws::new(config, InspectionSettings { home }))
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

/// What there is not, and what to do about it.
pub(crate) fn not_found(stack: &str) -> String {
    format!(
        "there is no stack {stack} in this account and Region: launch it, name another with --stack, \
         or use credentials of the management account in Control Tower's home Region"
    )
}

/// Why what a stack has could not be read.
pub(crate) async fn unread(
    config: &SdkConfig,
    stack: &str,
    error: impl std::error::Error + 'static,
) -> anyhow::Error {
    let stacks = Aws::new(config, StackAdministrator);
    match stacks.main_stack(stack).await {
        Ok(None) => anyhow::anyhow!(not_found(stack)),
        _ => readable(error).context(format!("the stack {stack} cannot be read")),
    }
}

/// The whole chain on one line; anyhow would print several.
pub(crate) fn readable(error: impl std::error::Error + 'static) -> anyhow::Error {
    anyhow::anyhow!(towerhook_core::chain(&error))
}
