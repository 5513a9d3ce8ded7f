//! Reads what setup needs before it creates anything: the key, the landing zone, and existing
//! resources.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{super::own::shown, SetupError, Work};
use crate::{
    ErrorKind, Service,
    foundation::{Facts, Footprint, Properties, Refusal, access::Access},
    ledger::{Record, Success},
    model::AccountId,
    ports::{
        Accounts, Clock, Keys, LandingZones, LedgerReads, Registry, RegistryReads, Roles,
        SetupPorts, StackReads, TokenIssuer,
    },
    provider::Words,
    stack_sets::StackSetRoles,
    token,
};

impl<A, S, C> Work<'_, A, S, C>
where
    A: SetupPorts,
    S: Registry + TokenIssuer,
    C: Clock,
{
    /// Checks the role that runs the StackSets, unless it is in use already. If it may not be read,
    /// the check is left to CloudFormation.
    pub(super) async fn require_stack_set_roles(
        &self,
        properties: &Value,
        success: Option<&Success>,
    ) -> Result<(), SetupError> {
        let is_unchanged = |success: &Success| {
            let mut names = StackSetRoles::PARAMETERS.iter();
            names.all(|name| success.properties.get(*name) == properties.get(*name))
        };
        if success.is_some_and(is_unchanged) {
            return Ok(());
        }
        let roles = &self.own.stack_set_roles;
        self.progress()
            .begin(&"checking the role that runs StackSets");
        roles.require_account(&self.own.management_account)?;
        match self.aws.role(roles.administration_name()).await {
            Ok(found) => roles.check(found.as_ref())?,
            Err(error) if error.kind == ErrorKind::Denied => self.progress().remark(format!(
                "The role {} could not be read: {}",
                roles.administration,
                error.chain()
            )),
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    /// Gets a new token, so that a wrong key or URL shows at once. A refused key that this request
    /// did not change blocks no other change: the SaaS's registrations then stay as they are. After
    /// the ledger was emptied, a key is required, because only the SaaS's lists show the
    /// registrations.
    pub(super) async fn checked_access(
        &self,
        properties: &Value,
        success: Option<&Success>,
    ) -> Result<Access, SetupError> {
        let Some(key) = self.own.provider.credential().key() else {
            return Ok(Access::Unneeded);
        };
        let leaves = |name: &str| {
            let success = success.map(|success| &success.properties);
            success.is_some_and(|success| success.get(name) == properties.get(name))
                || self.request.leaves(name)
        };
        // An address that has worked before is not wrong if it does not answer now.
        let Words {
            title,
            tenant_parameter,
            ..
        } = self.own.provider.words();
        let registry = if leaves(tenant_parameter) {
            self.guard.over(self.registry.ports)
        } else {
            self.guard.hasty().over(self.registry.ports)
        };
        match self.new_access(&registry).await {
            Err(refused @ SetupError::KeyRefused { .. })
                if success.is_some() && leaves(tenant_parameter) && key.id.is_none_or(leaves) =>
            {
                let reason = refused.reason();
                self.progress()
                    .remark(format!("Nothing was changed in {title}: {reason}"));
                Ok(Access::Refused)
            }
            access => access,
        }
    }

    /// Access for the members' stacks that delete their registrations. If the key has been revoked,
    /// those stacks stay, because CloudFormation cannot delete them.
    pub(super) async fn parting_access(&self) -> Result<Access, SetupError> {
        match self.new_access(&self.registry).await {
            Err(SetupError::KeyRefused { .. }) => Ok(Access::Refused),
            access => access,
        }
    }

    /// Access with a new token, if the vendor has any.
    pub(super) async fn new_access(&self, issuer: &impl TokenIssuer) -> Result<Access, SetupError> {
        let provider = self.own.provider;
        let Some(key) = provider.credential().key() else {
            return Ok(Access::Unneeded);
        };
        let now = self.guard.clock.now();
        let error = match token::refresh(&self.aws, issuer, now).await {
            Ok(token) => return Ok(Access::Granted(token)),
            Err(error) => error,
        };
        let words = provider.words();
        let url = || match Properties::url(provider, &self.own.provider_url) {
            Ok(url) => shown(&url),
            Err(_) => self.own.provider_url.clone(),
        };
        if error.kind == ErrorKind::Unauthorized {
            let key_id = self.aws.key().await?.key_id;
            return Err(SetupError::KeyRefused {
                parameters: key,
                url: url(),
                key_id,
            });
        }
        if error.service == Service::Registry && error.kind != ErrorKind::Superseded {
            return Err(SetupError::NoAnswer {
                words,
                url: url(),
                source: error,
            });
        }
        Err(error.into())
    }

    /// Refuses a role with our role's name in the management account that no stack of ours made.
    /// CloudFormation would fail there without naming it.
    pub(super) async fn require_no_other_role(
        &self,
        footprint: &Footprint,
    ) -> Result<(), SetupError> {
        let policy = &footprint.deployment.policy;
        let Some(member) = footprint
            .member
            .as_ref()
            .filter(|_| policy.enroll_management)
        else {
            return Ok(());
        };
        if self.aws.stack(&member.name).await?.is_some() {
            return Ok(());
        }
        let name = self.own.provider.resources(&policy.names).member_role;
        if self.aws.role(&name).await?.is_none() {
            return Ok(());
        }
        let refusal = format!(
            "EnrollManagementAccount is Yes, and the management account has a role {name} that was \
             not made by this stack. Remove the role, or set EnrollManagementAccount to No."
        );
        Err(Refusal::new(refusal).into())
    }

    pub(super) async fn facts(
        &self,
        properties: &Properties,
        access: &Access,
    ) -> Result<Facts, SetupError> {
        let trail = async {
            if properties.capability.cloud_trail() {
                self.aws.trail(&properties.trail_name).await
            } else {
                Ok(None)
            }
        };
        let names_units = !properties.mapped_units.is_empty()
            || !properties.include.is_empty()
            || !properties.exclude.is_empty();
        let units = async {
            if names_units {
                self.aws.organizational_units().await
            } else {
                Ok(Default::default())
            }
        };
        let profile = async {
            match access {
                Access::Granted(_) => self.registry.profile().await.map(Some),
                Access::Refused | Access::Unneeded => Ok(None),
            }
        };
        let (landing_zone, trail, accounts, units, profile) = futures::try_join!(
            self.aws.landing_zone(),
            trail,
            self.aws.accounts(),
            units,
            profile,
        )?;
        Ok(Facts {
            landing_zone,
            trail,
            accounts,
            units,
            profile,
        })
    }

    /// The accounts' records. An unreadable one does not block the others.
    pub(super) async fn records(&self) -> Result<BTreeMap<AccountId, Record>, SetupError> {
        let records = self.aws.records().await?;
        for (id, why) in &records.unreadable {
            tracing::error!(id, why, "ledger item unreadable");
        }
        Ok(records.by_account)
    }
}
