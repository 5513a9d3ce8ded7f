//! Which operation of the API a method and a path name.

use axum::http::Method;

use super::{schema, sdk_only};

/// One operation that the simulator knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Operation {
    CreateToken,
    /// All of them, or a further page of any listing.
    ListCloudAccounts,
    ListCloudAccountsOfType(String),
    CreateCloudAccount,
    UpdateCloudAccount(String),
    DeleteCloudAccount(String),
    GetUserProfile,
    SdkOnly(sdk_only::Operation),
}

impl Operation {
    /// `None` if the API has no such path, or no such method on it.
    pub(super) fn parse(method: &Method, path: &str) -> Option<Self> {
        let rest = path.strip_prefix("/api/v2/")?;
        let segments: Vec<&str> = rest.split('/').collect();
        let owned = |segment: &str| segment.to_owned();
        Some(match (method.as_str(), segments.as_slice()) {
            ("POST", ["access", "tokens"]) => Self::CreateToken,
            ("GET", ["CloudAccounts"]) => Self::ListCloudAccounts,
            ("POST", ["CloudAccounts"]) => Self::CreateCloudAccount,
            ("GET", ["CloudAccounts", kind]) if schema::is_type(kind) => {
                Self::ListCloudAccountsOfType(owned(kind))
            }
            ("PATCH", ["CloudAccounts", guid]) => Self::UpdateCloudAccount(owned(guid)),
            ("DELETE", ["CloudAccounts", guid]) => Self::DeleteCloudAccount(owned(guid)),
            ("GET", ["UserProfile"]) => Self::GetUserProfile,
            (method, path) => Self::SdkOnly(sdk_only::Operation::parse(method, path)?),
        })
    }

    /// The name under which calls are counted and faults are chosen: method and path below
    /// `/api/v2/`, with what varies in braces.
    pub(super) fn label(&self) -> &'static str {
        match self {
            Self::CreateToken => "POST access/tokens",
            Self::ListCloudAccounts => "GET CloudAccounts",
            Self::ListCloudAccountsOfType(_) => "GET CloudAccounts/{type}",
            Self::CreateCloudAccount => "POST CloudAccounts",
            Self::UpdateCloudAccount(_) => "PATCH CloudAccounts/{intgGuid}",
            Self::DeleteCloudAccount(_) => "DELETE CloudAccounts/{intgGuid}",
            Self::GetUserProfile => "GET UserProfile",
            Self::SdkOnly(operation) => operation.label(),
        }
    }

    /// The functionality whose rate limit the operation shares: the first part of its path.
    pub(super) fn functionality(&self) -> &'static str {
        let path = self.label().split(' ').nth(1).unwrap_or_default();
        path.split('/').next().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_name_operations() {
        let guid = "ACME_09063B8C6458FAA00DD180B72331AB2E06E4548A64BB649";
        let cases = [
            (
                "POST",
                "/api/v2/access/tokens".to_owned(),
                Some("POST access/tokens"),
            ),
            (
                "GET",
                "/api/v2/CloudAccounts/AwsCfg".to_owned(),
                Some("GET CloudAccounts/{type}"),
            ),
            (
                "GET",
                format!("/api/v2/CloudAccounts/{guid}"),
                Some("GET CloudAccounts/{intgGuid}"),
            ),
            (
                "DELETE",
                format!("/api/v2/CloudAccounts/{guid}"),
                Some("DELETE CloudAccounts/{intgGuid}"),
            ),
            (
                "POST",
                "/api/v2/CloudAccounts/search".to_owned(),
                Some("POST CloudAccounts/search"),
            ),
            (
                "GET",
                "/api/v2/schemas/CloudAccounts/AwsCfg".to_owned(),
                Some("GET schemas/{type}/{subtype}"),
            ),
            ("PUT", "/api/v2/CloudAccounts".to_owned(), None),
            ("GET", "/api/v2/cloudaccounts".to_owned(), None),
            ("GET", "/api/v1/external/integrations".to_owned(), None),
            ("DELETE", "/api/v2/AgentAccessTokens/1".to_owned(), None),
        ];
        for (method, path, label) in cases {
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            let operation = Operation::parse(&method, &path);
            assert_eq!(
                operation.as_ref().map(Operation::label),
                label,
                "{method} {path}"
            );
        }
    }

    #[test]
    fn operations_on_one_resource_share_a_functionality() {
        assert_eq!(Operation::CreateToken.functionality(), "access");
        assert_eq!(
            Operation::CreateCloudAccount.functionality(),
            "CloudAccounts"
        );
        assert_eq!(
            Operation::DeleteCloudAccount("x".to_owned()).functionality(),
            "CloudAccounts"
        );
    }
}
