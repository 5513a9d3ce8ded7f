//! Looks for a deployment that can be taken over.

use tokio::time::sleep;
use towerhook_core::{
    foundation::{Found, Foundation, Progress, insist},
    ports::{IntegrationKind, Saas, StackSets},
};

use crate::{Setup, error::SetupError, request::SaasClient};

impl Setup {
    /// What is there under the names of `foundation`.
    pub(crate) async fn find(
        &self,
        foundation: &Foundation,
        saas: &SaasClient,
        progress: &Progress,
    ) -> Result<Found, SetupError> {
        progress.begin(&"looking for a deployment to take over");
        let trail = foundation.trail.iter();
        let one = trail.flat_map(|trail| [(&trail.log.0, true), (&trail.audit.0, true)]);
        // A member StackSet may have thousands of instances, each with an id of the same pattern.
        let all = one.chain(foundation.member.iter().map(|member| (member, false)));
        let mut found = Found::default();
        for (spec, with_instances) in all {
            let name = &spec.name;
            let set = insist(progress, &sleep, async || self.aws.stack_set(name).await).await?;
            let Some(set) = set else {
                continue;
            };
            let instances = if with_instances {
                insist(progress, &sleep, async || {
                    self.aws.instances(name, None).await
                })
                .await?
            } else {
                Vec::new()
            };
            found.stack_sets.insert(name.clone(), (set, instances));
        }
        if foundation.trail.is_some() {
            let store = foundation.deployment.policy.destination.shared();
            found.integrations = insist(progress, &sleep, async || {
                saas.integrations(store, IntegrationKind::CloudTrail).await
            })
            .await?;
        }
        Ok(found)
    }
}
