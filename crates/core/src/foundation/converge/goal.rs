//! What the foundation is to come to.

use jiff::Timestamp;

use super::act::{Operation, Purpose};
use crate::{
    Error, ErrorKind,
    foundation::{Foundation, Progress, Step, request::KnownRegistrations},
    ledger::Holder,
    model::{Names, SecretText},
    policy::Deployment,
};

/// What should be when all is done.
#[derive(Debug)]
pub(in crate::foundation) struct Goal<'a> {
    /// What should exist; nothing, when the stack is deleted.
    pub wanted: Option<&'a Foundation>,
    /// By which what is ours is known, and what of it is retired.
    pub deployment: &'a Deployment,
    /// What the ledger says of registrations.
    pub known: &'a KnownRegistrations,
    /// A token that works, for stacks that remove their registrations as they go.
    pub token: Option<&'a SecretText>,
    /// Who has the lease.
    pub holder: &'a Holder,
    /// CloudFormation's request: an operation or a token of one request is not one of the next.
    pub request: &'a str,
    /// Whether what cannot be done is noted and all else is done, as when a refused update goes back.
    pub lenient: bool,
    /// Until when a call of an older request may land, so that a look before then settles nothing.
    pub unsettled_until: Option<Timestamp>,
}

impl Goal<'_> {
    pub(super) fn names(&self) -> impl Iterator<Item = &Names> {
        let wanted = self
            .wanted
            .map(|foundation| &foundation.deployment.policy.names);
        wanted.into_iter().chain(&self.deployment.retired)
    }

    /// Whether the SaaS cannot be read at all, so that nothing can be said of what is in it.
    pub(super) fn is_blind(&self) -> bool {
        self.wanted.is_some() && self.token.is_none()
    }

    /// Whether all else goes on where the SaaS fails a listing: it refuses the key as the stack goes, or
    /// fails in whatever way as a refused update goes back.
    pub(super) fn goes_on_without(&self, error: &Error) -> bool {
        self.lenient || self.wanted.is_none() && error.kind == ErrorKind::Unauthorized
    }

    /// Notes what of the SaaS's could not be read.
    pub(super) fn note_refusal(&self, progress: &Progress, what: &str, error: &Error) {
        if self.wanted.is_some() {
            progress.leave_undone(format!("{what}: {}", error.chain()));
        } else {
            progress.leave_behind(format!("{what}, since Lacework refuses the API key"));
        }
    }

    /// Whether the members' roles, stacks and registrations are to go.
    pub(super) fn removes_members(&self) -> bool {
        !self.deployment.retired.is_empty()
            || self
                .wanted
                .is_none_or(|foundation| foundation.member.is_none())
    }

    /// Whether stacks of StackSets are to go.
    pub(super) fn removes_stacks(&self) -> bool {
        let trail = self.wanted.map(|foundation| foundation.trail.is_some());
        self.removes_members() || trail != Some(true)
    }

    /// Whether the registrations have to be listed again after a step.
    pub(super) fn changes_registrations(&self, step: &Step) -> bool {
        step.changes_registrations()
            || self.deployment.policy.registers_by_stack() && step.stacks() > 0
    }

    /// Whether the account function sees an operation through: an update of thousands of members
    /// takes longer than CloudFormation waits.
    pub(super) fn leaves_to_account(&self, operation: &Operation) -> bool {
        let member = self
            .wanted
            .and_then(|foundation| foundation.member.as_ref());
        operation.purpose == Purpose::Make
            && member.is_some_and(|member| member.name == operation.stack_set)
    }

    /// Every StackSet that matters, and whether its instances do: there may be thousands of
    /// members, and they are the account function's business unless they are to go, or need a token
    /// before they change.
    pub(super) fn stack_sets(&self) -> Vec<(String, bool)> {
        let members = self.removes_members() || self.deployment.policy.registers_by_stack();
        let sets = |names: &Names| {
            [
                (names.log_stack_set(), true),
                (names.audit_stack_set(), true),
                (names.member_stack_set(), members),
            ]
        };
        self.names().flat_map(sets).collect()
    }
}
