use std::process::ExitCode;

use towerhook_aws::{Aws, StackAdministrator};
use towerhook_core::{counted, ports::TemplateSource};
use towerhook_operate::launch::{Secrets, Values, change};
use towerhook_operate::{Comparison, held_by};

use super::{Found, conclude, token, updated};
use crate::arguments::Approve;
use crate::operate::organization;
use crate::operator::operator;

/// The parameter that approves offboardings.
const APPROVAL: &str = "ApproveOffboard";

/// Approves the offboardings that the plan shows as held, by an update of the main stack.
pub(crate) async fn approve(arguments: &Approve) -> anyhow::Result<ExitCode> {
    let (target, digest) = (&arguments.target, &arguments.digest);
    let config = operator(target).await?;
    let comparison = Comparison::of(&organization(&config, &target.stack).await?);
    let held = held_by(&comparison, digest)?;
    let stacks = Aws::new(&config, StackAdministrator);
    let Found { stack, form } = Found::of(&stacks, &target.stack).await?;
    let values = Values::from([(APPROVAL.to_owned(), digest.clone())]);
    let request = change(
        &form,
        (&stack, &token()),
        TemplateSource::Previous,
        &values,
        &Secrets::new(),
    )?;
    updated(&config, &stacks, &request).await?;
    let accounts = counted(held.accounts.len(), "account");
    let words = format!("the offboarding of {accounts} is approved, and begins now");
    conclude(arguments.json, &words, &stack.id, "UPDATE_COMPLETE")?;
    Ok(ExitCode::SUCCESS)
}
