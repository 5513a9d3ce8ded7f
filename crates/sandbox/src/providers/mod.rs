//! The SaaS: a simulator for each vendor, behind one trait.
//!
//! The rest of the sandbox works with [`Simulator`]. What only one vendor has is in the vendor's
//! folder, on the vendor's own type.

pub mod expel;
#[cfg(test)]
mod fake_aws;
mod http;
pub mod lacework;
#[cfg(test)]
mod reply;
mod role;
pub mod trend_vision_one;
pub mod trend_workload_security;
mod trust;

use std::any::Any;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures::future::{BoxFuture, FutureExt as _, ready};
use url::Url;

use crate::chaos::Chaos;
use crate::launch::{self, Stack};
use expel::Expel;
pub use http::fault::Fault;
use lacework::Lacework;
use trend_vision_one::TrendVisionOne;
use trend_workload_security::TrendWorkloadSecurity;

/// The vendor whose SaaS a sandbox has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Provider {
    /// Expel Workbench.
    Expel,
    /// Lacework (FortiCNAPP).
    #[default]
    Lacework,
    /// Trend Vision One.
    TrendVisionOne,
    /// Trend Micro Cloud One Workload Security, and Deep Security Manager.
    TrendWorkloadSecurity,
}

impl Provider {
    /// Starts the vendor's simulator.
    ///
    /// # Errors
    /// When there is no free port, or the emulator refuses what the vendor has in AWS.
    pub(crate) async fn start(
        self,
        surroundings: Surroundings,
    ) -> anyhow::Result<Box<dyn Simulator>> {
        Ok(match self {
            Self::Expel => Box::new(Expel::start(surroundings).await?),
            Self::Lacework => Box::new(Lacework::start_in(surroundings).await?),
            Self::TrendVisionOne => Box::new(TrendVisionOne::start_in(surroundings).await?),
            Self::TrendWorkloadSecurity => {
                Box::new(TrendWorkloadSecurity::start_in(surroundings).await?)
            }
        })
    }

    /// The main template.
    #[must_use]
    pub fn template(self) -> &'static str {
        match self {
            Self::Expel => include_str!("../../../../templates/expel.template.yml"),
            Self::Lacework => launch::TEMPLATE,
            Self::TrendVisionOne => {
                include_str!("../../../../templates/trend-vision-one.template.yml")
            }
            Self::TrendWorkloadSecurity => {
                include_str!("../../../../templates/trend-workload-security.template.yml")
            }
        }
    }

    /// The main template's file name.
    #[must_use]
    pub fn template_file(self) -> &'static str {
        match self {
            Self::Expel => "expel.template.yml",
            Self::Lacework => "control-tower-integration.template.yml",
            Self::TrendVisionOne => "trend-vision-one.template.yml",
            Self::TrendWorkloadSecurity => "trend-workload-security.template.yml",
        }
    }

    /// Whether roles and registrations may outlive the stack, by `RetainProtection`.
    #[must_use]
    pub fn retains(self) -> bool {
        matches!(self, Self::TrendVisionOne | Self::TrendWorkloadSecurity)
    }

    /// Whether the functions have a key of it, with which they get access tokens or which they use as
    /// it is.
    #[must_use]
    pub fn has_key(self) -> bool {
        match self {
            Self::Expel => false,
            Self::Lacework | Self::TrendVisionOne | Self::TrendWorkloadSecurity => true,
        }
    }
}

/// The parts of a sandbox that a simulator works with.
#[derive(Debug)]
pub(crate) struct Surroundings {
    /// Endpoint of the AWS emulator, where the vendor has a role and looks at the customer's.
    pub(crate) emulator: Url,
    /// The home Region.
    pub(crate) region: String,
    /// The stores that the tenant has besides its own.
    pub(crate) stores: Vec<String>,
    /// The faults to inject.
    pub(crate) chaos: Arc<Chaos>,
}

