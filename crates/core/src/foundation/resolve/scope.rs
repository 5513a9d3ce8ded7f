//! Which accounts are enrolled, and in which store: OUs, stores and accounts.

use std::collections::{BTreeMap, BTreeSet};

use super::{Facts, Last, Properties, Refusal, Refusals, no_pattern};
use crate::{
    landing_zone::OuTree,
    model::{AccountId, OuId, Store, UnitName},
    policy::{DeployedTrail, Destination, Policy, Selection},
    provider::{Provider, Words},
};

/// The OUs that parameters name, each resolved once.
pub(super) struct Units<'a> {
    tree: &'a OuTree,
    recorded: BTreeMap<String, OuId>,
    named: BTreeMap<String, OuId>,
    remarks: Vec<String>,
}

impl<'a> Units<'a> {
    pub(super) fn new(tree: &'a OuTree, last: &Last<'_>) -> Self {
        let recorded = last.success.map(|success| success.deployment.units.clone());
        Self {
            tree,
            recorded: recorded.unwrap_or_default(),
            named: BTreeMap::new(),
            remarks: Vec::new(),
        }
    }

    /// The ids to record, and remarks for the administrator.
    pub(super) fn into_named(self) -> (BTreeMap<String, OuId>, Vec<String>) {
        (self.named, self.remarks)
    }

    /// The OU's id: the recorded one, even if the OU was renamed.
    fn resolve(&mut self, parameter: &str, unit: &UnitName) -> Result<OuId, Refusal> {
        let name = unit.to_string();
        let id = match self.recorded.get(&name) {
            Some(recorded) => {
                if !self.tree.0.contains_key(recorded) {
                    self.remarks.push(format!(
                        "{parameter}: the unit {name:?} ({recorded}) is gone; write another one."
                    ));
                } else if self.tree.find(unit) != [recorded.clone()].into() {
                    self.remarks.push(format!(
                        "{parameter}: {name:?} still means {}. Write its id, or the name that it \
                         has now.",
                        self.tree.describe(recorded)
                    ));
                }
                recorded.clone()
            }
            None => self.find(parameter, unit)?,
        };
        self.named.insert(name, id.clone());
        Ok(id)
    }

    fn find(&self, parameter: &str, unit: &UnitName) -> Result<OuId, Refusal> {
        let found = self.tree.find(unit);
        let mut ids = found.iter();
        match (ids.next(), found.len()) {
            (Some(id), 1) => Ok(id.clone()),
            (None, _) => Err(Refusal::new(format!(
                "{parameter} names the organizational unit {:?}, which the organization does not \
                 have{}.",
                unit.to_string(),
                no_pattern(&unit.to_string())
            ))),
            (Some(_), count) => {
                let mut all: Vec<_> = found.iter().map(|id| self.tree.describe(id)).collect();
                all.sort();
                Err(Refusal::new(format!(
                    "{parameter} names {:?}, and the organization has {count} organizational units of \
                     that name. Write the one that you mean: {}.",
                    unit.to_string(),
                    all.join(", ")
                )))
            }
        }
    }

    fn resolve_all(
        &mut self,
        parameter: &str,
        units: &[UnitName],
    ) -> Result<BTreeSet<OuId>, Refusal> {
        let mut refusals = Refusals::default();
        let mut ids = BTreeSet::new();
        for unit in units {
            ids.extend(refusals.note(self.resolve(parameter, unit)));
        }
        refusals.unless_any(ids)
    }
}

/// The store of each account.
pub(super) fn destination(
    provider: &dyn Provider,
    properties: &Properties,
    facts: &Facts,
    tenant: &str,
    units: &mut Units<'_>,
    last: &mut Last<'_>,
) -> Result<Destination, Refusal> {
    let used = last
        .success
        .map(|success| &success.deployment.policy.destination);
    let used = used.map(Destination::stores).unwrap_or_default();
    let Some(words) = &provider.words().stores else {
        return Ok(Destination::Tenant);
    };
    if let Some(single) = &properties.store {
        let found = check(provider, facts, tenant, words.single_parameter, &[single]);
        last.settle(found, used.contains(single).then_some(()))?;
        return Ok(Destination::Single(single.clone()));
    }
    if properties.mapped_units.is_empty() {
        return Ok(Destination::Tenant);
    }
    let parameter = words.units_parameter;
    let mut refusals = Refusals::default();
    let mut mapped: BTreeMap<OuId, Store> = BTreeMap::new();
    let mut new = Vec::new();
    for (unit, store) in &properties.mapped_units {
        // Skip the store of a missing OU: its name usually comes from the OU's.
        let Some(id) = refusals.note(units.resolve(parameter, unit)) else {
            continue;
        };
        if used.contains(store) {
            last.settle(
                check(provider, facts, tenant, parameter, &[store]),
                Some(()),
            )?;
        } else {
            new.push(store);
        }
        mapped.insert(id, store.clone());
    }
    refusals.note(check(provider, facts, tenant, parameter, &new));
    refusals.unless_any(Destination::Mapped(mapped))
}

