//! The vendor's API: what it holds, and the changes of that.

use std::time::Duration;

use jiff::Timestamp;

use crate::{
    Result,
    model::{
        ApiKey, Created, Profile, Registration, RegistrationKind, RegistrationSpec, Store, Token,
    },
};

/// With less time left than this, no call that verifies a role is started: that can take the SaaS a
/// minute.
pub(crate) const CALL_RESERVE: Duration = Duration::from_secs(75);

/// Gets access tokens from the SaaS.
pub trait TokenIssuer {
    /// A new token, or [`crate::ErrorKind::Unauthorized`] if the key is refused.
    async fn issue(&self, key: &ApiKey, now: Timestamp) -> Result<Token>;
}

/// What the vendor holds.
pub trait RegistryReads {
    /// The host of every call, as returned by [`crate::model::host`].
    fn host(&self) -> String;
    /// The profile of the key's user.
    async fn profile(&self) -> Result<Profile>;
    /// All registrations of this kind in one store.
    async fn registrations(
        &self,
        store: Option<&Store>,
        kind: RegistrationKind,
    ) -> Result<Vec<Registration>>;
    /// All registrations of this kind that belong to the organization.
    async fn organization_registrations(
        &self,
        kind: RegistrationKind,
    ) -> Result<Vec<Registration>> {
        let mut shown = self.registrations(None, kind).await?;
        shown.retain(|registration| registration.organization);
        Ok(shown)
    }
}

/// Changes of what the vendor holds.
pub trait RegistryWrites {
    /// Creates a registration: in a store, or the organization's, as `spec` says.
    async fn create(&self, store: Option<&Store>, spec: &RegistrationSpec) -> Result<Created>;
    /// Brings a registration to `spec`, enabled or disabled.
    async fn update(
        &self,
        existing: &Registration,
        spec: &RegistrationSpec,
        enabled: bool,
    ) -> Result<Created>;
    /// Deletes a registration; a missing one is not an error.
    async fn delete(&self, existing: &Registration) -> Result<()>;
}

/// The vendor's API, read and written.
pub trait Registry: RegistryReads + RegistryWrites {}
impl<T: RegistryReads + RegistryWrites> Registry for T {}
