use serde_json::{Value, json};

use super::{CHECK, Finding, Outcome, findings, stack};
use crate::{Status, Unwritable};

/// The version of the schema.
const VERSION: &str = "1.5.0";

/// The accounts in scope as a JSON array of Compliance Findings of the Open Cybersecurity Schema
/// Framework.
///
/// Source: schema.ocsf.io/1.5.0/classes/compliance_finding
///
/// # Errors
///
/// The stack's id is no ARN, or the JSON cannot be written, which no value can cause.
pub fn ocsf(status: &Status) -> Result<Vec<u8>, Unwritable> {
    let stack = stack(status)?;
    let event = |finding: Finding<'_>| event(status, stack.partition(), stack.region(), &finding);
    let events: Vec<_> = findings(status).map(event).collect();
    let mut written = serde_json::to_vec_pretty(&events).map_err(Unwritable::Json)?;
    written.push(b'\n');
    Ok(written)
}

fn event(status: &Status, partition: &str, region: &str, finding: &Finding<'_>) -> Value {
    let row = finding.row;
    let (compliance_id, compliance) = match finding.outcome {
        Outcome::Passed => (1, "Pass"),
        Outcome::Open => (2, "Warning"),
        Outcome::Failed => (3, "Fail"),
    };
    let (severity_id, severity) = match finding.outcome {
        Outcome::Passed => (1, "Informational"),
        Outcome::Open => (2, "Low"),
        Outcome::Failed => (3, "Medium"),
    };
    let read_at = status.read_at.as_millisecond();
    json!({
        "activity_id": 1,
        "activity_name": "Create",
        "category_uid": 2,
        "category_name": "Findings",
        "class_uid": 2003,
        "class_name": "Compliance Finding",
        "type_uid": 200_301,
        "type_name": "Compliance Finding: Create",
        "time": read_at,
        "severity_id": severity_id,
        "severity": severity,
        "status_id": 1,
        "status": "New",
        "message": finding.description,
        "metadata": {
            "version": VERSION,
            "profiles": ["cloud"],
            "event_code": row.code,
            "product": {
                "name": "Towerhook",
                "vendor_name": "Towerhook",
                "version": env!("CARGO_PKG_VERSION"),
            },
        },
        "finding_info": {
            "uid": finding.id,
            "title": finding.title,
            "desc": finding.description,
            "created_time": finding.since.as_millisecond(),
            "last_seen_time": read_at,
        },
        "compliance": {
            "standards": ["Towerhook"],
            "control": CHECK,
            "requirements": ["Every account in scope is watched"],
            "status_id": compliance_id,
            "status": compliance,
            "status_code": row.code,
        },
        "cloud": {
            "provider": "AWS",
            "region": region,
            "account": {
                "uid": row.account,
                "name": row.name,
                "type": "AWS Account",
                "type_id": 10,
            },
            "org": {"ou_name": row.unit},
        },
        "resources": [{
            "uid": format!("AWS::::Account:{}", row.account),
            "name": row.name,
            "type": "AWS Account",
            "cloud_partition": partition,
            "region": region,
        }],
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::testing;

    #[test]
    fn each_account_has_an_event_with_its_outcome_and_its_reason() {
        let events: Value = serde_json::from_slice(&ocsf(&testing::status(10)).unwrap()).unwrap();
        let events = events.as_array().unwrap();
        assert_eq!(events.len(), 10);
        let (failed, passed) = (&events[0], &events[1]);
        assert_eq!(failed["compliance"]["status"], "Fail");
        assert_eq!(failed["compliance"]["status_code"], "stack-fails");
        assert_eq!(failed["cloud"]["account"]["uid"], "100000000000");
        assert_eq!(passed["compliance"]["status_id"], 1);
        assert_eq!(passed["severity_id"], 1);
        // The type is the class and the activity.
        assert_eq!(passed["type_uid"], 2003 * 100 + 1);
        assert_ne!(failed["finding_info"]["uid"], passed["finding_info"]["uid"]);
    }
}
