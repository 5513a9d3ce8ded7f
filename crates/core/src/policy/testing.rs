//! Fixtures for tests.

#![allow(clippy::unwrap_used, reason = "constants")]

use std::collections::{BTreeMap, BTreeSet};

use super::{Capability, Deployment, Destination, Policy, RegistrationMode, Selection, Site};
use crate::model::Names;

/// The policy of a tenant without stores.
pub fn policy() -> Policy {
    Policy {
        stack_id: "arn:aws:cloudformation:us-east-1:000000000099:stack/towerhook/1".into(),
        partition: "aws".into(),
        region: "us-east-1".into(),
        management_account: "000000000099".parse().unwrap(),
        host: "acme.example.com".into(),
        tenant: "acme".into(),
        names: Names {
            resource: "acme".into(),
            prefix: "Plain-".parse().unwrap(),
        },
        capability: Capability::CloudTrailAndConfig,
        destination: Destination::Tenant,
        selection: Selection::default(),
        registration_mode: RegistrationMode::Function,
        external_id_suffix: "ABCDEFGHIJ".into(),
        external_id: None,
        adoption: None,
        monitor_existing: true,
        enroll_management: false,
        control_tower: true,
        log_archive: None,
        trail_reader: None,
        audit: None,
        retain_protection: false,
        offboard_limit_percent: 10,
        approved_offboard: None,
        offboard_unenrolled: false,
    }
}

/// A deployment with this policy, without a trail or a history.
pub fn deployment(policy: Policy) -> Deployment {
    Deployment {
        policy,
        announcements: BTreeSet::new(),
        site: Site {
            function_roles: None,
            principal: Some("arn:aws:iam::999999999999:role/reader".parse().unwrap()),
            url_suffix: "amazonaws.com".into(),
            registration_topic: None,
            permissions_boundary: None,
            management_boundary: None,
            tags: BTreeMap::new(),
        },
        units: BTreeMap::new(),
        stores: BTreeSet::new(),
        retired: Vec::new(),
        trail_topics: BTreeSet::new(),
        trail: None,
        organization: false,
        spared: BTreeSet::new(),
        recovered_at: None,
        succeeded_at: None,
    }
}
