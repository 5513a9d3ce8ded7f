//! Parameters of StackSets and of their instances: what the stacks get, and what answers tell.

mod stacks;

use std::time::Duration;

use http_body_util::BodyExt;

use super::*;
use crate::gateway::answer::Protocol;
use stacks::Stacks;

const MANAGEMENT: &str = "111111111111";
const REGION: &str = "us-east-1";
const MEMBER: &str = "222222222222";
const OTHER: &str = "333333333333";
const NOBODY: &str = "444444444444";
const TEMPLATE: &str = "
Parameters:
  Name: {Type: String}
  Token: {Type: String, NoEcho: true}
Resources:
  Topic: {Type: 'AWS::SNS::Topic', Properties: {TopicName: !Ref Name}}
";

/// A StackSet `Set` with the parameters `Name` and `Token`.
struct Scene {
    sets: StackSets,
    stacks: Stacks,
}

impl Scene {
    async fn new() -> Self {
        let stacks = Stacks::start();
        let upstream = AwsClient::new(stacks.url.clone(), REGION.to_owned())
            .unwrap()
            .account(MANAGEMENT);
        let sets = StackSets::new(
            upstream.clone(),
            Organizations::new(upstream),
            Duration::ZERO,
            Arc::default(),
        );
        let scene = Self { sets, stacks };
        let mut more = vec![("TemplateBody", TEMPLATE)];
        let values = parameters("Parameters", &[("Name", "set"), ("Token", "set-token")]);
        more.extend(borrowed(&values));
        scene.call("CreateStackSet", &more).await.unwrap();
        scene
    }

    async fn call(&self, operation: &str, more: &[(&str, &str)]) -> Result<String, ApiError> {
        let call = Call {
            service: "cloudformation".to_owned(),
            operation: operation.to_owned(),
            protocol: Protocol::Query,
            key_id: MANAGEMENT.to_owned(),
            account: MANAGEMENT.to_owned(),
            region: REGION.to_owned(),
        };
        let form: Form = [("StackSetName", "Set")]
            .iter()
            .chain(more)
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let answer = self.sets.serve(&call, &form).await.unwrap()?;
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        Ok(String::from_utf8(body.to_vec()).unwrap())
    }

    /// An operation on instances, to its end.
    async fn instances(
        &self,
        operation: &str,
        accounts: &[&str],
        more: &[(String, String)],
    ) -> Result<(), ApiError> {
        let mut form = vec![("Regions.member.1", REGION), ("RetainStacks", "false")];
        let keys: Vec<_> = (1..=accounts.len())
            .map(|number| format!("Accounts.member.{number}"))
            .collect();
        form.extend(
            keys.iter()
                .map(String::as_str)
                .zip(accounts.iter().copied()),
        );
        form.extend(borrowed(more));
        self.call(operation, &form).await?;
        self.settle().await;
        Ok(())
    }

