//! Keeps the feed as setup created it: the two stacks that are placed once, the role in Log Archive
//! and the queue, and the shared registration that depends on them.
//!
//! Setup reaches the state, and passes over the whole organization keep it. What comes next for the
//! registration is one rule for both, [`reconcile`].

mod action;
mod execute;
mod observe;
mod plan;
mod registration;
mod settle;

pub use action::{FeedAction, FeedPlan};
pub use execute::{FeedReport, execute_feed};
pub use observe::{FeedView, observe_feed};
pub use plan::plan_feed;
pub(crate) use registration::{Next, Reconciled, reconcile};
