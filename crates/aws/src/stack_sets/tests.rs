use serde_json::Value;
use towerhook_core::stack_sets::{InstanceState, STACK_ID_TAG, StackSetRoles};

use super::*;
use crate::testing::{Answer, setup, xml, xml_error};

const STACK_SET_ROLE: &str = "arn:aws:iam::999999999999:role/StackSets";
const EXECUTION_ROLE: &str = "Execution";

fn spec() -> StackSetSpec {
    StackSetSpec {
        name: "Member".into(),
        template: "Resources: {}",
        parameters: [("ResourceNamePrefix".to_owned(), "acme".to_owned())].into(),
        stack_id: "arn:aws:cloudformation:eu-west-1:999999999999:stack/towerhook/1".into(),
        tags: [("team".to_owned(), "blue".to_owned())].into(),
        roles: Some(StackSetRoles {
            administration: STACK_SET_ROLE.parse().unwrap(),
            execution: EXECUTION_ROLE.into(),
        }),
    }
}

fn account(id: &str) -> AccountId {
    id.parse().unwrap()
}

fn no_stack_set() -> Answer {
    xml_error(
        404,
        "StackSetNotFoundException",
        "StackSet Member not found",
    )
}

/// One instance in a list response.
fn listed(account: &str, status: &str, detailed: &str, reason: &str) -> String {
    format!(
        "<member><Account>{account}</Account><Region>eu-west-1</Region><Status>{status}</Status>\
         <StackInstanceStatus><DetailedStatus>{detailed}</DetailedStatus></StackInstanceStatus>\
         <StatusReason>{reason}</StatusReason></member>"
    )
}

fn page(members: &[String], next: &str) -> Answer {
    let members = members.concat();
    let result = format!("<Summaries>{members}</Summaries><NextToken>{next}</NextToken>");
    xml("ListStackInstances", &result)
}

fn assert_has(body: &Value, fields: &[(&str, &str)]) {
    for (name, value) in fields {
        assert_eq!(body[name], *value, "{name} in {body}");
    }
}

#[tokio::test]
async fn a_stack_set_shows_its_digest_its_template_and_its_tags() {
    let found = "<StackSet><StackSetName>Member</StackSetName><Status>ACTIVE</Status>\
        <Description>Made by Towerhook. Digest 0</Description>\
        <TemplateBody>Resources: {} # &lt;none&gt;</TemplateBody>\
        <Parameters><member><ParameterKey>A</ParameterKey><ParameterValue>1</ParameterValue></member></Parameters>\
        <Tags><member><Key>towerhook:stack-id</Key><Value>mine</Value></member>\
        <member><Key>team</Key><Value>blue</Value></member></Tags></StackSet>";
    let deleted =
        "<StackSet><StackSetName>Member</StackSetName><Status>DELETED</Status></StackSet>";
    let (aws, _) = setup([
        xml("DescribeStackSet", found),
        xml("DescribeStackSet", deleted),
        no_stack_set(),
        xml_error(400, "Throttling", "Rate exceeded"),
    ]);
    let set = aws.stack_set("Member").await.unwrap().unwrap();
    assert_eq!(set.description, "Made by Towerhook. Digest 0");
    assert_eq!(set.template, "Resources: {} # <none>");
    let tags = [(STACK_ID_TAG, "mine"), ("team", "blue")];
    let tags = tags.map(|(key, value)| (key.to_owned(), value.to_owned()));
    assert_eq!(set.tags, tags.into());
    assert_eq!(set.parameters["A"], "1");
    assert_eq!(aws.stack_set("Member").await.unwrap(), None);
    assert_eq!(aws.stack_set("Member").await.unwrap(), None);
    assert!(matches!(
        aws.stack_set("Member").await.unwrap_err().kind,
        ErrorKind::Throttled { .. }
    ));
}

