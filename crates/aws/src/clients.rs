use std::sync::OnceLock;

use aws_config::SdkConfig;

/// The AWS ports. `S`, the settings, decides which ports are implemented.
///
/// Each client is created on first use, so a function contains only those that it uses.
#[derive(Debug, Clone)]
pub struct Aws<S> {
    pub(crate) settings: S,
    /// The prefix that all account ARNs of the organization share, once one has been seen.
    pub(crate) account_arns: OnceLock<String>,
    pub(crate) config: SdkConfig,
    cloudformation: OnceLock<aws_sdk_cloudformation::Client>,
    sqs: OnceLock<aws_sdk_sqs::Client>,
}

macro_rules! clients {
    ($($name:ident: $sdk:ident,)+) => {
        impl<S> Aws<S> {
            /// The ports over one configuration. Sends nothing.
            pub fn new(config: &SdkConfig, settings: S) -> Self {
                Self {
                    settings,
                    account_arns: OnceLock::new(),
                    config: config.clone(),
                    $($name: OnceLock::new(),)+
                }
            }

            $(pub(crate) fn $name(&self) -> &$sdk::Client {
                self.$name.get_or_init(|| $sdk::Client::new(&self.config))
            })+
        }
    };
}

clients! {
    cloudformation: aws_sdk_cloudformation,
    sqs: aws_sdk_sqs,
}
