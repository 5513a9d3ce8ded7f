//! The main stack is deleted.

use jiff::Timestamp;

use super::Work;
use crate::{
    ErrorKind,
    foundation::{
        Properties,
        reason::SetupError,
        recovery,
        refusals::require_host,
        succession::{deployments, inherit},
    },
    policy::{Deployment, RegistrationMode},
    ports::{Clock, LedgerReads, LedgerWrites, Registry, RegistryReads, SetupPorts, TokenIssuer},
};

impl<A, S, C> Work<'_, A, S, C>
where
    A: SetupPorts,
    S: Registry + TokenIssuer,
    C: Clock,
{
    /// Takes away what is ours.
    pub(super) async fn delete(
        &self,
        unsettled_until: Option<Timestamp>,
    ) -> Result<(), SetupError> {
        let mut recorded = self.aws.recorded().await?;
        self.remark_losses(&recorded);
        let mut deployment =
            match deployments(&recorded)
                .cloned()
                .reduce(|mut deployment, other| {
                    inherit(&mut deployment, &other, None);
                    deployment
                }) {
                Some(deployment) => deployment,
                None => match self.unrecorded().await? {
                    Some(deployment) => {
                        // The StackSets that told of it go before the registrations are known to be gone.
                        self.aws.store_attempt(self.holder, &deployment).await?;
                        recorded.attempt = Some(deployment.clone());
                        deployment
                    }
                    // What was never recorded was never begun.
                    None => return Ok(()),
                },
            };
        require_host(&self.registry.host(), &deployment)?;
        if !deployment.spared.is_empty() {
            // As in the rollback of a Create that did not come to its end: no account loses its watch for it.
            let spared = &deployment.spared;
            tracing::warn!(?spared, "unfinished takeover left in place");
        }
        if !deployment.retired.contains(&deployment.policy.names) {
            deployment.retired.push(deployment.policy.names.clone());
        }
        let token = match deployment.policy.registration_mode {
            RegistrationMode::Function => None,
            RegistrationMode::SnsCustomResource => self.parting_token().await?,
        };
        let token = token.as_ref();
        self.converge(
            &self.registry,
            None,
            &deployment,
            &recorded,
            token,
            unsettled_until,
        )
        .await?;
        Ok(())
    }

    /// A deployment that the ledger does not know, told from what carries this stack's tag.
    async fn unrecorded(&self) -> Result<Option<Deployment>, SetupError> {
        // From what cannot be read nothing was ever made.
        let Ok(properties) = Properties::parse(&self.request.properties) else {
            return Ok(None);
        };
        let remains = recovery::remains(&self.aws, self.own, &properties).await?;
        if remains.is_empty() {
            return Ok(None);
        }
        let now = self.guard.clock.now();
        let mut deployment = remains.deployment(self.own, &properties, now);
        match self.registry.profile().await {
            Ok(profile) => deployment.stores.extend(profile.stores),
            Err(error) if error.kind == ErrorKind::Unauthorized => {}
            Err(error) => return Err(error.into()),
        }
        Ok(Some(deployment))
    }
}