#[tokio::test]
async fn stack_sets_are_found_by_how_their_names_begin_on_every_page() {
    let page = |names: &[&str], next: &str| {
        let names = names.iter();
        let members: String = names
            .map(|name| format!("<member><StackSetName>{name}</StackSetName></member>"))
            .collect();
        let result = format!("<Summaries>{members}</Summaries>{next}");
        xml("ListStackSets", &result)
    };
    let more = "<NextToken>2</NextToken>";
    let (aws, sent) = setup([
        page(&["acme-Member", "other-acme-Member"], more),
        page(&[], "<NextToken>3</NextToken>"),
        page(&["acme-Log", "acmes"], ""),
        page(&["acme-Member"], more),
        xml_error(500, "InternalFailure", "unwell"),
    ]);
    let named = aws.stack_sets_named("acme-").await.unwrap();
    assert_eq!(named, ["acme-Member", "acme-Log"]);
    let calls = sent.calls();
    assert_eq!(calls[0].0, "ListStackSets");
    // Without the filter, deleted StackSets would be listed, too.
    assert_eq!(calls[0].1["Status"], "ACTIVE");
    assert_eq!(calls[1].1["NextToken"], "2");
    assert_eq!(calls[2].1["NextToken"], "3");
    let half = aws.stack_sets_named("acme-").await.unwrap_err();
    assert_eq!(half.kind, ErrorKind::Unavailable);
}

#[tokio::test]
async fn a_stack_set_is_made_self_managed_and_marked_ours() {
    let (aws, sent) = setup([
        xml("CreateStackSet", "<StackSetId>Member:1</StackSetId>"),
        xml_error(409, "NameAlreadyExistsException", "it exists"),
        xml_error(403, "AccessDenied", "no"),
    ]);
    aws.create_stack_set(&spec()).await.unwrap();
    let (operation, body) = sent.calls().remove(0);
    assert_eq!(operation, "CreateStackSet");
    assert_has(
        &body,
        &[
            ("StackSetName", "Member"),
            ("Description", &spec().description()),
            ("TemplateBody", "Resources: {}"),
            ("Parameters.member.1.ParameterKey", "ResourceNamePrefix"),
            ("Parameters.member.1.ParameterValue", "acme"),
            ("Tags.member.1.Key", "team"),
            ("Tags.member.1.Value", "blue"),
            ("Tags.member.2.Key", STACK_ID_TAG),
            ("Tags.member.2.Value", &spec().stack_id),
            ("Capabilities.member.1", "CAPABILITY_NAMED_IAM"),
            ("PermissionModel", "SELF_MANAGED"),
            ("AdministrationRoleARN", STACK_SET_ROLE),
            ("ExecutionRoleName", EXECUTION_ROLE),
            ("ManagedExecution.Active", "true"),
        ],
    );
    aws.create_stack_set(&spec()).await.unwrap();
    assert_eq!(
        aws.create_stack_set(&spec()).await.unwrap_err().kind,
        ErrorKind::Denied
    );
}

#[tokio::test]
async fn an_update_names_its_operation_and_the_roles_again() {
    let (aws, sent) = setup([
        xml("UpdateStackSet", "<OperationId>op-1</OperationId>"),
        xml_error(409, "OperationIdAlreadyExistsException", "it exists"),
        xml_error(409, "OperationInProgressException", "another"),
    ]);
    let start = aws.update_stack_set(&spec(), "op-1").await.unwrap();
    assert_eq!(start, Start::Started);
    assert_has(
        &sent.calls()[0].1,
        &[
            ("OperationId", "op-1"),
            ("Description", &spec().description()),
            ("AdministrationRoleARN", STACK_SET_ROLE),
            ("ExecutionRoleName", EXECUTION_ROLE),
            ("Tags.member.1.Value", "blue"),
            ("Tags.member.2.Value", &spec().stack_id),
            ("OperationPreferences.FailureTolerancePercentage", "100"),
            (
                "OperationPreferences.ConcurrencyMode",
                "SOFT_FAILURE_TOLERANCE",
            ),
        ],
    );
    // Not sent: it cannot change while an operation runs.
    assert!(sent.calls()[0].1["ManagedExecution.Active"].is_null());
    let again = aws.update_stack_set(&spec(), "op-1").await.unwrap();
    assert_eq!(again, Start::Exists);
    let conflict = aws.update_stack_set(&spec(), "op-2").await.unwrap_err();
    assert_eq!(conflict.kind, ErrorKind::Conflict);
}

