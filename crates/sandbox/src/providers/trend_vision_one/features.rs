//! The features of cloud accounts.

use serde_json::{Value, json};

use super::answer::{Answer, Handled};

/// The entry of what every account has. It is no feature that can be chosen.
pub(super) const CORE: &str = "cloud-account-management";

/// The features that can be chosen for an account.
const FEATURES: [&str; 6] = [
    "cloud-audit-log-monitoring",
    "cloud-response",
    "cloud-sentry",
    "container-security",
    "file-storage-security",
    "real-time-posture-monitoring",
];

/// The version of the vendor's template.
pub(super) const TEMPLATE_VERSION: &str = "2.0.1896";

pub(super) fn is_feature(id: &str) -> bool {
    FEATURES.contains(&id)
}

/// What there is to choose from. The service's own answer is not published.
pub(super) fn list() -> Handled {
    let entry = |id: &str| json!({ "id": id, "lastTemplateVersion": TEMPLATE_VERSION });
    let items: Vec<Value> = [CORE].iter().chain(&FEATURES).map(|id| entry(id)).collect();
    Ok(Answer::ok(json!({ "items": items })))
}
