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
    /// The Region that it was made in; a multi-Region trail shows in all.
    pub home_region: Option<String>,
    /// The bucket that it delivers to.
    pub bucket: String,
    /// The topic that hears of each delivery.
    pub topic: Option<Arn>,
    /// The key that encrypts it.
    pub kms_key: Option<Arn>,
    /// Whether it is the organization's and not one account's.
    pub is_organization: bool,
    /// Whether it is about every Region.
    pub is_multi_region: bool,
    /// Whether it is on, from `GetTrailStatus`.
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

/// A topic of ours, and the trail that is to tell it of each delivery.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TrailTopic {
    /// The trail's name.
    pub trail: String,
    /// The topic.
    pub topic: Arn,
}

/// What came of setting a trail's topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TopicSet {
    /// It is set.
    Done,
    /// CloudTrail may not publish to the topic, as happens to a policy seconds old.
    NotPublishable(String),
}
