//! An organization in which every account is enrolled, as the simulated world left it after a launch.

use std::collections::BTreeMap;

use anyhow::{Context, ensure};
use towerhook_core::landing_zone::{Account, LandingZone, LandingZoneReply, OuTree, Trail};
use towerhook_core::ledger::Record;
use towerhook_core::model::{AccountId, Registration, RegistrationKind};
use towerhook_core::policy::Deployment;
use towerhook_core::ports::{Accounts, LandingZones, LedgerReads, StackSetReads};
use towerhook_world::{Options, Ports, Vendor, Wishes, World};

/// Organizational units that the accounts are spread over.
pub(super) const UNITS: usize = 100;
/// The accounts that every landing zone has: management, Log Archive and Audit.
const SHARED: usize = 3;

/// The answers of the world's ports about the organization.
#[derive(Debug, Clone)]
pub(super) struct Enrolled {
    pub(super) deployment: Deployment,
    pub(super) records: BTreeMap<AccountId, Record>,
    pub(super) accounts: Vec<Account>,
    pub(super) units: OuTree,
    pub(super) landing_zone: LandingZone,
    pub(super) trail: Trail,
    /// The accounts that have an instance, by StackSet.
    pub(super) instances: BTreeMap<String, Vec<AccountId>>,
    pub(super) registrations: Vec<Registration>,
    pub(super) feeds: Vec<Registration>,
}

impl Enrolled {
    /// Launches in an organization with this many accounts in all. Takes seconds of processor time.
    pub(super) fn launch(accounts: usize) -> anyhow::Result<Self> {
        ensure!(
            accounts > SHARED,
            "a landing zone has more than {SHARED} accounts"
        );
        let options = Options {
            accounts: accounts - SHARED,
            units: UNITS,
            true_to_scale: true,
            vendor: Vendor::Lacework,
            ..Options::default()
        };
        World::quiet(options, async |world| {
            world.launch(Wishes::default()).await;
            world.rest().await;
            Self::read(&world).await
        })
    }

    async fn read(world: &World) -> anyhow::Result<Self> {
        let ports = Ports::new(world, "bench");
        let success = ports.recorded().await?.success;
        let deployment = success.context("the launch failed")?.deployment;
        let trail = deployment.trail.as_ref().context("there is no trail")?;
        let trail = ports.trail(&trail.source.name).await?;
        let LandingZoneReply::Here(landing_zone) = ports.landing_zone().await? else {
            anyhow::bail!("there is no landing zone");
        };
        let names = Vendor::Lacework
            .provider()
            .resources(&deployment.policy.names);
        let mut instances = BTreeMap::new();
        for name in names.stack_sets() {
            let found = ports.instances(name, None).await?.into_iter();
            instances.insert(
                name.clone(),
                found.map(|instance| instance.account).collect(),
            );
        }
        Ok(Self {
            records: ports.records().await?.by_account,
            accounts: ports.accounts().await?,
            units: ports.organizational_units().await?,
            landing_zone,
            trail: trail.context("the trail is gone")?,
            instances,
            registrations: world.registrations(RegistrationKind::Account),
            feeds: world.registrations(RegistrationKind::Feed),
            deployment,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_account_but_the_management_account_is_enrolled() {
        let enrolled = Enrolled::launch(120).unwrap();
        assert_eq!(enrolled.accounts.len(), 120);
        assert_eq!(enrolled.registrations.len(), 119);
        assert_eq!(enrolled.feeds.len(), 1);
        assert_eq!(enrolled.units.0.len(), UNITS);
        let names = &enrolled.deployment.policy.names;
        let members = Vendor::Lacework
            .provider()
            .resources(names)
            .member_stack_set;
        assert_eq!(enrolled.instances[&members].len(), 119);
        assert!(Enrolled::launch(3).is_err());
    }
}
