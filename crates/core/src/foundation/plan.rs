//! Plans setup's next steps: what is missing or differs first, then what is no longer wanted. Only
//! what a later step would put out of reach comes before both.

mod buckets;
mod build;
mod instances;
mod observed;
mod tear_down;

pub(super) use buckets::unwanted_announcements;
pub use observed::Observed;

use self::{
    buckets::take_off,
    build::{blind, build},
    tear_down::{tear_down, to_remove},
};
use super::{Footprint, Refusal, Step};
use crate::{policy::Deployment, provider::Provider};

/// Plans the next steps towards `wanted`, without any remains of `retired`.
///
/// `wanted` is `None` when the main stack is deleted. An empty plan means that the goal is reached;
/// steps that depend on an unfinished one come in a later plan. `deployment` identifies our
/// resources: its policy, its retired and spared names, and all topics of ours that a trail may
/// have.
///
/// # Errors
///
/// A StackSet or stack with one of our names is foreign.
pub fn plan(
    provider: &dyn Provider,
    wanted: Option<&Footprint>,
    deployment: &Deployment,
    observed: &Observed,
) -> Result<Vec<Step>, Refusal> {
    let Deployment {
        trail_topics: topics,
        spared,
        ..
    } = deployment;
    let taken_off = take_off(unwanted_announcements(wanted, deployment), observed);
    if !taken_off.is_empty() {
        return Ok(taken_off);
    }
    let mut steps = match wanted {
        Some(footprint) => build(provider, footprint, topics, observed)?,
        None => Vec::new(),
    };
    // New resources come first: retired ones are deleted once nothing is left to create.
    if steps.is_empty() {
        let mut remove = to_remove(provider, wanted, deployment);
        remove.spare(spared);
        steps = tear_down(provider, &remove, wanted, deployment, observed);
        if observed.blind && !steps.is_empty() {
            return Err(blind(provider, "roles that are"));
        }
    }
    Ok(steps)
}

#[cfg(test)]
mod tests;
