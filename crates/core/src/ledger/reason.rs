use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::provider::Words;

/// Why an account is not watched, or what is wrong although it is: a code with its values.
///
/// Each value in it is a cause in the words of AWS or of the vendor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// Organizations answers AccountNotFound.
    Gone,
    /// Closed or being closed.
    Closed,
    /// Suspended by AWS.
    Suspended,
    /// Not usable yet.
    PendingActivation,
    /// `EnrollManagementAccount=No`.
    ManagementAccount,
    /// Outside the units that are mapped to stores.
    OutsideMappedUnits,
    /// `ExcludeAccounts` names it.
    ExcludedAccount,
    /// In a unit of `ExcludeOrganizationalUnits`.
    ExcludedUnit,
    /// Outside the units of `IncludeOrganizationalUnits`.
    OutsideIncludedUnits,
    /// Existed at launch with `MonitorExistingAccounts=No`.
    ExistingAtLaunch,
    /// Control Tower does not manage it.
    NotManaged,
    /// Control Tower could not enable its baseline.
    BaselineFailed,
    /// Control Tower is changing its baseline.
    BaselineChanging,
    /// An event says that Control Tower manages it; the listing does not yet.
    BaselineUnlisted,
    /// `CapabilityType=CloudTrail`.
    NoConfigCapability,
    /// Data about it could not be read.
    Unread(String),
    /// A call for it failed.
    CallFailed(String),
    /// The members' StackSet does not exist.
    StackSetGone,
    /// CloudFormation cannot create its stack.
    StackFails(String),
    /// CloudFormation has not deleted its stack yet.
    StackStays,
    /// Its stack deletes its own registration, and could not be given a token for that.
    StackLacksToken,
    /// It should leave, and something of ours is still there.
    NotOffboarded,
    /// It is registered already, so its stack, which registers it, would fail.
    RegisteredBeforeStack,
    /// Its stack registered it, and the vendor does not list that.
    Unlisted,
    /// It was registered again, and the registration is missing again.
    DeletedAgain,
    /// Its registration differs from the desired state after each correction.
    KeepsDrifting,
    /// A foreign registration of this name watches it.
    WatchedBy(String),
    /// A foreign registration blocks ours and does not work.
    BlockedBy {
        /// Its name.
        name: String,
        /// Its failure.
        why: String,
    },
    /// The vendor refuses a second registration, and does not list the first.
    AlreadyUsed,
    /// A new registration was refused for its role.
    RoleNotAssumable(String),
    /// It is watched through what has this name, which no stack of ours made.
    Foreign(String),
    /// It has what no stack of ours made, and the vendor cannot use that.
    ForeignRefused {
        /// Its name.
        name: String,
        /// The vendor's failure.
        why: String,
    },
    /// The vendor cannot read it.
    Unreadable(String),
    /// The vendor can read neither it nor many others.
    ManyUnreadable(String),
    /// It stays watched, although its stack is out of reach.
    StaysWatched(Box<Self>),
    /// The vendor cannot read it, and its stack is out of reach.
    UnreadableOutOfReach {
        /// Why the stack is out of reach.
        cause: Box<Self>,
        /// The vendor's failure.
        why: String,
    },
    /// It could not be moved to another store, and is back in its former one.
    NotMoved(String),
    /// In words, as a ledger of an earlier version has it.
    #[serde(untagged)]
    InWords(String),
}

impl Reason {
    /// Its code without its values, such as `outside-mapped-units`: what metrics and exports group by.
    pub fn code(&self) -> String {
        let stored = serde_json::to_value(self).unwrap_or_default();
        match (self, stored) {
            (Self::InWords(_), _) => "in-words".to_owned(),
            (_, Value::String(code)) => code,
            (_, Value::Object(values)) => values.into_iter().map(|(code, _)| code).collect(),
            (_, _) => String::new(),
        }
    }

    /// Whether the vendor cannot read the account, although it is registered.
    pub fn is_blind(&self) -> bool {
        matches!(
            self,
            Self::Unreadable(_)
                | Self::ManyUnreadable(_)
                | Self::UnreadableOutOfReach { .. }
                | Self::ForeignRefused { .. }
        )
    }

