use std::collections::BTreeMap;

use futures::{StreamExt, stream, try_join};

use super::known;
use crate::{
    Error, Read, Result,
    enrollment::inventory::LandingZoneView,
    landing_zone::{Account, Baselines},
    model::AccountId,
    planted::{Fault, planted},
    policy::Policy,
    ports::AccountReads,
    provider::Provider,
};

/// How many accounts are described concurrently.
const AT_ONCE: usize = 8;
/// The most targets that `ListEnabledBaselines` filters by.
const BASELINE_TARGETS: usize = 5;

/// Reads AWS and the ledger: all accounts, or the `asked` ones only.
pub(super) async fn read_landing_zone(
    provider: &dyn Provider,
    ports: &impl AccountReads,
    policy: &Policy,
    asked: Option<&[AccountId]>,
) -> Result<LandingZoneView> {
    let member_set = provider.resources(&policy.names).member_stack_set;
    // Concurrently, they take as long as the accounts alone, which have AWS's lowest rate limit.
    let (kept, accounts, baselines, instances) = try_join!(
        ports.records(),
        accounts(ports, asked),
        async { Ok(baselines(ports, policy.control_tower, asked).await) },
        async { Ok(known(ports.instances(&member_set, asked).await)) },
    )?;
    let instances = instances.map(|all| {
        let by_account = all.into_iter().map(|one| (one.account, one));
        by_account.collect()
    });
    Ok(LandingZoneView {
        records: kept.by_account,
        unreadable: kept.unreadable,
        accounts,
        baselines,
        instances,
    })
}

/// The given accounts, or all.
async fn accounts(
    ports: &impl AccountReads,
    asked: Option<&[AccountId]>,
) -> Result<BTreeMap<AccountId, Read<Option<Account>>>> {
    if let Some(asked) = asked {
        return Ok(describe(ports, asked).await);
    }
    let accounts = ports.accounts().await?;
    Ok(accounts
        .into_iter()
        .map(|account| (account.id, Read::Ok(Some(account))))
        .collect())
}

/// Asks for accounts one by one.
pub(super) async fn describe(
    ports: &impl AccountReads,
    ids: &[AccountId],
) -> BTreeMap<AccountId, Read<Option<Account>>> {
    stream::iter(ids)
        .map(|id| async {
            let account = ports.account(id).await;
            if planted(Fault::UnreadableIsGone) && account.is_err() {
                return (*id, Read::Ok(None));
            }
            (*id, known(account))
        })
        .buffer_unordered(AT_ONCE)
        .collect()
        .await
}

async fn baselines(
    ports: &impl AccountReads,
    control_tower: bool,
    asked: Option<&[AccountId]>,
) -> Read<Baselines> {
    if !control_tower {
        return Read::Ok(Baselines::default());
    }
    let few = asked.filter(|asked| asked.len() <= BASELINE_TARGETS);
    let listing = ports.baselines(few).await;
    if planted(Fault::ThrottledListingIsEmpty) && listing.as_ref().is_err_and(Error::is_throttled) {
        return Read::Ok(Baselines::default());
    }
    known(listing)
}
