//! The Terraform modules say what the templates say, read with a parser of HCL.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde_json::{Map, Value, json};
use towerhook_package::terraform::snake_case;

use crate::templates::template::{
    ELEVATED_ROLE, EXPEL, FORWARD, HOSTS, MAIN, TREND, Template, VISION_ONE,
};

/// The modules and their templates.
const MODULES: [(&str, &str); 7] = [
    ("lacework", MAIN),
    ("expel", EXPEL),
    ("trend-workload-security", TREND),
    ("trend-vision-one", VISION_ONE),
    ("organizations-events", FORWARD),
    ("hosts", HOSTS),
    ("elevated-role-alarm", ELEVATED_ROLE),
];

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../terraform")
}

/// A file of a module as JSON, in which an expression is a string in `${}`.
fn parsed(module: &str, file: &str) -> Value {
    let path = folder().join(module).join(file);
    let text = fs::read_to_string(&path).unwrap();
    hcl::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn blocks(module: &str, file: &str, kind: &str) -> Map<String, Value> {
    parsed(module, file)[kind].as_object().unwrap().clone()
}

fn names<'a>(names: impl Iterator<Item = &'a str>) -> BTreeSet<String> {
    names.map(str::to_owned).collect()
}

/// What a module has of its own, besides the parameters.
fn own_variables(template: &Template) -> BTreeSet<String> {
    let mut own = names(["stack_name", "tags"].into_iter());
    if template.body["Parameters"].get("ArtifactBucket").is_some() {
        own.insert("template_url".to_owned());
    }
    own
}

#[test]
fn every_module_is_compared() {
    let folders = fs::read_dir(folder()).unwrap();
    let folders: BTreeSet<_> = folders
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    assert_eq!(folders, names(MODULES.iter().map(|(module, _)| *module)));
}

#[test]
fn variables_are_the_parameters_of_the_template() {
    let mut secrets = 0;
    for (module, name) in MODULES {
        let template = Template::load(name);
        let variables = blocks(module, "variables.tf", "variable");
        let parameters = template.section("Parameters");
        let mut expected = own_variables(&template);
        expected.extend(parameters.keys().map(|name| snake_case(name)));
        assert_eq!(names(variables.keys().map(String::as_str)), expected);
        for (name, parameter) in parameters {
            let variable = &variables[&snake_case(name)];
            let shown = format!("{module}: {name}");
            assert_eq!(variable["description"], parameter["Description"], "{shown}");
            assert_eq!(variable.get("default"), parameter.get("Default"), "{shown}");
            let is_secret = parameter["NoEcho"] == true;
            assert_eq!(variable["sensitive"] == true, is_secret, "{shown}");
            secrets += usize::from(is_secret);
            let kind = format!(
                "${{{}}}",
                parameter["Type"].as_str().unwrap().to_lowercase()
            );
            assert_eq!(variable["type"], kind, "{shown}");
            assert_eq!(
                variable.get("validation").is_some(),
                parameter.get("AllowedValues").is_some(),
                "{shown}"
            );
        }
        for name in own_variables(&template) {
            let description = variables[&name]["description"].as_str().unwrap();
            assert!(!description.is_empty(), "{module}: {name}");
        }
    }
    // Each vendor that has a key has one.
    assert_eq!(secrets, 3);
}

#[test]
fn the_stack_gets_every_variable_and_the_template() {
    for (module, name) in MODULES {
        let template = Template::load(name);
        let main = parsed(module, "main.tf");
        let stack = &main["resource"]["aws_cloudformation_stack"]["towerhook"];
        let expected: Map<String, Value> = template
            .section("Parameters")
            .keys()
            .map(|name| {
                let variable = format!("${{var.{}}}", snake_case(name));
                ((*name).to_owned(), json!(variable))
            })
            .collect();
        assert_eq!(stack["parameters"], Value::from(expected), "{module}");
        assert_eq!(stack["capabilities"], json!(["CAPABILITY_IAM"]), "{module}");
        for (own, key) in [("stack_name", "name"), ("tags", "tags")] {
            assert_eq!(stack[key], format!("${{var.{own}}}"), "{module}");
        }
        let source = match stack.get("template_body") {
            Some(body) => {
                // CloudFormation's limit for a template in the request.
                assert!(template.text.len() <= 51_200, "{module}");
                body
            }
            None => &main["locals"]["template_url"],
        };
        let source = source.as_str().unwrap();
        assert!(source.contains(&format!("templates/{name}")), "{source}");
    }
}

#[test]
fn outputs_are_the_outputs_of_the_template() {
    for (module, name) in MODULES {
        let template = Template::load(name);
        let outputs = blocks(module, "outputs.tf", "output");
        let expected = template.section("Outputs");
        assert_eq!(
            names(outputs.keys().map(String::as_str)),
            expected.keys().map(|name| snake_case(name)).collect()
        );
        for (name, output) in expected {
            let made = &outputs[&snake_case(name)];
            assert_eq!(made["description"], output["Description"], "{module}");
            let value = made["value"].as_str().unwrap();
            assert!(value.contains(&format!("\"{name}\"")), "{value}");
            // An output with a condition is not always there.
            let may_be_absent = output.get("Condition").is_some();
            assert_eq!(value.contains("lookup("), may_be_absent, "{value}");
        }
    }
}

/// Where Terraform is installed; the modules are written in its style without it.
#[test]
fn terraform_would_format_nothing_differently() {
    let check = Command::new("terraform")
        .args(["fmt", "-check", "-diff", "-recursive"])
        .current_dir(folder())
        .env("CHECKPOINT_DISABLE", "1")
        .output();
    match check {
        Ok(output) => assert!(
            output.status.success(),
            "{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        ),
        Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::NotFound),
    }
}
