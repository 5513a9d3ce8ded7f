//! The checks of IAM for each call, from the service authorization reference.

use serde_json::{Map, Value, json};

use super::Check;
use crate::gateway::State;
use crate::gateway::answer::ApiError;
use crate::gateway::parameters::{Form, Parameters};
use crate::gateway::route::Call;
use crate::gateway::stack_sets;

/// The fields of an Organizations request that name its resources.
const SUBJECTS: [&str; 7] = [
    "AccountId",
    "ChildId",
    "DestinationParentId",
    "OrganizationalUnitId",
    "ParentId",
    "ResourceId",
    "SourceParentId",
];

pub(super) async fn checks(
    state: &State,
    call: &Call,
    parameters: &Parameters,
) -> Result<Vec<Check>, ApiError> {
    let action = format!("{}:{}", call.service, call.operation);
    Ok(match parameters {
        Parameters::Form(form) if stack_sets::serves(&call.operation) => {
            let mut checks = stack_set_checks(call, form);
            if call.operation == "UpdateStackSet" && state.stack_sets.loses_tags(call, form) {
                let stack_set = checks.first().map(|check| check.resource.clone());
                let untag = "cloudformation:UntagResource";
                checks.extend(stack_set.map(|arn| Check::new(untag, arn)));
            }
            checks
        }
        Parameters::Form(form) => stack_checks(call, form),
        Parameters::Json(request) => match call.service.as_str() {
            "organizations" => {
                let mut checks = Vec::new();
                for subject in subjects(request) {
                    let arn = state.organizations.arn(subject).await?;
                    checks.push(Check::new(&action, arn));
                }
                or_everything(checks, &action)
            }
            "cloudtrail" => {
                let names = ["Name", "TrailName"].map(|field| &request[field]);
                let trails = names.into_iter().filter_map(Value::as_str);
                let checks = trails.map(|trail| Check::new(&action, trail_arn(call, trail)));
                let mut checks = or_everything(checks.collect(), &action);
                // The landing zone's trail is an organization trail.
                if call.operation == "UpdateTrail" {
                    checks.extend(organization_trail_checks(call));
                }
                checks
            }
            _ => {
                let identifiers = request.as_object().into_iter().flatten();
                let arns = identifiers
                    .filter(|(field, _)| field.ends_with("Identifier"))
                    .filter_map(|(_, value)| value.as_str());
                let checks = arns.map(|arn| Check::new(&action, arn));
                or_everything(checks.collect(), &action)
            }
        },
    })
}

/// An action without a resource must be allowed on `*`.
fn or_everything(checks: Vec<Check>, action: &str) -> Vec<Check> {
    if checks.is_empty() {
        vec![Check::new(action, "*")]
    } else {
        checks
    }
}

fn subjects(request: &Value) -> impl Iterator<Item = &str> {
    SUBJECTS.iter().filter_map(|field| request[*field].as_str())
}

fn trail_arn(call: &Call, trail: &str) -> String {
    if trail.starts_with("arn:") {
        return trail.to_owned();
    }
    format!(
        "arn:aws:cloudtrail:{}:{}:trail/{trail}",
        call.region, call.account
    )
}

/// The calls that CloudTrail makes on behalf of the caller who changes an organization's trail.
fn organization_trail_checks(call: &Call) -> [Check; 4] {
    let service = "cloudtrail.amazonaws.com";
    let role = format!(
        "arn:aws:iam::{}:role/aws-service-role/{service}/AWSServiceRoleForCloudTrail",
        call.account
    );
    [
        Check::new("organizations:DescribeOrganization", "*"),
        Check::new("organizations:ListAWSServiceAccessForOrganization", "*"),
        Check::new("iam:GetRole", &role),
        Check {
            context: json!({"iam:awsservicename": service}),
            ..Check::new("iam:CreateServiceLinkedRole", &role)
        },
    ]
    .map(Check::elsewhere)
}

/// The StackSet, its tags, and its administration role if the caller passes one. CreateStackSet is
/// checked against the StackSet, too: the reference lists no resource, but working published
/// policies name it.
///
/// The target accounts (`stackset-target`) and resource types (`type/resource`) are not checked:
/// the reference marks both as optional, and published roles for self-managed StackSets have
/// neither.
fn stack_set_checks(call: &Call, form: &Form) -> Vec<Check> {
    let action = format!("cloudformation:{}", call.operation);
    let Some(name) = form.get("StackSetName") else {
        return vec![Check::new(action, "*")];
    };
    // A name, or an id: the name with a UUID.
    let id = if name.contains(':') {
        name.to_owned()
    } else {
        format!("{name}:*")
    };
    let arn = format!(
        "arn:aws:cloudformation:{}:{}:stackset/{id}",
        call.region, call.account
    );
    let tags = form.tags().unwrap_or_default();
    let tags: Map<String, Value> = tags
        .into_iter()
        .map(|(key, value)| (format!("aws:requesttag/{key}"), json!(value)))
        .collect();
    let mut checks = vec![Check {
        context: tags.into(),
        ..Check::new(action, &arn)
    }];
    checks.extend(form.get("AdministrationRoleARN").map(passing));
    checks.extend(tagging(form, &arn));
    checks
}

