//! `accountMappingFile` of an organization's trail registration.
//!
//! Source: `api/cloud_accounts_aws_ct_sqs.go` of the vendor's `go-sdk`.

use std::collections::{BTreeMap, BTreeSet};

use base64::{
    Engine,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use towerhook_core::model::{AccountId, AccountMapping, Store};

/// The file's name and encoding, as the vendor's `go-sdk` writes them.
const HEADER: &str = "data:application/json;name=i.json;base64,";
/// The most characters that are read: the API accepts bodies of 1 MB.
const LONGEST: usize = 1 << 20;

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Text that is not an account mapping file.
#[derive(Debug, thiserror::Error)]
pub enum ParseMappingError {
    /// More than the API accepts.
    #[error("the account mapping file is longer than {LONGEST} characters")]
    TooLong,
    /// Its content is not base64.
    #[error("the account mapping file is not in base64")]
    Encoding(#[source] base64::DecodeError),
    /// Its content is not the expected JSON.
    #[error("the account mapping file is not an account mapping")]
    Content(#[source] serde_json::Error),
}

#[derive(Serialize, Deserialize)]
struct File {
    #[serde(rename = "defaultLaceworkAccountAws", default)]
    default: String,
    #[serde(default)]
    integration_mappings: BTreeMap<String, Entry>,
}

#[derive(Serialize, Deserialize)]
struct Entry {
    #[serde(default)]
    aws_accounts: Vec<Value>,
}

/// The mapping as a data URI. The same mapping is always the same text.
pub fn to_data_uri(mapping: &AccountMapping) -> String {
    let entry = |accounts: &BTreeSet<AccountId>| Entry {
        aws_accounts: accounts.iter().map(|id| Value::from(id.as_str())).collect(),
    };
    let file = File {
        default: mapping.default.as_str().to_owned(),
        integration_mappings: mapping
            .accounts
            .iter()
            .map(|(store, accounts)| (store.as_str().to_owned(), entry(accounts)))
            .collect(),
    };
    let json = serde_json::to_string(&file).unwrap_or_default();
    format!("{HEADER}{}", BASE64.encode(json))
}

/// Parses a data URI of any media type, or its content alone. Invalid AWS account ids and empty
/// lists are skipped.
///
/// # Errors
///
/// It is too long, not base64, or not a mapping's JSON.
pub fn from_data_uri(text: &str) -> Result<AccountMapping, ParseMappingError> {
    if text.len() > LONGEST {
        return Err(ParseMappingError::TooLong);
    }
    let content = text.split_once(',').map_or(text, |(_, content)| content);
    let json = BASE64
        .decode(content.trim())
        .map_err(ParseMappingError::Encoding)?;
    // Parsed through a map, because a struct would also accept a list.
    let file: File = serde_json::from_slice::<Map<String, Value>>(&json)
        .and_then(|object| serde_json::from_value(Value::Object(object)))
        .map_err(ParseMappingError::Content)?;
    let mut accounts: BTreeMap<Store, BTreeSet<AccountId>> = BTreeMap::new();
    for (name, entry) in file.integration_mappings {
        let ids = entry.aws_accounts.iter().filter_map(Value::as_str);
        let ids: BTreeSet<AccountId> = ids.filter_map(|id| id.trim().parse().ok()).collect();
        if !ids.is_empty() {
            accounts.entry(Store::from(name)).or_default().extend(ids);
        }
    }
    Ok(AccountMapping {
        default: Store::from(file.default),
        accounts,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mapping(entries: &[(&str, &[&str])]) -> AccountMapping {
        AccountMapping {
            default: "acme".into(),
            accounts: entries
                .iter()
                .map(|(name, ids)| {
                    let ids = ids.iter().map(|id| id.parse().unwrap());
                    (Store::from(*name), ids.collect())
                })
                .collect(),
        }
    }

    fn uri(json: &str) -> String {
        format!("data:application/json;base64,{}", BASE64.encode(json))
    }

    #[test]
    fn a_mapping_is_written_as_the_vendor_writes_it_and_always_the_same() {
        let one = mapping(&[
            ("emea", &["222222222222", "111111111111"]),
            ("apac", &["333333333333"]),
        ]);
        let text = to_data_uri(&one);
        let content = text.strip_prefix(HEADER).unwrap();
        assert_eq!(
            String::from_utf8(BASE64.decode(content).unwrap()).unwrap(),
            r#"{"defaultLaceworkAccountAws":"acme","integration_mappings":{"apac":{"aws_accounts":["333333333333"]},"emea":{"aws_accounts":["111111111111","222222222222"]}}}"#
        );
        let other = mapping(&[
            ("apac", &["333333333333"]),
            ("emea", &["111111111111", "222222222222"]),
        ]);
        assert_eq!(to_data_uri(&other), text);
        assert_eq!(from_data_uri(&text).unwrap(), one);
    }

    #[test]
    fn what_others_wrote_is_read_for_what_it_says() {
        let written = r#"{"integration_mappings":{"EMEA":{"aws_accounts":["111111111111",7,"234556677",null]},"empty":{"aws_accounts":[]},"none":{}},"defaultLaceworkAccountAws":"Acme","more":1}"#;
        let expected = mapping(&[("emea", &["111111111111"])]);
        let unpadded = uri(written).trim_end_matches('=').to_owned();
        let bare = BASE64.encode(written);
        for text in [uri(written), unpadded, bare, format!("{} \n", uri(written))] {
            assert_eq!(from_data_uri(&text).unwrap(), expected);
        }
        assert_eq!(
            from_data_uri(&uri("{}")).unwrap(),
            AccountMapping::to_default("".into())
        );
    }

    #[test]
    fn what_is_no_mapping_is_an_error() {
        let deep = "[".repeat(10_000);
        for text in [
            "",
            "data:,",
            "data:application/json;base64,{}",
            "\u{e9},\u{e9}",
            &uri("[]"),
            &uri("{\"integration_mappings\":[]}"),
            &uri(&deep),
            &"A".repeat(LONGEST + 1),
        ] {
            let shown: String = text.chars().take(60).collect();
            assert!(from_data_uri(text).is_err(), "{shown}");
        }
    }
}
