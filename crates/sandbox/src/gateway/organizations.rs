//! Organizations as AWS answers it, over what the emulator keeps.
//!
//! The emulator lists every account at once, with `Status` alone. AWS answers pages of at most
//! 20, with each account's `State` and `Paths`; `Status` was announced to go on 9 September 2026.

mod pages;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Map, Value, json};

use super::answer::ApiError;
use super::route::Call;
use crate::aws_client::{AwsClient, AwsError};
use pages::{listing, page, token};

/// The services that Control Tower gives trusted access when it sets a landing zone up.
///
/// Source: docs.aws.amazon.com/organizations/latest/userguide/services-that-can-integrate-CTower.html.
const TRUSTED: [&str; 4] = ["cloudtrail", "config", "controltower", "sso"];

const TARGET: &str = "AWSOrganizationsV20161128";

/// Whether the gateway answers this operation itself.
pub(super) fn serves(operation: &str) -> bool {
    matches!(
        operation,
        "ListAccounts"
            | "DescribeAccount"
            | "ListAccountsForParent"
            | "ListOrganizationalUnitsForParent"
            | "DescribeOrganizationalUnit"
            | "RemoveAccountFromOrganization"
            | "ListAWSServiceAccessForOrganization"
    )
}

/// Which fields describe an account's state and OU.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AccountFields {
    /// `State` and `Paths`: since `Status` was retired.
    #[default]
    StateAndPaths,
    /// `State`, `Paths` and `Status`: for the year before that.
    All,
    /// `Status` alone, as until 2025.
    Status,
}

/// Organizations' answers about accounts. Clones share their state.
#[derive(Debug, Clone)]
pub struct Organizations {
    upstream: AwsClient,
    overlay: Arc<Mutex<Overlay>>,
}

#[derive(Debug, Default)]
struct Overlay {
    fields: AccountFields,
    empty_pages: bool,
    states: BTreeMap<String, String>,
    names: BTreeMap<String, String>,
    invited: BTreeSet<String>,
    removed: BTreeSet<String>,
}

impl Organizations {
    pub(super) fn new(upstream: AwsClient) -> Self {
        Self {
            upstream,
            overlay: Arc::default(),
        }
    }

    /// Which fields an account's description has from now on.
    pub fn set_account_fields(&self, fields: AccountFields) {
        self.overlay().fields = fields;
    }

    /// Whether `ListAccounts` begins with an empty page that has a `NextToken`, as AWS's reference
    /// allows.
    pub fn set_empty_first_page(&self, empty: bool) {
        self.overlay().empty_pages = empty;
    }

    /// Puts an account into a state that no call of this API causes: `PENDING_ACTIVATION`,
    /// `SUSPENDED` (by AWS), `PENDING_CLOSURE`, or back to `ACTIVE`. An account that was closed
    /// is `CLOSED` without this.
    pub fn set_account_state(&self, account: &str, state: &str) {
        self.overlay()
            .states
            .insert(account.to_owned(), state.to_owned());
    }

    /// Renames an account or an OU, by its id. The emulator has no such call.
    pub fn set_name(&self, id: &str, name: &str) {
        self.overlay().names.insert(id.to_owned(), name.to_owned());
    }

    /// Removes an account from the organization: calls no longer find it.
    pub fn dismiss(&self, account: &str) {
        self.overlay().removed.insert(account.to_owned());
    }

    /// Adds an active account to the organization, as by invitation.
    pub fn admit(&self, account: &str) {
        let mut overlay = self.overlay();
        overlay.removed.remove(account);
        overlay.invited.insert(account.to_owned());
        overlay
            .states
            .insert(account.to_owned(), "ACTIVE".to_owned());
    }