#[tokio::test]
async fn what_is_taken_over_gets_our_tag_and_managed_execution() {
    let (aws, sent) = setup([xml("UpdateStackSet", "<OperationId>op-1</OperationId>")]);
    let start = aws.adopt_stack_set(&spec(), "op-1").await.unwrap();
    assert_eq!(start, Start::Started);
    assert_has(
        &sent.calls()[0].1,
        &[
            ("OperationId", "op-1"),
            ("ManagedExecution.Active", "true"),
            ("Description", &spec().description()),
            ("Tags.member.1.Value", "blue"),
            ("Tags.member.2.Value", &spec().stack_id),
        ],
    );
}

#[tokio::test]
async fn instances_are_made_and_removed_in_this_region() {
    let (aws, sent) = setup([
        xml("CreateStackInstances", "<OperationId>op-1</OperationId>"),
        xml("DeleteStackInstances", "<OperationId>op-2</OperationId>"),
        xml_error(409, "OperationIdAlreadyExistsException", "it exists"),
        no_stack_set(),
    ]);
    let ids = [account("111111111111"), account("222222222222")];
    let created = aws.create_instances("Member", &ids, None, "op-1").await;
    assert_eq!(created.unwrap(), Start::Started);
    let deleted = aws.delete_instances("Member", &ids, true, "op-2").await;
    assert_eq!(deleted.unwrap(), Start::Started);
    let calls = sent.calls();
    for ((_, body), operation) in calls.iter().zip(["op-1", "op-2"]) {
        assert_has(
            body,
            &[
                ("StackSetName", "Member"),
                ("OperationId", operation),
                ("Accounts.member.1", "111111111111"),
                ("Accounts.member.2", "222222222222"),
                ("Regions.member.1", "eu-west-1"),
                ("OperationPreferences.FailureTolerancePercentage", "100"),
            ],
        );
    }
    assert_eq!(calls[1].1["RetainStacks"], "true");
    let again = aws.delete_instances("Member", &ids, true, "op-2").await;
    assert_eq!(again.unwrap(), Start::Exists);
    let gone = aws.create_instances("Member", &ids, None, "op-3").await;
    assert_eq!(gone.unwrap_err().kind, ErrorKind::NotFound);
}

#[tokio::test]
async fn an_empty_stack_set_is_removed_and_may_be_gone() {
    let (aws, _) = setup([
        xml("DeleteStackSet", ""),
        no_stack_set(),
        xml_error(409, "StackSetNotEmptyException", "it has instances"),
    ]);
    aws.delete_stack_set("Member").await.unwrap();
    aws.delete_stack_set("Member").await.unwrap();
    assert_eq!(
        aws.delete_stack_set("Member").await.unwrap_err().kind,
        ErrorKind::Conflict
    );
}

#[tokio::test]
async fn the_states_of_instances_are_told_apart() {
    let (aws, sent) = setup([
        page(
            &[
                listed("111111111111", "OUTDATED", "PENDING", "User Initiated"),
                listed("222222222222", "CURRENT", "RUNNING", ""),
                listed("333333333333", "CURRENT", "SUCCEEDED", ""),
            ],
            "2",
        ),
        page(
            &[
                listed("444444444444", "OUTDATED", "FAILED", "no execution role"),
                listed("555555555555", "OUTDATED", "SKIPPED_SUSPENDED_ACCOUNT", ""),
                listed("666666666666", "INOPERABLE", "INOPERABLE", ""),
            ],
            "",
        ),
    ]);
    let states: Vec<_> = aws
        .instances("Member", None)
        .await
        .unwrap()
        .into_iter()
        .map(|instance| (instance.state, instance.reason))
        .collect();
    let reason = |text: &str| Some(text.to_owned());
    assert_eq!(
        states,
        [
            (InstanceState::InProgress, reason("User Initiated")),
            (InstanceState::InProgress, None),
            (InstanceState::Current, None),
            (InstanceState::Outdated, reason("no execution role")),
            (InstanceState::Outdated, reason("SKIPPED_SUSPENDED_ACCOUNT")),
            (InstanceState::Inoperable, None),
        ]
    );
    let calls = sent.calls();
    assert_eq!(calls[0].1["StackInstanceRegion"], "eu-west-1");
    assert_eq!(calls[1].1["NextToken"], "2");
}

