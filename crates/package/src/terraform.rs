//! Terraform modules around the templates: each launches one template as a stack, with a variable for
//! each of its parameters and an output for each of its outputs.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use serde_json::{Value, json};
use serde_yaml_ng::Value as Yaml;

use crate::compose::hosts::LAUNCHED as HOSTS;
use crate::compose::{Composed, compose_all};

/// The template that is launched by itself, in another Region.
const EVENTS: &str = "organizations-events.template.yml";

/// The alarm on an elevated role.
const ELEVATED_ROLE: &str = "elevated-role-alarm.template.yml";
/// The templates that are launched beside a main template, and the usual name of their stack.
const BESIDE: [(&str, &str); 3] = [
    (EVENTS, "towerhook-events"),
    (HOSTS, "towerhook-hosts"),
    (ELEVATED_ROLE, "towerhook-elevated-role"),
];

/// The parameter that says in which bucket the zips are, with the templates beside them.
const BUCKET: &str = "ArtifactBucket";

/// A file of a module.
#[derive(Debug, PartialEq, Eq)]
pub struct ModuleFile {
    /// Where it is committed.
    pub path: PathBuf,
    /// Its text.
    pub text: String,
}

/// The module's name for a parameter or an output of the template: `SqsURL` is `sqs_url`.
#[must_use]
pub fn snake_case(name: &str) -> String {
    let letters: Vec<char> = name.chars().collect();
    let mut snake = String::new();
    for (at, letter) in letters.iter().enumerate() {
        let after_small = at > 0 && !letters[at - 1].is_ascii_uppercase();
        // The last capital of several begins the next word, if one follows.
        let before_small = at > 0 && letters.get(at + 1).is_some_and(char::is_ascii_lowercase);
        if letter.is_ascii_uppercase() && (after_small || before_small) {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}

/// The modules below `terraform`, one for every main template, one for the template that forwards the
/// events of AWS Organizations, one for that of agents on hosts and one for the alarm on an elevated role.
///
/// # Errors
/// When a template cannot be read, or has something that a module cannot express.
pub fn modules(root: &Path) -> anyhow::Result<Vec<ModuleFile>> {
    let templates = root.join("templates");
    let mut sources = compose_all(&templates)?;
    for (name, _) in BESIDE {
        let path = templates.join(name);
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {name}"))?;
        let module = name.trim_end_matches(".template.yml").to_owned();
        sources.push(Composed {
            path,
            text,
            title: module.clone(),
            module,
        });
    }
    let mut files = Vec::new();
    for Composed {
        path, text, module, ..
    } in sources
    {
        let name = path.file_name().context("a template has no name")?;
        let template = Template::parse(name.to_string_lossy().into_owned(), &text)
            .with_context(|| format!("no module can be made of {}", path.display()))?;
        let folder = root.join("terraform").join(module);
        for (name, text) in template.module()? {
            let path = folder.join(name);
            files.push(ModuleFile { path, text });
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

/// What a module says of a template.
struct Template {
    file: String,
    description: String,
    parameters: Vec<(String, Yaml)>,
    outputs: Vec<(String, Yaml)>,
}

impl Template {
    fn parse(file: String, text: &str) -> anyhow::Result<Self> {
        let template: Yaml = serde_yaml_ng::from_str(text)?;
        Ok(Self {
            file,
            description: text_of(&template, "Description")?,
            parameters: entries(&template, "Parameters")?,
            outputs: entries(&template, "Outputs")?,
        })
    }

    fn module(&self) -> anyhow::Result<[(&'static str, String); 3]> {
        Ok([
            ("main.tf", self.main()),
            ("outputs.tf", self.outputs()?),
            ("variables.tf", self.variables()?),
        ])
    }

    /// Whether the template is read from the bucket of the zips. It may be larger there than as text.
    fn is_in_bucket(&self) -> bool {
        self.parameters.iter().any(|(name, _)| name == BUCKET)
    }

    fn main(&self) -> String {
        let mut blocks = vec![format!(
            "{}\
             terraform {{\n  required_version = \">= 1.3\"\n\n  required_providers {{\n    aws = {{\n      \
             source  = \"hashicorp/aws\"\n      version = \">= 5.0\"\n    }}\n  }}\n}}\n",
            comment(&self.description)
        )];
        let template = if self.is_in_bucket() {
            blocks.push("data \"aws_partition\" \"here\" {}\n".to_owned());
            blocks.push("data \"aws_region\" \"here\" {}\n".to_owned());
            // The bucket is in the stack's Region, as Lambda demands.
            let url = format!(
                "\"https://${{var.artifact_bucket}}.s3.${{data.aws_region.here.id}}.\
                 ${{data.aws_partition.here.dns_suffix}}/${{var.artifact_prefix}}templates/{}\"",
                self.file
            );
            blocks.push(format!(
                "locals {{\n  # Where the release was uploaded to, beside the zips.\n  \
                 template_url = coalesce(var.template_url, {url})\n}}\n"
            ));
            ("template_url", "local.template_url".to_owned())
        } else {
            let body = format!("file(\"${{path.module}}/../../templates/{}\")", self.file);
            ("template_body", body)
        };
        let mut stack = "resource \"aws_cloudformation_stack\" \"towerhook\" {\n".to_owned();
        let fields = [
            ("name".to_owned(), "var.stack_name".to_owned()),
            (template.0.to_owned(), template.1),
            ("capabilities".to_owned(), "[\"CAPABILITY_IAM\"]".to_owned()),
            ("tags".to_owned(), "var.tags".to_owned()),
        ];
        stack += &aligned(2, &fields);
        stack += "\n  parameters = {\n";
        let parameters = self.parameters.iter();
        let parameters: Vec<_> = parameters
            .map(|(name, _)| (name.clone(), format!("var.{}", snake_case(name))))
            .collect();
        stack += &aligned(4, &parameters);
        // CloudFormation gives a custom resource an hour for each request.
        stack += "  }\n\n  timeouts {\n";
        let timeouts = ["create", "update", "delete"].map(|one| (one.to_owned(), "\"90m\"".into()));
        stack += &aligned(4, &timeouts);
        stack += "  }\n}\n";
        blocks.push(stack);
        blocks.join("\n")
    }

    fn variables(&self) -> anyhow::Result<String> {
        let mut blocks = Vec::new();
        let beside = BESIDE.iter().find(|(file, _)| *file == self.file);
        let default_name = beside.map_or("towerhook", |(_, stack)| stack);
        blocks.push(block(
            "variable",
            "stack_name",
            &[
                ("description", quoted("The stack's name.")),
                ("type", "string".to_owned()),
                ("default", quoted(default_name)),
            ],
        ));
        blocks.push(block(
            "variable",
            "tags",
            &[
                (
                    "description",
                    quoted("The stack's tags, which its resources get, too."),
                ),
                ("type", "map(string)".to_owned()),
                ("default", "{}".to_owned()),
            ],
        ));
        if self.is_in_bucket() {
            let description = "The URL of the template in S3; null takes it from artifact_bucket, from the \
                               folder templates below artifact_prefix.";
            blocks.push(block(
                "variable",
                "template_url",
                &[
                    ("description", quoted(description)),
                    ("type", "string".to_owned()),
                    ("default", "null".to_owned()),
                ],
            ));
        }
        for (name, parameter) in &self.parameters {
            let variable = variable(name, parameter)
                .with_context(|| format!("the parameter {name} makes no variable"))?;
            blocks.push(variable);
        }
        Ok(blocks.join("\n"))
    }

    fn outputs(&self) -> anyhow::Result<String> {
        let mut blocks = Vec::new();
        for (name, output) in &self.outputs {
            let description = text_of(output, "Description")?;
            let all = "aws_cloudformation_stack.towerhook.outputs";
            // An output with a condition may be absent.
            let value = match output.get("Condition") {
                Some(_) => format!("lookup({all}, \"{name}\", null)"),
                None => format!("{all}[\"{name}\"]"),
            };
            let fields = [("description", quoted(&description)), ("value", value)];
            blocks.push(block("output", &snake_case(name), &fields));
        }
        Ok(blocks.join("\n"))
    }
}

fn variable(name: &str, parameter: &Yaml) -> anyhow::Result<String> {
    let description = text_of(parameter, "Description")?;
    let kind = match text_of(parameter, "Type")?.as_str() {
        "String" => "string",
        "Number" => "number",
        other => bail!("a variable cannot be a {other}"),
    };
    let mut fields = vec![
        ("description", quoted(&description)),
        ("type", kind.to_owned()),
    ];
    if let Some(default) = parameter.get("Default") {
        fields.push(("default", literal(&serde_json::to_value(default)?)));
    }
    if parameter.get("NoEcho").and_then(Yaml::as_bool) == Some(true) {
        fields.push(("sensitive", "true".to_owned()));
    }
    // Null would leave the parameter out, and a stack's update would then keep the former value.
    fields.push(("nullable", "false".to_owned()));
    let mut text = block("variable", &snake_case(name), &fields);
    if let Some(allowed) = parameter.get("AllowedValues") {
        let allowed: Vec<Value> = serde_json::from_value(serde_json::to_value(allowed)?)?;
        let allowed: Vec<_> = allowed.iter().map(literal).collect();
        let condition = format!(
            "contains([{}], var.{})",
            allowed.join(", "),
            snake_case(name)
        );
        let message = format!("It {}", text_of(parameter, "ConstraintDescription")?);
        text.truncate(text.len() - "}\n".len());
        text += "\n  validation {\n";
        text += &aligned(
            4,
            &[
                ("condition".to_owned(), condition),
                ("error_message".to_owned(), quoted(&message)),
            ],
        );
        text += "  }\n}\n";
    }
    Ok(text)
}

fn block(kind: &str, name: &str, fields: &[(&str, String)]) -> String {
    let fields: Vec<_> = fields
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.clone()))
        .collect();
    format!("{kind} \"{name}\" {{\n{}}}\n", aligned(2, &fields))
}

/// The lines of a body, with their equals signs below each other as `terraform fmt` writes them.
fn aligned(indentation: usize, fields: &[(String, String)]) -> String {
    let width = fields.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    fields
        .iter()
        .fold(String::new(), |mut lines, (name, value)| {
            let _ = writeln!(lines, "{:indentation$}{name:width$} = {value}", "");
            lines
        })
}

fn comment(text: &str) -> String {
    let mut lines = vec![String::from("#")];
    for word in text.split_whitespace() {
        let line = lines.last().map_or(0, |line| line.chars().count());
        if line + 1 + word.chars().count() > 110 {
            lines.push(String::from("#"));
        }
        if let Some(line) = lines.last_mut() {
            *line += &format!(" {word}");
        }
    }
    lines.push("#".to_owned());
    lines.push("# Written by `cargo towerhook compose` from the template.".to_owned());
    lines.join("\n") + "\n\n"
}

fn quoted(text: &str) -> String {
    literal(&json!(text.trim()))
}

/// A value in HCL, whose strings are those of JSON apart from what begins a template in them.
fn literal(value: &Value) -> String {
    value.to_string().replace("${", "$${").replace("%{", "%%{")
}

fn text_of(value: &Yaml, key: &str) -> anyhow::Result<String> {
    let text = value.get(key).and_then(Yaml::as_str);
    Ok(text.with_context(|| format!("it has no {key}"))?.to_owned())
}

fn entries(template: &Yaml, heading: &str) -> anyhow::Result<Vec<(String, Yaml)>> {
    let section = template.get(heading).and_then(Yaml::as_mapping);
    let section = section.with_context(|| format!("it has no {heading}"))?;
    let name = |key: &Yaml| key.as_str().map(str::to_owned).context("a key is no text");
    section
        .iter()
        .map(|(key, value)| Ok((name(key)?, value.clone())))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace_root;

    #[test]
    fn the_committed_modules_are_what_the_templates_make() {
        let root = workspace_root();
        let files = modules(&root).unwrap();
        assert_eq!(files.len(), 21);
        for ModuleFile { path, text } in &files {
            assert!(
                fs::read_to_string(path).unwrap_or_default() == *text,
                "{} is out of date: `cargo towerhook compose` writes it",
                path.display()
            );
        }
        let mut committed = 0;
        for folder in fs::read_dir(root.join("terraform")).unwrap() {
            let folder = folder.unwrap().path();
            if folder.is_dir() {
                committed += fs::read_dir(folder).unwrap().count();
            }
        }
        assert_eq!(committed, files.len(), "a module that no template makes");
    }

    #[test]
    fn names_become_lower_case_words() {
        for (name, snake) in [
            ("LaceworkUrl", "lacework_url"),
            ("SqsURL", "sqs_url"),
            ("RoleARN", "role_arn"),
            ("KMSKeyArn", "kms_key_arn"),
            ("Features", "features"),
        ] {
            assert_eq!(snake_case(name), snake);
        }
    }

    #[test]
    fn a_parameter_becomes_a_variable_of_the_same_meaning() {
        let made = |yaml: &str| variable("ApiKey", &serde_yaml_ng::from_str(yaml).unwrap());
        let secret = made("{Type: String, Description: 'The ${key}.', NoEcho: true}").unwrap();
        assert_eq!(
            secret,
            "variable \"api_key\" {\n  description = \"The $${key}.\"\n  type        = string\n  \
             sensitive   = true\n  nullable    = false\n}\n"
        );
        let chosen = made(
            "{Type: Number, Description: Days., Default: 90, AllowedValues: [1, 90],\
             ConstraintDescription: must be 1 or 90.}",
        )
        .unwrap();
        assert!(chosen.contains("default     = 90\n"), "{chosen}");
        assert!(
            chosen.contains("contains([1, 90], var.api_key)"),
            "{chosen}"
        );
        assert!(chosen.contains("\"It must be 1 or 90.\""), "{chosen}");
        let refused = made("{Type: CommaDelimitedList, Description: Ids.}").unwrap_err();
        assert!(refused.to_string().contains("CommaDelimitedList"));
        let refused = made("{Type: String}").unwrap_err();
        assert!(refused.to_string().contains("no Description"));
    }
}
