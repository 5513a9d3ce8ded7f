//! Every resource: in all AWS accounts, in the gateway, in the SaaS.
//!
//! "Nothing left" means that the inventory after a deletion is the one from before the launch.

mod aws;

use std::collections::BTreeMap;
use std::fmt;

use crate::Sandbox;
use crate::landing_zone::EXECUTION_ROLE;

/// One resource: its place, kind and name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Item {
    /// A 12-digit account id, or the name of the SaaS.
    pub place: String,
    /// Such as `role`, `queue` or `registration`.
    pub kind: &'static str,
    /// Name, ARN or URL: unique within its place and kind.
    pub name: String,
}

impl fmt::Display for Item {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {} {}", self.place, self.kind, self.name)
    }
}

/// All items, each with the settings that others could have changed: policies, targets,
/// attachments.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Inventory {
    items: BTreeMap<Item, String>,
}

/// How a later inventory differs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Difference {
    /// Items that did not exist before.
    pub left: Vec<Item>,
    /// Items that no longer exist.
    pub lost: Vec<Item>,
    /// Items whose settings changed.
    pub changed: Vec<Item>,
}

impl Difference {
    /// Whether both inventories are the same.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many items differ.
    #[must_use]
    pub fn len(&self) -> usize {
        self.left.len() + self.lost.len() + self.changed.len()
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (title, items) in [
            ("left", &self.left),
            ("lost", &self.lost),
            ("changed", &self.changed),
        ] {
            for item in items {
                writeln!(formatter, "{title}: {item}")?;
            }
        }
        Ok(())
    }
}

impl Inventory {
    /// Takes the inventory of all accounts of the landing zone, of the StackSets and of the SaaS.
    ///
    /// # Errors
    /// When the emulator does not answer: an unreadable item is not an absent one.
    pub async fn take(sandbox: &Sandbox) -> anyhow::Result<Self> {
        let mut inventory = Self::default();
        let client = sandbox.inside()?;
        for account in sandbox.landing_zone.accounts() {
            aws::take(&client.account(&account.id), &mut inventory).await?;
        }
        for set in sandbox.gateway.stack_sets().all() {
            let account = set.arn.split(':').nth(4).unwrap_or_default().to_owned();
            inventory.add(&account, "StackSet", &set.name, set.template);
            for instance in set.instances {
                let name = format!("{} {} {}", set.name, instance.account, instance.region);
                inventory.add(&account, "stack instance", &name, String::new());
            }
        }
        let saas = sandbox.simulator.title();
        for registration in sandbox.simulator.registrations() {
            let name = format!("{} {}", registration.store, registration.name);
            let subject = format!("{:?}", registration.subject);
            inventory.add(saas, "registration", &name, subject);
        }
        Ok(inventory)
    }

    /// How a later inventory differs. Control Tower's own role in accounts that were created in
    /// between does not count.
    #[must_use]
    pub fn difference(&self, later: &Self) -> Difference {
        let missing_in = |one: &Self, other: &Self| -> Vec<Item> {
            one.items
                .keys()
                .filter(|item| !other.items.contains_key(item))
                .cloned()
                .collect()
        };
        let mut left = missing_in(later, self);
        left.retain(|item| (item.kind, item.name.as_str()) != ("role", EXECUTION_ROLE));
        Difference {
            left,
            lost: missing_in(self, later),
            changed: self
                .items
                .iter()
                .filter(|(item, settings)| {
                    later
                        .items
                        .get(item)
                        .is_some_and(|later| later != *settings)
                })
                .map(|(item, _)| item.clone())
                .collect(),
        }
    }

    /// All items in order.
    pub fn items(&self) -> impl Iterator<Item = &Item> {
        self.items.keys()
    }

    fn add(&mut self, place: &str, kind: &'static str, name: &str, settings: String) {
        let item = Item {
            place: place.to_owned(),
            kind,
            name: name.to_owned(),
        };
        self.items.insert(item, settings);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inventory(items: &[(&str, &str)]) -> Inventory {
        let mut inventory = Inventory::default();
        for (name, settings) in items {
            inventory.add("111111111111", "role", name, (*settings).to_owned());
        }
        inventory
    }

    #[test]
    fn what_is_left_lost_and_changed_is_told_apart() {
        let before = inventory(&[("kept", "a"), ("changed", "a"), ("lost", "a")]);
        let after = inventory(&[
            ("kept", "a"),
            ("changed", "b"),
            ("left", "a"),
            (EXECUTION_ROLE, "a"),
        ]);
        let item = |name: &str| Item {
            place: "111111111111".to_owned(),
            kind: "role",
            name: name.to_owned(),
        };
        let difference = before.difference(&after);
        assert_eq!(difference.left, [item("left")]);
        assert_eq!(difference.lost, [item("lost")]);
        assert_eq!(difference.changed, [item("changed")]);
        assert!(before.difference(&before).is_empty());
    }
}
