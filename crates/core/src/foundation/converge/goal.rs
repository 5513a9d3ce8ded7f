//! The goal of a request.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::operation::{Awaited, Purpose};
use crate::{
    Error, ErrorKind,
    foundation::{
        Footprint, Observed, Progress, Step, access::Access, plan::unwanted_announcements,
        request::KnownRegistrations,
    },
    landing_zone::Announcement,
    ledger::Holder,
    model::{AccountId, Registration, account_of_role},
    policy::Deployment,
    provider::{FeedNames, Provider, ResourceNames},
};

/// The desired state, and how to reach it.
#[derive(Debug)]
pub(in crate::foundation) struct Goal<'a> {
    /// The vendor's rules.
    pub provider: &'a dyn Provider,
    /// The desired foundation; `None` when the stack is deleted.
    pub wanted: Option<&'a Footprint>,
    /// Identifies our resources, including the retired ones.
    pub deployment: &'a Deployment,
    /// The ledger's registrations.
    pub known: &'a KnownRegistrations,
    /// What may be asked of the vendor.
    pub access: &'a Access,
    /// The lease holder.
    pub holder: &'a Holder,
    /// CloudFormation's request id: operations and tokens are not shared between requests.
    pub request: &'a str,
    /// Whether failing steps are noted and the others continue, as in the rollback of a refused
    /// update.
    pub lenient: bool,
    /// Whether a request of this stack ever succeeded.
    pub has_succeeded: bool,
    /// Until when a call of an older request may still take effect, so that a read before then is
    /// not final.
    pub unsettled_until: Option<Timestamp>,
}

impl Goal<'_> {
    pub(super) fn title(&self) -> &'static str {
        self.provider.words().title
    }

    /// The names of the resources that are wanted, and of those that are retired.
    pub(super) fn resources(&self) -> impl Iterator<Item = ResourceNames> {
        let wanted = self
            .wanted
            .map(|footprint| &footprint.deployment.policy.names);
        let all = wanted.into_iter().chain(&self.deployment.retired);
        all.map(|names| self.provider.resources(names))
    }

    /// Whether the SaaS cannot be read, so that its registrations are unknown.
    pub(super) fn is_blind(&self) -> bool {
        self.wanted.is_some() && self.access.is_refused()
    }

    /// Whether the other steps continue after the SaaS fails a listing: it refuses the key while
    /// the stack is deleted, or fails in any way during the rollback of an update.
    pub(super) fn goes_on_without(&self, error: &Error) -> bool {
        self.lenient || self.wanted.is_none() && error.kind == ErrorKind::Unauthorized
    }

    /// Notes which part of the SaaS could not be read.
    pub(super) fn note_refusal(&self, progress: &Progress, what: &str, error: &Error) {
        if self.wanted.is_some() {
            progress.leave_undone(format!("{what}: {}", error.chain()));
        } else {
            progress.leave_behind(format!(
                "{what}, since {} refuses the API key",
                self.title()
            ));
        }
    }

    /// Our notifications that no bucket is to have any more.
    pub(super) fn unwanted_announcements(&self) -> impl Iterator<Item = &Announcement> {
        unwanted_announcements(self.wanted, self.deployment)
    }

    /// Notes the notifications of buckets that nothing can take off, since their role is not there.
    /// A stack that never succeeded may not have made it yet.
    pub(super) fn note_lost_roles(&self, observed: &Observed, progress: &Progress) {
        if !self.has_succeeded {
            return;
        }
        for ours in self.unwanted_announcements() {
            if !observed.buckets.contains_key(ours) {
                let Announcement {
                    id, bucket, role, ..
                } = ours;
                progress.leave_behind(format!(
                    "the notification {id} of the bucket {bucket}, if it has one still, since the \
                     role {role} is not there"
                ));
            }
        }
    }

    /// Whether the members' roles, stacks and registrations have to be deleted.
    pub(super) fn removes_members(&self) -> bool {
        !self.deployment.retired.is_empty()
            || self
                .wanted
                .is_none_or(|footprint| footprint.member.is_none())
    }

    /// Whether StackSets' stacks have to be deleted.
    pub(super) fn removes_stacks(&self) -> bool {
        let trail = self.wanted.map(|footprint| footprint.trail.is_some());
        self.removes_members() || trail != Some(true)
    }

    /// Whether a list shows a registration for each member's stack that is there, if they have to be
    /// deleted. The ledger may have lost the record of one that was made a moment ago.
    pub(super) fn shows_members(&self, observed: &Observed, listed: &[Registration]) -> bool {
        if !self.removes_members() {
            return true;
        }
        let shown: BTreeSet<AccountId> = listed
            .iter()
            .filter_map(|one| account_of_role(&one.role_arn))
            .collect();
        let mut names = self.resources().map(|names| names.member_stack_set);
        names.all(|name| {
            let set = observed.stack_sets.get(&name);
            let mut instances = set.iter().flat_map(|(_, instances)| instances);
            let management = &self.deployment.policy.management_account;
            let has_own = observed.stacks.contains_key(&name);
            instances.all(|instance| shown.contains(&instance.account))
                && (!has_own || shown.contains(management))
        })
    }

    /// Whether a step requires a new listing of the registrations.
    pub(super) fn changes_registrations(&self, step: &Step) -> bool {
        step.changes_registrations()
            || self.deployment.policy.registers_by_stack() && step.stacks() > 0
    }

    /// Whether the operation is left to the account function: an update of thousands of members
    /// takes longer than CloudFormation waits.
    pub(super) fn leaves_to_account(&self, awaited: &Awaited) -> bool {
        let member = self.wanted.and_then(|footprint| footprint.member.as_ref());
        awaited.purpose == Purpose::Make
            && member.is_some_and(|member| member.name == awaited.operation.stack_set)
    }

    /// The StackSets to read, and whether to list their instances. There may be thousands of
    /// members, which are left to the account function unless they have to be deleted, or need a
    /// token before they change.
    pub(super) fn stack_sets(&self) -> Vec<(String, bool)> {
        let members = self.removes_members() || self.deployment.policy.registers_by_stack();
        let sets = |names: ResourceNames| {
            let feed = names.feed.iter().flat_map(FeedNames::stack_sets);
            let feed = feed.map(|name| (name.clone(), true));
            let all: Vec<_> = feed
                .chain([(names.member_stack_set.clone(), members)])
                .collect();
            all
        };
        self.resources().flat_map(sets).collect()
    }
}
