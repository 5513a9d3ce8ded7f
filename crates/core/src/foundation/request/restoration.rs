//! Restores the main stack's resources to a former success.

use jiff::Timestamp;

use super::{Work, settle};
use crate::{
    foundation::{
        access::Access,
        former_requests::{deployments, inherit},
        reason::SetupError,
        refusals::require_host,
    },
    ledger::{Recorded, Success},
    policy::Deployment,
    ports::{Clock, LedgerWrites, Registry, SetupPorts, TokenIssuer},
};

impl<A, S, C> Work<'_, A, S, C>
where
    A: SetupPorts,
    S: Registry + TokenIssuer,
    C: Clock,
{
    /// Restores a former success, as a rollback requires. Nothing is checked; failures are noted.
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
        // Passes use it from now on, even if not everything can be restored.
        if last != Some(&restored) || recorded.attempt.is_some() {
            // This request may be cancelled, too, and then rolls back to the success before it.
            restored.deployment.succeeded_at = Some(self.guard.clock.now());
            self.aws
                .store_success(self.holder, &restored, previous)
                .await?;
        }
        let footprint = self.own.provider.footprint(
            restored.deployment.clone(),
            &self.own.templates,
            &self.own.stack_set_roles,
        );
        let registry = self.guard.brief().over(self.registry.ports);
        let access = match self
            .restoring_access(&registry, &footprint.deployment)
            .await
        {
            Ok(access) => access,
            Err(SetupError::Superseded) => return Err(SetupError::Superseded),
            Err(error) => {
                let title = self.own.provider.words().title;
                progress.leave_undone(format!("what is in {title}: {}", error.reason()));
                Access::Refused
            }
        };
        let guid = self
            .converge(
                &registry,
                Some(&footprint),
                &footprint.deployment,
                recorded,
                &access,
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
        settle(&mut restored.deployment, &footprint);
        if restored.deployment != stored {
            self.aws
                .store_success(self.holder, &restored, previous)
                .await?;
        }
        Ok(())
    }

    /// Access, unless the request is old and the environment names another host since.
    async fn restoring_access(
        &self,
        registry: &(impl Registry + TokenIssuer),
        recorded: &Deployment,
    ) -> Result<Access, SetupError> {
        require_host(self.own.provider, &registry.host(), recorded)?;
        self.new_access(registry).await
    }
}
