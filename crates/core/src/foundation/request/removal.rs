//! The main stack is deleted.

use jiff::Timestamp;

use super::{KnownIntegrations, Work};
use crate::{
    ErrorKind,
    enrollment::{Deployment, Registration},
    foundation::{
        Properties,
        converge::{Goal, converge},
        reason::SetupError,
        recovery,
        succession::{deployments, inherit},
    },
    ports::{Clock, Ledger, Saas, SetupPorts, TokenIssuer},
};

impl<A, S, C> Work<'_, A, S, C>
where
    A: SetupPorts,
    S: Saas + TokenIssuer,
    C: Clock,
{
    /// Takes away what is ours.
    pub(super) async fn delete(
        &self,
        unsettled_until: Option<Timestamp>,
    ) -> Result<(), SetupError> {
        let mut recorded = self.aws.recorded().await?;
        self.remark_losses(&recorded);
        let deployment = match deployments(&recorded)
            .cloned()
            .reduce(|mut deployment, other| {
                inherit(&mut deployment, &other, None);
                deployment.adopting &= other.adopting;
                deployment
            }) {
            Some(deployment) => deployment,
            None => match self.unrecorded().await? {
                Some(deployment) => {
                    // The StackSets that told of it go before the integrations are known to be gone.
                    self.aws.store_attempt(self.holder, &deployment).await?;
                    recorded.attempt = Some(deployment.clone());
                    deployment
                }
                // What was never recorded was never begun.
                None => return Ok(()),
            },
        };
        if deployment.adopting {
            // The rollback of a Create that did not come to its end: no account loses its watch for it.
            tracing::error!("the deployment that should have been taken over stays as it is");
            return Ok(());
        }
        let mut retired = deployment.retired.clone();
        if !retired.contains(&deployment.policy.names) {
            retired.push(deployment.policy.names.clone());
        }
        let records = self.records().await?;
        let now = self.guard.clock.now();
        let known = KnownIntegrations::new(None, &recorded, &records, now);
        let token = match deployment.policy.registration {
            Registration::Function => None,
            Registration::SnsCustomResource => self.parting_token().await?,
        };
        let goal = Goal {
            wanted: None,
            retired: &retired,
            sub_accounts: &deployment.stores,
            organization: deployment.organization,
            trail_topics: &deployment.trail_topics,
            known: &known,
            policy: &deployment.policy,
            token: token.as_ref().map(|token| &token.token),
            holder: self.holder,
            request: &self.request.request_id,
            lenient: false,
            unsettled_until: unsettled_until.max(known.unlisted_until),
        };
        let clock = self.guard.clock;
        converge(&self.aws, &self.saas, clock, &goal, self.progress()).await?;
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
        match self.saas.profile().await {
            Ok(profile) => deployment.stores.extend(profile.sub_accounts),
            Err(error) if error.kind == ErrorKind::Unauthorized => {}
            Err(error) => return Err(error.into()),
        }
        Ok(Some(deployment))
    }
}