#[tokio::test]
async fn few_accounts_are_asked_for_one_by_one() {
    let (aws, sent) = setup([
        page(&[listed("111111111111", "CURRENT", "SUCCEEDED", "")], ""),
        page(&[], ""),
    ]);
    let ids = [account("111111111111"), account("222222222222")];
    let instances = aws.instances("Member", Some(&ids)).await.unwrap();
    assert_eq!(instances.len(), 1);
    assert_eq!(instances[0].account, ids[0]);
    let mut asked: Vec<_> = sent
        .calls()
        .into_iter()
        .map(|(_, body)| body["StackInstanceAccount"].clone())
        .collect();
    asked.sort_by_key(Value::to_string);
    assert_eq!(asked, ["111111111111", "222222222222"]);
    assert!(aws.instances("Member", Some(&[])).await.unwrap().is_empty());
    assert_eq!(sent.calls().len(), 2);
}

#[tokio::test]
async fn many_accounts_are_picked_from_the_whole_listing() {
    let ids: Vec<AccountId> = (0..=ONE_BY_ONE)
        .map(|n| account(&format!("{n:012}")))
        .collect();
    let (aws, sent) = setup([page(
        &[
            listed("000000000003", "CURRENT", "SUCCEEDED", ""),
            listed("999999999999", "CURRENT", "SUCCEEDED", ""),
        ],
        "",
    )]);
    let instances = aws.instances("Member", Some(&ids)).await.unwrap();
    assert_eq!(instances.len(), 1);
    assert_eq!(instances[0].account, account("000000000003"));
    assert!(sent.calls()[0].1.get("StackInstanceAccount").is_none());
}

#[tokio::test]
async fn a_stack_set_that_is_gone_has_no_instances_and_half_a_listing_is_an_error() {
    let (aws, _) = setup([
        no_stack_set(),
        page(&[listed("111111111111", "CURRENT", "SUCCEEDED", "")], "2"),
        xml_error(500, "InternalFailure", "unwell"),
    ]);
    assert!(aws.instances("Member", None).await.unwrap().is_empty());
    assert_eq!(
        aws.instances("Member", None).await.unwrap_err().kind,
        ErrorKind::Unavailable
    );
}

#[tokio::test]
async fn how_an_operation_stands() {
    for (status, state) in [
        ("QUEUED", OperationState::InProgress),
        ("RUNNING", OperationState::InProgress),
        ("STOPPING", OperationState::InProgress),
        ("SUCCEEDED", OperationState::Succeeded),
        ("FAILED", OperationState::Failed),
        ("STOPPED", OperationState::Failed),
    ] {
        let found = format!("<StackSetOperation><Status>{status}</Status></StackSetOperation>");
        let (aws, sent) = setup([xml("DescribeStackSetOperation", &found)]);
        assert_eq!(aws.operation("Member", "op-1").await.unwrap(), state);
        assert_has(
            &sent.calls()[0].1,
            &[("StackSetName", "Member"), ("OperationId", "op-1")],
        );
    }
    let (aws, _) = setup([xml("DescribeStackSetOperation", "")]);
    assert_eq!(
        aws.operation("Member", "op-1").await.unwrap_err().kind,
        ErrorKind::Invalid
    );
}

#[tokio::test]
async fn instances_that_failed_are_told_with_their_reason() {
    let result = |account: &str, status: &str, reason: &str| {
        format!("<member><Account>{account}</Account><Status>{status}</Status>{reason}</member>")
    };
    let results = [
        result("111111111111", "SUCCEEDED", ""),
        result(
            "222222222222",
            "FAILED",
            "<StatusReason>no role</StatusReason>",
        ),
        result("333333333333", "CANCELLED", ""),
    ]
    .concat();
    let (aws, _) = setup([xml(
        "ListStackSetOperationResults",
        &format!("<Summaries>{results}</Summaries>"),
    )]);
    let failure = |id: &str, reason: &str| InstanceFailure {
        account: account(id),
        reason: reason.to_owned(),
    };
    assert_eq!(
        aws.failures("Member", "op-1").await.unwrap(),
        [
            failure("222222222222", "no role"),
            failure("333333333333", "CANCELLED"),
        ]
    );
}
