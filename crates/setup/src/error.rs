use towerhook_core::{
    Error, ErrorKind,
    foundation::{ConvergeError, Refusal},
};

/// Why a request could not be carried out.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SetupError {
    /// A parameter does not fit.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The SaaS refused the key.
    #[error("{url} refuses the API key {key_id}; check LaceworkAccessKeyId and LaceworkSecretKey")]
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
    /// What setup makes could not be made.
    #[error(transparent)]
    Foundation(ConvergeError),
    /// Somebody else holds the lease for longer than a pass can take.
    #[error("Another pass of Towerhook does not end; try again")]
    LeaseTaken,
    /// The system has no randomness to give.
    #[error("No random external id could be made")]
    Random(#[from] towerhook_runtime::random::Error),
    /// A call failed.
    #[error("A call failed")]
    Call(#[from] Error),
}

impl From<ConvergeError> for SetupError {
    fn from(error: ConvergeError) -> Self {
        match error {
            ConvergeError::Refused(refusal) => Self::Refused(refusal),
            ConvergeError::Call(error) => Self::Call(error),
            other => Self::Foundation(other),
        }
    }
}

impl SetupError {
    /// One or two sentences for CloudFormation's Reason.
    pub(crate) fn reason(&self) -> String {
        match self {
            // What the network or the service said last; the layers above it say nothing more.
            Self::NoAnswer { source, .. } => sentence(format!("{self}: {}", root(source))),
            Self::Call(error) if error.kind == ErrorKind::Denied => format!(
                "{} Check the permissions of the setup function's role.",
                sentence(error.chain())
            ),
            Self::Call(error) => sentence(error.chain()),
            other => sentence(towerhook_core::chain(other)),
        }
    }
}

fn sentence(text: String) -> String {
    format!("{}.", text.trim_end().trim_end_matches('.'))
}

fn root<'a>(mut error: &'a (dyn std::error::Error + 'static)) -> &'a dyn std::error::Error {
    while let Some(source) = error.source() {
        error = source;
    }
    error
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_made_of_whole_sentences() {
        let failed = |kind, words: &str| {
            let error = Error::new("organizations:ListAccounts", kind, words);
            SetupError::Call(error).reason()
        };
        assert_eq!(
            failed(
                ErrorKind::Denied,
                "AccessDenied: You don't have permissions."
            ),
            "organizations:ListAccounts failed: AccessDenied: You don't have permissions. \
             Check the permissions of the setup function's role."
        );
        assert_eq!(
            failed(ErrorKind::Invalid, "no"),
            "organizations:ListAccounts failed: no."
        );
    }

    #[test]
    fn of_a_service_that_does_not_answer_the_last_cause_is_told() {
        let refused = std::io::Error::other("Connection refused");
        let source = Error::new(
            "lacework:CreateAccessToken",
            ErrorKind::Unavailable,
            refused,
        );
        let url = "https://acme.lacework.net".to_owned();
        assert_eq!(
            SetupError::NoAnswer { url, source }.reason(),
            "LaceworkUrl: https://acme.lacework.net does not answer as a Lacework API does: \
             Connection refused."
        );
    }
}