    async fn settle(&self) {
        let is_over = |set: StackSetView| {
            let mut operations = set.operations.iter();
            operations.all(|operation| operation.status == OperationStatus::Succeeded)
        };
        for _ in 0..1000 {
            if self.sets.get("Set").is_some_and(is_over) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("not over: {:?}", self.sets.get("Set").unwrap().operations);
    }

    async fn described(&self, account: &str) -> String {
        let place = [
            ("StackInstanceAccount", account),
            ("StackInstanceRegion", REGION),
        ];
        self.call("DescribeStackInstance", &place).await.unwrap()
    }

    /// Name and token of an account's stack.
    fn deployed(&self, account: &str) -> (String, String) {
        let parameters = self.stacks.parameters(account).unwrap();
        (parameters["Name"].clone(), parameters["Token"].clone())
    }
}

/// A list of parameters as in a form; a parameter without a value has `UsePreviousValue`.
fn parameters(name: &str, values: &[(&str, &str)]) -> Vec<(String, String)> {
    (1..)
        .zip(values)
        .flat_map(|(number, (key, value))| {
            let field = |field: &str| format!("{name}.member.{number}.{field}");
            let value = match *value {
                "" => (field("UsePreviousValue"), "true".to_owned()),
                value => (field("ParameterValue"), value.to_owned()),
            };
            [(field("ParameterKey"), (*key).to_owned()), value]
        })
        .collect()
}

fn overrides(values: &[(&str, &str)]) -> Vec<(String, String)> {
    parameters("ParameterOverrides", values)
}

fn borrowed(form: &[(String, String)]) -> impl Iterator<Item = (&str, &str)> {
    form.iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
}

fn pair(name: &str, token: &str) -> (String, String) {
    (name.to_owned(), token.to_owned())
}

#[tokio::test]
async fn no_answer_tells_a_value_that_the_template_does_not_echo() {
    let scene = Scene::new().await;
    let own = overrides(&[("Name", "own"), ("Token", "own-token")]);
    scene
        .instances("CreateStackInstances", &[MEMBER], &own)
        .await
        .unwrap();
    assert_eq!(scene.deployed(MEMBER), pair("own", "own-token"));
    let operation = scene.sets.get("Set").unwrap().operations[0].id.clone();
    let mut answers = vec![scene.described(MEMBER).await];
    for (operation, more) in [
        ("DescribeStackSet", vec![]),
        ("ListStackSets", vec![]),
        ("ListStackInstances", vec![]),
        (
            "DescribeStackSetOperation",
            vec![("OperationId", operation.as_str())],
        ),
        ("ListStackSetOperations", vec![]),
        (
            "ListStackSetOperationResults",
            vec![("OperationId", operation.as_str())],
        ),
    ] {
        answers.push(scene.call(operation, &more).await.unwrap());
    }
    for answer in &answers {
        assert!(!answer.contains("-token"), "{answer}");
    }
    for (answer, name) in [(&answers[0], "own"), (&answers[1], "set")] {
        for (key, value) in [("Name", name), ("Token", "****")] {
            let shown = format!(
                "<ParameterKey>{key}</ParameterKey><ParameterValue>{value}</ParameterValue>"
            );
            assert!(answer.contains(&shown), "{answer}");
        }
    }
}

#[tokio::test]
async fn overrides_outlive_an_update_of_the_stack_set() {
    let scene = Scene::new().await;
    let own = overrides(&[("Token", "own-token")]);
    scene
        .instances("CreateStackInstances", &[MEMBER], &own)
        .await
        .unwrap();
    scene
        .instances("CreateStackInstances", &[OTHER], &[])
        .await
        .unwrap();
    assert_eq!(scene.deployed(OTHER), pair("set", "set-token"));
    let template = TEMPLATE.replace("Topic:", "Renamed:");
    let values = parameters("Parameters", &[("Name", "new"), ("Token", "")]);
    let mut form = vec![("TemplateBody", template.as_str())];
    form.extend(borrowed(&values));
    scene.call("UpdateStackSet", &form).await.unwrap();
    scene.settle().await;
    assert_eq!(scene.deployed(MEMBER), pair("new", "own-token"));
    assert_eq!(scene.deployed(OTHER), pair("new", "set-token"));
}

#[tokio::test]
async fn an_instance_keeps_or_loses_its_overrides_as_an_update_says() {
    let scene = Scene::new().await;
    let both = [MEMBER, OTHER];
    let update = async |accounts: &[&str], more: &[(String, String)]| {
        scene
            .instances("UpdateStackInstances", accounts, more)
            .await
            .unwrap();
    };
    let own = overrides(&[("Name", "own"), ("Token", "own-token")]);
    scene
        .instances("CreateStackInstances", &[MEMBER], &own)
        .await
        .unwrap();
    scene
        .instances("CreateStackInstances", &[OTHER], &[])
        .await
        .unwrap();

    // Each instance keeps its current value: an override, or the StackSet's.
    update(&both, &overrides(&[("Name", ""), ("Token", "fresh-token")])).await;
    assert_eq!(scene.deployed(MEMBER), pair("own", "fresh-token"));
    assert_eq!(scene.deployed(OTHER), pair("set", "fresh-token"));
    assert!(!scene.described(OTHER).await.contains("Name</ParameterKey>"));

    // Without a list, all overrides stay, whichever accounts are updated.
    update(&both, &[]).await;
    scene
        .instances("CreateStackInstances", &[MEMBER], &[])
        .await
        .unwrap();
    assert_eq!(scene.deployed(MEMBER), pair("own", "fresh-token"));

    // A parameter that a list leaves out has the StackSet's value again.
    update(&[MEMBER], &overrides(&[("Token", "")])).await;
    assert_eq!(scene.deployed(MEMBER), pair("set", "fresh-token"));
    let empty = [("ParameterOverrides".to_owned(), String::new())];
    update(&[MEMBER], &empty).await;
    assert_eq!(scene.deployed(MEMBER), pair("set", "set-token"));
    assert_eq!(scene.deployed(OTHER), pair("set", "fresh-token"));
}

#[tokio::test]
async fn overrides_that_make_no_sense_are_refused_and_change_nothing() {
    let scene = Scene::new().await;
    let own = overrides(&[("Token", "own-token")]);
    scene
        .instances("CreateStackInstances", &[MEMBER], &own)
        .await
        .unwrap();
    let unknown = overrides(&[("Tokn", "x")]);
    let mut both = overrides(&[("Token", "x")]);
    both.push((
        "ParameterOverrides.member.1.UsePreviousValue".to_owned(),
        "true".to_owned(),
    ));
    for operation in ["CreateStackInstances", "UpdateStackInstances"] {
        for (wrong, message) in [
            (&unknown, "[Tokn] do not exist in the template"),
            (&both, "parameter key Token"),
        ] {
            let refused = scene
                .instances(operation, &[MEMBER], wrong)
                .await
                .unwrap_err();
            assert_eq!(refused.code, "ValidationError");
            assert!(refused.message.contains(message), "{}", refused.message);
        }
    }
    assert_eq!(scene.sets.get("Set").unwrap().operations.len(), 1);
    scene
        .instances("UpdateStackInstances", &[MEMBER], &[])
        .await
        .unwrap();
    assert_eq!(scene.deployed(MEMBER), pair("set", "own-token"));
}

#[tokio::test]
async fn an_account_without_an_instance_cannot_be_updated() {
    let scene = Scene::new().await;
    scene
        .instances("CreateStackInstances", &[MEMBER], &[])
        .await
        .unwrap();
    let own = overrides(&[("Token", "own-token")]);
    let refused = scene
        .instances("UpdateStackInstances", &[MEMBER, NOBODY], &own)
        .await
        .unwrap_err();
    assert_eq!(
        (refused.status, refused.code.as_str()),
        (404, "StackInstanceNotFoundException")
    );
    assert!(refused.message.contains(NOBODY), "{}", refused.message);
    assert_eq!(scene.deployed(MEMBER), pair("set", "set-token"));
    assert_eq!(scene.stacks.parameters(NOBODY), None);
}

#[tokio::test]
async fn a_deleted_instance_leaves_no_overrides_for_the_next_one() {
    let scene = Scene::new().await;
    let own = overrides(&[("Token", "own-token")]);
    scene
        .instances("CreateStackInstances", &[MEMBER], &own)
        .await
        .unwrap();
    scene
        .instances("DeleteStackInstances", &[MEMBER], &[])
        .await
        .unwrap();
    assert_eq!(scene.stacks.parameters(MEMBER), None);
    scene
        .instances("CreateStackInstances", &[MEMBER], &[])
        .await
        .unwrap();
    assert_eq!(scene.deployed(MEMBER), pair("set", "set-token"));
}