/// The checks of a stack operation beyond the action itself, which the emulator authorizes.
fn stack_checks(call: &Call, form: &Form) -> Vec<Check> {
    let Some(name) = form.get("StackName") else {
        return Vec::new();
    };
    let arn = if name.starts_with("arn:") {
        name.to_owned()
    } else {
        format!(
            "arn:aws:cloudformation:{}:{}:stack/{name}/*",
            call.region, call.account
        )
    };
    let mut checks: Vec<Check> = form.get("RoleARN").map(passing).into_iter().collect();
    checks.extend(tagging(form, &arn));
    checks
}

fn passing(role: &str) -> Check {
    let service = json!({"iam:passedtoservice": "cloudformation.amazonaws.com"});
    Check {
        context: service,
        ..Check::new("iam:PassRole", role)
    }
}

fn tagging(form: &Form, arn: &str) -> Option<Check> {
    let tags = form.names().any(|name| name.starts_with("Tags.member."));
    tags.then(|| Check::new("cloudformation:TagResource", arn))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::answer::Protocol;

    fn call(operation: &str) -> Call {
        Call {
            service: "cloudformation".to_owned(),
            operation: operation.to_owned(),
            protocol: Protocol::Query,
            key_id: "AKIAEXAMPLE".to_owned(),
            account: "111111111111".to_owned(),
            region: "eu-west-1".to_owned(),
        }
    }

    fn form(fields: &[(&str, &str)]) -> Form {
        fields
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    fn said(checks: &[Check]) -> Vec<String> {
        checks
            .iter()
            .map(|check| format!("{} {}", check.action, check.resource))
            .collect()
    }

    const PLACE: &str = "arn:aws:cloudformation:eu-west-1:111111111111";
    const ROLE: &str = "arn:aws:iam::111111111111:role/service-role/AWSControlTowerStackSetRole";

    /// The roles of the vendor's own integration allow no more than this.
    #[test]
    fn making_instances_needs_the_stack_set_only() {
        for operation in [
            "CreateStackInstances",
            "UpdateStackInstances",
            "DeleteStackInstances",
        ] {
            let checks = stack_set_checks(&call(operation), &form(&[("StackSetName", "Ours")]));
            let expected = format!("cloudformation:{operation} {PLACE}:stackset/Ours:*");
            assert_eq!(said(&checks), [expected]);
        }
    }

    #[test]
    fn making_a_stack_set_tells_its_tags_and_passes_its_role() {
        let request = form(&[
            ("StackSetName", "Ours"),
            ("AdministrationRoleARN", ROLE),
            ("Tags.member.1.Key", "owner"),
            ("Tags.member.1.Value", "us"),
        ]);
        for operation in ["CreateStackSet", "UpdateStackSet"] {
            let checks = stack_set_checks(&call(operation), &request);
            assert_eq!(
                said(&checks),
                [
                    format!("cloudformation:{operation} {PLACE}:stackset/Ours:*"),
                    format!("iam:PassRole {ROLE}"),
                    format!("cloudformation:TagResource {PLACE}:stackset/Ours:*"),
                ]
            );
            assert_eq!(checks[0].context, json!({"aws:requesttag/owner": "us"}));
            assert_eq!(
                checks[1].context,
                json!({"iam:passedtoservice": "cloudformation.amazonaws.com"})
            );
        }
    }

    #[test]
    fn changing_an_organizations_trail_needs_its_service_linked_role() {
        let checks = organization_trail_checks(&call("UpdateTrail"));
        let role = "arn:aws:iam::111111111111:role/aws-service-role/cloudtrail.amazonaws.com/\
                    AWSServiceRoleForCloudTrail";
        assert_eq!(
            said(&checks)[2..],
            [
                format!("iam:GetRole {role}"),
                format!("iam:CreateServiceLinkedRole {role}"),
            ]
        );
        assert_eq!(
            checks[3].context,
            json!({"iam:awsservicename": "cloudtrail.amazonaws.com"})
        );
        assert!(checks.iter().all(|check| check.elsewhere));
    }

    #[test]
    fn a_stack_needs_its_role_to_be_passed_and_its_tags_to_be_allowed() {
        let request = form(&[
            ("StackName", "ours"),
            ("RoleARN", "arn:aws:iam::111111111111:role/theirs"),
            ("Tags.member.1.Key", "owner"),
        ]);
        assert_eq!(
            said(&stack_checks(&call("CreateStack"), &request)),
            [
                "iam:PassRole arn:aws:iam::111111111111:role/theirs",
                "cloudformation:TagResource arn:aws:cloudformation:eu-west-1:111111111111:stack/ours/*",
            ]
        );
        let plain = form(&[("StackName", "ours")]);
        assert!(stack_checks(&call("DescribeStacks"), &plain).is_empty());
    }

    #[test]
    fn every_subject_of_a_move_is_looked_at() {
        let request = json!({"AccountId": "1", "SourceParentId": "2", "DestinationParentId": "3"});
        assert_eq!(subjects(&request).collect::<Vec<_>>(), ["1", "3", "2"]);
        assert_eq!(subjects(&json!({"MaxResults": 20})).count(), 0);
    }
}
