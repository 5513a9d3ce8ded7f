//! The examples name templates and parameters that exist, and show no secret.

use std::collections::BTreeMap;
use std::path::PathBuf;

use fancy_regex::Regex;
use serde_json::Value;

use crate::templates::template::{ALL, MAIN, Template};

pub(crate) fn example(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../examples")
        .join(name)
}

fn read(name: &str) -> String {
    std::fs::read_to_string(example(name)).unwrap()
}

/// The template of this repository that a URL of a release names.
fn named_template(url: &str) -> &'static str {
    let (_, name) = url.rsplit_once("/templates/").unwrap();
    let known = ALL.into_iter().find(|known| *known == name);
    known.unwrap_or_else(|| panic!("no template {name}"))
}

/// What is wrong with the values for a template's parameters.
fn mistakes(template: &Template, values: &BTreeMap<String, String>) -> Vec<String> {
    let parameters = template.section("Parameters");
    let mut found = Vec::new();
    for (name, parameter) in &parameters {
        if !values.contains_key(*name) && parameter.get("Default").is_none() {
            found.push(format!("{name} is missing"));
        }
    }
    for (name, value) in values {
        let Some(parameter) = parameters.get(name.as_str()) else {
            found.push(format!("there is no {name}"));
            continue;
        };
        // CfCT reads these from the Parameter Store.
        let is_stored = value.starts_with("$[alfred_ssm_/") && value.ends_with(']');
        if parameter["NoEcho"] == true && !is_stored {
            found.push(format!("{name} is written out"));
        }
        let pattern = parameter["AllowedPattern"].as_str().unwrap_or_default();
        if !is_stored && !Regex::new(pattern).unwrap().is_match(value).unwrap() {
            found.push(format!("{name} is refused"));
        }
    }
    found
}

#[test]
fn the_manifest_for_cfct_gives_what_the_templates_ask_for() {
    let manifest: Value = serde_yaml_ng::from_str(&read("cfct/manifest.yaml")).unwrap();
    let resources = manifest["resources"].as_array().unwrap();
    assert_eq!(resources.len(), 2);
    for resource in resources {
        let file = resource["resource_file"].as_str().unwrap();
        assert!(file.contains(concat!("/towerhook/", env!("CARGO_PKG_VERSION"), "/")));
        let template = Template::load(named_template(file));
        let given = resource["parameters"].as_array().unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let values: BTreeMap<_, _> = given
            .iter()
            .map(|one| (text(&one["parameter_key"]), text(&one["parameter_value"])))
            .collect();
        assert_eq!(values.len(), given.len(), "a key that is given twice");
        assert_eq!(mistakes(&template, &values), Vec::<String>::new());
        // One stack, in one account and Region.
        assert_eq!(resource["deploy_method"], "stack_set");
        for places in [
            &resource["deployment_targets"]["accounts"],
            &resource["regions"],
        ] {
            assert_eq!(places.as_array().unwrap().len(), 1);
        }
    }

    let broken = [
        ("LaceworkURL", "https://x.lacework.net"),
        ("LaceworkUrl", "x"),
        ("LaceworkSecretKey", "key"),
        ("LaceworkAccessKeyId", "id"),
    ];
    let broken = broken.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(
        mistakes(&Template::load(MAIN), &broken.into()),
        [
            "ArtifactBucket is missing",
            "LaceworkSecretKey is written out",
            "there is no LaceworkURL",
            "LaceworkUrl is refused"
        ]
    );
}

#[test]
fn the_product_of_service_catalog_launches_this_release_and_constrains_its_parameters() {
    let portfolio = Template::parse(read("service-catalog/portfolio.yml"));
    let product = &portfolio.resource("Product")["Properties"];
    let [release] = product["ProvisioningArtifactParameters"]
        .as_array()
        .unwrap()
        .as_slice()
    else {
        panic!("{product}");
    };
    assert_eq!(release["Name"], env!("CARGO_PKG_VERSION"));
    let url = release["Info"]["LoadTemplateFromURL"]["Fn::Sub"].as_str();
    let url = url.unwrap().replace("${ArtifactPrefix}", "/");
    let template = Template::load(named_template(&url));
    let rules = &portfolio.resource("Artifacts")["Properties"]["Rules"]["Fn::Sub"];
    let rules: Value = serde_json::from_str(rules.as_str().unwrap()).unwrap();
    let mut constrained = Vec::new();
    for rule in rules.as_object().unwrap().values() {
        for assertion in rule["Assertions"].as_array().unwrap() {
            let name = assertion["Assert"]["Fn::Equals"][0]["Ref"]
                .as_str()
                .unwrap();
            assert!(template.section("Parameters").contains_key(name), "{name}");
            // What the product is launched with is what the portfolio was given.
            let own = portfolio.section("Parameters")[name];
            let theirs = template.section("Parameters")[name];
            assert_eq!(own["AllowedPattern"], theirs["AllowedPattern"]);
            assert_eq!(own.get("Default"), theirs.get("Default"));
            constrained.push(name.to_owned());
        }
    }
    assert_eq!(constrained, ["ArtifactBucket", "ArtifactPrefix"]);
}
