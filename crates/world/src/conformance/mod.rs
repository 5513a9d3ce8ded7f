//! Each port's contract, as functions over any implementation.
//!
//! They run against the ports in memory and against the adapters over the sandbox, so that the two
//! cannot drift apart. None of them leaves state that would make a second run fail.

mod ledger;
mod notifications;
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
pub use notifications::notifications;
pub use registry::registry;
pub use stack_sets::{stack_sets, stand};

/// How often the state of a running operation is polled.
const LOOKS: usize = 600;

/// An active, managed account is described and listed alike; an unknown one does not exist.
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

/// Messages are accepted, including an empty batch and a delay beyond the queue's limit.
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
