//! The pure half of a vendor: what it places in a landing zone, whose its registrations are, its
//! limits and its words. The other half is the port [`Registry`](crate::ports::Registry).
//!
//! The engine knows every vendor by this trait only.

mod adoption;
mod footprint;
mod limits;
#[cfg(any(test, feature = "testing"))]
pub mod plain;
mod resources;
mod words;

use std::fmt;

use url::Url;

pub use adoption::{Adopted, Found, OwnIntegration, Theirs};
pub use footprint::{FeedFootprint, Footprint, Traces, stack_set};
pub use limits::Limits;
pub use resources::{FeedNames, ResourceNames, role_arn};
pub use words::{Credential, KeyParameters, PrincipalWords, StoreWords, Words};

use crate::{
    model::{AccountId, Arn, ExternalId, Names, Registration, RegistrationSpec, foreign_url},
    policy::{Deployment, Policy},
    stack_sets::{StackSet, StackSetRoles, Templates},
};

/// The rules of one vendor. Synchronous and without state, and used as `&dyn Provider`, so that the
/// engine is compiled once.
///
/// The rules about registrations have defaults for a vendor that has none and needs only the roles.
pub trait Provider: fmt::Debug + Send + Sync {
    /// Its name in settings and folders, in lower case.
    fn id(&self) -> &'static str;

    /// Its words for an administrator.
    fn words(&self) -> &'static Words;

    /// How far behind its answers may be.
    fn limits(&self) -> &'static Limits;

    /// How the functions prove who they are.
    fn credential(&self) -> Credential;

    /// The URL of the tenant that an administrator names so: the URL itself, with or without
    /// `https://`, unless the vendor has one URL for all tenants.
    fn url(&self, named: &str) -> Option<Url> {
        if named.contains("://") {
            foreign_url(named)
        } else {
            foreign_url(&format!("https://{named}"))
        }
    }

    /// The principal that an administrator names so: its ARN, unless the vendor has one in a known
    /// form.
    fn principal(&self, named: &str) -> Option<Arn> {
        named.parse().ok()
    }

    /// The tenant's external id that an administrator gives so: any text, unless the vendor's have a
    /// known form.
    fn external_id(&self, given: &str) -> Option<ExternalId> {
        Some(given.to_owned().into())
    }

    /// The tenant, if the URL itself names it. Otherwise the vendor's API is asked.
    fn tenant_in(&self, url: &Url) -> Option<String>;

    /// The topic of its custom resource, through which stacks in this Region register their
    /// accounts. `None` if it has none.
    fn registration_topic(&self, _url: &Url, _region: &str) -> Option<String> {
        None
    }

    /// The AWS partition in which it has the principal that assumes the roles.
    fn partition(&self) -> &'static str {
        "aws"
    }

    /// The names of a deployment's resources.
    fn resources(&self, names: &Names) -> ResourceNames;

    /// The registration that an enrolled account should have; `None` if the vendor needs no more
    /// than the role.
    fn wanted(&self, _policy: &Policy, _account: &AccountId) -> Option<RegistrationSpec> {
        None
    }

    /// The shared registration of the trail that is delivered to `log_archive`, and announced in
    /// this queue; `None` if the vendor reads no trail.
    fn wanted_feed(
        &self,
        _policy: &Policy,
        _log_archive: &AccountId,
        _queue_url: String,
    ) -> Option<RegistrationSpec> {
        None
    }

    /// Whose a registration is, judged by the registration alone: the one rule that decides what
    /// may be changed and deleted. `names` are the deployment's own, or former ones of it.
    fn subject(&self, _policy: &Policy, _names: &Names, _seen: &Registration) -> Subject {
        Subject::Unknown
    }

    /// Whether a foreign registration becomes this deployment's when its account is enrolled. That
    /// is for a vendor that allows one registration for each account, and this one must use the
    /// wanted role.
    fn takes_over(&self, _seen: &Registration, _wanted: &RegistrationSpec) -> bool {
        false
    }

    /// The names of what the vendor's own tools make in an account, as the member stack does. One that
    /// is there already is used as it is, although no stack of ours made it.
    fn shared_names(&self, _policy: &Policy) -> Vec<String> {
        Vec::new()
    }

    /// Whether the roles and registrations may outlive the stack, by `RetainProtection`. A later
    /// stack of the same name takes them over.
    fn retains(&self) -> bool {
        false
    }

    /// What the deployment places in the landing zone, run by these roles.
    fn footprint(
        &self,
        deployment: Deployment,
        templates: &Templates,
        roles: &StackSetRoles,
    ) -> Footprint;

    /// What the parameters of a StackSet of ours say about the deployment that made it.
    fn traces(&self, set: &StackSet) -> Traces;

    /// Whether the vendor's message says that it cannot assume the role, which recreating the role
    /// fixes. A new role does not fix a denial by an organization policy, or the vendor's own
    /// failures.
    fn blames_role(&self, _details: &str) -> bool {
        false
    }

    /// The parts of the feed that may be at fault, the likelier first.
    fn suspects(&self, _details: &str) -> Vec<FeedPart> {
        Vec::new()
    }

    /// The vendor's own integration with Control Tower, if a deployment of it can be taken over.
    fn own_integration(&self) -> Option<&dyn OwnIntegration> {
        None
    }
}

/// Whose a registration is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// This deployment's, for this account. The trail's account is Log Archive.
    Ours(AccountId),
    /// Another one's, for this account.
    Foreign(AccountId),
    /// Another one's, which names no account.
    Unknown,
}

impl Subject {
    /// The account, if the registration is this deployment's.
    pub fn ours(self) -> Option<AccountId> {
        match self {
            Self::Ours(account) => Some(account),
            Self::Foreign(_) | Self::Unknown => None,
        }
    }
}

/// The two resources that the shared registration depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FeedPart {
    /// The role in Log Archive.
    Role,
    /// The queue.
    Queue,
}
