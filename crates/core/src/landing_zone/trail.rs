use serde::{Deserialize, Serialize};

use crate::{
    model::Arn,
    planted::{Fault, planted},
};

/// An organization trail, from CloudTrail's `GetTrail`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trail {
    /// Its name.
    pub name: String,
    /// The Region that it was created in; a multi-Region trail appears in all.
    pub home_region: Option<String>,
    /// The bucket that it delivers to.
    pub bucket: String,
    /// What its log files' keys begin with, before `/AWSLogs`.
    pub key_prefix: Option<String>,
    /// The topic that is notified of each delivery.
    pub topic: Option<Arn>,
    /// The key that encrypts it.
    pub kms_key: Option<Arn>,
    /// Whether it is an organization trail, as opposed to one account's.
    pub is_organization: bool,
    /// Whether it covers every Region.
    pub is_multi_region: bool,
    /// Whether it is logging, from `GetTrailStatus`.
    pub is_logging: bool,
}

impl Trail {
    /// Why this trail does not record everything in the organization, if it does not.
    pub fn shortfall(&self) -> Option<&'static str> {
        if !self.is_organization {
            Some("it is not an organization trail and records one account only")
        } else if !self.is_multi_region {
            Some("it records one Region only")
        } else if !self.is_logging && !planted(Fault::SilentTrailIsFine) {
            Some("its logging is switched off")
        } else {
            None
        }
    }
}

/// A topic of ours, and the trail that should notify it of each delivery.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TrailTopic {
    /// The trail's name.
    pub trail: String,
    /// The topic.
    pub topic: Arn,
}

/// The result of setting the topic that is notified of each log file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TopicSet {
    /// It is set.
    Done,
    /// The service may not publish to the topic, as happens with a policy that is seconds old.
    NotPublishable(String),
}
