use serde::Serialize;
use towerhook_core::{
    counted,
    ledger::{Deletion, Gap, Record},
    model::AccountId,
};

use crate::{Organization, Row, Status, words::moment};

/// One account with everything that the ledger remembers of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Detail {
    /// The version of this form.
    pub format_version: u32,
    /// The account as in the organization's status.
    #[serde(flatten)]
    pub row: Row,
    /// What the ledger remembers, in its own form; `None` if it has no record.
    pub record: Option<Record>,
    /// What could not be read, each in a sentence.
    pub notes: Vec<String>,
    /// The record in words: what, and its value.
    #[serde(skip)]
    pub remembered: Vec<(String, String)>,
}

impl Detail {
    /// The detail of an account that was read, if it is one of those.
    pub fn of(organization: &Organization, id: AccountId) -> Option<Self> {
        let status = Status::of(organization);
        let mut rows = status.accounts.into_iter();
        let row = rows.find(|row| row.account == id)?;
        let record = organization.record(&id).cloned();
        let mut remembered = record
            .as_ref()
            .map_or_else(Vec::new, |record| remembered(organization, record));
        // The row has it already, as a rule.
        remembered.retain(|(what, value)| what != "reason" || row.why.as_ref() != Some(value));
        Some(Self {
            format_version: status.format_version,
            row,
            record,
            notes: status.notes,
            remembered,
        })
    }
}

/// The record in words. Every field is named, so that a new one cannot be forgotten here.
fn remembered(organization: &Organization, record: &Record) -> Vec<(String, String)> {
    let Record {
        since,
        store,
        registration_id,
        former,
        paused,
        reason,
        existing_at_launch,
        arrived_at,
        left_at,
        held,
        unusable_at,
        token_ends,
        missing_at,
        recreated_at,
        restored_at,
        deletion,
        unlisted_at,
        move_failed_at,
        gap_at,
        seen_at,
        gap,
    } = record;
    let words = organization.provider.words();
    let title = words.title;
    let stores = words.stores.as_ref();
    let store_word = stores.map_or("store", |stores| stores.store);
    let mut lines = Vec::new();
    let mut say = |what: &str, value: Option<String>| {
        lines.extend(value.map(|value| (what.to_owned(), value)));
    };
    let yes = |is: bool| is.then(|| "yes".to_owned());
    say("enrolled since", since.map(moment));
    say(store_word, store.as_ref().map(ToString::to_string));
    say("registration's id", registration_id.clone());
    let replaced = former
        .iter()
        .map(|(id, at)| format!("{id}, replaced {}", moment(*at)));
    let replaced: Vec<_> = replaced.collect();
    say(
        "former registrations",
        (!replaced.is_empty()).then(|| replaced.join("; ")),
    );
    say("paused until it is active again", yes(*paused));
    say(
        "reason",
        reason.as_ref().map(|reason| reason.in_words(words)),
    );
    say("existed at launch", yes(*existing_at_launch));
    say("named by an event", arrived_at.map(moment));
    say("offboarded", left_at.map(moment));
    say("offboarding awaits approval", yes(*held));
    say(
        &format!("{title} cannot use its role since"),
        unusable_at.map(moment),
    );
    say("its stack's token expires", token_ends.map(moment));
    say("its stack is missing since", missing_at.map(moment));
    say("its stack was last replaced", recreated_at.map(moment));
    say(
        "its stack was last recreated after a deletion by hand",
        restored_at.map(moment),
    );
    say(
        "deletion of its stack",
        deletion.map(|Deletion { times, asked_at }| {
            format!(
                "requested {}, last {}",
                counted(times, "time"),
                moment(asked_at)
            )
        }),
    );
    say(
        &format!("{title} lists no registration since"),
        unlisted_at.map(moment),
    );
    say(
        &format!("a move to another {store_word} failed"),
        move_failed_at.map(moment),
    );
    say("last found to be watched", seen_at.map(moment));
    let gap = gap.map(|Gap { from, until, cause }| {
        let (from, until) = (moment(from), moment(until));
        format!("from {from} to {until}: {cause}")
    });
    // A release before noted no beginning.
    say(
        "last not watched",
        gap.or_else(|| gap_at.map(|at| format!("until {}", moment(at)))),
    );
    lines
}

#[cfg(test)]
mod tests {
    use towerhook_core::provider::plain::Plain;
    use towerhook_world::{Ports, World, member_id};

    use super::*;
    use crate::{Unreadable, status::testing::enrolled};

    async fn read(world: &World, n: usize) -> Result<Option<Detail>, Unreadable> {
        let ports = Ports::new(world, "operator");
        let (id, now) = (member_id(n), world.now());
        let read = Organization::read_account(&Plain, &ports, &ports, id, now).await?;
        Ok(Detail::of(&read, id))
    }

    #[test]
    fn an_account_is_shown_with_its_record_and_an_unknown_one_is_an_error() {
        enrolled(1, async |world| {
            let detail = read(&world, 0).await.unwrap().unwrap();
            assert_eq!(detail.row.standing, Row::WATCHED);
            let labels: Vec<_> = detail.remembered.iter().map(|(what, _)| what).collect();
            assert_eq!(labels, ["enrolled since", "registration's id"]);
            assert_eq!(detail.record.unwrap().since, detail.row.since);
            let unknown = read(&world, 7).await.unwrap_err();
            assert!(matches!(unknown, Unreadable::NoSuchAccount(id) if id == member_id(7)));
        });
    }
}
