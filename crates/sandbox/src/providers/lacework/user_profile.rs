//! The user of the API key.

use serde_json::{Value, json};
use uuid::Uuid;

/// `GET UserProfile`: the tenant first, in capitals, then its sub-accounts.
pub(super) fn user_profile(user: &str, tenant: &str, sub_accounts: &[String]) -> Value {
    let accounts: Vec<Value> = std::iter::once(tenant)
        .chain(sub_accounts.iter().map(String::as_str))
        .map(|name| {
            let capitals = name.to_uppercase();
            json!({
                "admin": true,
                "accountName": capitals,
                "custGuid": guid(&capitals, "customer"),
                "userGuid": guid(&capitals, "user"),
                "userEnabled": 1,
            })
        })
        .collect();
    json!({ "data": [{
        "username": user,
        "orgAccount": !sub_accounts.is_empty(),
        "url": host(tenant),
        "orgAdmin": !sub_accounts.is_empty(),
        "orgUser": false,
        "accounts": accounts,
    }] })
}

pub(super) fn host(tenant: &str) -> String {
    format!("{tenant}.lacework.net")
}

/// The same for every simulator, so that answers can be compared.
fn guid(account: &str, role: &str) -> String {
    let id = Uuid::new_v5(&Uuid::NAMESPACE_DNS, format!("{role}.{account}").as_bytes());
    format!("{account}_{}", id.simple()).to_uppercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_profile_names_the_tenant_and_its_sub_accounts() {
        let profile = user_profile("admin", "acme", &["dev".to_owned()]);
        let user = &profile["data"][0];
        assert_eq!(user["url"], "acme.lacework.net");
        assert_eq!(user["orgAccount"], true);
        let names: Vec<_> = user["accounts"]
            .as_array()
            .unwrap()
            .iter()
            .map(|account| &account["accountName"])
            .collect();
        assert_eq!(names, ["ACME", "DEV"]);
        let alone = user_profile("admin", "acme", &[]);
        assert_eq!(alone["data"][0]["orgAccount"], false);
    }
}
