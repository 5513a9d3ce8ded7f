//! The chapters of a vendor whose roles and registrations outlive the stack, by `RetainProtection`.

use std::time::Instant;

use anyhow::ensure;

use super::chapters::{ENROLLMENT_DEADLINE, LEFT_OUT};
use super::{Listener, Story, Telling};
use crate::inventory::{Inventory, Item};

/// In the name of the policy that bounds the management account's role. IAM deletes no policy that
/// bounds a role, so the template keeps it.
const BOUNDARY: &str = "-ManagementBoundary-";

impl Story {
    /// Whether it is a policy that a retaining vendor's template leaves for good.
    pub(super) fn is_boundary(&self, item: &Item) -> bool {
        self.sandbox.provider().retains() && item.name.contains(BOUNDARY)
    }

    /// Deletes the stack, after which every account is enrolled as before, and nothing else is left.
    pub(super) async fn delete_and_keep(
        &mut self,
        before: &Inventory,
        listen: Listener<'_>,
    ) -> anyhow::Result<()> {
        self.delete_stack(listen).await?;
        let after = Inventory::take(&self.sandbox).await?;
        let left = before.difference(&after).left;
        let other: Vec<&Item> = left.iter().filter(|item| !self.outlives(item)).collect();
        ensure!(
            other.is_empty(),
            "RetainProtection leaves roles and registrations only, and these are left: {other:?}"
        );
        self.await_enrolled(true, Instant::now(), ENROLLMENT_DEADLINE, listen)
            .await?;
        listen(Telling::Fact(&format!(
            "RetainProtection=Yes: the stack is gone, and {} still reads every account; {} items are left",
            self.sandbox.simulator.title(),
            left.len()
        )));
        Ok(())
    }

    /// Launches the stack again, under its name, and without `RetainProtection`.
    pub(super) async fn take_over(&mut self, listen: Listener<'_>) -> anyhow::Result<()> {
        let parameters = [
            ("ExcludeOrganizationalUnits", LEFT_OUT),
            ("RetainProtection", "No"),
        ];
        let before = self.sandbox.simulator.registrations();
        let launched = Instant::now();
        self.launch_stack(&parameters, listen).await?;
        self.await_enrolled(true, launched, ENROLLMENT_DEADLINE, listen)
            .await?;
        ensure!(
            self.sandbox.simulator.registrations() == before,
            "the registrations were not taken over as they were"
        );
        listen(Telling::Fact(
            "the stack of the same name has taken over the StackSet, its roles and the registrations",
        ));
        Ok(())
    }

    /// Whether it is the members' StackSet, what it placed, or a registration.
    fn outlives(&self, item: &Item) -> bool {
        let set = self.sandbox.simulator.member_stack();
        let roles = self.accounts().iter();
        let mut roles = roles.filter_map(|story| {
            let registration = story.enrollment.registration.as_ref()?;
            registration.role_arn.as_deref()?.rsplit('/').next()
        });
        item.kind == "registration"
            || item.name.contains(&set)
            || self.is_boundary(item)
            || roles.any(|role| item.name.contains(role))
    }
}
