//! The vendor's API: what it holds, and the changes of that.

use jiff::Timestamp;

use crate::{
    Result,
    model::{
        ApiKey, Created, Profile, Registration, RegistrationKind, RegistrationSpec, Store, Token,
    },
};

/// Gets access tokens from the SaaS.
pub trait TokenIssuer {
    /// A new token, or [`crate::ErrorKind::Unauthorized`] where the key is refused.
    async fn issue(&self, key: &ApiKey, now: Timestamp) -> Result<Token>;
}

/// What the vendor holds.
pub trait RegistryReads {
    /// The host that every call goes to, as [`crate::model::host`] tells it.
    fn host(&self) -> String;
    /// Who we are to it.
    async fn profile(&self) -> Result<Profile>;
    /// Every registration of this kind in one store.
    async fn registrations(
        &self,
        store: Option<&Store>,
        kind: RegistrationKind,
    ) -> Result<Vec<Registration>>;
    /// Every registration of this kind that is the organization's.
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
    /// Makes a registration: in a store, or the organization's, as `spec` says.
    async fn create(&self, store: Option<&Store>, spec: &RegistrationSpec) -> Result<Created>;
    /// Brings a registration to `spec`, switched on or off.
    async fn update(
        &self,
        existing: &Registration,
        spec: &RegistrationSpec,
        enabled: bool,
    ) -> Result<Created>;
    /// Removes a registration; one that is gone is not an error.
    async fn delete(&self, existing: &Registration) -> Result<()>;
}

/// The vendor's API, read and written.
pub trait Registry: RegistryReads + RegistryWrites {}
impl<T: RegistryReads + RegistryWrites> Registry for T {}
