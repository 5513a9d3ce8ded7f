//! What each port promises, as functions over any implementation.
//!
//! They hold for the ports in memory and for the adapters over the sandbox, so that the two cannot
//! drift apart. Each leaves behind nothing that would make it fail the next time.

mod ledger;
mod registry;
mod stack_sets;

use std::time::Duration;

use towerhook_core::{
    landing_zone::{AccountState, Management},
    lifecycle::{Message, MessageScope},
    model::AccountId,
    ports::{Accounts, LandingZones, Messages},
};

pub use ledger::{deployment, lease, parking, records, requests};
pub use registry::registry;
pub use stack_sets::{stack_sets, stand};

/// How often something that takes time is looked at.
const LOOKS: usize = 600;

/// An account that is active and managed is described and listed alike; an unknown one is nobody.
pub async fn accounts(
    ports: &(impl Accounts + LandingZones),
    known: &AccountId,
    unknown: &AccountId,
) {
    let described = ports.account(known).await.unwrap().expect("it is there");
    assert_eq!(described.id, *known);
    assert_eq!(described.state, AccountState::Active);
    assert_eq!(ports.account(unknown).await.unwrap(), None);
    let listed = ports.accounts().await.unwrap();
    assert!(
        listed.contains(&described),
        "{described:?} is not as listed"
    );
    assert!(!listed.iter().any(|account| account.id == *unknown));
    let root = described
        .path
        .first()
        .expect("every account is below the root");
    assert!(root.as_str().starts_with("r-"), "{:?}", described.path);
    for asked in [None, Some(&[*known, *unknown][..])] {
        let baselines = ports.baselines(asked).await.unwrap();
        assert_eq!(baselines.of(known), Management::Managed);
        assert_eq!(baselines.of(unknown), Management::NotManaged);
    }
}

/// Messages are taken, also none and also with a delay beyond what a queue can hold back.
pub async fn messages(messages: &impl Messages) {
    messages.send(&[], Duration::ZERO).await.unwrap();
    let many: Vec<_> = (0..11)
        .map(|n| Message::new(MessageScope::All, n))
        .collect();
    messages
        .send(&many, Duration::from_secs(10_000))
        .await
        .unwrap();
}