    /// The reason, for an administrator.
    pub fn in_words(&self, words: &Words) -> String {
        let Words { title, stores, .. } = words;
        let fixed = match self {
            Self::Gone => "it is no longer in the organization",
            Self::Closed => "it is closed",
            Self::Suspended => "it is suspended",
            Self::PendingActivation => "it is not active yet",
            Self::ManagementAccount => {
                "it is the management account and EnrollManagementAccount is No"
            }
            Self::OutsideMappedUnits => {
                let parameter = stores.as_ref().map(|stores| stores.units_parameter);
                return format!(
                    "it is outside the units of {}",
                    parameter.unwrap_or("its parameter")
                );
            }
            Self::ExcludedAccount => "ExcludeAccounts names it",
            Self::ExcludedUnit => "it is in a unit of ExcludeOrganizationalUnits",
            Self::OutsideIncludedUnits => "it is outside the units of IncludeOrganizationalUnits",
            Self::ExistingAtLaunch => "it existed at launch and MonitorExistingAccounts is No",
            Self::NotManaged => "Control Tower does not manage it",
            Self::BaselineFailed => "Control Tower could not enable its baseline",
            Self::BaselineChanging => "Control Tower is changing its baseline",
            Self::BaselineUnlisted => "Control Tower does not list its baseline yet",
            Self::NoConfigCapability => "CapabilityType has no Config",
            Self::Unread(why)
            | Self::CallFailed(why)
            | Self::RoleNotAssumable(why)
            | Self::InWords(why) => why,
            Self::StackSetGone => {
                "the member StackSet is gone; update the stack, so that setup recreates it"
            }
            Self::StackFails(why) => {
                return format!("its member stack cannot be made: {why}");
            }
            Self::StackStays => "its member stack cannot be deleted yet",
            Self::StackLacksToken => "its member stack cannot be given a token to leave with",
            Self::NotOffboarded => "it could not be offboarded",
            Self::RegisteredBeforeStack => "another registration of the account blocks its stack",
            Self::Unlisted => {
                return format!("{title} does not list the registration that its stack made");
            }
            Self::DeletedAgain => {
                return format!(
                    "its registration was recreated and is missing again: it is deleted over and \
                     over, or {title} accepts it and does not list it"
                );
            }
            Self::KeepsDrifting => "its registration keeps drifting from the desired state",
            Self::WatchedBy(name) => {
                return format!("registration {name:?} watches it already");
            }
            Self::BlockedBy { name, why } => {
                return format!(
                    "registration {name:?} blocks ours and does not work ({why}); remove it in \
                     {title}"
                );
            }
            Self::AlreadyUsed => {
                return format!("another registration of this {title} account watches it already");
            }
            Self::Foreign(name) => {
                return format!(
                    "it is watched through {name}, which was not made by this stack; updates do not \
                     reach it. Delete it, and the next comparison makes it anew"
                );
            }
            Self::ForeignRefused { name, why } => {
                return format!(
                    "it has {name}, which was not made by this stack, and {title} cannot use it \
                     ({why}); delete it"
                );
            }
            Self::Unreadable(why) => return format!("{title} cannot read it: {why}"),
            Self::ManyUnreadable(why) => {
                return format!("{title} cannot read it, nor many other accounts: {why}");
            }
            Self::StaysWatched(cause) => {
                return format!("{}; it stays watched", cause.in_words(words));
            }
            Self::UnreadableOutOfReach { cause, why } => {
                let cause = cause.in_words(words);
                return format!("{cause}, and {title} cannot read it: {why}");
            }
            Self::NotMoved(why) => {
                let store = stores.as_ref().map_or("store", |stores| stores.store);
                return format!("it could not be moved to another {store}: {why}");
            }
        };
        fixed.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::{Provider as _, plain::Plain};

    #[test]
    fn a_reason_is_stored_as_its_code_with_its_values() {
        let cause = Box::new(Reason::NotManaged);
        let cases = [
            (
                Reason::Gone,
                r#""gone""#,
                "it is no longer in the organization",
            ),
            (
                Reason::StackFails("no role".into()),
                r#"{"stack-fails":"no role"}"#,
                "its member stack cannot be made: no role",
            ),
            (
                Reason::StaysWatched(cause),
                r#"{"stays-watched":"not-managed"}"#,
                "Control Tower does not manage it; it stays watched",
            ),
            (
                Reason::NotMoved("no".into()),
                r#"{"not-moved":"no"}"#,
                "it could not be moved to another store: no",
            ),
        ];
        let codes = ["gone", "stack-fails", "stays-watched", "not-moved"];
        for ((reason, stored, words), code) in cases.into_iter().zip(codes) {
            assert_eq!(reason.code(), code);
            assert_eq!(serde_json::to_string(&reason).unwrap(), stored);
            assert_eq!(serde_json::from_str::<Reason>(stored).unwrap(), reason);
            assert_eq!(reason.in_words(Plain.words()), words);
        }
    }

    #[test]
    fn words_of_an_earlier_version_stay_as_they_are() {
        let reason: Reason = serde_json::from_str(r#""it is closed""#).unwrap();
        assert_eq!(reason, Reason::InWords("it is closed".into()));
        assert_eq!(reason.code(), "in-words");
        assert_eq!(reason.in_words(Plain.words()), "it is closed");
        assert_eq!(serde_json::to_string(&reason).unwrap(), r#""it is closed""#);
    }
}
