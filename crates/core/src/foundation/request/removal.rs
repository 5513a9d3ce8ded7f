//! Deletes the main stack's resources.

use jiff::Timestamp;

use super::Work;
use crate::{
    ErrorKind,
    foundation::{
        Properties,
        access::Access,
        former_requests::{deployments, inherit},
        reason::SetupError,
        recovery,
        refusals::require_host,
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
    /// Deletes all of our resources, unless they are to stay.
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
                        // Recorded, because the StackSets that it was recovered from are deleted
                        // before the registrations are known to be gone.
                        self.aws.store_attempt(self.holder, &deployment).await?;
                        recorded.attempt = Some(deployment.clone());
                        deployment
                    }
                    // A request that was never recorded created nothing.
                    None => return Ok(()),
                },
            };
        if deployment.outlives_its_stack() && !self.is_rolled_back().await {
            tracing::info!("RetainProtection is Yes: roles and registrations left in place");
            return Ok(());
        }
        require_host(self.own.provider, &self.registry.host(), &deployment)?;
        if !deployment.spared.is_empty() {
            // As in the rollback of an unfinished Create: no account stops being watched.
            let spared = &deployment.spared;
            tracing::warn!(?spared, "unfinished takeover left in place");
        }
        if !deployment.retired.contains(&deployment.policy.names) {
            deployment.retired.push(deployment.policy.names.clone());
        }
        let access = match deployment.policy.registration_mode {
            RegistrationMode::Function => Access::Unneeded,
            RegistrationMode::SnsCustomResource => self.parting_access().await?,
        };
        self.converge(
            &self.registry,
            None,
            &deployment,
            &recorded,
            &access,
            unsettled_until,
        )
        .await?;
        Ok(())
    }

    /// A deployment that is not in the ledger, recovered from the StackSets with this stack's tag.
    async fn unrecorded(&self) -> Result<Option<Deployment>, SetupError> {
        // With invalid properties nothing was ever created.
        let Ok(properties) = Properties::parse(self.own.provider, &self.request.properties) else {
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
