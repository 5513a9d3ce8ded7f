//! The SaaS's ports behind a [`Guard`](super::Guard).

use jiff::Timestamp;

use super::Waiting;
use crate::{
    ErrorKind, Result,
    model::{
        ApiKey, Created, Profile, Registration, RegistrationKind, RegistrationSpec, Store, Token,
    },
    planted::{Fault, planted},
    ports::{Clock, Keys, Leases, Registry, RegistryReads, RegistryWrites, TokenIssuer, Tokens},
    token::refresh,
};

impl<P: TokenIssuer, L: Leases, C: Clock> TokenIssuer for Waiting<'_, P, L, C> {
    async fn issue(&self, key: &ApiKey, now: Timestamp) -> Result<Token> {
        let call = async || self.ports.issue(key, now).await;
        self.guard.read(call).await
    }
}

impl<P, L, C> Waiting<'_, P, L, C>
where
    P: Registry + TokenIssuer,
    L: Leases + Keys + Tokens,
    C: Clock,
{
    /// Makes a call and, if the SaaS refuses the token, retries it once with a new one. An
    /// invocation gets only one new token: if that is refused, too, the token is not the cause.
    async fn with_token<T>(&self, call: impl AsyncFn() -> Result<T>) -> Result<T> {
        let error = match call().await {
            Err(error)
                if error.kind == ErrorKind::Unauthorized
                    && !planted(Fault::RefusedTokenIsFinal) =>
            {
                error
            }
            answer => return answer,
        };
        let mut renewed = self.guard.renewed.lock().await;
        let is_renewed = match *renewed {
            Some(is_renewed) => is_renewed,
            None => {
                let secrets = self.guard.over(self.guard.leases);
                let renewal = refresh(&secrets, self, self.guard.clock.now()).await;
                if let Err(error) = &renewal {
                    tracing::warn!(error = error.chain(), "rejected token not replaced");
                }
                *renewed.insert(renewal.is_ok())
            }
        };
        drop(renewed);
        if is_renewed { call().await } else { Err(error) }
    }
}

impl<P, L, C> RegistryReads for Waiting<'_, P, L, C>
where
    P: Registry + TokenIssuer,
    L: Leases + Keys + Tokens,
    C: Clock,
{
    fn host(&self) -> String {
        self.ports.host()
    }

    async fn profile(&self) -> Result<Profile> {
        let call = async || self.ports.profile().await;
        self.with_token(async || self.guard.read(call).await).await
    }

    async fn registrations(
        &self,
        store: Option<&Store>,
        kind: RegistrationKind,
    ) -> Result<Vec<Registration>> {
        let call = async || self.ports.registrations(store, kind).await;
        self.with_token(async || self.guard.read(call).await).await
    }

    async fn organization_registrations(
        &self,
        kind: RegistrationKind,
    ) -> Result<Vec<Registration>> {
        let call = async || self.ports.organization_registrations(kind).await;
        self.with_token(async || self.guard.read(call).await).await
    }
}

impl<P, L, C> RegistryWrites for Waiting<'_, P, L, C>
where
    P: Registry + TokenIssuer,
    L: Leases + Keys + Tokens,
    C: Clock,
{
    /// Not retried: if only the response was lost, a retry would create a second registration.
    async fn create(&self, store: Option<&Store>, spec: &RegistrationSpec) -> Result<Created> {
        let call = async || self.ports.create(store, spec).await;
        self.with_token(async || self.guard.write_once(call).await)
            .await
    }

    async fn update(
        &self,
        existing: &Registration,
        spec: &RegistrationSpec,
        enabled: bool,
    ) -> Result<Created> {
        let call = async || self.ports.update(existing, spec, enabled).await;
        self.with_token(async || self.guard.write_once(call).await)
            .await
    }

    /// Not retried: while the SaaS's rate limit is exhausted, stacks can be deleted.
    async fn delete(&self, existing: &Registration) -> Result<()> {
        self.guard
            .read(async || self.guard.require_lease().await)
            .await?;
        self.with_token(async || self.ports.delete(existing).await)
            .await
    }
}
