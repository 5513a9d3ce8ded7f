use std::collections::BTreeMap;

use super::{NOTHING_MADE, Outcome, Request, RequestType, physical_id};

/// The answer to CloudFormation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The resource's new id.
    pub physical_id: String,
    /// The request's outcome.
    pub outcome: Outcome,
}

impl Answer {
    /// Success, except for what the note says.
    pub fn success(
        request: &Request,
        note: Option<String>,
        attributes: BTreeMap<&'static str, String>,
    ) -> Self {
        Self {
            physical_id: stable_id(request),
            outcome: Outcome::Success { note, attributes },
        }
    }

    /// Failure. The rollback of a Create that created nothing has nothing to delete.
    pub fn failed(request: &Request, made_nothing: bool, reason: String) -> Self {
        let creates = request.request_type == RequestType::Create;
        let physical_id = if creates && made_nothing {
            NOTHING_MADE.to_owned()
        } else {
            stable_id(request)
        };
        Self {
            physical_id,
            outcome: Outcome::Failed { reason },
        }
    }
}

/// An Update or Delete keeps its physical id.
fn stable_id(request: &Request) -> String {
    request
        .physical_resource_id
        .clone()
        .unwrap_or_else(|| physical_id(&request.stack_id))
}
