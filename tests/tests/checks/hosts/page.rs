//! `docs/hosts.md` says what the template and the scripts say.

use std::collections::{BTreeMap, BTreeSet};

use super::script;
use crate::templates::security::page;
use crate::templates::template::{HOSTS, Template, text};

/// The cells of the rows below a heading of the page.
fn rows(heading: &str) -> Vec<Vec<String>> {
    let page = page("docs/hosts.md");
    let (_, section) = page.split_once(&format!("\n{heading}\n")).unwrap();
    let section = section.split("\n## ").next().unwrap();
    let lines = section.lines().filter(|line| line.starts_with('|'));
    let cells = |line: &str| {
        let cells = line.trim_matches('|').split('|');
        cells
            .map(|cell| cell.trim().trim_matches('`').to_owned())
            .collect()
    };
    // The first two lines are the table's head.
    lines.skip(2).map(cells).collect()
}

#[test]
fn every_parameter_is_told_with_its_default_and_its_meaning() {
    let template = Template::load(HOSTS);
    let told: Vec<_> = rows("## Parameters");
    let mut expected = Vec::new();
    let interface = &template.body["Metadata"]["AWS::CloudFormation::Interface"];
    for group in interface["ParameterGroups"].as_array().unwrap() {
        for name in group["Parameters"].as_array().unwrap() {
            let parameter = &template.body["Parameters"][text(name)];
            let default = parameter.get("Default").map_or("", text);
            let meaning = text(&parameter["Description"]).to_owned();
            expected.push(vec![text(name).to_owned(), default.to_owned(), meaning]);
        }
    }
    assert_eq!(told, expected);
}

#[test]
fn every_exit_code_of_a_script_is_told_and_no_other() {
    let told: BTreeMap<String, (String, String)> = rows("## Exit codes")
        .into_iter()
        .map(|row| (row[0].clone(), (row[1].clone(), row[2].clone())))
        .collect();
    let of_script = |document| -> BTreeSet<String> {
        let script = script(document);
        let calls = script.split("fail ").skip(1);
        calls
            .map(|call| call.chars().take_while(char::is_ascii_digit).collect())
            .filter(|code: &String| !code.is_empty())
            .collect()
    };
    let (install, remove) = (of_script("InstallDocument"), of_script("RemoveDocument"));
    assert!(install.len() > 7 && remove.len() > 2);
    let who = |code: &String| match (install.contains(code), remove.contains(code)) {
        (true, true) => "both",
        (true, false) => "install",
        _ => "remove",
    };
    let expected: BTreeMap<&String, &str> = install
        .union(&remove)
        .map(|code| (code, who(code)))
        .collect();
    let said: BTreeMap<&String, &str> = told
        .iter()
        .filter(|(code, _)| *code != "0")
        .map(|(code, (who, _))| (code, who.as_str()))
        .collect();
    assert_eq!(said, expected);
    assert!(told.contains_key("0"));
    assert!(told.values().all(|(_, meaning)| !meaning.is_empty()));
}

/// What a month costs, calculated again from the assumptions that the page names.
#[test]
fn the_costs_are_those_of_the_assumptions() {
    const HOSTS_OF_AN_ACCOUNT: f64 = 10.0;
    const RUNS: f64 = 730.0 / 24.0;
    // Prices of us-east-1: a request to KMS, an interaction with an advanced parameter, an advanced
    // parameter, a key, a secret, a call of Secrets Manager, an item of AWS Config.
    const KMS: f64 = 0.03 / 1e4;
    const INTERACTION: f64 = 0.05 / 1e4;
    const ADVANCED: f64 = 0.05;
    const KEY: f64 = 1.0;
    const SECRET: f64 = 0.40;
    const CALL: f64 = 0.05 / 1e4;
    const ITEM: f64 = 0.003;
    let of = |cost: &dyn Fn(f64) -> f64| -> Vec<String> {
        let costs = [50.0, 500.0, 5_000.0].map(cost);
        costs.iter().map(|cost| format!("{cost:.2}")).collect()
    };
    let reads = |accounts: f64| accounts * HOSTS_OF_AN_ACCOUNT * RUNS;
    let expected = [
        of(&|accounts| reads(accounts) * KMS),
        of(&|accounts| KEY + ADVANCED + reads(accounts) * (INTERACTION + KMS)),
        of(&|accounts| accounts * SECRET + reads(accounts) * CALL),
        of(&|accounts| accounts * HOSTS_OF_AN_ACCOUNT * ITEM),
    ];
    let told = rows("## Cost");
    let told: Vec<Vec<String>> = told
        .iter()
        .map(|row| row[1..].iter().map(|cell| cell.replace(',', "")).collect())
        .collect();
    assert_eq!(told, expected);
}