/// Whether the key may use these stores. Wrong ones are named together, as the key's own are listed
/// after them.
fn check(
    provider: &dyn Provider,
    facts: &Facts,
    tenant: &str,
    parameter: &str,
    stores: &[&Store],
) -> Result<(), Refusal> {
    let may_use = |store: &&&Store| {
        let own = facts.profile.as_ref();
        own.is_some_and(|own| store.as_str() == tenant || own.stores.contains(store))
    };
    let wrong: BTreeSet<&str> = stores
        .iter()
        .filter(|store| !may_use(store))
        .map(|store| store.as_str())
        .collect();
    let Some(first) = wrong.first() else {
        return Ok(());
    };
    let Words { title, stores, .. } = provider.words();
    let store = stores.as_ref().map_or("store", |stores| stores.store);
    let plural = if wrong.len() > 1 { "s" } else { "" };
    let named = format!(
        "{parameter} names the {store}{plural} {}",
        listed(wrong.iter().copied())
    );
    let Some(profile) = &facts.profile else {
        return Err(Refusal::new(format!(
            "{named}, which cannot be checked, since {title} refuses the API key."
        )));
    };
    Err(Refusal::new(format!(
        "{named}, which the API key cannot use{}. Its {store}s: {}.",
        no_pattern(first),
        listed(profile.stores.iter().map(Store::as_str))
    )))
}

/// Names with commas, as many as fit into a Reason with other texts.
fn listed<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<_> = names.collect();
    if names.is_empty() {
        return "none".to_owned();
    }
    names.join(", ").chars().take(500).collect()
}

/// Which accounts are enrolled at all.
pub(super) fn selection(
    properties: &Properties,
    facts: &Facts,
    units: &mut Units<'_>,
    last: &Last<'_>,
) -> Result<Selection, Refusal> {
    let recorded = last
        .success
        .map(|success| &success.deployment.policy.selection);
    let known = |id: &AccountId| {
        facts.accounts.iter().any(|account| account.id == *id)
            || recorded.is_some_and(|selection| selection.exclude_accounts.contains(id))
    };
    let mut refusals = Refusals::default();
    for id in properties.exclude_accounts.iter().filter(|id| !known(id)) {
        refusals.note::<()>(Err(Refusal::new(format!(
            "ExcludeAccounts names {id}, which is not an account of this organization."
        ))));
    }
    let include = units.resolve_all("IncludeOrganizationalUnits", &properties.include);
    let include = refusals.note(include).unwrap_or_default();
    let exclude = units.resolve_all("ExcludeOrganizationalUnits", &properties.exclude);
    let exclude = refusals.note(exclude).unwrap_or_default();
    refusals.unless_any(Selection {
        include,
        exclude,
        exclude_accounts: properties.exclude_accounts.clone(),
    })
}

/// Log Archive and Audit can be left out of Config only: the trail depends on them.
pub(super) fn remark_shared_accounts(
    policy: &Policy,
    trail: Option<&DeployedTrail>,
    facts: &Facts,
    remarks: &mut Vec<String>,
) {
    let Some(trail) = trail.filter(|_| policy.capability.config()) else {
        return;
    };
    let log = policy.log_archive;
    let queue = Some(trail.queue_account).filter(|queue| Some(*queue) != log);
    for (title, id) in [("Log Archive", log), ("Audit", queue)] {
        let account = facts.accounts.iter().find(|account| Some(account.id) == id);
        let Some(account) = account else { continue };
        let selection = &policy.selection;
        if selection.leaves_out(&account.id, &account.path).is_some() {
            let id = account.id;
            remarks.push(if policy.trail_reader == Some(id) {
                format!(
                    "The {title} account {id} is enrolled all the same: its role reads the trail."
                )
            } else {
                format!(
                    "The {title} account {id} is left out of Config only; the trail still uses it."
                )
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{landing_zone::LandingZoneReply, model::Profile, provider::plain::Plain};

    fn facts(profile: Option<Profile>) -> Facts {
        Facts {
            landing_zone: LandingZoneReply::None,
            trail: None,
            accounts: Vec::new(),
            units: OuTree::default(),
            profile,
        }
    }

    fn refusal(facts: &Facts, stores: &[&str]) -> Option<String> {
        let stores: Vec<Store> = stores.iter().copied().map(Store::from).collect();
        let stores: Vec<&Store> = stores.iter().collect();
        let checked = check(&Plain, facts, "acme", "Parameter", &stores);
        checked.err().map(|refusal| refusal.to_string())
    }

    #[test]
    fn all_wrong_stores_are_named_in_one_sentence() {
        let facts = facts(Some(Profile {
            tenant: "acme".into(),
            stores: vec!["one".into(), "two".into()],
            external_id: None,
        }));
        assert_eq!(refusal(&facts, &["one", "acme", "two"]), None);
        assert_eq!(
            refusal(&facts, &["three", "one", "four", "three"]).unwrap(),
            "Parameter names the stores four, three, which the API key cannot use. \
             Its stores: one, two."
        );
        assert_eq!(
            refusal(&facts, &["t*"]).unwrap(),
            "Parameter names the store t*, which the API key cannot use (patterns are not \
             supported here). Its stores: one, two."
        );
        let many: Vec<String> = (0..1000).map(|number| format!("store-{number}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert!(refusal(&facts, &many).unwrap().len() < 700);
    }

    #[test]
    fn where_the_key_is_refused_stores_cannot_be_checked() {
        assert_eq!(
            refusal(&facts(None), &["one"]).unwrap(),
            "Parameter names the store one, which cannot be checked, since Plain refuses the \
             API key."
        );
    }
}
