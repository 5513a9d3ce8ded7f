//! `accountMappingFile`: which sub-account monitors which AWS account.
//!
//! The shape is that of the vendor's own client. The service's checks are not published; this one
//! refuses a mapping that names an unknown Lacework account, maps an AWS account twice, or does not
//! belong to the organization, where it would have no effect.

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use super::LaceworkConfig;
use super::store::Scope;

const KEY: &str = "accountMappingFile";

/// Checks the mapping in `data`, if there is one.
pub(super) fn validate(
    data: &Map<String, Value>,
    scope: &Scope,
    config: &LaceworkConfig,
) -> Result<(), String> {
    let Some(file) = data.get(KEY).and_then(Value::as_str) else {
        return Ok(());
    };
    if *scope != Scope::Organization {
        return Err(format!("key {KEY} needs access to the organization"));
    }
    let mapping = decode(file).ok_or_else(|| {
        format!("key {KEY} must be a data URI of JSON in base64 that maps accounts")
    })?;
    let known = |name: &str| {
        let name = name.to_lowercase();
        name == config.tenant || config.sub_accounts.contains(&name)
    };
    let default = mapping["defaultLaceworkAccountAws"]
        .as_str()
        .unwrap_or_default();
    if !known(default) {
        return Err(format!("key {KEY} names no known default account"));
    }
    let mut seen = BTreeSet::new();
    let mappings = mapping["integration_mappings"].as_object();
    for (name, entry) in mappings.into_iter().flatten() {
        if !known(name) {
            return Err(format!("key {KEY} names the unknown account {name}"));
        }
        for id in entry["aws_accounts"].as_array().into_iter().flatten() {
            let id = id.as_str().unwrap_or_default();
            let digits = id.len() == 12 && id.bytes().all(|byte| byte.is_ascii_digit());
            if !digits || !seen.insert(id) {
                return Err(format!(
                    "key {KEY} has {id:?}, which is no AWS account's id, or has it twice"
                ));
            }
        }
    }
    Ok(())
}

/// The mapping in a data URI, if there is one.
pub(super) fn decode(file: &str) -> Option<Value> {
    let (header, content) = file.strip_prefix("data:")?.split_once(',')?;
    if !header.ends_with(";base64") {
        return None;
    }
    let mapping: Value = serde_json::from_slice(&STANDARD.decode(content).ok()?).ok()?;
    let entries = mapping.get("integration_mappings")?.as_object()?;
    let whole = entries
        .values()
        .all(|entry| entry["aws_accounts"].is_array());
    whole.then_some(mapping)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn config() -> LaceworkConfig {
        LaceworkConfig {
            tenant: "acme".to_owned(),
            key_id: "KEY".to_owned(),
            secret: "secret".into(),
            sub_accounts: vec!["emea".to_owned()],
            emulator: None,
            region: "us-east-1".to_owned(),
            principal_arn: super::super::PRINCIPAL_ARN.to_owned(),
            tls: false,
            chaos: std::sync::Arc::default(),
        }
    }

    fn check(scope: &Scope, default: &str, mappings: Value) -> Result<(), String> {
        let file = json!({"defaultLaceworkAccountAws": default, "integration_mappings": mappings});
        let file = STANDARD.encode(file.to_string());
        let file = format!("data:application/json;name=i.json;base64,{file}");
        let data = json!({ KEY: file });
        validate(data.as_object().unwrap(), scope, &config())
    }

    #[test]
    fn a_mapping_is_taken_that_the_organization_can_act_on() {
        let organization = Scope::Organization;
        let ids = |ids: &[&str]| json!({"EMEA": {"aws_accounts": ids}});
        let one = ids(&["111122223333"]);
        assert_eq!(check(&organization, "Acme", one.clone()), Ok(()));
        assert_eq!(check(&organization, "emea", json!({})), Ok(()));
        assert!(check(&Scope::Account("acme".to_owned()), "acme", one.clone()).is_err());
        assert!(check(&organization, "other", one).is_err());
        for wrong in [
            ids(&["1"]),
            ids(&["111122223333", "111122223333"]),
            json!({"apac": {"aws_accounts": []}}),
            json!({"emea": ["111122223333"]}),
            json!([]),
        ] {
            assert!(
                check(&organization, "acme", wrong.clone()).is_err(),
                "{wrong}"
            );
        }
        for file in ["", "data:,{}", "data:application/json;base64,e30", "{}"] {
            assert_eq!(decode(file), None, "{file}");
        }
    }
}
