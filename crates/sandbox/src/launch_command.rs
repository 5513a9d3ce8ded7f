//! The launch by the AWS CLI, as the README has it.

use url::Url;

use crate::STACK_NAME;
use crate::launch::ARTIFACT_PREFIX;

/// The address of a template in the bucket, as the README has it.
#[must_use]
pub fn template_url(bucket: &str, region: &str, file: &str) -> String {
    format!("https://{bucket}.s3.{region}.amazonaws.com/{ARTIFACT_PREFIX}templates/{file}")
}

/// The command for a shell that launches the main stack of this template with these parameters; at AWS, or
/// at this endpoint.
#[must_use]
pub fn launch_command<'a>(
    endpoint: Option<&Url>,
    region: &str,
    template_url: &str,
    parameters: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> String {
    let endpoint = endpoint.map_or_else(String::new, |url| {
        format!("--endpoint-url {} ", url.as_str().trim_end_matches('/'))
    });
    let parameters: String = parameters
        .into_iter()
        .map(|(name, value)| format!(" \\\n    {}", word(&parameter(name, value))))
        .collect();
    format!(
        "aws {endpoint}cloudformation create-stack --stack-name {STACK_NAME} --region {region} \\\n  \
         --template-url {template_url} \\\n  \
         --capabilities CAPABILITY_IAM --parameters{parameters}"
    )
}

/// In the shorthand of the AWS CLI, in which a comma ends a value.
fn parameter(name: &str, value: &str) -> String {
    let value = value.replace(',', "\\,");
    format!("ParameterKey={name},ParameterValue={value}")
}

/// One word for a POSIX shell.
fn word(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_@%+=:,./-".contains(&byte);
    if text.bytes().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::providers::Provider;

    const README: &str = include_str!("../../../README.md");

    /// The README's command, without what indents it there.
    fn in_the_readme() -> String {
        let start = README.find("aws cloudformation create-stack --stack-name towerhook --region");
        let (command, _) = README[start.unwrap()..].split_once("\n   ```").unwrap();
        command.replace("\n   ", "\n")
    }

    #[test]
    fn the_readme_has_this_command_for_its_own_names() {
        let file = Provider::Lacework.template_file();
        let parameters = [
            ("LaceworkUrl", "https://YOURS.lacework.net"),
            ("LaceworkAccessKeyId", "KEY_ID"),
            ("LaceworkSecretKey", "SECRET"),
            ("ArtifactBucket", "BUCKET"),
        ];
        let url = template_url("BUCKET", "REGION", file);
        let command = launch_command(None, "REGION", &url, parameters);
        assert_eq!(command, in_the_readme());
    }

    #[test]
    fn the_endpoint_is_named_and_what_a_shell_would_take_apart_is_quoted() {
        let endpoint = "http://127.0.0.1:4566".parse().unwrap();
        let parameters = [("Units", "one,it's two"), ("Key", "$(rm -r)")];
        let command = launch_command(Some(&endpoint), "us-east-1", "u", parameters);
        assert!(
            command.starts_with("aws --endpoint-url http://127.0.0.1:4566 cloudformation "),
            "{command}"
        );
        let words: Vec<&str> = command.split(" \\\n    ").skip(1).collect();
        assert_eq!(
            words,
            [
                r"'ParameterKey=Units,ParameterValue=one\,it'\''s two'",
                "'ParameterKey=Key,ParameterValue=$(rm -r)'"
            ]
        );
    }
}
