//! Which operation of the API a method and a path name.

use axum::http::Method;

/// One operation that the simulator knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    GetSettings,
    List,
    Create,
    Search,
    Read(u32),
    Modify(u32),
    Delete(u32),
}

impl Operation {
    /// `None` if the API has no such path, or no such method on it.
    pub(super) fn parse(method: &Method, path: &str) -> Option<Self> {
        let rest = path.strip_prefix("/api/")?;
        let segments: Vec<&str> = rest.split('/').collect();
        Some(match (method.as_str(), segments.as_slice()) {
            ("GET", ["awsconnectorsettings"]) => Self::GetSettings,
            ("GET", ["awsconnectors"]) => Self::List,
            ("POST", ["awsconnectors"]) => Self::Create,
            ("POST", ["awsconnectors", "search"]) => Self::Search,
            ("GET", ["awsconnectors", id]) => Self::Read(id.parse().ok()?),
            ("POST", ["awsconnectors", id]) => Self::Modify(id.parse().ok()?),
            ("DELETE", ["awsconnectors", id]) => Self::Delete(id.parse().ok()?),
            _ => return None,
        })
    }

    /// The name under which calls are counted and faults are chosen: method and path below `/api/`,
    /// with what varies in braces.
    pub(super) fn label(self) -> &'static str {
        match self {
            Self::GetSettings => "GET awsconnectorsettings",
            Self::List => "GET awsconnectors",
            Self::Create => "POST awsconnectors",
            Self::Search => "POST awsconnectors/search",
            Self::Read(_) => "GET awsconnectors/{ID}",
            Self::Modify(_) => "POST awsconnectors/{ID}",
            Self::Delete(_) => "DELETE awsconnectors/{ID}",
        }
    }

    /// What it needs a key for that may write; `None` where it only reads.
    pub(super) fn writes(self) -> Option<&'static str> {
        match self {
            Self::Create => Some("create AWS connector"),
            Self::Modify(_) => Some("modify AWS connector"),
            Self::Delete(_) => Some("delete AWS connector"),
            Self::GetSettings | Self::List | Self::Search | Self::Read(_) => None,
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
                "/api/awsconnectorsettings",
                "GET awsconnectorsettings",
            ),
            ("GET", "/api/awsconnectors", "GET awsconnectors"),
            ("POST", "/api/awsconnectors", "POST awsconnectors"),
            (
                "POST",
                "/api/awsconnectors/search",
                "POST awsconnectors/search",
            ),
            ("POST", "/api/awsconnectors/7", "POST awsconnectors/{ID}"),
            ("GET", "/api/awsconnectors/7", "GET awsconnectors/{ID}"),
            (
                "DELETE",
                "/api/awsconnectors/7",
                "DELETE awsconnectors/{ID}",
            ),
            ("PUT", "/api/awsconnectors/7", ""),
            ("GET", "/api/awsconnectors/x", ""),
            ("GET", "/api/awsconnectors/7/more", ""),
            ("GET", "/awsconnectors", ""),
            ("GET", "/api/computers", ""),
        ];
        for (method, path, label) in cases {
            let parsed = Operation::parse(&method.parse().unwrap(), path);
            let found = parsed.map_or("", Operation::label);
            assert_eq!(found, label, "{method} {path}");
        }
    }
}
