use serde_json::{Value, json};
use towerhook_core::model::Arn;

use super::{CHECK, Finding, Outcome, findings, stack};
use crate::{Status, Unwritable};

/// The most findings of a call.
const BATCH: usize = 100;

/// The accounts in scope in the AWS Security Finding Format: on each line the input of one call of
/// `BatchImportFindings`.
///
/// Security Hub takes findings of a product that is the importing account's own only if they are of
/// that account, too. So they are the management account's, and each is about another account as its
/// resource.
///
/// Source: docs.aws.amazon.com/securityhub/latest/userguide/securityhub-findings-format.html and
/// docs.aws.amazon.com/securityhub/1.0/APIReference/API_BatchImportFindings.html
///
/// # Errors
///
/// The stack's id is no ARN, or the JSON cannot be written, which no value can cause.
pub fn asff(status: &Status) -> Result<Vec<u8>, Unwritable> {
    let stack = stack(status)?;
    let findings: Vec<Value> = findings(status)
        .map(|finding| imported(status, &stack, &finding))
        .collect();
    let mut lines = Vec::new();
    for batch in findings.chunks(BATCH) {
        let input = json!({ "Findings": batch });
        serde_json::to_writer(&mut lines, &input).map_err(Unwritable::Json)?;
        lines.push(b'\n');
    }
    Ok(lines)
}

fn imported(status: &Status, stack: &Arn, finding: &Finding<'_>) -> Value {
    let (partition, region) = (stack.partition(), stack.region());
    let row = finding.row;
    let management = stack.account().map(|id| id.to_string()).unwrap_or_default();
    let (compliance, severity) = match finding.outcome {
        Outcome::Passed => ("PASSED", "INFORMATIONAL"),
        Outcome::Open => ("WARNING", "LOW"),
        Outcome::Failed => ("FAILED", "MEDIUM"),
    };
    let mut compliance = json!({ "Status": compliance });
    if let Some(code) = &row.code {
        let reason = cut(row.why.as_deref().unwrap_or(code), 2_048);
        compliance["StatusReasons"] = json!([{"ReasonCode": code, "Description": reason}]);
    }
    json!({
        "SchemaVersion": "2018-10-08",
        "Id": cut(&finding.id, 512),
        "ProductArn": format!(
            "arn:{partition}:securityhub:{region}:{management}:product/{management}/default"
        ),
        "ProductName": "Towerhook",
        "CompanyName": "Towerhook",
        "GeneratorId": format!("towerhook/{CHECK}"),
        "AwsAccountId": management,
        "Types": ["Software and Configuration Checks/AWS Security Best Practices"],
        "CreatedAt": format!("{:.3}", finding.since),
        "UpdatedAt": format!("{:.3}", status.read_at),
        "Severity": {"Label": severity},
        "Title": cut(&finding.title, 256),
        "Description": cut(&finding.description, 1_024),
        "Resources": [{
            "Type": "AwsAccount",
            "Id": format!("AWS::::Account:{}", row.account),
            "Partition": partition,
            "Region": region,
        }],
        "Compliance": compliance,
        "RecordState": "ACTIVE",
        "ProductFields": {
            "towerhook/AccountName": cut(&row.name, 2_048),
            "towerhook/OrganizationalUnit": cut(&row.unit, 2_048),
        },
    })
}

/// As much of the text as a field holds.
fn cut(text: &str, most: usize) -> String {
    text.chars().take(most).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::testing;

    #[test]
    fn a_line_is_a_call_of_a_hundred_findings_at_most() {
        let written = String::from_utf8(asff(&testing::status(250)).unwrap()).unwrap();
        let sizes = written.lines().map(|line| {
            let input: Value = serde_json::from_str(line).unwrap();
            input["Findings"].as_array().unwrap().len()
        });
        assert_eq!(sizes.collect::<Vec<_>>(), [100, 100, 50]);
    }

    #[test]
    fn a_finding_is_the_management_accounts_and_about_another_one() {
        let mut status = testing::status(2);
        status.accounts[0].why = Some("ü".repeat(5_000));
        let lines = asff(&status).unwrap();
        let input: Value = serde_json::from_slice(&lines).unwrap();
        let (failed, passed) = (&input["Findings"][0], &input["Findings"][1]);
        assert_eq!(
            failed["ProductArn"],
            "arn:aws:securityhub:us-east-1:000000000001:product/000000000001/default"
        );
        assert_eq!(failed["AwsAccountId"], "000000000001");
        assert_eq!(failed["Resources"][0]["Id"], "AWS::::Account:100000000000");
        assert_eq!(failed["Compliance"]["Status"], "FAILED");
        let reason = &failed["Compliance"]["StatusReasons"][0];
        assert_eq!(reason["ReasonCode"], "stack-fails");
        let length = |text: &Value| text.as_str().unwrap().chars().count();
        assert_eq!(length(&failed["Description"]), 1_024);
        assert_eq!(length(&reason["Description"]), 2_048);
        assert_eq!(passed["Compliance"], json!({"Status": "PASSED"}));
        assert_eq!(passed["CreatedAt"], "2026-01-10T12:00:00.000Z");
    }
}
