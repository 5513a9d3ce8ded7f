mod case;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;
use towerhook_core::{
    enrollment::{Action, Held, Standing, plan},
    model::AccountId,
};

use self::case::Case;
use crate::{Organization, status::FORMAT_VERSION};

/// What the next comparison of the whole organization would do. The names in its JSON are stable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Comparison {
    /// The version of this form.
    pub format_version: u32,
    /// When the organization was read.
    pub read_at: Timestamp,
    /// The id of Towerhook's stack.
    pub stack_id: String,
    /// The accounts that are not as they should be.
    pub changes: Vec<Change>,
    /// How many there are of each kind.
    pub counts: Counts,
    /// What restores the trail's registration and what that depends on, in order.
    pub trail: Vec<String>,
    /// What an administrator has to correct for the trail.
    pub trail_blocked: Vec<String>,
    /// Offboardings that await approval.
    pub held: Option<Held>,
    /// What could not be read, each in a sentence.
    pub notes: Vec<String>,
}

/// What would be done about one account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// The account.
    pub account: AccountId,
    /// Its name; empty if it has left or could not be read.
    pub name: String,
    /// What would be done.
    pub verb: Verb,
    /// Why.
    pub why: String,
    /// The calls of the next comparison, in order; later ones may follow from their answers.
    pub steps: Vec<String>,
}

/// What would be done about an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verb {
    /// Watch it.
    Enroll,
    /// Correct what watches it.
    Update,
    /// Switch its registration off until it is active again.
    Pause,
    /// Stop watching it.
    Remove,
    /// Stop watching it, once an administrator has approved that.
    Hold,
    /// Nothing yet: something of it is still changing.
    Wait,
    /// Nothing: an administrator has to correct something first.
    Blocked,
    /// Unknown, since something could not be read.
    Undecided,
}

impl Verb {
    /// The verb, as the table and the JSON have it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Enroll => "enroll",
            Self::Update => "update",
            Self::Pause => "pause",
            Self::Remove => "remove",
            Self::Hold => "hold",
            Self::Wait => "wait",
            Self::Blocked => "blocked",
            Self::Undecided => "undecided",
        }
    }
}

/// How many accounts there are of each kind.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// By what would be done about them.
    pub changes: BTreeMap<Verb, usize>,
    /// Those that stay as they are.
    pub unchanged: usize,
    /// Those that should not be watched and are not.
    pub out_of_scope: usize,
}

impl Counts {
    fn of(&self, verb: Verb) -> usize {
        self.changes.get(&verb).copied().unwrap_or_default()
    }

    /// The counts in a line, such as "3 to enroll, 1 to update, 0 to remove, 2 out of scope".
    pub fn in_words(&self) -> String {
        let mut words: Vec<_> = [Verb::Enroll, Verb::Update, Verb::Remove]
            .map(|verb| format!("{} to {}", self.of(verb), verb.word()))
            .into();
        for (verb, what) in [
            (Verb::Pause, "to pause"),
            (Verb::Hold, "held until approved"),
            (Verb::Wait, "to wait for"),
            (Verb::Blocked, "blocked"),
            (Verb::Undecided, "undecided"),
        ] {
            if self.of(verb) > 0 {
                words.push(format!("{} {what}", self.of(verb)));
            }
        }
        words.push(format!("{} out of scope", self.out_of_scope));
        words.join(", ")
    }
}

