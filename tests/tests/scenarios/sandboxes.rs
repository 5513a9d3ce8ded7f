//! `cargo towerhook sandbox`, two side by side, and the launch command that it prints.

use std::path::PathBuf;
use std::process::{Output, Stdio};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use towerhook_package::{target_directory, workspace_root};
use towerhook_sandbox::aws_client::{AwsClient, NO_PARAMS};
use towerhook_sandbox::{Name, Running};
use towerhook_tests::{STACK_DEADLINE, until};

/// How long a sandbox may take to start or to end, the emulator's installation included.
const DEADLINE: Duration = Duration::from_secs(300);

/// The command itself: a signal to cargo would not reach it.
async fn binary() -> PathBuf {
    let built = Command::new(env!("CARGO"))
        .current_dir(workspace_root())
        .args(["build", "--quiet", "--locked", "--package", "towerhook-cli"])
        .status();
    assert!(built.await.unwrap().success());
    target_directory().unwrap().join("debug/towerhook")
}

async fn said(line: &str) -> Output {
    let command = binary().await;
    Command::new(command)
        .args(line.split(' '))
        .output()
        .await
        .unwrap()
}

/// A command that is refused with these words.
async fn refused(line: &str, words: &str) {
    let output = said(line).await;
    let beside = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{line}: {beside}");
    assert!(beside.contains(words), "{line}: {beside}");
}

/// A sandbox of a process of its own, which ends with this.
struct Started {
    name: Name,
    process: Child,
    printed: Vec<String>,
}

impl Started {
    /// With colors as on a terminal, if they are forced.
    async fn new(name: &str, is_colored: bool) -> Self {
        let mut process = Command::new(binary().await)
            .args(["sandbox", "--accounts", "4", "--name", name])
            .env("CLICOLOR_FORCE", if is_colored { "1" } else { "0" })
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let mut printed = Vec::new();
        let read = async {
            while let Some(line) = lines.next_line().await.unwrap() {
                printed.push(line);
                if printed.last().unwrap().ends_with("Ctrl-C ends it") {
                    break;
                }
            }
        };
        tokio::time::timeout(DEADLINE, read).await.unwrap();
        // Who reads no further closes the pipe, and the next line would end the sandbox.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Self {
            name: name.parse().unwrap(),
            process,
            printed,
        }
    }

    fn running(&self) -> Option<Running> {
        Running::find(&target_directory().unwrap(), Some(&self.name)).ok()
    }

    /// What stands in the line that begins so.
    fn printed(&self, begin: &str) -> &str {
        let mut lines = self.printed.iter();
        lines.find_map(|line| line.strip_prefix(begin)).unwrap()
    }

    /// The words of the launch command.
    fn launch_command(&self) -> Vec<String> {
        let lines = self.printed.iter();
        let lines = lines
            .skip_while(|line| *line != "launch the stack:")
            .skip(1);
        let lines = lines.take_while(|line| !line.is_empty());
        let words = lines.flat_map(|line| line.split(' '));
        let words = words.filter(|word| !word.is_empty() && *word != "\\");
        words.map(str::to_owned).collect()
    }

    /// The suggested commands of ours.
    fn suggested(&self) -> Vec<String> {
        let lines = self.printed.iter();
        let lines = lines.filter_map(|line| line.strip_prefix("  cargo towerhook "));
        lines.map(str::to_owned).collect()
    }

    async fn end(&mut self) {
        let process = self.process.id().unwrap().to_string();
        let asked = Command::new("kill").args(["-TERM", &process]).status();
        assert!(asked.await.unwrap().success());
        let ended = tokio::time::timeout(DEADLINE, self.process.wait()).await;
        assert!(ended.unwrap().unwrap().success());
    }
}

/// Does what the AWS CLI does with the words.
async fn paste(words: &[String], aws: &AwsClient, endpoint: &str) {
    let after = |option: &str| {
        let at = words.iter().position(|word| word == option).unwrap();
        words[at + 1].clone()
    };
    assert_eq!(words[0], "aws");
    assert_eq!(after("--endpoint-url"), endpoint.trim_end_matches('/'));
    assert_eq!(after("cloudformation"), "create-stack");
    let mut form = vec![
        ("StackName".to_owned(), after("--stack-name")),
        ("TemplateURL".to_owned(), after("--template-url")),
        ("Capabilities.member.1".to_owned(), after("--capabilities")),
    ];
    let parameters = words.iter().skip_while(|word| *word != "--parameters");
    for (number, word) in parameters.skip(1).enumerate() {
        let number = number + 1;
        for part in word.split(',') {
            let (field, value) = part.split_once('=').unwrap();
            form.push((format!("Parameters.member.{number}.{field}"), value.into()));
        }
    }
    let asked = aws.query("cloudformation", "CreateStack", "2010-05-15", &form);
    asked.await.unwrap();
}

#[tokio::test]
async fn two_sandboxes_run_side_by_side_and_the_printed_command_launches_the_stack() {
    let name = |which: &str| format!("{which}-{}", std::process::id());
    let (one, two) = (name("one"), name("two"));
    let (mut first, mut second) = tokio::join!(Started::new(&one, false), Started::new(&two, true));
    let (running, other) = (first.running().unwrap(), second.running().unwrap());
    assert_ne!(running.endpoint, other.endpoint);
    assert_ne!(running.saas_url, other.saas_url);
    assert_ne!(first.printed("logs "), second.printed("logs "));
    let is_colored = |printed: &[String]| printed.iter().any(|line| line.contains('\u{1b}'));
    assert!(!is_colored(&first.printed) && is_colored(&second.printed));
    refused(&format!("sandbox --name {one}"), "runs already").await;
    refused("status --sandbox", "several sandboxes run").await;

    let aws = running.client().unwrap();
    let endpoint = running.endpoint.as_str();
    let exported = first.printed("  export AWS_ENDPOINT_URL=");
    assert_eq!(exported, endpoint.trim_end_matches('/'));
    let suggested = first.suggested();
    assert!(!suggested.is_empty());
    for line in suggested {
        // Doctor's 2 says that something is not in order yet.
        let output = said(&line).await;
        assert_ne!(output.status.code(), Some(1), "{line}: {output:?}");
    }
    paste(&first.launch_command(), &aws, endpoint).await;
    let form = [("StackName", "towerhook")];
    let status = async || {
        let described = aws.query("cloudformation", "DescribeStacks", "2010-05-15", &form);
        let described = described.await.unwrap();
        let status = described.text_at("DescribeStacksResult/Stacks/member/StackStatus");
        status.unwrap().to_owned()
    };
    let is_done = async || !status().await.ends_with("_IN_PROGRESS");
    until("the stack is there", STACK_DEADLINE, is_done).await;
    assert_eq!(status().await, "CREATE_COMPLETE");
    let watched = said(&format!("status --sandbox={one}")).await;
    assert!(watched.status.success(), "{watched:?}");
    let no_stack = format!("status --sandbox={two}");
    refused(&no_stack, "there is no stack towerhook").await;

    first.end().await;
    refused(&format!("status --sandbox={one}"), "no sandbox one-").await;
    assert!(first.running().is_none());
    let answer = second.running().unwrap().client().unwrap();
    let identity = answer.query("sts", "GetCallerIdentity", "2011-06-15", NO_PARAMS);
    identity.await.unwrap();
    second.end().await;
    assert!(second.running().is_none());
}
