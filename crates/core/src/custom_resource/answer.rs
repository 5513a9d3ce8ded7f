use super::{NOTHING_MADE, Outcome, Request, RequestType, physical_id};

/// What CloudFormation is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The resource's id from now on.
    pub physical_id: String,
    /// How the request ended.
    pub outcome: Outcome,
}

impl Answer {
    /// All went well, but for what the note says.
    pub fn success(request: &Request, note: Option<String>) -> Self {
        Self {
            physical_id: stable_id(request),
            outcome: Outcome::Success { note },
        }
    }

    /// The request failed. The rollback of a Create that made nothing has nothing to remove.
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

/// An Update or Delete answers with the id that it came with.
fn stable_id(request: &Request) -> String {
    request
        .physical_resource_id
        .clone()
        .unwrap_or_else(|| physical_id(&request.stack_id))
}
