use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt, TryStreamExt, stream};
use towerhook_core::{
    Read, Result,
    landing_zone::{Account, AccountState, OuTree},
    model::{AccountId, OuId},
    ports::{AttachedPolicy, ZoneInspection},
};

use super::within;
use crate::doctor::Control;

/// The most units whose policies are looked at.
const UNITS: usize = 200;
/// How many are asked at the same time: AWS allows few such calls a second.
const AT_ONCE: usize = 4;

/// The policies of the root and of every unit above an active account, without AWS's own.
pub(super) async fn read(
    ports: &impl ZoneInspection,
    accounts: &Read<Vec<Account>>,
    units: &OuTree,
) -> Read<Vec<Control>> {
    let accounts = match accounts {
        Read::Ok(accounts) => accounts,
        Read::Unknown(why) => return Read::Unknown(why.clone()),
    };
    let active = accounts
        .iter()
        .filter(|one| one.state == AccountState::Active);
    let above = active.flat_map(|one| one.path.iter().map(|unit| (unit, one.id)));
    let above: BTreeMap<&OuId, AccountId> = above.collect();
    if above.len() > UNITS {
        let count = above.len();
        return Read::Unknown(format!(
            "{count} units are more than the {UNITS} that are looked at."
        ));
    }
    let attached = match within(attached(ports, &above)).await {
        Read::Ok(attached) => attached,
        Read::Unknown(why) => return Read::Unknown(why),
    };
    let ids: BTreeSet<&str> = attached
        .iter()
        .map(|(_, policy)| policy.id.as_str())
        .collect();
    let texts = stream::iter(ids)
        .map(async |id| (id, within(ports.control_policy(id)).await))
        .buffer_unordered(AT_ONCE);
    let texts: BTreeMap<&str, Read<String>> = texts.collect().await;
    let controls = attached.iter().filter_map(|(unit, policy)| {
        Some(Control {
            policy: policy.clone(),
            text: texts.get(policy.id.as_str())?.clone(),
            unit: units.path(unit),
            account: *above.get(unit)?,
        })
    });
    Read::Ok(controls.collect())
}

async fn attached<'a>(
    ports: &impl ZoneInspection,
    above: &BTreeMap<&'a OuId, AccountId>,
) -> Result<Vec<(&'a OuId, AttachedPolicy)>> {
    let each = stream::iter(above.keys().copied()).map(async |unit| {
        let policies = ports.control_policies(unit.as_str()).await?.into_iter();
        let own = policies.filter(|policy| !policy.aws_managed);
        Ok(own.map(|policy| (unit, policy)).collect::<Vec<_>>())
    });
    let mut attached: Vec<_> = each.buffer_unordered(AT_ONCE).try_concat().await?;
    attached.sort();
    Ok(attached)
}
