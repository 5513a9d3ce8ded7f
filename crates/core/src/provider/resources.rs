use crate::model::AccountId;

/// The names of a deployment's resources.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourceNames {
    /// Those of the trail's part, if the vendor reads one.
    pub feed: Option<FeedNames>,
    /// The StackSet that creates the role in every member, and the management account's own stack.
    pub member_stack_set: String,
    /// The cross-account role in a member.
    pub member_role: String,
}

/// The names of what a trail's registration depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedNames {
    /// The StackSet that creates the role in Log Archive; also the name of the trail's
    /// registration.
    pub log_stack_set: String,
    /// The StackSet that creates the queue in Audit. Without one, the queue comes with the role, and
    /// what tells its topic of each log file is the trail's bucket, not the trail.
    pub audit_stack_set: Option<String>,
    /// The cross-account role in Log Archive: the vendor's, or the one with which the bucket's
    /// notifications are kept.
    pub log_role: String,
    /// The queue.
    pub queue: String,
    /// The topic in Log Archive, if the trail had none or the bucket needs one.
    pub trail_topic: String,
}

impl ResourceNames {
    /// The names of the StackSets.
    pub fn stack_sets(&self) -> impl Iterator<Item = &String> {
        let feed = self.feed.iter();
        let feed = feed.flat_map(FeedNames::stack_sets);
        feed.chain([&self.member_stack_set])
    }
}

impl ResourceNames {
    /// The role with which the vendor reads the trail in Log Archive, if it reads one. Where S3
    /// announces the log files, it is the role of every account.
    pub fn trail_reader(&self) -> Option<&str> {
        let feed = self.feed.as_ref()?;
        let own = feed.audit_stack_set.as_ref().map(|_| &feed.log_role);
        Some(own.unwrap_or(&self.member_role))
    }
}

impl FeedNames {
    /// The names of its StackSets.
    pub fn stack_sets(&self) -> impl Iterator<Item = &String> {
        [&self.log_stack_set]
            .into_iter()
            .chain(&self.audit_stack_set)
    }
}

/// The ARN of a role without a path.
pub fn role_arn(partition: &str, account: &AccountId, role: &str) -> String {
    format!("arn:{partition}:iam::{account}:role/{role}")
}