    /// The account's `State`; `None` if it is not in the organization.
    ///
    /// # Errors
    /// When the emulator does not answer.
    pub async fn account_state(&self, account: &str) -> Result<Option<String>, AwsError> {
        if self.overlay().removed.contains(account) {
            return Ok(None);
        }
        match self
            .ask("DescribeAccount", json!({"AccountId": account}))
            .await
        {
            Ok(answer) => Ok(Some(self.state(&answer["Account"]))),
            Err(error) if error.is("AccountNotFoundException") => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// ARN of an account, an OU or a root of the organization.
    pub(super) async fn arn(&self, id: &str) -> Result<String, ApiError> {
        let answer = self.ask("DescribeOrganization", json!({})).await?;
        let organization = answer["Organization"]["Id"].as_str().unwrap_or_default();
        let kind = match id.split_once('-') {
            Some(("ou", _)) => "ou",
            Some(("r", _)) => "root",
            _ => "account",
        };
        let management = self.upstream.account_id();
        Ok(format!(
            "arn:aws:organizations::{management}:{kind}/{organization}/{id}"
        ))
    }

    pub(super) async fn serve(&self, call: &Call, request: &Value) -> Result<Value, ApiError> {
        if call.account != self.upstream.account_id() {
            return Err(ApiError::new(
                400,
                "AccessDeniedException",
                "You don't have permissions to access this resource.",
            ));
        }
        match call.operation.as_str() {
            "DescribeAccount" => self.describe_account(request).await,
            "RemoveAccountFromOrganization" => self.remove_account(request).await,
            "ListOrganizationalUnitsForParent" => {
                let answer = self.ask(&call.operation, request.clone()).await?;
                let mut units = list(&answer, "OrganizationalUnits");
                units.iter_mut().for_each(|unit| self.rename(unit));
                let (page, next) = page(&units, request)?;
                Ok(listing("OrganizationalUnits", page.to_vec(), next))
            }
            "DescribeOrganizationalUnit" => {
                let mut answer = self.ask(&call.operation, request.clone()).await?;
                self.rename(&mut answer["OrganizationalUnit"]);
                Ok(answer)
            }
            "ListAWSServiceAccessForOrganization" => {
                let principal = |name| json!({"ServicePrincipal": format!("{name}.amazonaws.com")});
                let trusted = TRUSTED.map(principal);
                let (page, next) = page(&trusted, request)?;
                Ok(listing("EnabledServicePrincipals", page.to_vec(), next))
            }
            "ListAccountsForParent" => self.list_accounts(&call.operation, request).await,
            _ => {
                if self.overlay().empty_pages && request["NextToken"].is_null() {
                    let start = Some(token(""));
                    return Ok(listing("Accounts", Vec::new(), start));
                }
                self.list_accounts(&call.operation, request).await
            }
        }
    }

    async fn describe_account(&self, request: &Value) -> Result<Value, ApiError> {
        let id = request["AccountId"].as_str().unwrap_or_default();
        if self.overlay().removed.contains(id) {
            return Err(account_not_found());
        }
        let answer = self.ask("DescribeAccount", request.clone()).await?;
        let mut parents = BTreeMap::new();
        let account = self.described(&answer["Account"], &mut parents).await?;
        Ok(json!({"Account": account}))
    }

    async fn list_accounts(&self, operation: &str, request: &Value) -> Result<Value, ApiError> {
        let answer = self.ask(operation, request.clone()).await?;
        let removed = self.overlay().removed.clone();
        let accounts: Vec<Value> = list(&answer, "Accounts")
            .into_iter()
            .filter(|account| !removed.contains(id(account)))
            .collect();
        let (page, next) = page(&accounts, request)?;
        let mut described = Vec::new();
        let mut parents = BTreeMap::new();
        for account in page {
            described.push(self.described(account, &mut parents).await?);
        }
        Ok(listing("Accounts", described, next))
    }

    async fn remove_account(&self, request: &Value) -> Result<Value, ApiError> {
        let id = request["AccountId"].as_str().unwrap_or_default();
        if id == self.upstream.account_id() {
            return Err(ApiError::new(
                400,
                "MasterCannotLeaveOrganizationException",
                "The management account cannot leave the organization.",
            ));
        }
        if self.overlay().removed.contains(id) {
            return Err(account_not_found());
        }
        self.ask("DescribeAccount", json!({"AccountId": id}))
            .await?;
        self.dismiss(id);
        Ok(json!({}))
    }

    /// An account with the fields that AWS answers.
    async fn described(
        &self,
        account: &Value,
        parents: &mut BTreeMap<String, String>,
    ) -> Result<Value, ApiError> {
        let state = self.state(account);
        let status = match state.as_str() {
            "CLOSED" | "SUSPENDED" => "SUSPENDED",
            "PENDING_CLOSURE" => "PENDING_CLOSURE",
            _ => "ACTIVE",
        };
        let mut described: Map<String, Value> = account.as_object().cloned().unwrap_or_default();
        described.remove("Path");
        described.remove("Status");
        let fields = {
            let overlay = self.overlay();
            if overlay.invited.contains(id(account)) {
                described.insert("JoinedMethod".to_owned(), json!("INVITED"));
            }
            overlay.fields
        };
        if fields != AccountFields::StateAndPaths {
            described.insert("Status".to_owned(), json!(status));
        }
        if fields != AccountFields::Status {
            described.insert("State".to_owned(), json!(state));
            let path = self.path(account, parents).await?;
            described.insert("Paths".to_owned(), json!([path]));
        }
        let mut described = Value::Object(described);
        self.rename(&mut described);
        Ok(described)
    }

    fn rename(&self, item: &mut Value) {
        if let Some(name) = self.overlay().names.get(id(item)) {
            item["Name"] = json!(name);
        }
    }

    fn state(&self, account: &Value) -> String {
        if let Some(state) = self.overlay().states.get(id(account)) {
            return state.clone();
        }
        match account["Status"].as_str() {
            // The state that CloseAccount ends in.
            Some("SUSPENDED") => "CLOSED".to_owned(),
            Some(status) => status.to_owned(),
            None => "ACTIVE".to_owned(),
        }
    }

    /// `o-…/r-…/ou-…/<account>/`
    async fn path(
        &self,
        account: &Value,
        parents: &mut BTreeMap<String, String>,
    ) -> Result<String, ApiError> {
        let organization = account["Arn"]
            .as_str()
            .and_then(|arn| arn.split('/').nth(1))
            .unwrap_or_default();
        let mut path = format!("{}/", id(account));
        let mut child = id(account).to_owned();
        while !child.starts_with("r-") {
            let parent = match parents.get(&child) {
                Some(parent) => parent.clone(),
                None => {
                    let answer = self.ask("ListParents", json!({"ChildId": child})).await?;
                    let parent = answer["Parents"][0]["Id"].as_str().unwrap_or("r-0000");
                    parents.insert(child, parent.to_owned());
                    parent.to_owned()
                }
            };
            path.insert_str(0, &format!("{parent}/"));
            child = parent;
        }
        Ok(format!("{organization}/{path}"))
    }

    async fn ask(&self, operation: &str, request: Value) -> Result<Value, AwsError> {
        self.upstream
            .json("organizations", TARGET, operation, request)
            .await
    }

    fn overlay(&self) -> MutexGuard<'_, Overlay> {
        self.overlay.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn account_not_found() -> ApiError {
    ApiError::new(
        400,
        "AccountNotFoundException",
        "You specified an account that doesn't exist.",
    )
}

fn id(item: &Value) -> &str {
    item["Id"].as_str().unwrap_or_default()
}

fn list(answer: &Value, field: &str) -> Vec<Value> {
    answer[field].as_array().cloned().unwrap_or_default()
}
