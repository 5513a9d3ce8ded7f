use towerhook_core::{
    Read,
    enrollment::{AccountView, Action, Plan, Standing},
    ledger::{Record, Source},
    model::AccountId,
};

use super::Verb;
use crate::Organization;

/// One account.
pub(super) struct Case<'a> {
    pub(super) organization: &'a Organization,
    pub(super) plan: &'a Plan,
    pub(super) id: &'a AccountId,
    pub(super) view: &'a AccountView,
    pub(super) standing: &'a Standing,
    pub(super) steps: &'a [Action],
}

impl Case<'_> {
    pub(super) fn name(&self) -> String {
        match &self.view.account {
            Read::Ok(Some(account)) => account.name.clone(),
            Read::Ok(None) | Read::Unknown(_) => String::new(),
        }
    }

    /// What would be done, and why; `None` for nothing.
    pub(super) fn verdict(&self) -> Option<(Verb, String)> {
        if let Some(held) = &self.plan.held
            && held.accounts.contains(self.id)
        {
            let why = self.reason().unwrap_or_default();
            return Some((Verb::Hold, why));
        }
        if !self.steps.is_empty() {
            return Some(self.act());
        }
        if self.becomes_enrolled() {
            return Some((Verb::Enroll, "all that it needs is there".to_owned()));
        }
        let blocked = self.plan.blocked.iter().find(|(id, _)| id == self.id);
        if let Some((_, reason)) = blocked {
            let words = self.organization.provider.words();
            return Some((Verb::Blocked, reason.in_words(words)));
        }
        let mut revisits = self.plan.revisits.iter();
        revisits.find(|revisit| revisit.account == *self.id)?;
        if let Some(why) = self.unread() {
            return Some((Verb::Undecided, why));
        }
        let why = self.reason();
        Some((Verb::Wait, why.unwrap_or_else(|| UNDER_WAY.to_owned())))
    }

    fn act(&self) -> (Verb, String) {
        let known = self.organization.record(self.id);
        let is_registered = known.is_some_and(|record| record.is_registered());
        match self.standing {
            Standing::OutOfScope(_) => {
                let pauses = |step: &Action| {
                    matches!(step, Action::UpdateRegistration { enabled: false, .. })
                };
                let pause = self.steps.iter().any(pauses);
                let verb = if pause { Verb::Pause } else { Verb::Remove };
                (verb, self.reason().unwrap_or_default())
            }
            Standing::Unwatched(_) if !is_registered => {
                let why = self.reason();
                let new = || "it should be watched and is not yet".to_owned();
                (Verb::Enroll, why.unwrap_or_else(new))
            }
            Standing::Unwatched(_) | Standing::Watched => {
                let why = self.reason();
                (Verb::Update, why.unwrap_or_else(|| self.drift().to_owned()))
            }
        }
    }

    /// What the first step corrects.
    fn drift(&self) -> &'static str {
        match self.steps.first() {
            Some(Action::CreateInstances { .. }) => match self.view.instance {
                Read::Ok(None) => "its member stack is missing",
                Read::Ok(Some(_)) | Read::Unknown(_) => "its member stack failed",
            },
            Some(Action::RenewTokens { .. }) => "its member stack has an expired token",
            Some(Action::DeleteInstances { .. } | Action::RecreateInstances { .. }) => {
                "its member stack cannot be used"
            }
            Some(Action::CreateRegistration { .. }) => "its registration is missing",
            Some(Action::MoveRegistration { .. }) => "its registration is in another store",
            Some(Action::UpdateRegistration { .. }) => "its registration differs",
            Some(Action::DeleteRegistration { .. }) => "a second registration watches it",
            None => UNDER_WAY,
        }
    }

    /// Whether it counts as enrolled after the comparison, without any write.
    fn becomes_enrolled(&self) -> bool {
        let since = |record: Option<&Record>| record.is_some_and(|record| record.since.is_some());
        let planned = self.plan.records.get(self.id).and_then(Option::as_ref);
        since(planned) && !since(self.organization.record(self.id))
    }

    /// The reason of its standing, in words.
    fn reason(&self) -> Option<String> {
        let words = self.organization.provider.words();
        match self.standing {
            Standing::Watched | Standing::Unwatched(None) => None,
            Standing::Unwatched(Some(reason)) | Standing::OutOfScope(reason) => {
                Some(reason.in_words(words))
            }
        }
    }

    /// What of it could not be read, and why.
    fn unread(&self) -> Option<String> {
        let AccountView {
            account,
            management,
            instance,
            registrations,
        } = self.view;
        let reads = [
            (Source::Accounts, why(account)),
            (Source::Baselines, why(management)),
            (Source::Instances, why(instance)),
            (Source::Registrations, why(registrations)),
        ];
        let mut unread = reads.into_iter();
        unread.find_map(|(source, why)| Some(format!("not read: {source}: {}", why?)))
    }
}

/// Why nothing is done about an account that is not as it should be.
const UNDER_WAY: &str = "a change of it is under way";

fn why<T>(read: &Read<T>) -> Option<&str> {
    match read {
        Read::Ok(_) => None,
        Read::Unknown(why) => Some(why),
    }
}
