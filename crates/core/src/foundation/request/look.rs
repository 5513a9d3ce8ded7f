//! Reads what setup needs before it creates anything: the key, the landing zone, and existing
//! resources.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{SetupError, Work, shown};
use crate::{
    ErrorKind, Service,
    foundation::{Facts, Properties},
    ledger::{Record, Success},
    model::{AccountId, Token},
    ports::{
        Accounts, Clock, Keys, LandingZones, LedgerReads, Registry, RegistryReads, Roles,
        SetupPorts, TokenIssuer,
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
    pub(super) async fn checked_token(
        &self,
        properties: &Value,
        success: Option<&Success>,
    ) -> Result<Option<Token>, SetupError> {
        let leaves = |name: &str| {
            let success = success.map(|success| &success.properties);
            success.is_some_and(|success| success.get(name) == properties.get(name))
                || self.request.leaves(name)
        };
        // An address that has worked before is not wrong if it does not answer now.
        let Words {
            title, parameters, ..
        } = self.own.provider.words();
        let registry = if leaves(parameters.url) {
            self.guard.over(self.registry.ports)
        } else {
            self.guard.hasty().over(self.registry.ports)
        };
        match self.new_token(&registry).await {
            Ok(token) => Ok(Some(token)),
            Err(refused @ SetupError::KeyRefused { .. })
                if success.is_some() && leaves(parameters.url) && leaves(parameters.key_id) =>
            {
                let reason = refused.reason();
                self.progress()
                    .remark(format!("Nothing was changed in {title}: {reason}"));
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// A token with which the members' stacks delete their registrations, or `None` if the key has
    /// been revoked: then those stacks stay, because CloudFormation cannot delete them.
    pub(super) async fn parting_token(&self) -> Result<Option<Token>, SetupError> {
        match self.new_token(&self.registry).await {
            Ok(token) => Ok(Some(token)),
            Err(SetupError::KeyRefused { .. }) => Ok(None),
            Err(other) => Err(other),
        }
    }

    pub(super) async fn new_token(&self, issuer: &impl TokenIssuer) -> Result<Token, SetupError> {
        let now = self.guard.clock.now();
        let error = match token::refresh(&self.aws, issuer, now).await {
            Ok(token) => return Ok(token),
            Err(error) => error,
        };
        let words = self.own.provider.words();
        let url = || match Properties::url(words, &self.own.provider_url) {
            Ok(url) => shown(&url),
            Err(_) => self.own.provider_url.clone(),
        };
        if error.kind == ErrorKind::Unauthorized {
            let key_id = self.aws.key().await?.key_id;
            return Err(SetupError::KeyRefused {
                parameters: &words.parameters,
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

    pub(super) async fn facts(
        &self,
        properties: &Properties,
        key_works: bool,
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
            if key_works {
                self.registry.profile().await.map(Some)
            } else {
                Ok(None)
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
