//! Adapters from core's ports to AWS. They translate and decide nothing; no other crate names the
//! AWS SDK.
//!
//! [`connect`] makes the one configuration of a process, [`Aws`] the ports over it. The settings of
//! an [`Aws`] decide which ports it implements: a function without the key's secret cannot ask for
//! the key.

mod accounts;
mod call;
mod classify;
mod clients;
mod config;
mod controls;
mod dead_letters;
mod event_bus;
mod evidence;
mod fan_out;
mod foreign_resources;
mod functions;
mod http;
mod inspection;
mod landing_zones;
pub mod ledger;
mod main_stacks;
mod messages;
mod notifications;
mod objects;
mod outputs;
mod pages;
mod roles;
mod secrets;
mod settings;
mod stack_sets;
mod stacks;
#[cfg(test)]
mod testing;
mod trails;

pub use aws_config::SdkConfig;

pub use clients::Aws;
pub use config::{Endpoint, NotSignedIn, connect, connect_as_operator, require_credentials};
pub use dead_letters::Queues;
pub use functions::account_function_settings;
pub use inspection::InspectionSettings;
pub use main_stacks::StackAdministrator;
pub use objects::{Bucket, Objects, VersionedObject};
pub use settings::{
    AccountSettings, AuthSettings, DeadLetterQueue, EvidenceBucket, FanOutTopic, FunctionNames,
    Home, KeySecret, LedgerTable, ManagementStackRole, SetupSettings, TokenSecret, WatchSettings,
    WorkQueue,
};
