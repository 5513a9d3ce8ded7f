use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};
use towerhook_core::{
    Result,
    landing_zone::{Account, AccountState, OuTree, Unit},
    model::{AccountId, OuId},
    ports::Accounts,
};

use crate::{
    Aws,
    call::services::organizations,
    classify::{failed, has_code, parse, unusable},
    pages::{items, turns},
};

const DESCRIBE: &str = "organizations:DescribeAccount";
const LIST: &str = "organizations:ListAccounts";
const PARENTS: &str = "organizations:ListParents";
const ROOTS: &str = "organizations:ListRoots";
const UNITS: &str = "organizations:ListOrganizationalUnitsForParent";

/// AWS's limits per second and account; source: `orgs_reference_limits`.
const LIST_A_SECOND: u32 = 8;
const UNITS_A_SECOND: u32 = 5;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Found {
    id: String,
    arn: Option<String>,
    name: Option<String>,
    state: Option<String>,
    status: Option<String>,
    #[serde(default)]
    paths: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DescribeAccount {
    account: Option<Found>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListAccounts {
    #[serde(default)]
    accounts: Vec<Found>,
    next_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListRoots {
    #[serde(default)]
    roots: Vec<Named>,
    next_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListUnits {
    #[serde(default)]
    organizational_units: Vec<Named>,
    next_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListParents {
    #[serde(default)]
    parents: Vec<Named>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Named {
    id: String,
    name: Option<String>,
}

/// The request for a page.
fn page(token: Option<&str>) -> Value {
    token.map_or_else(|| json!({}), |token| json!({"NextToken": token}))
}

impl<S> Accounts for Aws<S> {
    async fn account(&self, id: &AccountId) -> Result<Option<Account>> {
        let input = json!({"AccountId": id.as_str()});
        let found: DescribeAccount =
            match organizations::describe_account(&self.config, &input).await {
                Err(error) if has_code(&error, "AccountNotFoundException") => return Ok(None),
                answer => answer.map_err(failed(DESCRIBE))?.json(DESCRIBE)?,
            };
        let found = found.account;
        let found = found.ok_or_else(|| unusable(DESCRIBE, "an answer without an account"))?;
        self.translate(DESCRIBE, found, &mut Parents::new())
            .await
            .map(Some)
    }

    async fn accounts(&self) -> Result<Vec<Account>> {
        let mut turns = turns(LIST_A_SECOND);
        let parts = |page: ListAccounts| (page.accounts, page.next_token);
        let listed = items(Some(&mut turns), LIST, parts, async |token| {
            organizations::list_accounts(&self.config, &page(token)).await
        });
        let mut parents = Parents::new();
        let mut accounts = Vec::new();
        for found in listed.await? {
            accounts.push(self.translate(LIST, found, &mut parents).await?);
        }
        Ok(accounts)
    }

    async fn organizational_units(&self) -> Result<OuTree> {
        let parts = |page: ListRoots| (page.roots, page.next_token);
        let roots = items(None, ROOTS, parts, async |token| {
            organizations::list_roots(&self.config, &page(token)).await
        });
        let roots = roots.await?.into_iter();
        let mut parents: Vec<(String, Option<OuId>)> = roots.map(|root| (root.id, None)).collect();
        let mut tree = OuTree::default();
        let mut turns = turns(UNITS_A_SECOND);
        while let Some((id, parent)) = parents.pop() {
            let parts = |page: ListUnits| (page.organizational_units, page.next_token);
            let units = items(Some(&mut turns), UNITS, parts, async |token| {
                let mut input = page(token);
                input["ParentId"] = id.as_str().into();
                organizations::list_organizational_units_for_parent(&self.config, &input).await
            });
            for Named { id, name } in units.await? {
                let unit = Unit {
                    name: name.ok_or_else(|| unusable(UNITS, "a unit without a name"))?,
                    parent: parent.clone(),
                };
                let parsed: OuId = parse(UNITS, &id)?;
                tree.0.insert(parsed.clone(), unit);
                parents.push((id, Some(parsed)));
            }
        }
        Ok(tree)
    }
}

/// The parent of each account and OU, as far as `ListParents` has returned it.
type Parents = BTreeMap<String, OuId>;

impl<S> Aws<S> {
    async fn translate(
        &self,
        operation: &'static str,
        found: Found,
        parents: &mut Parents,
    ) -> Result<Account> {
        let id: AccountId = parse(operation, &found.id)?;
        let arn = found.arn.as_deref();
        if let Some(arns) = arn.and_then(|arn| arn.strip_suffix(id.as_str())) {
            let _ = self.account_arns.set(arns.to_owned());
        }
        let state = state_of(&found)
            .ok_or_else(|| unusable(operation, format!("account {id} has no known state")))?;
        let path = match found.paths.first() {
            Some(path) => path_of(operation, path)?,
            None => self.walk(&id, parents).await?,
        };
        let name = found.name.unwrap_or_default();
        Ok(Account {
            id,
            name,
            state,
            path,
        })
    }

    /// The OU path of an account, built from `ListParents` where the API returns no `Paths`.
    async fn walk(&self, account: &AccountId, parents: &mut Parents) -> Result<Vec<OuId>> {
        let mut path = Vec::new();
        let mut child = account.to_string();
        loop {
            let parent = match parents.get(&child) {
                Some(parent) => parent.clone(),
                None => {
                    let parent = self.parent(&child).await?;
                    parents.insert(child, parent.clone());
                    parent
                }
            };
            child = parent.to_string();
            path.insert(0, parent);
            if child.starts_with("r-") {
                return Ok(path);
            }
        }
    }

    async fn parent(&self, child: &str) -> Result<OuId> {
        let input = json!({"ChildId": child});
        let answer = organizations::list_parents(&self.config, &input).await;
        let answer: ListParents = answer.map_err(failed(PARENTS))?.json(PARENTS)?;
        let parent = answer.parents.first().map(|parent| parent.id.as_str());
        parse(PARENTS, parent.unwrap_or_default())
    }
}

/// `State`, or `Status` where an endpoint does not return it. `Status` is being retired, and calls
/// a closed account suspended.
fn state_of(account: &Found) -> Option<AccountState> {
    let state = match account.state.as_deref() {
        Some("PENDING_ACTIVATION") => Some(AccountState::PendingActivation),
        Some("ACTIVE") => Some(AccountState::Active),
        Some("SUSPENDED") => Some(AccountState::Suspended),
        Some("PENDING_CLOSURE") => Some(AccountState::PendingClosure),
        Some("CLOSED") => Some(AccountState::Closed),
        _ => None,
    };
    let status = || match account.status.as_deref() {
        Some("ACTIVE") => Some(AccountState::Active),
        Some("SUSPENDED") => Some(AccountState::Suspended),
        Some("PENDING_CLOSURE") => Some(AccountState::PendingClosure),
        _ => None,
    };
    state.or_else(status)
}

/// Reads `o-…/r-…/ou-…/…/<account>/`, dropping the organization and the account.
fn path_of(operation: &'static str, path: &str) -> Result<Vec<OuId>> {
    let parts: Vec<&str> = path.trim_end_matches('/').split('/').collect();
    match parts[..] {
        [_, ref ous @ .., _] if !ous.is_empty() => {
            ous.iter().map(|ou| parse(operation, ou)).collect()
        }
        _ => Err(unusable(operation, format!("the path {path:?}"))),
    }
}

#[cfg(test)]
mod tests {
    use towerhook_core::ErrorKind;

    use super::*;
    use crate::testing::{answer, error, setup};

    fn sdk_account(id: &str, fields: Value) -> Value {
        let mut account = json!({
            "Id": id,
            "Arn": format!("arn:aws:organizations::999999999999:account/o-aa111bb222/{id}"),
            "Name": "Payments",
        });
        for (name, value) in fields.as_object().unwrap() {
            account[name] = value.clone();
        }
        account
    }

    fn ous(path: &[OuId]) -> Vec<&str> {
        path.iter().map(OuId::as_str).collect()
    }

    #[tokio::test]
    async fn every_page_is_read_and_an_empty_one_is_not_the_end() {
        let path = "o-aa111bb222/r-a1b2/ou-a1b2-11111111/111111111111/";
        let first = sdk_account("111111111111", json!({"State": "ACTIVE", "Paths": [path]}));
        let path = "o-aa111bb222/r-a1b2/222222222222/";
        let second = sdk_account("222222222222", json!({"State": "CLOSED", "Paths": [path]}));
        let (aws, sent) = setup([
            answer(json!({"Accounts": [first], "NextToken": "2"})),
            answer(json!({"Accounts": [], "NextToken": "3"})),
            answer(json!({"Accounts": [second]})),
        ]);
        let accounts = aws.accounts().await.unwrap();
        assert_eq!(accounts.len(), 2);
        assert_eq!(accounts[0].name, "Payments");
        assert_eq!(accounts[0].state, AccountState::Active);
        assert_eq!(ous(&accounts[0].path), ["r-a1b2", "ou-a1b2-11111111"]);
        assert_eq!(accounts[1].state, AccountState::Closed);
        assert_eq!(ous(&accounts[1].path), ["r-a1b2"]);
        assert_eq!(sent.calls()[2].1["NextToken"], "3");
    }

    #[tokio::test]
    async fn state_counts_before_status_and_neither_is_an_error() {
        let paths = json!(["o-aa111bb222/r-a1b2/111111111111/"]);
        let state = |fields: Value| {
            let mut account = sdk_account("111111111111", fields);
            account["Paths"] = paths.clone();
            let (aws, _) = setup([answer(json!({"Account": account}))]);
            async move {
                let account = aws.account(&"111111111111".parse().unwrap()).await;
                account.map(|account| account.unwrap().state)
            }
        };
        let both = state(json!({"State": "CLOSED", "Status": "SUSPENDED"})).await;
        assert_eq!(both.unwrap(), AccountState::Closed);
        let only_status = state(json!({"Status": "PENDING_CLOSURE"})).await;
        assert_eq!(only_status.unwrap(), AccountState::PendingClosure);
        let new_state = state(json!({"State": "FROZEN", "Status": "SUSPENDED"})).await;
        assert_eq!(new_state.unwrap(), AccountState::Suspended);
        for unusable in [json!({}), json!({"State": "FROZEN"})] {
            assert_eq!(state(unusable).await.unwrap_err().kind, ErrorKind::Invalid);
        }
    }

    #[tokio::test]
    async fn without_paths_the_parents_are_walked_and_each_unit_is_asked_for_once() {
        let account = |id: &str| sdk_account(id, json!({"State": "ACTIVE"}));
        let parent = |id: &str, kind: &str| answer(json!({"Parents": [{"Id": id, "Type": kind}]}));
        let (aws, sent) = setup([
            answer(json!({"Accounts": [account("111111111111"), account("222222222222")]})),
            parent("ou-a1b2-11111111", "ORGANIZATIONAL_UNIT"),
            parent("r-a1b2", "ROOT"),
            parent("ou-a1b2-11111111", "ORGANIZATIONAL_UNIT"),
        ]);
        for account in aws.accounts().await.unwrap() {
            assert_eq!(ous(&account.path), ["r-a1b2", "ou-a1b2-11111111"]);
        }
        let asked: Vec<Value> = sent.calls()[1..]
            .iter()
            .map(|(_, body)| body["ChildId"].clone())
            .collect();
        assert_eq!(asked, ["111111111111", "ou-a1b2-11111111", "222222222222"]);
    }

    #[tokio::test]
    async fn only_not_found_means_that_there_is_no_account() {
        let id = "111111111111".parse().unwrap();
        let (aws, _) = setup([error(400, "AccountNotFoundException")]);
        assert_eq!(aws.account(&id).await.unwrap(), None);
        let (aws, _) = setup([error(400, "AccessDeniedException")]);
        assert_eq!(aws.account(&id).await.unwrap_err().kind, ErrorKind::Denied);
    }

    #[tokio::test]
    async fn nested_units_are_found_with_their_parents() {
        let units = |units: Value| answer(json!({"OrganizationalUnits": units}));
        let (aws, sent) = setup([
            answer(json!({"Roots": [{"Id": "r-a1b2", "Name": "Root"}]})),
            units(json!([{"Id": "ou-a1b2-11111111", "Name": "Workloads"}])),
            units(json!([{"Id": "ou-a1b2-22222222", "Name": "Prod"}])),
            units(json!([])),
        ]);
        let tree = aws.organizational_units().await.unwrap();
        let unit = |name: &str, parent: Option<&str>| Unit {
            name: name.into(),
            parent: parent.map(|parent| parent.parse().unwrap()),
        };
        let expected = [
            ("ou-a1b2-11111111", unit("Workloads", None)),
            ("ou-a1b2-22222222", unit("Prod", Some("ou-a1b2-11111111"))),
        ];
        let expected = expected.map(|(id, unit)| (id.parse().unwrap(), unit));
        assert_eq!(tree, OuTree(expected.into()));
        assert_eq!(sent.calls()[3].1["ParentId"], "ou-a1b2-22222222");
    }
}
