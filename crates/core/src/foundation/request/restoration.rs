//! The main stack goes back to what it was when a request succeeded.

use jiff::Timestamp;

use super::{Work, settle};
use crate::{
    foundation::{
        blueprint,
        reason::SetupError,
        refusals::require_host,
        succession::{deployments, inherit},
    },
    ledger::{Recorded, Success},
    model::Token,
    policy::Deployment,
    ports::{Clock, LedgerWrites, Registry, SetupPorts, TokenIssuer},
};

impl<A, S, C> Work<'_, A, S, C>
where
    A: SetupPorts,
    S: Registry + TokenIssuer,
    C: Clock,
{
    /// Puts everything back as it was when a request succeeded, as a rollback wants it. Nothing is
    /// checked: what cannot be put back is noted.
    pub(super) async fn restore(
        &self,
        success: &Success,
        recorded: &Recorded,
        unsettled_until: Option<Timestamp>,
    ) -> Result<(), SetupError> {
        let progress = self.progress();
        let mut deployment = success.deployment.clone();
        for other in deployments(recorded) {
            inherit(&mut deployment, other, None);
        }
        let mut restored = Success {
            deployment,
            properties: success.properties.clone(),
        };
        let last = recorded.success.as_ref();
        let previous = last.filter(|last| last.properties != restored.properties);
        let previous = previous.or(recorded.previous.as_ref());
        // Passes go by it from now on, however much of it can be put back.
        if last != Some(&restored) || recorded.attempt.is_some() {
            // This request may be cancelled, too, and what was in force before it is what it goes back to.
            restored.deployment.succeeded_at = Some(self.guard.clock.now());
            self.aws
                .store_success(self.holder, &restored, previous)
                .await?;
        }
        let foundation = blueprint(
            restored.deployment.clone(),
            &self.own.templates,
            &self.own.stack_set_roles,
        );
        let registry = self.guard.brief().over(self.registry.ports);
        let token = match self
            .restoring_token(&registry, &foundation.deployment)
            .await
        {
            Ok(token) => Some(token),
            Err(SetupError::Superseded) => return Err(SetupError::Superseded),
            Err(error) => {
                progress.leave_undone(format!("what is in Lacework: {}", error.reason()));
                None
            }
        };
        let token = token.as_ref();
        let guid = self
            .converge(
                &registry,
                Some(&foundation),
                &foundation.deployment,
                recorded,
                token,
                unsettled_until,
            )
            .await?;
        if progress.is_incomplete() {
            return Ok(());
        }
        let stored = restored.deployment.clone();
        if let Some(guid) = guid {
            let now = self.guard.clock.now();
            restored.deployment = stored.with_trail_guid(&guid, now);
        }
        settle(&mut restored.deployment, &foundation);
        if restored.deployment != stored {
            self.aws
                .store_success(self.holder, &restored, previous)
                .await?;
        }
        Ok(())
    }

    /// A token, unless the request is an old one and the environment names another host since.
    async fn restoring_token(
        &self,
        registry: &(impl Registry + TokenIssuer),
        recorded: &Deployment,
    ) -> Result<Token, SetupError> {
        require_host(&registry.host(), recorded)?;
        self.new_token(registry).await
    }
}