/// A vendor's SaaS on this machine.
pub trait Simulator: Any + fmt::Debug + Send + Sync {
    /// The vendor's name in sentences.
    fn title(&self) -> &'static str;

    /// Its address, without a path.
    fn url(&self) -> &Url;

    /// The main stack's parameters with its address and credentials.
    fn parameters(&self) -> Vec<(&'static str, String)>;

    /// The name of the members' StackSet, and of the management account's stack, with the
    /// template's defaults.
    fn member_stack(&self) -> String;

    /// Requests so far, refused ones included, by method and path.
    fn calls(&self) -> BTreeMap<String, u64>;

    /// All registrations in all stores, oldest first.
    fn registrations(&self) -> Vec<Registration>;

    /// How it reads each of these accounts, by account id: those that it cannot read are missing.
    ///
    /// # Errors
    /// When the emulator does not answer.
    fn readings<'a>(
        &'a self,
        accounts: &'a [String],
    ) -> BoxFuture<'a, anyhow::Result<BTreeMap<String, Registration>>>;

    /// Verifies again by what it reads an account or the trail, as the service does from time to
    /// time. The id is that of a registration, or of a reading.
    ///
    /// # Errors
    /// When there is no such registration, or the emulator does not answer.
    fn verify<'a>(&'a self, id: &'a str) -> BoxFuture<'a, anyhow::Result<Verification>>;

    /// How it reads the organization's trail, in one sentence; `None` if it reads none.
    ///
    /// # Errors
    /// When it cannot read it.
    fn read_trail<'a>(
        &'a self,
        _stack: &'a Stack,
    ) -> BoxFuture<'a, anyhow::Result<Option<String>>> {
        ready(Ok(None)).boxed()
    }

    /// Caps the lifetime of tokens issued from now on; `None` removes the cap. No effect on a
    /// service that issues no tokens.
    fn set_longest_token_lifetime(&self, _longest: Option<Duration>) {}

    /// Revokes the API key and makes another, where the functions use it as it is. Returns the
    /// parameter with the key, and the new one.
    fn replace_key(&self) -> Option<(&'static str, String)> {
        None
    }

    /// Stops listening and drops open connections.
    ///
    /// # Errors
    /// When the server had failed before.
    fn shutdown(self: Box<Self>) -> BoxFuture<'static, anyhow::Result<()>>;
}

/// The properties of a registration that every vendor has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registration {
    /// The vendor's id.
    pub id: String,
    /// Its name; not unique.
    pub name: String,
    /// The store that holds it; the tenant's own is named like the tenant.
    pub store: String,
    /// The role that the vendor assumes.
    pub role_arn: Option<String>,
    /// The external id that it passes.
    pub external_id: Option<String>,
    /// The accounts that it covers.
    pub subject: Subject,
    /// Whether it is switched on.
    pub enabled: bool,
}

impl Registration {
    /// Whether it watches the configuration of this account.
    #[must_use]
    pub fn watches(&self, account: &str) -> bool {
        matches!(&self.subject, Subject::Account(watched) if watched == account)
    }
}

/// The accounts that a registration covers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// The configuration of the account with this id.
    Account(String),
    /// All accounts, through a shared queue.
    Feed {
        /// The queue that the SaaS reads.
        queue_url: String,
    },
    /// A type of registration that Towerhook never makes.
    Other,
}

/// The SaaS's check of a registration's role and queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verification {
    /// The role can be assumed, and the queue, if there is one, exists.
    Passed,
    /// The role is missing, or does not trust the vendor with this external id.
    RoleRefused {
        /// One sentence. A real service says less.
        reason: String,
    },
    /// The queue is missing from the account that its URL names.
    QueueRefused {
        /// One sentence. A real service says less.
        reason: String,
    },
}

impl Verification {
    /// Whether the check passed.
    #[must_use]
    pub fn passed(&self) -> bool {
        *self == Self::Passed
    }

    /// Why the check failed.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Passed => None,
            Self::RoleRefused { reason } | Self::QueueRefused { reason } => Some(reason),
        }
    }
}
