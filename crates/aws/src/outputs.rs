use towerhook_core::Result;

use crate::{
    SdkConfig,
    classify::{failed, unusable},
};

const DESCRIBE: &str = "cloudformation:DescribeStacks";

/// The outputs of one of Towerhook's stacks.
#[derive(Debug)]
pub(crate) struct Outputs {
    stack: String,
    outputs: Vec<(String, String)>,
}

impl Outputs {
    /// Those of the stack with this name or id.
    pub(crate) async fn of(config: &SdkConfig, stack: &str) -> Result<Self> {
        let answer = aws_sdk_cloudformation::Client::new(config)
            .describe_stacks()
            .stack_name(stack)
            .send()
            .await
            .map_err(failed(DESCRIBE))?;
        let outputs = answer.stacks().iter().flat_map(|stack| stack.outputs());
        let outputs = outputs.filter_map(|output| {
            let value = output.output_value()?.to_owned();
            Some((output.output_key()?.to_owned(), value))
        });
        Ok(Self {
            stack: stack.to_owned(),
            outputs: outputs.collect(),
        })
    }

    /// The output with this name, which every stack of ours has.
    pub(crate) fn get(&self, name: &str) -> Result<String> {
        let Self { stack, outputs } = self;
        let found = outputs.iter().find(|(key, _)| key == name);
        found
            .map(|(_, value)| value.clone())
            .ok_or_else(|| unusable(DESCRIBE, format!("the stack {stack} has no output {name}")))
    }
}
