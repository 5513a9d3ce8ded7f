//! Which operation of the API a method and a path name.

use axum::http::Method;

/// The paths under which the same accounts are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Collection {
    /// The released API's.
    V3,
    /// The one that the vendor's Terraform provider uses.
    Beta,
    /// The one in the vendor's instructions.
    BetaXdr,
}

impl Collection {
    const ALL: [Self; 3] = [Self::V3, Self::Beta, Self::BetaXdr];

    pub(super) fn path(self) -> &'static str {
        match self {
            Self::V3 => "/v3.0/cam/awsAccounts",
            Self::Beta => "/beta/cam/awsAccounts",
            Self::BetaXdr => "/beta/xdr/cam/awsAccounts",
        }
    }

    /// Whether a change must name the version that it changes: the Terraform provider does not.
    pub(super) fn demands_version(self) -> bool {
        self == Self::V3
    }
}

/// One operation that the simulator knows. Accounts are named by their 12 digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Operation {
    CheckConnectivity,
    GetBusinessProfile,
    ListAccounts(Collection),
    CreateAccount(Collection),
    GetAccount(String),
    UpdateAccount(Collection, String),
    DeleteAccount(String),
    ListFeatures,
    LinkTemplates,
}

impl Operation {
    /// `None` if the API has no such path, or no such method on it.
    pub(super) fn parse(method: &Method, path: &str) -> Option<Self> {
        let method = method.as_str();
        match (method, path) {
            ("GET", "/v3.0/healthcheck/connectivity") => return Some(Self::CheckConnectivity),
            ("GET", "/v3.0/business/profile") => return Some(Self::GetBusinessProfile),
            _ => {}
        }
        let (collection, rest) = Collection::ALL.into_iter().find_map(|collection| {
            let rest = path.strip_prefix(collection.path())?;
            Some((collection, rest))
        })?;
        if rest.is_empty() {
            return match method {
                "GET" => Some(Self::ListAccounts(collection)),
                "POST" => Some(Self::CreateAccount(collection)),
                _ => None,
            };
        }
        let segment = rest.strip_prefix('/')?;
        match (method, segment) {
            ("GET", "features") => Some(Self::ListFeatures),
            ("POST", "generateCfnTemplateLinks") => Some(Self::LinkTemplates),
            (_, other) if other.is_empty() || other.contains('/') => None,
            ("GET", id) => Some(Self::GetAccount(id.to_owned())),
            ("PATCH", id) => Some(Self::UpdateAccount(collection, id.to_owned())),
            ("DELETE", id) => Some(Self::DeleteAccount(id.to_owned())),
            _ => None,
        }
    }

    /// The name under which calls are counted and faults are chosen: the method and what follows
    /// the version in the path, with what varies in braces.
    pub(super) fn label(&self) -> &'static str {
        match self {
            Self::CheckConnectivity => "GET healthcheck/connectivity",
            Self::GetBusinessProfile => "GET business/profile",
            Self::ListAccounts(_) => "GET awsAccounts",
            Self::CreateAccount(_) => "POST awsAccounts",
            Self::GetAccount(_) => "GET awsAccounts/{id}",
            Self::UpdateAccount(..) => "PATCH awsAccounts/{id}",
            Self::DeleteAccount(_) => "DELETE awsAccounts/{id}",
            Self::ListFeatures => "GET awsAccounts/features",
            Self::LinkTemplates => "POST awsAccounts/generateCfnTemplateLinks",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_name_operations() {
        let cases = [
            (
                "GET",
                "/v3.0/healthcheck/connectivity",
                Some("GET healthcheck/connectivity"),
            ),
            ("GET", "/v3.0/cam/awsAccounts", Some("GET awsAccounts")),
            ("POST", "/beta/cam/awsAccounts", Some("POST awsAccounts")),
            ("GET", "/beta/xdr/cam/awsAccounts", Some("GET awsAccounts")),
            (
                "GET",
                "/v3.0/cam/awsAccounts/features",
                Some("GET awsAccounts/features"),
            ),
            (
                "GET",
                "/v3.0/cam/awsAccounts/111122223333",
                Some("GET awsAccounts/{id}"),
            ),
            (
                "POST",
                "/v3.0/cam/awsAccounts/generateCfnTemplateLinks",
                Some("POST awsAccounts/generateCfnTemplateLinks"),
            ),
            ("POST", "/v3.0/cam/awsAccounts/111122223333", None),
            ("PUT", "/v3.0/cam/awsAccounts", None),
            ("GET", "/v3.0/cam/awsAccounts/", None),
            ("GET", "/v3.0/cam/awsAccounts/1/2", None),
            ("GET", "/v3.0/cam/awsAccountsX", None),
            ("GET", "/v2.0/cam/awsAccounts", None),
        ];
        for (method, path, label) in cases {
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            let operation = Operation::parse(&method, path);
            assert_eq!(
                operation.as_ref().map(Operation::label),
                label,
                "{method} {path}"
            );
        }
    }
}
