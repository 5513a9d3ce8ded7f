//! Reads the facts: independent reads at the same time, each for a limited time.

mod controls;
mod deployed;
mod feed;
mod settings;

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use tokio::{join, time::timeout};
use towerhook_core::{
    Read, Result,
    landing_zone::{LandingZoneReply, OuTree},
    ports::{
        Accounts, Inspection, LandingZones, LedgerReads, RegistryReads, Roles, StackSetReads,
        TokenReads,
    },
    provider::{Credential, Provider},
    stack_sets::{Role, StackSetRoles},
};
use url::Url;

use self::settings::Settings;
use super::{ArtifactFacts, Facts, Quotas, VendorFacts};

/// The longest time for a read.
const PATIENCE: Duration = Duration::from_secs(45);

/// The quotas of StackSets, in Service Quotas.
const STACK_SETS: (&str, &str) = ("cloudformation", "L-EC62D81A");
const INSTANCES: (&str, &str) = ("cloudformation", "L-C8225BA5");

/// What is to be looked at.
#[derive(Debug, Clone)]
pub struct Question {
    /// The vendor.
    pub provider: &'static dyn Provider,
    /// The Region.
    pub region: String,
    /// The main stack's name.
    pub stack_name: String,
    /// The tenant, as an administrator names it, before there is a stack.
    pub tenant: Option<String>,
    /// The bucket and the folder of the zips, before there is a stack.
    pub artifacts: Option<(String, String)>,
    /// The parameters that a launch will give, before there is a stack.
    pub parameters: BTreeMap<String, String>,
    /// The time of the look.
    pub now: Timestamp,
}

/// What a main stack deployed, and the vendor's API with what it stores.
#[derive(Debug)]
pub struct Deployed<'a, L, R> {
    /// Its ledger and its token.
    pub ledger: &'a L,
    /// The vendor's API.
    pub registry: &'a R,
    /// The tenant's URL.
    pub url: &'a Url,
}

/// The way to the vendor.
#[allow(
    async_fn_in_trait,
    reason = "implementations are named types, never `dyn`"
)]
pub trait Network {
    /// The status with which a URL answers a request without credentials, or why it does not.
    async fn status(&self, url: &Url) -> std::result::Result<u16, String>;
    /// Whether this machine is told to use a proxy.
    fn has_proxy(&self) -> bool;
}

/// Reads all facts. `deployed` is what the stack deployed, or why that is not known.
pub async fn look<P, L, R>(
    question: Question,
    ports: &P,
    deployed: Read<Deployed<'_, L, R>>,
    network: &impl Network,
) -> Facts
where
    P: Inspection + LandingZones + Accounts + Roles + StackSetReads,
    L: LedgerReads + TokenReads,
    R: RegistryReads,
{
    let name = &question.stack_name;
    let (caller, management_account, stack, recorded) = join!(
        within(ports.caller()),
        within(ports.management_account()),
        within(ports.main_stack(name)),
        deployed::recorded(deployed.as_ref()),
    );
    let url = deployed.as_ref().ok().map(|deployed| deployed.url);
    let success = recorded.as_ref().ok().and_then(|all| all.success.as_ref());
    let deployment = success.map(|success| &success.deployment);
    let settings = Settings::of(&question, stack.as_ref(), deployment, url);
    let (zone, zone_status, trusted, accounts, units, stack_sets, quotas) = join!(
        within(ports.landing_zone()),
        within(ports.zone_status()),
        within(ports.trusted_services()),
        within(ports.accounts()),
        within(ports.organizational_units()),
        within(ports.stack_sets_named("")),
        quotas(ports),
    );
    let roles = settings.roles(&caller);
    let units = units.ok().unwrap_or_else(|| OuTree(BTreeMap::new()));
    let landing_zone = match &zone {
        Read::Ok(LandingZoneReply::Here(zone)) => Some(zone),
        _ => None,
    };
    let (role, controls, trail, vendor, artifacts, stack) = join!(
        role(ports, &roles),
        controls::read(ports, &accounts, &units),
        feed::read(ports, &settings, landing_zone),
        vendor(&settings, deployed.as_ref(), network),
        artifacts(ports, &settings),
        deployed::read(
            ports,
            &settings,
            stack.as_ref(),
            recorded.as_ref(),
            deployed.as_ref(),
        ),
    );
    Facts {
        provider: question.provider,
        region: question.region,
        stack_name: question.stack_name,
        read_at: question.now,
        caller,
        management_account,
        zone,
        zone_status,
        trusted,
        accounts,
        roles,
        role,
        stack_sets: stack_sets.map(|names| names.len()),
        quotas,
        names: settings.names,
        controls,
        trail,
        vendor,
        artifacts,
        stack,
    }
}

async fn quotas(ports: &impl Inspection) -> Quotas {
    let (stack_sets, instances, concurrency) = join!(
        within(ports.quota(STACK_SETS.0, STACK_SETS.1)),
        within(ports.quota(INSTANCES.0, INSTANCES.1)),
        within(ports.unreserved_concurrency()),
    );
    Quotas {
        stack_sets,
        instances,
        concurrency,
    }
}

async fn role(ports: &impl Roles, roles: &Read<StackSetRoles>) -> Read<Option<Role>> {
    match roles {
        Read::Ok(roles) => within(ports.role(roles.administration_name())).await,
        Read::Unknown(why) => Read::Unknown(why.clone()),
    }
}

async fn vendor<L, R: RegistryReads>(
    settings: &Settings,
    deployed: Read<&Deployed<'_, L, R>>,
    network: &impl Network,
) -> Option<VendorFacts> {
    if settings.provider.credential() == Credential::None {
        return None;
    }
    let reached = async {
        match &settings.url {
            Read::Ok(url) => match network.status(url).await {
                Ok(status) => Read::Ok(status),
                Err(why) => Read::Unknown(why),
            },
            Read::Unknown(why) => Read::Unknown(why.clone()),
        }
    };
    let rights = async {
        match deployed {
            Read::Ok(deployed) => Some(within(deployed::rights(settings, deployed.registry)).await),
            Read::Unknown(why) => settings.is_deployed.then_some(Read::Unknown(why)),
        }
    };
    let (reached, rights) = join!(reached, rights);
    Some(VendorFacts {
        url: settings.url.clone(),
        reached,
        has_proxy: network.has_proxy(),
        rights,
    })
}

async fn artifacts(ports: &impl Inspection, settings: &Settings) -> Option<ArtifactFacts> {
    let (bucket, prefix) = settings.artifacts.clone()?;
    let prefix = match prefix.trim_end_matches('/') {
        "" => String::new(),
        folder => format!("{folder}/"),
    };
    let (place, objects) = join!(
        within(ports.bucket_place(&bucket)),
        within(ports.objects(&bucket, &prefix)),
    );
    Some(ArtifactFacts {
        bucket,
        prefix,
        architecture: settings.parameter("Architecture").map(str::to_owned),
        place,
        objects,
    })
}

/// What is read in time.
async fn within<T>(reading: impl Future<Output = Result<T>>) -> Read<T> {
    match timeout(PATIENCE, reading).await {
        Ok(read) => read.into(),
        Err(_) => Read::Unknown(format!("no answer within {} s", PATIENCE.as_secs())),
    }
}