impl Comparison {
    /// Plans with what was read.
    pub fn of(organization: &Organization) -> Self {
        let Organization {
            provider,
            deployment,
            inventory,
            read_at,
            ..
        } = organization;
        let plan = plan(*provider, deployment, inventory, *read_at);
        let mut steps: BTreeMap<AccountId, Vec<Action>> = BTreeMap::new();
        for (account, action) in plan.actions.iter().flat_map(Action::by_account) {
            steps.entry(account).or_default().push(action);
        }
        let mut counts = Counts::default();
        let mut changes = Vec::new();
        for (id, view) in &inventory.accounts {
            let standing = organization.standing(id, view);
            let case = Case {
                organization,
                plan: &plan,
                id,
                view,
                standing: &standing,
                steps: steps.get(id).map_or(&[], Vec::as_slice),
            };
            match (case.verdict(), &standing) {
                (Some((verb, why)), _) => {
                    *counts.changes.entry(verb).or_default() += 1;
                    changes.push(Change {
                        account: *id,
                        name: case.name(),
                        verb,
                        why,
                        steps: case.steps.iter().map(Action::to_string).collect(),
                    });
                }
                (None, Standing::OutOfScope(_)) => counts.out_of_scope += 1,
                (None, _) => counts.unchanged += 1,
            }
        }
        let trail = plan.feed.actions.iter().map(ToString::to_string);
        Self {
            format_version: FORMAT_VERSION,
            read_at: *read_at,
            stack_id: deployment.policy.stack_id.clone(),
            changes,
            counts,
            trail: trail.collect(),
            trail_blocked: plan.feed.blocked.clone(),
            held: plan.held.clone(),
            notes: organization.notes(),
        }
    }

    /// Whether anything is not as it should be.
    pub fn has_changes(&self) -> bool {
        !(self.changes.is_empty() && self.trail.is_empty() && self.trail_blocked.is_empty())
    }

    /// How many accounts could not be compared.
    pub fn undecided(&self) -> usize {
        self.counts.of(Verb::Undecided)
    }
}

#[cfg(test)]
mod tests {
    use towerhook_core::ErrorKind;
    use towerhook_world::{LOG_ARCHIVE, Options, Step, World, id, member_id};

    use super::*;
    use crate::status::testing::{enrolled, read, read_refused};

    fn compare(story: impl AsyncFnOnce(&World) + 'static) -> Comparison {
        enrolled(3, async move |world| {
            world.hours(1).await;
            story(&world).await;
            Comparison::of(&read(&world).await)
        })
    }

    #[test]
    fn an_organization_in_order_has_no_changes() {
        let comparison = compare(async |_| {});
        assert!(!comparison.has_changes(), "{comparison:?}");
        assert_eq!(
            comparison.counts.in_words(),
            "0 to enroll, 0 to update, 0 to remove, 1 out of scope"
        );
        assert_eq!(comparison.counts.unchanged, 5);
    }

    #[test]
    fn drift_is_an_update_a_closed_account_a_removal_and_a_suspended_one_a_pause() {
        let comparison = compare(async |world| {
            world.happen(&Step::DisableRegistration { account: 0 });
            let busy = false;
            world.happen(&Step::Close { account: 1, busy });
            world.happen(&Step::Suspend { account: 2 });
        });
        let verbs: Vec<_> = comparison
            .changes
            .iter()
            .map(|change| (change.account, change.verb, change.why.as_str()))
            .collect();
        assert_eq!(
            verbs,
            [
                (id(LOG_ARCHIVE), Verb::Update, "its registration differs"),
                (member_id(1), Verb::Remove, "it is closed"),
                (member_id(2), Verb::Pause, "it is suspended"),
            ]
        );
        let step = &comparison.changes[0].steps[0];
        assert!(step.starts_with("update registration "), "{step}");
        assert!(comparison.has_changes());
        let json = serde_json::to_value(&comparison).unwrap();
        assert_eq!(json["counts"]["changes"]["update"], 1);
    }

    #[test]
    fn without_the_vendor_accounts_are_undecided_and_nothing_is_removed() {
        let comparison = enrolled(Options::default().accounts, async |world| {
            Comparison::of(&read_refused(&world, ErrorKind::Denied).await)
        });
        assert!(comparison.undecided() > 0, "{comparison:?}");
        let undecided = |change: &Change| change.verb == Verb::Undecided;
        assert!(comparison.changes.iter().all(undecided));
    }
}
