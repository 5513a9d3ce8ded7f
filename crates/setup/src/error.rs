use towerhook_core::{Error, ErrorKind, foundation::Refusal, landing_zone::InstanceFailure};

/// Why a request could not be carried out.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SetupError {
    /// A parameter does not fit.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The SaaS refused the key.
    #[error("{url} refuses the API key {key_id} (LaceworkAccessKeyId, LaceworkSecretKey).")]
    KeyRefused {
        /// Who refuses it.
        url: String,
        /// The key's id, which is no secret.
        key_id: String,
    },
    /// The SaaS does not answer.
    #[error("LaceworkUrl: {url} does not answer as a Lacework API does")]
    NoAnswer {
        /// Who does not answer.
        url: String,
        /// What was tried.
        #[source]
        source: Error,
    },
    /// CloudFormation could not make an instance.
    #[error("{stack_set} could not be made in account {}: {}", .failure.account, .failure.reason)]
    Instance {
        /// The StackSet.
        stack_set: String,
        /// Where, and CloudFormation's reason.
        failure: InstanceFailure,
    },
    /// The SaaS could not use the trail's role or queue, however often it was asked.
    #[error("Lacework cannot use the role and queue of the trail: {0}")]
    TrailNotUsable(String),
    /// The trail is integrated already, by somebody else.
    #[error("the trail's queue is used by another integration of this Lacework account")]
    TrailAlreadyUsed,
    /// Somebody else holds the lease for longer than a pass can take.
    #[error("another pass does not end; try again")]
    LeaseTaken,
    /// The system has no randomness to give.
    #[error("no random external id could be made")]
    Random(#[from] towerhook_runtime::random::Error),
    /// A call failed.
    #[error("a call failed")]
    Call(#[from] Error),
}

impl SetupError {
    /// One or two sentences for CloudFormation's Reason.
    pub(crate) fn reason(&self) -> String {
        match self {
            Self::Call(error) => {
                let hint = match error.kind {
                    ErrorKind::Denied => " Check the permissions of the setup function's role.",
                    _ => "",
                };
                format!("{}.{hint}", error.chain())
            }
            other => towerhook_core::chain(other),
        }
    }
}
