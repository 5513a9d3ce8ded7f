use super::{ConvergeError, Refusal};
use crate::{
    Error, ErrorKind,
    provider::{KeyParameters, Words},
};

/// Why a request could not be carried out.
#[derive(Debug, thiserror::Error)]
pub(super) enum SetupError {
    /// A parameter is refused.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The SaaS refused the key.
    #[error("{url} refuses the API key{}", check(.parameters, .key_id))]
    KeyRefused {
        /// The parameters that hold the key.
        parameters: KeyParameters,
        /// The SaaS's URL.
        url: String,
        /// The key's id, which is not a secret; blank if it has none.
        key_id: String,
    },
    /// The SaaS does not answer.
    #[error("{}: {url} does not answer like a {} API", .words.tenant_parameter, .words.title)]
    NoAnswer {
        /// The vendor's words.
        words: &'static Words,
        /// The URL that does not answer.
        url: String,
        /// The failed call.
        #[source]
        source: Error,
    },
    /// The goal could not be reached.
    #[error(transparent)]
    Foundation(ConvergeError),
    /// The work panicked.
    #[error("Towerhook failed unexpectedly; the log of its setup function says where")]
    Panicked,
    /// CloudFormation's timeout is too close.
    #[error(
        "CloudFormation's time is nearly over, and setup got as far as: {0}. The next try goes on from \
         there"
    )]
    OutOfTime(String),
    /// A newer request of CloudFormation has taken over.
    #[error("A newer request of CloudFormation has taken over from this one")]
    Superseded,
    /// A call failed.
    #[error("A call failed")]
    Call(Error),
}

impl From<Error> for SetupError {
    fn from(error: Error) -> Self {
        match error.kind {
            ErrorKind::Superseded => Self::Superseded,
            _ => Self::Call(error),
        }
    }
}

impl From<ConvergeError> for SetupError {
    fn from(error: ConvergeError) -> Self {
        match error {
            ConvergeError::Refused(refusal) => Self::Refused(refusal),
            ConvergeError::Call(error) => error.into(),
            other => Self::Foundation(other),
        }
    }
}

impl SetupError {
    /// One or two sentences for CloudFormation's Reason.
    pub(super) fn reason(&self) -> String {
        match self {
            // The last message of the network or the service; the layers above add nothing.
            Self::NoAnswer { source, .. } => sentence(&format!("{self}: {}", root(source))),
            Self::Call(error) if error.kind == ErrorKind::Denied => format!(
                "{} Check the permissions of the setup function's role.",
                sentence(&error.chain())
            ),
            Self::Call(error) => sentence(&error.chain()),
            other => sentence(&crate::chain(other)),
        }
    }
}

/// Which key it is, if it has an id, and the parameters to check.
fn check(parameters: &KeyParameters, key_id: &str) -> String {
    let KeyParameters { id, secret } = parameters;
    match id {
        Some(id) => format!(" {key_id}; check {id} and {secret}"),
        None => format!("; check {secret}"),
    }
}

fn sentence(text: &str) -> String {
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
    use crate::provider::{Provider, plain::Plain};

    #[test]
    fn a_reason_is_made_of_whole_sentences() {
        let failed = |kind, words: &str| {
            let error = Error::new("organizations:ListAccounts", kind, words);
            SetupError::from(error).reason()
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
    fn a_refused_key_is_named_by_its_id_if_it_has_one() {
        let refused = |id| {
            let (url, key_id) = ("https://acme.example.com".into(), "ACME_KEY".into());
            let secret = "ApiKey";
            let parameters = KeyParameters { id, secret };
            let refused = SetupError::KeyRefused {
                parameters,
                url,
                key_id,
            };
            refused.reason()
        };
        assert_eq!(
            refused(Some("ApiKeyId")),
            "https://acme.example.com refuses the API key ACME_KEY; check ApiKeyId and ApiKey."
        );
        assert_eq!(
            refused(None),
            "https://acme.example.com refuses the API key; check ApiKey."
        );
    }

    #[test]
    fn of_a_service_that_does_not_answer_the_last_cause_is_told() {
        let refused = std::io::Error::other("Connection refused");
        let source = Error::new("registry:CreateToken", ErrorKind::Unavailable, refused);
        let words = Plain.words();
        let url = "https://acme.example.com".to_owned();
        assert_eq!(
            SetupError::NoAnswer { words, url, source }.reason(),
            "ProviderUrl: https://acme.example.com does not answer like a Plain API: \
             Connection refused."
        );
    }
}
